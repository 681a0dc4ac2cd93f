//! Ranges of values in queries: `a..b`, `a..<b`, `[a TO b]`, `{a TO b}`.
//!
//! This module does not parse the values. The caller passes a function that does.

use std::ops::Bound;

use crate::core::query::interval::{Interval, Span};
use crate::core::query::problem::ValueProblem;

/// The two ends of a range, as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range<'a> {
    pub from: Bound<&'a str>,
    pub to: Bound<&'a str>,
}

impl<'a> Range<'a> {
    /// Parses a range. `None` if the text is not a range, `Some(None)` if it is an invalid range.
    pub(super) fn parse(text: &'a str) -> Option<Option<Self>> {
        if text.starts_with(['[', '{']) {
            return Some(Self::in_brackets(text));
        }
        let (from, to) = text.split_once("..")?;
        let end = |text: &'a str, bound: fn(&'a str) -> Bound<&'a str>| match text {
            "" | "*" => Bound::Unbounded,
            text => bound(text),
        };
        let to = match to.strip_prefix('<') {
            Some("") => return Some(None),
            Some(to) => end(to, Bound::Excluded),
            None => end(to, Bound::Included),
        };
        let from = end(from, Bound::Included);
        Some(Some(Self { from, to }))
    }

    /// Parses a range in brackets. `[` and `]` include the end, `{` and `}` exclude it. `*` is an open end.
    fn in_brackets(text: &'a str) -> Option<Self> {
        let inside = text.get(1..text.len() - 1)?;
        let (from, to) = inside.split_once(" TO ")?;
        let end = |text: &'a str, is_included: bool| match (text.trim(), is_included) {
            ("", _) => None,
            ("*", _) => Some(Bound::Unbounded),
            (text, true) => Some(Bound::Included(text)),
            (text, false) => Some(Bound::Excluded(text)),
        };
        let closed = text.ends_with([']', '}']);
        let from = end(from, text.starts_with('['))?;
        let to = end(to, text.ends_with(']'))?;
        closed.then_some(Self { from, to })
    }

    /// The range with its ends swapped.
    pub(super) fn reversed(self) -> Self {
        Self {
            from: self.to,
            to: self.from,
        }
    }

    /// The values in the range. `parse` reads an end. All values that an end covers, such as the days of a
    /// month, are included or excluded together. If both ends are open, the error is `invalid`.
    pub(super) fn interval<T: PartialOrd + Copy>(
        self,
        parse: impl Fn(&str) -> Result<Span<T>, ValueProblem>,
        invalid: ValueProblem,
    ) -> Result<Interval<T>, ValueProblem> {
        let lower = match self.from {
            Bound::Included(text) => Bound::Included(parse(text)?.start),
            Bound::Excluded(text) => parse(text)?.after(),
            Bound::Unbounded => Bound::Unbounded,
        };
        let upper = match self.to {
            Bound::Included(text) => parse(text)?.end,
            Bound::Excluded(text) => Bound::Excluded(parse(text)?.start),
            Bound::Unbounded => Bound::Unbounded,
        };
        match (&lower, &upper) {
            (Bound::Unbounded, Bound::Unbounded) => Err(invalid),
            _ if is_reversed(&lower, &upper) => Err(ValueProblem::ReversedRange),
            _ => Ok(Interval { lower, upper }),
        }
    }
}

/// Whether the bounds leave no value between them.
fn is_reversed<T: PartialOrd>(lower: &Bound<T>, upper: &Bound<T>) -> bool {
    match (lower, upper) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
        (
            Bound::Included(lower) | Bound::Excluded(lower),
            Bound::Included(upper) | Bound::Excluded(upper),
        ) => lower >= upper,
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Bound::{Excluded, Included, Unbounded};

    use super::*;

    #[test]
    fn parses_all_notations() {
        for (text, from, to) in [
            ("a..b", Included("a"), Included("b")),
            ("a..<b", Included("a"), Excluded("b")),
            ("a..", Included("a"), Unbounded),
            ("*..b", Unbounded, Included("b")),
            ("[a TO b]", Included("a"), Included("b")),
            ("{a TO b}", Excluded("a"), Excluded("b")),
            ("[ a  TO  b }", Included("a"), Excluded("b")),
            ("{* TO b]", Unbounded, Included("b")),
        ] {
            assert_eq!(Range::parse(text), Some(Some(Range { from, to })), "{text}");
        }
        for text in [
            "[", "[]", "[a TO b", "[a to b]", "[aTOb]", "[ TO b]", "a..<",
        ] {
            assert_eq!(Range::parse(text), Some(None), "{text}");
        }
        for text in ["", "a", "a.b", "a TO b"] {
            assert_eq!(Range::parse(text), None, "{text}");
        }
    }
}
