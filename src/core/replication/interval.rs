//! Ranges of keys to list, and the intervals of keys that pages cover.
//!
//! Keys are compared as UTF-8 bytes, which is both S3's listing order and Rust's order of `str`.
//! Directory buckets list in no order and are not supported.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

/// The keys that start with `prefix`, are above `after` and at most `until`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRange {
    /// The `prefix` of the list request. Empty for the whole bucket.
    pub prefix: String,
    /// The exclusive lower end, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The inclusive upper end, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl KeyRange {
    /// All keys that start with `prefix`.
    pub fn under(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            after: None,
            until: None,
        }
    }

    /// Only this key. It is the first of all keys that start with it.
    pub fn only(key: impl Into<String>) -> Self {
        let key = key.into();
        Self {
            prefix: key.clone(),
            after: None,
            until: Some(key),
        }
    }

    /// Whether the range contains at most one key, because its prefix is its upper end.
    pub fn is_single_key(&self) -> bool {
        self.until.as_deref() == Some(self.prefix.as_str())
    }

    /// The same keys as an interval.
    pub fn interval(&self) -> KeyInterval {
        let lower = match &self.after {
            Some(after) if after.as_str() >= self.prefix.as_str() => Bound::Excluded(after.clone()),
            _ => Bound::Included(self.prefix.clone()),
        };
        let upper = match (&self.until, end_of_prefix(&self.prefix)) {
            (Some(until), Bound::Excluded(end)) if until.as_str() >= end.as_str() => {
                Bound::Excluded(end)
            }
            (Some(until), _) => Bound::Included(until.clone()),
            (None, end) => end,
        };
        KeyInterval { lower, upper }
    }

    /// The parts of the range below and above `other`, which has the same prefix. Each is `None` if it is empty. `None`
    /// if the ranges have nothing in common.
    pub fn around(&self, other: &Self) -> Option<(Option<Self>, Option<Self>)> {
        let ends_before = |until: &Option<String>, after: &Option<String>| match (until, after) {
            (Some(until), Some(after)) => until <= after,
            _ => false,
        };
        if ends_before(&self.until, &other.after) || ends_before(&other.until, &self.after) {
            return None;
        }
        let below = (other.after > self.after).then(|| Self {
            until: other.after.clone(),
            ..self.clone()
        });
        let has_more = match (&other.until, &self.until) {
            (Some(theirs), Some(ours)) => theirs < ours,
            (theirs, _) => theirs.is_some(),
        };
        let above = has_more.then(|| Self {
            after: other.until.clone(),
            ..self.clone()
        });
        Some((below, above))
    }

    /// Cuts the range after each of `points`. Points outside the range or out of order are ignored.
    pub fn split(&self, points: impl IntoIterator<Item = String>) -> Vec<KeyRange> {
        let inside = self.interval();
        let mut ranges = Vec::new();
        let mut rest = self.clone();
        for point in points {
            let advances = rest.after.as_deref().is_none_or(|after| *point > *after);
            let cuts_off_something = self.until.as_deref() != Some(point.as_str());
            if advances && cuts_off_something && inside.contains(&point) {
                let mut head = rest.clone();
                head.until = Some(point.clone());
                ranges.push(head);
                rest.after = Some(point);
            }
        }
        ranges.push(rest);
        ranges
    }
}

/// The keys between two bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInterval {
    /// The lower bound.
    pub lower: Bound<String>,
    /// The upper bound.
    pub upper: Bound<String>,
}

impl KeyInterval {
    /// All keys.
    pub fn everything() -> Self {
        Self {
            lower: Bound::Unbounded,
            upper: Bound::Unbounded,
        }
    }

    /// No keys.
    pub fn nothing() -> Self {
        Self {
            lower: Bound::Excluded(String::new()),
            upper: Bound::Excluded(String::new()),
        }
    }

    /// Whether the interval contains the key.
    pub fn contains(&self, key: &str) -> bool {
        self.is_above_lower(key) && self.is_below_upper(key)
    }

    /// Whether the interval can contain no key.
    pub fn is_empty(&self) -> bool {
        match (&self.lower, &self.upper) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
            (Bound::Included(lower) | Bound::Excluded(lower), Bound::Excluded(upper))
            | (Bound::Excluded(lower), Bound::Included(upper)) => lower >= upper,
        }
    }

    /// The part of the interval after `key`.
    pub fn after(&self, key: &str) -> Self {
        Self {
            lower: Bound::Excluded(key.to_owned()),
            upper: self.upper.clone(),
        }
    }

    /// The part of the interval up to `key`, inclusive.
    pub fn up_to(&self, key: &str) -> Self {
        Self {
            lower: self.lower.clone(),
            upper: Bound::Included(key.to_owned()),
        }
    }

    fn is_above_lower(&self, key: &str) -> bool {
        match &self.lower {
            Bound::Unbounded => true,
            Bound::Included(lower) => key >= lower.as_str(),
            Bound::Excluded(lower) => key > lower.as_str(),
        }
    }

    fn is_below_upper(&self, key: &str) -> bool {
        match &self.upper {
            Bound::Unbounded => true,
            Bound::Included(upper) => key <= upper.as_str(),
            Bound::Excluded(upper) => key < upper.as_str(),
        }
    }
}

/// The smallest text that is greater than every text that starts with `prefix`, as an upper bound.
///
/// It is the prefix with its last character raised by one, because UTF-8 bytes order as code points do.
/// A prefix of only U+10FFFF has no such text.
pub fn end_of_prefix(prefix: &str) -> Bound<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        if let Some(raised) = next_char(last) {
            end.push(raised);
            return Bound::Excluded(end);
        }
    }
    Bound::Unbounded
}

/// The next Unicode scalar value. The surrogates after U+D7FF are skipped, because they are not scalar
/// values.
fn next_char(c: char) -> Option<char> {
    match c {
        '\u{D7FF}' => Some('\u{E000}'),
        _ => char::from_u32(u32::from(c) + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(prefix: &str, after: Option<&str>, until: Option<&str>) -> KeyRange {
        KeyRange {
            prefix: prefix.into(),
            after: after.map(Into::into),
            until: until.map(Into::into),
        }
    }

    #[test]
    fn range_holds_the_keys_that_meet_its_conditions() {
        let keys = [
            "",
            "a",
            "a/",
            "a/b",
            "a/b/c",
            "a0",
            "b",
            "b/\u{10FFFF}",
            "b0",
            "é",
            "\u{D7FF}x",
            "\u{E000}",
            "\u{10FFFF}",
            "\u{10FFFF}a",
        ];
        for prefix in [
            "",
            "a",
            "a/",
            "b/",
            "b/\u{10FFFF}",
            "\u{D7FF}",
            "\u{10FFFF}",
            "zz",
        ] {
            for after in [None, Some("a"), Some("a/b"), Some("b"), Some("\u{10FFFF}")] {
                for until in [None, Some("a"), Some("a/b"), Some("b0"), Some("\u{10FFFF}")] {
                    let interval = range(prefix, after, until).interval();
                    for key in keys {
                        let want = key.starts_with(prefix)
                            && after.is_none_or(|after| key > after)
                            && until.is_none_or(|until| key <= until);
                        assert_eq!(
                            interval.contains(key),
                            want,
                            "{key:?} in prefix {prefix:?} after {after:?} until {until:?}"
                        );
                        assert!(!want || !interval.is_empty());
                    }
                }
            }
        }
    }

    #[test]
    fn split_ranges_hold_each_key_once() {
        let whole = range("a/", Some("a/c"), Some("a/t"));
        let points = ["a/b", "a/f", "a/f", "a/e", "a/m", "a/t", "b"].map(String::from);
        let parts = whole.split(points);
        assert_eq!(parts.len(), 3);
        for key in [
            "a/b", "a/c", "a/d", "a/f", "a/f0", "a/m", "a/s", "a/t", "a/u", "b",
        ] {
            let holders = parts.iter().filter(|part| part.interval().contains(key));
            assert_eq!(
                holders.count(),
                usize::from(whole.interval().contains(key)),
                "{key}"
            );
        }
    }

    #[test]
    fn parts_around_a_range_hold_every_other_key() {
        let ends = [None, Some("a/c"), Some("a/f"), Some("a/m"), Some("b")];
        let keys = ["a/b", "a/c", "a/c0", "a/f", "a/g", "a/m", "a/z"];
        let ranges = || {
            let pairs = ends
                .iter()
                .flat_map(|after| ends.iter().map(move |until| (*after, *until)));
            let is_range =
                |(after, until): &(Option<&str>, Option<&str>)| until.is_none() || after < until;
            pairs
                .filter(is_range)
                .map(|(after, until)| range("a/", after, until))
        };
        for whole in ranges() {
            for other in ranges() {
                let parts = whole.around(&other);
                let (below, above) = parts.clone().unwrap_or((Some(whole.clone()), None));
                for key in keys {
                    let in_part = |part: &Option<KeyRange>| {
                        part.as_ref()
                            .is_some_and(|part| part.interval().contains(key))
                    };
                    let want = whole.interval().contains(key) && !other.interval().contains(key);
                    let held = usize::from(in_part(&below)) + usize::from(in_part(&above));
                    assert_eq!(
                        held,
                        usize::from(want),
                        "{key} of {whole:?} without {other:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn range_of_a_single_key_holds_no_other() {
        let only = KeyRange::only("a/b");
        assert!(only.is_single_key() && !KeyRange::under("a/b").is_single_key());
        assert!(only.interval().contains("a/b"));
        assert!(!only.interval().contains("a/b/") && !only.interval().contains("a/a"));
    }
}
