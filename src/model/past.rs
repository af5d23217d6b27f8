//! How the metrics of one subject went, as far as what comes is told by it: what a restart would have to see anew
//! for a quarter of an hour.
//!
//! What belongs here: the data, and the text that a row of values is packed into. What does not: what follows from
//! it (`judge`).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{Course, Growth, Identity, Metric, Moment};

/// Of one process, of all processes of a target together, or of the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastMemory {
    /// Name of the target; none of the host.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<Arc<str>>,
    /// The process; none where all are judged together, and of the host.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identity: Option<Identity>,
    /// What is foretold by.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub series: Vec<SeriesMemory>,
    /// How those went whose growth a measure is to stop.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub courses: Vec<(Metric, Course)>,
}

/// One metric over the window of its forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesMemory {
    /// Which.
    pub metric: Metric,
    /// The highest value of each bucket that is closed, the oldest first.
    pub buckets: PackedValues,
    /// When the one that is open closes.
    pub closes: Moment,
    /// The highest value in that.
    pub high: Option<f32>,
    /// The last reading, if it was known: when, how often it is read, what.
    pub last: Option<(Moment, Duration, f64)>,
    /// When something was foretold last; none while nothing is.
    pub told: Option<Moment>,
    /// Whether it was decided if the metric grows.
    pub decided: bool,
    /// The growth that is believed.
    pub growth: Option<Growth>,
    /// Buckets in a row that say otherwise.
    pub doubt: u8,
    /// Whether most of what had grown was given back.
    pub repaired: bool,
}

/// A row of values, not a number where nothing is known: the bits in which each differs from the one before, in as
/// few bytes as they fit, as base64. What stands still takes a byte and a third for each, a count that moves three to
/// five.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PackedValues(String);

/// More values than any window has are not of us: 6 hours of 10 seconds.
const MOST_VALUES: usize = 2160;

impl PackedValues {
    /// Packs them.
    pub fn pack(values: impl IntoIterator<Item = f32>) -> Self {
        let (mut bytes, mut before) = (Vec::new(), 0);
        for value in values {
            let bits = value.to_bits();
            // The same sign and magnitude, and round numbers: what differs is near the front.
            put(&mut bytes, (bits ^ before).reverse_bits());
            before = bits;
        }
        Self(STANDARD_NO_PAD.encode(bytes))
    }

    /// The values; none where this is not how they are packed. What is no number of ours is not a number.
    pub fn unpack(&self) -> Option<Vec<f32>> {
        // Five bytes each at most, of which four characters hold three.
        if self.0.len() > MOST_VALUES * 7 {
            return None;
        }
        let bytes = STANDARD_NO_PAD.decode(&self.0).ok()?;
        let (mut values, mut before, mut rest) = (Vec::new(), 0, bytes.as_slice());
        while !rest.is_empty() && values.len() < MOST_VALUES {
            before ^= take(&mut rest)?.reverse_bits();
            let value = f32::from_bits(before);
            values.push(if value.is_finite() { value } else { f32::NAN });
        }
        rest.is_empty().then_some(values)
    }

    /// How long the text is.
    pub const fn length(&self) -> usize {
        self.0.len()
    }
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn put(bytes: &mut Vec<u8>, mut number: u32) {
    while let [low, ..] = number.to_le_bytes()
        && number > 0x7f
    {
        bytes.push(low | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn take(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0_u32;
    for shift in [0, 7, 14, 21, 28] {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = f32> {
        prop_oneof![
            Just(f32::NAN),
            (0_u16..2000).prop_map(f32::from),
            -1e30_f32..1e30,
            Just(0.0),
            Just(f32::MAX),
            Just(f32::MIN_POSITIVE)
        ]
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(values in proptest::collection::vec(value(), 0..400)) {
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            let back = PackedValues::pack(values.iter().copied()).unpack().unwrap();
            prop_assert_eq!(bits(&back), bits(&values));
        }

        #[test]
        fn whatever_the_text_is_nothing_but_numbers_comes_of_it(text in "[A-Za-z0-9+/=é]{0,60}") {
            let values = PackedValues(text).unpack().unwrap_or_default();
            prop_assert!(values.iter().all(|value| value.is_finite() || value.is_nan()));
        }
    }

    #[test]
    fn a_window_that_stands_still_is_short_and_no_row_is_endless() {
        assert!(PackedValues::pack([85.0; 180]).length() < 260);
        let counts = PackedValues::pack((0_u16..180).map(f32::from));
        assert!(counts.length() < 800, "{}", counts.length());
        assert_eq!(PackedValues::pack(vec![1.0; MOST_VALUES + 1]).unpack(), None);
        assert_eq!(PackedValues("A".repeat(MOST_VALUES * 7 + 1)).unpack(), None);
    }
}
