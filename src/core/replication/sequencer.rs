//! The sequencer of an S3 event, which orders the events of one key.
//!
//! It does not order events of different keys. Listings have no sequencer.

use std::borrow::Cow;
use std::cmp::Ordering;

/// The hex digits of an event. Case does not count.
///
/// AWS: pad the shorter one on the right with zeros, then compare as text.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
#[derive(Clone, Debug)]
pub struct Sequencer(Digits);

/// An index has a sequencer for each key that events reported, so the usual ones are numbers: they cost no
/// allocation, and an index stores them in columns of numbers.
#[derive(Clone, Debug)]
enum Digits {
    /// The number that the digits spell, and their count, leading zeros included.
    Number { value: u64, count: u8 },
    /// Digits that spell a greater number, in lower case.
    Text(Box<str>),
}

/// The maximum number of digits. AWS sends 16 or 18, other servers up to 32.
pub const MAX_DIGITS: usize = 64;

impl Sequencer {
    /// Parses a sequencer. `None` unless it has 1 to [`MAX_DIGITS`] hex digits and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hex || text.len() > MAX_DIGITS {
            return None;
        }
        let digits = match u64::from_str_radix(text, 16) {
            Ok(value) => Digits::Number {
                value,
                count: text.len() as u8,
            },
            Err(_) => Digits::Text(text.to_ascii_lowercase().into()),
        };
        Some(Self(digits))
    }

    /// The sequencer of `count` digits that spell `value`. `None` if there is none.
    pub fn from_number(value: u64, count: u64) -> Option<Self> {
        let count = u8::try_from(count).ok()?;
        let digits_of_value = (u64::BITS - value.leading_zeros()).div_ceil(4).max(1);
        let is_possible = u32::from(count) >= digits_of_value && usize::from(count) <= MAX_DIGITS;
        is_possible.then_some(Self(Digits::Number { value, count }))
    }

    /// The number that the digits spell, and the count of the digits. `None` if the number is too great.
    pub fn as_number(&self) -> Option<(u64, u64)> {
        match self.0 {
            Digits::Number { value, count } => Some((value, count.into())),
            Digits::Text(_) => None,
        }
    }

    /// The digits, in lower case.
    pub fn digits(&self) -> Cow<'_, str> {
        match &self.0 {
            Digits::Number { value, count } => {
                let count = usize::from(*count);
                Cow::Owned(format!("{value:0count$x}"))
            }
            Digits::Text(digits) => Cow::Borrowed(digits),
        }
    }

    /// `Less` if this event happened before the other, `Equal` if they are the same event.
    ///
    /// The same event has 18 digits with a leading `00` on SQS and 16 without it on EventBridge. So if the
    /// lengths are 18 and 16, one leading `00` of the longer one is ignored.
    pub fn compare(&self, other: &Self) -> Ordering {
        let Some((mine, theirs)) = self.as_number().zip(other.as_number()) else {
            return compare_padded_text(&self.digits(), &other.digits());
        };
        match (mine.1, theirs.1) {
            // A number of 18 digits has a leading `00`, because it would be too great otherwise.
            (18, 16) | (16, 18) => mine.0.cmp(&theirs.0),
            _ => compare_padded(mine, theirs),
        }
    }
}

impl PartialEq for Sequencer {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }
}

impl Eq for Sequencer {}

/// Compares two numbers and counts of digits as text, after padding the shorter one on the right with zeros.
fn compare_padded(left: (u64, u64), right: (u64, u64)) -> Ordering {
    let count = left.1.max(right.1);
    let padded = |(value, digits): (u64, u64)| {
        let zeros = count - digits;
        match (value, zeros) {
            (0, _) => 0,
            (_, 0..16) => u128::from(value) << (4 * zeros),
            // Greater than every number of the same count of digits that fits into 64 bits.
            _ => u128::MAX,
        }
    };
    padded(left).cmp(&padded(right))
}

/// Compares the two as text, after padding the shorter one on the right with zeros. One of them is not a number, so
/// it is not a number of 18 digits with a leading `00`.
fn compare_padded_text(left: &str, right: &str) -> Ordering {
    left.trim_end_matches('0').cmp(right.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequencers_compare_as_padded_text() {
        for (left, right, want) in [
            ("0055AED6DCD90281E5", "0055AED6DCD90281E5", Ordering::Equal),
            ("0055aed6dcd90281e5", "0055AED6DCD90281E5", Ordering::Equal),
            ("0055AED6DCD90281E5", "0055AED6DCD90281E6", Ordering::Less),
            ("1", "10", Ordering::Equal),
            ("1", "1001", Ordering::Less),
            ("2", "1001", Ordering::Greater),
            ("00617f08299329d189", "617f08299329d189", Ordering::Equal),
            ("617f08299329d18a", "00617F08299329D189", Ordering::Greater),
            (
                "016bf1ab4d5ea0f4a5",
                "00617f08299329d189",
                Ordering::Greater,
            ),
            ("0", "00000000000000000000", Ordering::Equal),
            ("1", "000000000000000000000001", Ordering::Greater),
            ("1", "0ffffffffffffffff", Ordering::Greater),
            ("f", "ffffffffffffffff", Ordering::Less),
            ("ffffffffffffffff0", "FFFFFFFFFFFFFFFF", Ordering::Equal),
            ("ffffffffffffffff1", "ffffffffffffffff", Ordering::Greater),
            (
                "000000000000000000000002",
                "10000000000000000",
                Ordering::Less,
            ),
            (
                "ABCDEF0123456789ABCDEF",
                "abcdef0123456789abcdef",
                Ordering::Equal,
            ),
        ] {
            let (left, right) = (
                Sequencer::parse(left).unwrap(),
                Sequencer::parse(right).unwrap(),
            );
            assert_eq!(left.compare(&right), want, "{left:?} {right:?}");
            assert_eq!(right.compare(&left), want.reverse(), "{right:?} {left:?}");
        }
    }

    #[test]
    fn text_that_is_not_hex_is_rejected() {
        for text in ["", "xyz", "12 ", &"1".repeat(MAX_DIGITS + 1)] {
            assert!(Sequencer::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn digits_are_preserved_in_lower_case() {
        let longest = "a".repeat(MAX_DIGITS);
        for (text, is_number) in [
            ("0", true),
            ("00", true),
            ("0055AED6DCD90281E5", true),
            ("617f08299329d189", true),
            ("ffffffffffffffff", true),
            ("10000000000000000", false),
            ("016bf1ab4d5ea0f4a5", false),
            (&"0".repeat(MAX_DIGITS), true),
            (&longest, false),
        ] {
            let sequencer = Sequencer::parse(text).unwrap();
            assert_eq!(sequencer.digits(), text.to_ascii_lowercase());
            assert_eq!(sequencer.as_number().is_some(), is_number, "{text}");
            if let Some((value, count)) = sequencer.as_number() {
                let again = Sequencer::from_number(value, count).unwrap();
                assert_eq!(again.digits(), sequencer.digits());
            }
        }
    }

    #[test]
    fn impossible_numbers_are_rejected() {
        for (value, count) in [(0, 0), (16, 1), (u64::MAX, 15), (1, 65), (1, 257)] {
            assert!(
                Sequencer::from_number(value, count).is_none(),
                "{value} {count}"
            );
        }
    }

    #[test]
    fn numbers_compare_like_their_texts() {
        let texts = [
            "0",
            "00",
            "1",
            "01",
            "10",
            "f",
            "0f",
            "ff00",
            "ffffffffffffffff",
            "1000000000000000",
            "00ffffffffffffffff",
            "0000000000000000000000000000000f",
            "000000000000000100000000",
        ];
        for left in texts {
            for right in texts {
                if matches!((left.len(), right.len()), (18, 16) | (16, 18)) {
                    continue;
                }
                let [a, b] = [left, right].map(|text| Sequencer::parse(text).unwrap());
                assert_eq!(
                    a.compare(&b),
                    compare_padded_text(left, right),
                    "{left} {right}"
                );
            }
        }
    }
}
