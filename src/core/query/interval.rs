//! Intervals of sizes and times, and the conversion of comparisons into intervals.

use std::ops::Bound;

/// The values between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval<T> {
    /// The lower bound.
    pub lower: Bound<T>,
    /// The upper bound.
    pub upper: Bound<T>,
}

impl<T: PartialOrd> Interval<T> {
    /// Whether the interval contains the value.
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

/// The values that one value in a query covers: a size covers only itself, a month covers its days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span<T> {
    /// The first covered value.
    pub start: T,
    /// The upper bound. It is never `Unbounded`.
    pub end: Bound<T>,
}

/// A comparison sign in front of a value.
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
    /// Splits a comparison sign off the start of the text, if there is one. Also returns the rest.
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

    /// The sign as it is written.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::LessThan => "<",
            Self::AtMost => "<=",
            Self::GreaterThan => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Exchanges less and greater. Converts a comparison of ages into one of times: a younger asset has a
    /// later time.
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
    /// The lower bound of the values after this span.
    pub(crate) fn after(self) -> Bound<T> {
        match self.end {
            Bound::Included(end) => Bound::Excluded(end),
            Bound::Excluded(end) => Bound::Included(end),
            Bound::Unbounded => Bound::Unbounded,
        }
    }

    /// The values that compare to the span in this way. Greater values start after the end of the span.
    /// Without a comparison, it is the span itself.
    pub(crate) fn interval(self, comparison: Option<Comparison>) -> Interval<T> {
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
    fn contains_values_between_its_bounds() {
        for (lower, upper, want) in [
            (Bound::Unbounded, Bound::Unbounded, &[1, 2, 3, 4][..]),
            (Bound::Included(2), Bound::Included(3), &[2, 3]),
            (Bound::Excluded(2), Bound::Excluded(4), &[3]),
            (Bound::Included(3), Bound::Included(2), &[]),
        ] {
            let interval = Interval { lower, upper };
            let found: Vec<i32> = (1..=4).filter(|value| interval.contains(value)).collect();
            assert_eq!(found, want, "{interval:?}");
        }
    }

    #[test]
    fn comparisons_with_a_span_leave_no_gap() {
        for end in [Bound::Included(5), Bound::Excluded(6)] {
            let span = Span { start: 3, end };
            for value in 0..10 {
                let holds = |comparison| span.interval(comparison).contains(&value);
                assert_eq!(holds(None), (3..=5).contains(&value));
                assert_eq!(holds(Some(Comparison::LessThan)), value < 3);
                assert_eq!(holds(Some(Comparison::AtMost)), value <= 5);
                assert_eq!(holds(Some(Comparison::GreaterThan)), value > 5);
                assert_eq!(holds(Some(Comparison::AtLeast)), value >= 3);
            }
        }
    }
}
