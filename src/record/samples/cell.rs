//! A reading as it is kept, and a row of them as the difference to the row before.
//!
//! A row is a mask of what has changed, seven metrics a byte, and behind it each of those: the difference as one
//! number where both are numbers of one scale, else the scale (or why there is no value) and the number itself.

use crate::model::{Unknown, Value};

/// There was no reading yet.
const NOTHING: u8 = 0;
/// Why there is no value.
const GONE: u8 = 1;
const DENIED: u8 = 2;
const MALFORMED: u8 = 3;
const OVERDUE: u8 = 4;
const TOO_SHORT: u8 = 5;
/// The scales of a number: whole, so many pages, millionths, or the bits of it where it is none of these.
const WHOLE: u8 = 8;
const PAGES: u8 = 9;
const MILLIONTHS: u8 = 10;
const BITS: u8 = 11;
/// Added to a scale: at least so much.
const AT_LEAST: u8 = 4;

/// What memory is counted in.
const PAGE: i64 = 4096;
/// From here on a multiple of a page is taken for memory.
const MEMORY: i64 = 16 * PAGE;
/// Parts of one that are kept of what is not whole.
const PARTS: i64 = 1_000_000;
/// Up to here every whole number is exact in a reading.
const LARGEST: i64 = 1 << 53;

/// A reading as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    kind: u8,
    number: i64,
}

impl Cell {
    /// No reading yet.
    pub(super) const NOTHING: Self = Self { kind: NOTHING, number: 0 };

    /// Of a value, in the scale of the one `before` it while that can be.
    pub(super) fn of(value: Value, before: Self) -> Self {
        let (number, mark) = match value {
            Value::Known(number) => (number, 0),
            Value::AtLeast(number) => (number, AT_LEAST),
            Value::Unknown(why) => return Self { kind: of_why(why), number: 0 },
        };
        if number.is_nan() {
            return Self { kind: MALFORMED, number: 0 };
        }
        let (scale, number) = scaled(number, before.scale());
        Self { kind: scale + mark, number }
    }

    /// The value; none where there was no reading yet. What is not whole is there to a millionth.
    #[expect(clippy::cast_precision_loss, reason = "exact up to LARGEST, and no number is larger")]
    pub(super) fn value(self) -> Option<Value> {
        let number = match self.scale() {
            Some(WHOLE) => self.number as f64,
            Some(PAGES) => (self.number * PAGE) as f64,
            Some(MILLIONTHS) => self.number as f64 / PARTS as f64,
            Some(BITS) => f64::from_bits(self.number.cast_unsigned()),
            _ => return why(self.kind).map(Value::Unknown),
        };
        Some(if self.is_lower_bound() { Value::AtLeast(number) } else { Value::Known(number) })
    }

    const fn is_lower_bound(self) -> bool {
        self.kind >= WHOLE + AT_LEAST
    }

    const fn scale(self) -> Option<u8> {
        match self.kind {
            0..WHOLE => None,
            kind if kind >= WHOLE + AT_LEAST => Some(kind - AT_LEAST),
            kind => Some(kind),
        }
    }

    /// Whether it is one that [`Cell::of`] makes.
    const fn is_sound(self) -> bool {
        match self.scale() {
            Some(WHOLE | MILLIONTHS) => self.number.unsigned_abs() <= LARGEST.unsigned_abs(),
            Some(PAGES) => self.number.unsigned_abs() <= (LARGEST / PAGE).unsigned_abs(),
            Some(BITS) => !f64::from_bits(self.number.cast_unsigned()).is_nan(),
            _ => self.kind <= TOO_SHORT,
        }
    }
}

/// A number in a scale: that of `before` where it bears it, so that differences stay small.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "compared with LARGEST before")]
fn scaled(number: f64, before: Option<u8>) -> (u8, i64) {
    if number.fract() == 0.0 && number.abs() <= LARGEST as f64 {
        let whole = number as i64;
        let is_memory = whole >= MEMORY && before.is_none_or(|scale| scale == BITS);
        return if whole % PAGE == 0 && (before == Some(PAGES) || is_memory) {
            (PAGES, whole / PAGE)
        } else if before == Some(MILLIONTHS) && whole.abs() <= LARGEST / PARTS {
            (MILLIONTHS, whole * PARTS)
        } else {
            (WHOLE, whole)
        };
    }
    let parts = (number * PARTS as f64).round();
    if parts.abs() <= LARGEST as f64 { (MILLIONTHS, parts as i64) } else { (BITS, number.to_bits().cast_signed()) }
}

const fn of_why(why: Unknown) -> u8 {
    match why {
        Unknown::Gone => GONE,
        Unknown::Denied => DENIED,
        Unknown::Malformed => MALFORMED,
        Unknown::Overdue => OVERDUE,
        Unknown::TooShort => TOO_SHORT,
    }
}

const fn why(kind: u8) -> Option<Unknown> {
    Some(match kind {
        GONE => Unknown::Gone,
        DENIED => Unknown::Denied,
        MALFORMED => Unknown::Malformed,
        OVERDUE => Unknown::Overdue,
        TOO_SHORT => Unknown::TooShort,
        _ => return None,
    })
}

/// Writes what has changed from `before` to `now`; both are of the same metrics.
pub(super) fn pack(out: &mut Vec<u8>, before: &[Cell], now: &[Cell]) {
    let changed = |at: usize| before.get(at) != now.get(at);
    let last = (0..now.len()).rev().find(|at| changed(*at)).map_or(0, |at| at / 7);
    for group in 0..=last {
        let bits = (0..7).filter(|bit| changed(group * 7 + bit)).fold(0, |mask, bit| mask | 1_u8 << bit);
        out.push(if group < last { bits | 0x80 } else { bits });
    }
    for (before, now) in before.iter().zip(now).filter(|(before, now)| before != now) {
        pack_one(out, *before, *now);
    }
}

fn pack_one(out: &mut Vec<u8>, before: Cell, now: Cell) {
    match now.scale() {
        Some(WHOLE | PAGES | MILLIONTHS) if before.kind == now.kind => {
            put(out, zigzag(now.number - before.number) << 1);
        }
        scale => {
            out.push(now.kind << 1 | 1);
            match scale {
                None => {}
                Some(BITS) => out.extend_from_slice(&now.number.to_le_bytes()),
                Some(_) => put(out, zigzag(now.number)),
            }
        }
    }
}

/// Takes a row that [`pack`] wrote and makes of `cells`, the row before, that one. None where it is none.
pub(super) fn unpack(bytes: &mut Bytes<'_>, cells: &mut [Cell]) -> Option<()> {
    let (mut masks, mut more) = ([0_u8; MOST_GROUPS], true);
    let groups = cells.len().div_ceil(7).clamp(1, MOST_GROUPS);
    for mask in masks.iter_mut().take(groups) {
        if !more {
            break;
        }
        let byte = bytes.byte()?;
        (*mask, more) = (byte & 0x7f, byte & 0x80 != 0);
    }
    if more {
        return None;
    }
    for (group, mask) in masks.iter().enumerate() {
        for bit in (0..7).filter(|bit| mask >> bit & 1 == 1) {
            unpack_one(bytes, cells.get_mut(group * 7 + bit)?)?;
        }
    }
    Some(())
}

/// Most metrics of a row, seven a group.
const MOST_GROUPS: usize = 128;

/// Most metrics of a row; what is beyond is not kept.
pub(super) const MOST_METRICS: usize = MOST_GROUPS * 7;

fn unpack_one(bytes: &mut Bytes<'_>, cell: &mut Cell) -> Option<()> {
    let word = bytes.number()?;
    let now = if word & 1 == 0 {
        matches!(cell.scale(), Some(WHOLE | PAGES | MILLIONTHS)).then_some(())?;
        Cell { number: cell.number.checked_add(unzigzag(word >> 1))?, ..*cell }
    } else {
        let kind = u8::try_from(word >> 1).ok().filter(|kind| *kind <= BITS + AT_LEAST)?;
        let number = match (Cell { kind, number: 0 }).scale() {
            None => 0,
            Some(BITS) => i64::from_le_bytes(bytes.take(8)?.try_into().ok()?),
            Some(_) => unzigzag(bytes.number()?),
        };
        Cell { kind, number }
    };
    now.is_sound().then(|| *cell = now)
}

pub(super) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

pub(super) const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Seven bits a byte, the lowest first.
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(0x80 | low(value));
        value >>= 7;
    }
    out.push(low(value));
}

const fn low(value: u64) -> u8 {
    value.to_le_bytes()[0] & 0x7f
}

/// What is still to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            value |= (bits << shift >> shift == bits).then_some(bits << shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}
