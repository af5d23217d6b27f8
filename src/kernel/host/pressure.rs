//! `/proc/pressure/memory`: who waited for memory (Documentation/accounting/psi.rst of the kernel).

use super::line;
use crate::kernel::Error;
use crate::kernel::digits::{number, words};

/// The share of the last 10 s in which some process waited, 0 to 1: `avg10` of the line `some`,
/// which the kernel prints in percent with two decimals.
pub fn some_avg10(text: &[u8]) -> Result<f64, Error> {
    let first = line(text, b"some ").and_then(|line| words(line).next());
    first.and_then(|word| word.strip_prefix(b"avg10=")).and_then(share).ok_or(EXPECTED)
}

const EXPECTED: Error = Error::Malformed("/proc/pressure/memory without `some avg10=` in percent");

#[expect(clippy::cast_precision_loss, reason = "it is 10,000 at most")]
fn share(percent: &[u8]) -> Option<f64> {
    let dot = percent.iter().position(|&byte| byte == b'.')?;
    let (whole, decimals) = (number(&percent[..dot])?, &percent[dot + 1..]);
    if decimals.len() != 2 || whole > 100 {
        return None;
    }
    let hundredths = whole * 100 + number(decimals)?;
    (hundredths <= 10_000).then_some(hundredths as f64 / 10_000.0)
}
