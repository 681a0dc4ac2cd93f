//! Stretches of sizes and times, and how the comparisons of the language become stretches.

use std::ops::Bound;

/// What lies between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval<T> {
    /// Where it begins.
    pub lower: Bound<T>,
    /// Where it ends.
    pub upper: Bound<T>,
}

impl<T: PartialOrd> Interval<T> {
    /// Whether the value lies in the interval.
    pub fn contains(&self, value: &T) -> bool {
        let above_lower = match &self.lower {
            Bound::Unbounded => true,
            Bound::Included(lower) => value >= lower,
            Bound::Excluded(lower) => value > lower,
        };
        let below_upper = match &self.upper {
            Bound::Unbounded => true,
            Bound::Included(upper) => value <= upper,
            Bound::Excluded(upper) => value < upper,
        };
        above_lower && below_upper
    }
}

/// A value of the query language that covers a stretch: a size covers itself, a month its days.
///
/// It turns the comparisons of the language into intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span<T> {
    /// The first value that it covers.
    pub start: T,
    /// Where it ends: `Included` or `Excluded`.
    pub end: Bound<T>,
}

/// How a value of the query language is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `<`
    LessThan,
    /// `<=`
    AtMost,
    /// `>`
    GreaterThan,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// The comparison at the beginning of the text, if there is one, and the text behind it.
    pub(crate) fn strip(text: &str) -> (Option<Self>, &str) {
        for (sign, comparison) in [
            ("<=", Self::AtMost),
            (">=", Self::AtLeast),
            ("<", Self::LessThan),
            (">", Self::GreaterThan),
        ] {
            if let Some(rest) = text.strip_prefix(sign) {
                return (Some(comparison), rest);
            }
        }
        (None, text)
    }

    /// As it is written.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::LessThan => "<",
            Self::AtMost => "<=",
            Self::GreaterThan => ">",
            Self::AtLeast => ">=",
        }
    }

    /// The comparison of ages that this one of moments is: the younger, the later.
    pub(crate) fn reversed(self) -> Self {
        match self {
            Self::LessThan => Self::GreaterThan,
            Self::AtMost => Self::AtLeast,
            Self::GreaterThan => Self::LessThan,
            Self::AtLeast => Self::AtMost,
        }
    }
}

impl<T: PartialOrd> Span<T> {
    /// The bound of what is behind all of it.
    pub(crate) fn after(self) -> Bound<T> {
        match self.end {
            Bound::Included(end) => Bound::Excluded(end),
            Bound::Excluded(end) => Bound::Included(end),
            Bound::Unbounded => Bound::Unbounded,
        }
    }

    /// What compares so with the span: above it is behind all of it, at least it is its start on.
    pub(crate) fn to_interval(self, comparison: Option<Comparison>) -> Interval<T> {
        let (lower, upper) = match comparison {
            None => (Bound::Included(self.start), self.end),
            Some(Comparison::LessThan) => (Bound::Unbounded, Bound::Excluded(self.start)),
            Some(Comparison::AtMost) => (Bound::Unbounded, self.end),
            Some(Comparison::AtLeast) => (Bound::Included(self.start), Bound::Unbounded),
            Some(Comparison::GreaterThan) => (self.after(), Bound::Unbounded),
        };
        Interval { lower, upper }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_what_its_bounds_say() {
        for (lower, upper, held) in [
            (Bound::Unbounded, Bound::Unbounded, &[1, 2, 3, 4][..]),
            (Bound::Included(2), Bound::Included(3), &[2, 3]),
            (Bound::Excluded(2), Bound::Excluded(4), &[3]),
            (Bound::Included(3), Bound::Included(2), &[]),
        ] {
            let interval = Interval { lower, upper };
            let found: Vec<i32> = (1..=4).filter(|value| interval.contains(value)).collect();
            assert_eq!(found, held, "{interval:?}");
        }
    }

    #[test]
    fn comparisons_with_a_span_leave_no_gap() {
        for end in [Bound::Included(5), Bound::Excluded(6)] {
            let span = Span { start: 3, end };
            for value in 0..10 {
                let holds = |comparison| span.to_interval(comparison).contains(&value);
                assert_eq!(holds(None), (3..=5).contains(&value));
                assert_eq!(holds(Some(Comparison::LessThan)), value < 3);
                assert_eq!(holds(Some(Comparison::AtMost)), value <= 5);
                assert_eq!(holds(Some(Comparison::GreaterThan)), value > 5);
                assert_eq!(holds(Some(Comparison::AtLeast)), value >= 3);
            }
        }
    }
}
