//! Dates and ages, and the intervals that they mean.

use std::ops::Bound::{Excluded, Included, Unbounded};

use super::*;
use crate::core::query::hit::rfc3339;

/// 2026-03-10T12:00:00Z
const NOW: Timestamp = Timestamp::from_millis(1_773_144_000_000);

fn shown(bound: Bound<Timestamp>) -> Bound<String> {
    bound.map(|stamp| rfc3339(stamp).replace("T00:00:00Z", ""))
}

#[test]
fn dates_and_ages_become_intervals() {
    for (text, lower, upper) in [
        ("2026-01-31", Included("2026-01-31"), Excluded("2026-02-01")),
        ("2026-02", Included("2026-02-01"), Excluded("2026-03-01")),
        ("2024-02", Included("2024-02-01"), Excluded("2024-03-01")),
        ("2026-12", Included("2026-12-01"), Excluded("2027-01-01")),
        ("2026", Included("2026-01-01"), Excluded("2027-01-01")),
        ("today", Included("2026-03-10"), Excluded("2026-03-11")),
        ("Yesterday", Included("2026-03-09"), Excluded("2026-03-10")),
        (">=yesterday", Included("2026-03-09"), Unbounded),
        ("this week", Included("2026-03-09"), Excluded("2026-03-16")),
        ("last week", Included("2026-03-02"), Excluded("2026-03-09")),
        ("last-month", Included("2026-02-01"), Excluded("2026-03-01")),
        ("this_year", Included("2026-01-01"), Excluded("2027-01-01")),
        ("last year", Included("2025-01-01"), Excluded("2026-01-01")),
        (">2026-01-01", Included("2026-01-02"), Unbounded),
        (">=2026-01-01", Included("2026-01-01"), Unbounded),
        ("<2026-01", Unbounded, Excluded("2026-01-01")),
        ("<=2026-01", Unbounded, Excluded("2026-02-01")),
        (">2025", Included("2026-01-01"), Unbounded),
        (
            "2026-01-01..2026-02-01",
            Included("2026-01-01"),
            Excluded("2026-02-02"),
        ),
        (
            "2025..2026-01",
            Included("2025-01-01"),
            Excluded("2026-02-01"),
        ),
        (
            "2026-01-05..2026",
            Included("2026-01-05"),
            Excluded("2027-01-01"),
        ),
        ("2026..", Included("2026-01-01"), Unbounded),
        ("..2026", Unbounded, Excluded("2027-01-01")),
        ("<12h", Excluded("2026-03-10"), Unbounded),
        ("<7d", Excluded("2026-03-03T12:00:00Z"), Unbounded),
        ("<=1W", Included("2026-03-03T12:00:00Z"), Unbounded),
        (">30d", Unbounded, Excluded("2026-02-08T12:00:00Z")),
        (">=1m", Unbounded, Included("2026-02-08T12:00:00Z")),
        (">1y", Unbounded, Excluded("2025-03-10T12:00:00Z")),
        (
            "1d..7d",
            Included("2026-03-03T12:00:00Z"),
            Included("2026-03-09T12:00:00Z"),
        ),
        ("7d..", Unbounded, Included("2026-03-03T12:00:00Z")),
        (
            "[2026-01-01 TO 2026-02-01]",
            Included("2026-01-01"),
            Excluded("2026-02-02"),
        ),
        (
            "{2026-01-01 TO 2026-02-01}",
            Included("2026-01-02"),
            Excluded("2026-02-01"),
        ),
        ("[* TO 2026}", Unbounded, Excluded("2026-01-01")),
        (
            "2026..<2027",
            Included("2026-01-01"),
            Excluded("2027-01-01"),
        ),
        (
            "2026-01-31T08:15",
            Included("2026-01-31T08:15:00Z"),
            Excluded("2026-01-31T08:16:00Z"),
        ),
        (
            ">=2026-01-31T08:15:30+02:00",
            Included("2026-01-31T06:15:30Z"),
            Unbounded,
        ),
        (
            "2026-01-31t08:15:30Z",
            Included("2026-01-31T08:15:30Z"),
            Excluded("2026-01-31T08:15:31Z"),
        ),
        (
            "<=2026-01-31T08:15:30.25Z",
            Unbounded,
            Included("2026-01-31T08:15:30.250Z"),
        ),
        (
            ">2026-01-31T08:15+00:00",
            Included("2026-01-31T08:16:00Z"),
            Unbounded,
        ),
    ] {
        let found = parse(text, DateOrder::ByAge, NOW)
            .map(|found| (shown(found.lower), shown(found.upper)));
        let want = (lower.map(String::from), upper.map(String::from));
        assert_eq!(found, Ok(want), "{text}");
    }
}

#[test]
fn fields_compared_by_time() {
    for (text, lower, upper) in [
        (">7d", Excluded("2026-03-03T12:00:00Z"), Unbounded),
        ("<=12h", Unbounded, Included("2026-03-10")),
        (">2026-01-01", Excluded("2026-01-01"), Unbounded),
        ("<=2026-01-01", Unbounded, Included("2026-01-01")),
        ("2026-01-01", Included("2026-01-01"), Excluded("2026-01-02")),
        (
            "[7d TO 12h]",
            Included("2026-03-03T12:00:00Z"),
            Included("2026-03-10"),
        ),
        (
            "[2026-01-01 TO 12h}",
            Included("2026-01-01"),
            Excluded("2026-03-10"),
        ),
    ] {
        let found = parse(text, DateOrder::ByTime, NOW);
        let found = found.map(|found| (shown(found.lower), shown(found.upper)));
        let want = (lower.map(String::from), upper.map(String::from));
        assert_eq!(found, Ok(want), "{text}");
    }
    let reversed = parse("[12h TO 7d]", DateOrder::ByTime, NOW);
    assert_eq!(reversed, Err(ValueProblem::ReversedRange));
}

#[test]
fn first_and_last_dates_are_accepted() {
    assert!(parse("9999-12-31", DateOrder::ByAge, NOW).is_ok());
    assert!(parse("0000", DateOrder::ByAge, NOW).is_ok());
    assert!(parse(">4294967295y", DateOrder::ByAge, NOW).is_ok());
    assert!(parse("9999-12-31T23:59:59", DateOrder::ByAge, NOW).is_ok());
}

#[test]
fn refuses_invalid_dates_and_reversed_ranges() {
    for text in [
        "",
        ">",
        "..",
        "tomorrow",
        "26",
        "2026-1",
        "2026-13",
        "2026-00",
        "2026-02-30",
        "2026-",
        "2026-01-01-01",
        "20260101",
        "2026-01-01T",
        "2026-01-01T8:00",
        "2026-01-01T08",
        "2026-01-01T24:00",
        "2026-01-01T08:00:00.",
        "2026-01-01T08:00:00,5",
        "2026-01-01T08:00Zulu",
        "2026-01-01T08:00[Europe/Paris]",
        "2026-01T08:00",
        "20260101T08:00:00",
        "[2026 TO]",
        "[2026 2027]",
        "[* TO *]",
        ">[2026 TO 2027]",
        ">2026..2027",
        "2026..2027..2028",
        "<7",
        "<7x",
        "<-7d",
        "<d",
        "<4294967296d",
        "1..2d",
        "٢٠٢٦",
    ] {
        assert_eq!(
            parse(text, DateOrder::ByAge, NOW),
            Err(ValueProblem::InvalidDate),
            "{text}"
        );
    }
    for text in ["2026-02..2026-01", "7d..1d", "{2026-01-01 TO 2026-01-01]"] {
        let found = parse(text, DateOrder::ByAge, NOW);
        assert_eq!(found, Err(ValueProblem::ReversedRange), "{text}");
    }
    let bare = parse("7d", DateOrder::ByAge, NOW);
    assert_eq!(
        bare,
        Err(ValueProblem::AgeWithoutComparison { age: "7d".into() })
    );
}
