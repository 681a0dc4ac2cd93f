//! The sequencer of an S3 event, which orders the events of one key.
//!
//! It does not order events of different keys. Listings have no sequencer.

use std::cmp::Ordering;

/// The hex digits of an event, in lower case.
///
/// AWS: pad the shorter one on the right with zeros, then compare as text.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
#[derive(Clone, Debug)]
pub struct Sequencer(Box<str>);

/// The maximum number of digits. AWS sends 16 or 18, other servers up to 32.
pub const MAX_DIGITS: usize = 64;

impl Sequencer {
    /// Parses a sequencer. `None` unless it has 1 to [`MAX_DIGITS`] hex digits and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
        (is_hex && text.len() <= MAX_DIGITS).then(|| Self(text.to_ascii_lowercase().into()))
    }

    /// The digits, in lower case.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// `Less` if this event happened before the other, `Equal` if they are the same event.
    ///
    /// The same event has 18 digits with a leading `00` on SQS and 16 without it on EventBridge. So if the
    /// lengths are 18 and 16, one leading `00` of the longer one is ignored.
    pub fn compare(&self, other: &Self) -> Ordering {
        let (mine, theirs) = (&*self.0, &*other.0);
        match (mine.len(), theirs.len()) {
            (18, 16) => compare_padded(mine.strip_prefix("00").unwrap_or(mine), theirs),
            (16, 18) => compare_padded(mine, theirs.strip_prefix("00").unwrap_or(theirs)),
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

/// Compares the two as text, after padding the shorter one on the right with zeros.
fn compare_padded(left: &str, right: &str) -> Ordering {
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
}
