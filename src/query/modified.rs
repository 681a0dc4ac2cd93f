//! Dates and ages as a search writes them: `2026-01`, `>2026-01-31`, `<7d`.
//!
//! Dates are whole days, months or years in UTC. No times of day, no local time zone.

use std::ops::Bound;
use std::time::Duration;

use jiff::civil::Date;

use crate::query::interval::{Comparison, Interval, Span};
use crate::query::problem::Problem;
use crate::sync::stamp::Stamp;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
const HOUR_MILLIS: i64 = 60 * 60 * 1000;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// The units of ages in seconds. A month is 30 days and a year 365, because an age is no date.
const AGE_UNITS: [(&str, u64); 5] = [
    ("h", HOUR),
    ("d", DAY),
    ("w", 7 * DAY),
    ("m", 30 * DAY),
    ("y", 365 * DAY),
];

/// Reads what stands behind `modified:`.
///
/// A date is compared as a stretch: `>2026-01` is from February on. An age is compared as an age:
/// `<7d` is less than 7 days before `now`, that is, later.
pub(super) fn parse(text: &str, now: Stamp) -> Result<Interval<Stamp>, Problem> {
    let (comparison, value) = Comparison::strip(text);
    if let Some(age) = age(value) {
        let then = now.minus(age);
        return match comparison {
            Some(comparison) => Ok(compared_age(comparison, then)),
            None => Err(Problem::BareAge { age: value.into() }),
        };
    }
    match value.split_once("..") {
        None => Ok(span(value)?.compared(comparison)),
        Some(_) if comparison.is_some() => Err(Problem::Date),
        Some((from, to)) => range(from, to),
    }
}

/// The younger, the later: what is below an age lies above its moment.
fn compared_age(comparison: Comparison, then: Stamp) -> Interval<Stamp> {
    let (lower, upper) = match comparison {
        Comparison::Below => (Bound::Excluded(then), Bound::Unbounded),
        Comparison::AtMost => (Bound::Included(then), Bound::Unbounded),
        Comparison::Above => (Bound::Unbounded, Bound::Excluded(then)),
        Comparison::AtLeast => (Bound::Unbounded, Bound::Included(then)),
    };
    Interval { lower, upper }
}

/// A whole number with a unit; `None` where the text has another form.
fn age(text: &str) -> Option<Duration> {
    let unit_start = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_start);
    let (_, seconds) = AGE_UNITS
        .iter()
        .find(|(name, _)| unit.eq_ignore_ascii_case(name))?;
    let number: u32 = number.parse().ok()?;
    // At most 2^32 years: less than 2^57 seconds.
    Some(Duration::from_secs(u64::from(number) * seconds))
}

/// Both ends belong to a range, with all their days; either can be left out.
fn range(from: &str, to: &str) -> Result<Interval<Stamp>, Problem> {
    let end = |text: &str| match text {
        "" => Ok(None),
        text => span(text).map(Some),
    };
    match (end(from)?, end(to)?) {
        (None, None) => Err(Problem::Date),
        (Some(from), Some(to)) if to.is_before(from.start) => Err(Problem::Reversed),
        (from, to) => Ok(Interval {
            lower: from.map_or(Bound::Unbounded, |span| Bound::Included(span.start)),
            upper: to.map_or(Bound::Unbounded, |span| span.end),
        }),
    }
}

/// The days of a date, a month or a year.
fn span(text: &str) -> Result<Span<Stamp>, Problem> {
    let mut parts = text.split('-');
    let mut next = |digits: usize| match parts.next() {
        None => Ok(None),
        Some(part) if part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()) => {
            part.parse::<i16>().map(Some).map_err(|_| Problem::Date)
        }
        Some(_) => Err(Problem::Date),
    };
    let (year, month, day) = (next(4)?.ok_or(Problem::Date)?, next(2)?, next(2)?);
    if parts.next().is_some() {
        return Err(Problem::Date);
    }
    let date = |month: i16, day: i16| {
        // Two digits fit.
        Date::new(year, month as i8, day as i8).map_err(|_| Problem::Date)
    };
    let first = date(month.unwrap_or(1), day.unwrap_or(1))?;
    let last = match (month, day) {
        (None, _) => first.last_of_year(),
        (Some(_), None) => first.last_of_month(),
        (Some(_), Some(_)) => first,
    };
    Ok(Span {
        start: Stamp::from_millis(midnight(first)),
        end: Bound::Excluded(Stamp::from_millis(midnight(last) + DAY_MILLIS)),
    })
}

/// The first millisecond of the day in UTC.
fn midnight(date: Date) -> i64 {
    date.duration_since(EPOCH).as_hours() * HOUR_MILLIS
}

#[cfg(test)]
mod tests {
    use std::ops::Bound::{Excluded, Included, Unbounded};

    use super::*;
    use crate::query::hit::rfc3339;

    /// 2026-03-10T12:00:00Z
    const NOW: Stamp = Stamp::from_millis(1_773_144_000_000);

    fn shown(bound: Bound<Stamp>) -> Bound<String> {
        bound.map(|stamp| rfc3339(stamp).replace("T00:00:00Z", ""))
    }

    #[test]
    fn dates_and_ages() {
        for (text, lower, upper) in [
            ("2026-01-31", Included("2026-01-31"), Excluded("2026-02-01")),
            ("2026-02", Included("2026-02-01"), Excluded("2026-03-01")),
            ("2024-02", Included("2024-02-01"), Excluded("2024-03-01")),
            ("2026-12", Included("2026-12-01"), Excluded("2027-01-01")),
            ("2026", Included("2026-01-01"), Excluded("2027-01-01")),
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
        ] {
            let found = parse(text, NOW).map(|found| (shown(found.lower), shown(found.upper)));
            let want = (lower.map(String::from), upper.map(String::from));
            assert_eq!(found, Ok(want), "{text}");
        }
    }

    #[test]
    fn ends_of_time() {
        assert!(parse("9999-12-31", NOW).is_ok() && parse("0000", NOW).is_ok());
        assert!(parse(">4294967295y", NOW).is_ok());
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            ">",
            "..",
            "yesterday",
            "26",
            "2026-1",
            "2026-13",
            "2026-00",
            "2026-02-30",
            "2026-",
            "2026-01-01-01",
            "20260101",
            "2026-01-01T00:00",
            ">2026..2027",
            "2026..2027..2028",
            "<7",
            "<7x",
            "<-7d",
            "<d",
            "<4294967296d",
            "1d..2d",
            "٢٠٢٦",
        ] {
            assert_eq!(parse(text, NOW), Err(Problem::Date), "{text}");
        }
        assert_eq!(parse("2026-02..2026-01", NOW), Err(Problem::Reversed));
        assert_eq!(parse("7d", NOW), Err(Problem::BareAge { age: "7d".into() }));
    }
}
