//! Sizes in queries: `1234`, `>1.5mb`, `1mib..5mib`.

use std::ops::Bound;

use crate::core::query::interval::{Comparison, Interval, Span};
use crate::core::query::problem::ValueProblem;
use crate::core::query::range::Range;

/// The units, in bytes.
const UNITS: [(&str, u64); 14] = [
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
    ("t", 1_000_000_000_000),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// Maximum number of digits after the decimal point.
const MAX_DECIMALS: usize = 9;

/// Whether the text is a unit of sizes, such as `mb`.
pub(super) fn is_unit(text: &str) -> bool {
    let is_it = |(name, _): &(&str, u64)| !name.is_empty() && name.eq_ignore_ascii_case(text);
    UNITS.iter().any(is_it)
}

/// Parses a size or a range of sizes. A size can have a comparison in front.
pub(super) fn parse(text: &str) -> Result<Interval<u64>, ValueProblem> {
    let (comparison, value) = Comparison::strip(text);
    match Range::parse(value) {
        None => Ok(span(value)?.interval(comparison)),
        Some(Some(range)) if comparison.is_none() => {
            range.interval(span, ValueProblem::InvalidSize)
        }
        Some(_) => Err(ValueProblem::InvalidSize),
    }
}

fn span(text: &str) -> Result<Span<u64>, ValueProblem> {
    let start = bytes(text)?;
    let end = Bound::Included(start);
    Ok(Span { start, end })
}

/// Parses a size into whole bytes, rounded down.
fn bytes(text: &str) -> Result<u64, ValueProblem> {
    let number_end = text.find(|c: char| c != '.' && !c.is_ascii_digit());
    let (number, unit) = text.split_at(number_end.unwrap_or(text.len()));
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let unit = UNITS
        .iter()
        .find(|(name, _)| unit.trim_start().eq_ignore_ascii_case(name));
    let (_, unit) = unit.ok_or(ValueProblem::InvalidSize)?;
    if decimals.len() > MAX_DECIMALS {
        return Err(ValueProblem::InvalidSize);
    }
    // Both fail if the text is empty or has a second point.
    let whole: u64 = whole.parse().map_err(|_| ValueProblem::InvalidSize)?;
    let fraction: u64 = decimals.parse().map_err(|_| ValueProblem::InvalidSize)?;
    let scale = 10_u128.pow(decimals.len() as u32);
    let total = (u128::from(whole) * scale + u128::from(fraction)) * u128::from(*unit) / scale;
    u64::try_from(total).map_err(|_| ValueProblem::InvalidSize)
}

#[cfg(test)]
mod tests {
    use std::ops::Bound::{Excluded, Included, Unbounded};

    use super::*;

    #[test]
    fn sizes_become_intervals() {
        for (text, lower, upper) in [
            ("1234", Included(1234), Included(1234)),
            ("0", Included(0), Included(0)),
            ("1mb", Included(1_000_000), Included(1_000_000)),
            (">1MB", Excluded(1_000_000), Unbounded),
            (">=2gb", Included(2_000_000_000), Unbounded),
            ("<3tb", Unbounded, Excluded(3_000_000_000_000)),
            ("<=500kb", Unbounded, Included(500_000)),
            ("<=1kib", Unbounded, Included(1_024)),
            (">1MiB", Excluded(1_048_576), Unbounded),
            (">1gib", Excluded(1_073_741_824), Unbounded),
            (">1tib", Excluded(1_099_511_627_776), Unbounded),
            (">1.5kb", Excluded(1_500), Unbounded),
            (">0.0005kb", Excluded(0), Unbounded),
            ("7b", Included(7), Included(7)),
            ("1.5 MB", Included(1_500_000), Included(1_500_000)),
            ("[1 kb TO 2 kb]", Included(1_000), Included(2_000)),
            ("1mb..5mb", Included(1_000_000), Included(5_000_000)),
            ("1.5kb..2.5kb", Included(1_500), Included(2_500)),
            ("1..1", Included(1), Included(1)),
            (">1m", Excluded(1_000_000), Unbounded),
            ("[1kb TO 2kb]", Included(1_000), Included(2_000)),
            ("{1kb TO 2kb}", Excluded(1_000), Excluded(2_000)),
            ("[1kb TO *]", Included(1_000), Unbounded),
            ("1kb..<2kb", Included(1_000), Excluded(2_000)),
            ("1kb..", Included(1_000), Unbounded),
            ("..1kb", Unbounded, Included(1_000)),
            (
                "18446744073709551615",
                Included(u64::MAX),
                Included(u64::MAX),
            ),
        ] {
            assert_eq!(parse(text), Ok(Interval { lower, upper }), "{text}");
        }
    }

    #[test]
    fn refuses_invalid_sizes_and_reversed_ranges() {
        for text in [
            "",
            ">",
            "mb",
            "1xb",
            "-1",
            "+1",
            "1.2.3",
            "1.",
            ".5mb",
            "1..2..3",
            "..",
            ">1..2",
            "[1 TO 2",
            "{* TO *}",
            "1..2..3",
            "=1",
            "1.0000000001mb",
            "18446744073709551616",
            "20000000tb",
            "١mb",
            ">>1",
            "1,5mb",
        ] {
            assert_eq!(parse(text), Err(ValueProblem::InvalidSize), "{text}");
        }
        for text in ["5mb..1mb", "[2 TO 1]", "{1 TO 1]", "1..<1"] {
            assert_eq!(parse(text), Err(ValueProblem::ReversedRange), "{text}");
        }
    }
}
