//! Dates and ages in queries: `2026-01`, `>2026-01-31T08:00`, `<7d`, `yesterday`.
//!
//! A date without a time is a whole day, month or year in UTC. A time without an offset is in UTC,
//! because the time zone of the user is not known.
//!
//! jiff does the calendar arithmetic. It parses more formats than the query language has, so this module
//! checks the format first.

use std::ops::Bound;
use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};

use crate::core::query::interval::{Comparison, Interval, Span};
use crate::core::query::problem::ValueProblem;
use crate::core::query::range::Range;
use crate::core::replication::timestamp::Timestamp;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// The units of ages, in seconds. An age is not a date: a month is always 30 days, a year 365 days.
const AGE_UNITS: [(&str, u64); 5] = [
    ("h", HOUR),
    ("d", DAY),
    ("w", 7 * DAY),
    ("m", 30 * DAY),
    ("y", 365 * DAY),
];

/// The meaning of comparisons in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DateOrder {
    /// `>7d` means more than 7 days old. `>2026-01-31` means after the end of that day.
    ByAge,
    /// `>7d` means later than 7 days ago. `>2026-01-31` means after the first moment of that day.
    /// Cloudinary and ImageKit read `uploaded_at` and `createdAt` this way.
    ByTime,
}

/// Parses a date, a range of dates or an age, with an optional comparison in front.
pub(super) fn parse(
    text: &str,
    order: DateOrder,
    now: Timestamp,
) -> Result<Interval<Timestamp>, ValueProblem> {
    let (comparison, value) = Comparison::strip(text);
    if let Some(range) = Range::parse(value) {
        return match comparison {
            None => interval(range.ok_or(ValueProblem::InvalidDate)?, order, now),
            Some(_) => Err(ValueProblem::InvalidDate),
        };
    }
    if let Some(age) = age(value) {
        let then = now.minus(age);
        return match (comparison, order) {
            (Some(comparison), DateOrder::ByAge) => {
                Ok(moment(then).interval(Some(comparison.reversed())))
            }
            (Some(comparison), DateOrder::ByTime) => Ok(moment(then).interval(Some(comparison))),
            (None, DateOrder::ByAge) => {
                Err(ValueProblem::AgeWithoutComparison { age: value.into() })
            }
            (None, DateOrder::ByTime) => {
                Err(ValueProblem::TimeWithoutComparison { age: value.into() })
            }
        };
    }
    let span = match days_from_now(value, now) {
        Some(span) => span,
        None => span(value)?,
    };
    match order {
        DateOrder::ByTime if comparison.is_some() => Ok(moment(span.start).interval(comparison)),
        _ => Ok(span.interval(comparison)),
    }
}

fn moment(stamp: Timestamp) -> Span<Timestamp> {
    Span {
        start: stamp,
        end: Bound::Included(stamp),
    }
}

/// Converts a range of dates, from the earlier to the later, or of ages. With [`DateOrder::ByAge`], ages
/// go from the younger to the older.
fn interval(
    range: Range<'_>,
    order: DateOrder,
    now: Timestamp,
) -> Result<Interval<Timestamp>, ValueProblem> {
    let is_age = |end: Bound<&str>| match end {
        Bound::Included(text) | Bound::Excluded(text) => age(text).is_some(),
        Bound::Unbounded => false,
    };
    let range = match order {
        DateOrder::ByAge if is_age(range.from) || is_age(range.to) => range.reversed(),
        _ => range,
    };
    range.interval(
        |text| match age(text) {
            Some(age) => Ok(moment(now.minus(age))),
            None => span(text),
        },
        ValueProblem::InvalidDate,
    )
}

/// The days that words such as `today` and `last week` mean, in UTC. Weeks begin on Monday. `None` for other text.
fn days_from_now(text: &str, now: Timestamp) -> Option<Span<Timestamp>> {
    let today = EPOCH
        .checked_add(now.as_millis().div_euclid(DAY_MILLIS).days())
        .ok()?;
    let words = text.to_lowercase().replace(['-', '_'], " ");
    let (which, unit) = match words.trim() {
        "today" => ("this", "day"),
        "yesterday" => ("last", "day"),
        other => other.split_once(' ')?,
    };
    let (first, length) = match unit.trim() {
        "day" => (today, 1.day()),
        "week" => {
            let since_monday = i64::from(today.weekday().to_monday_zero_offset());
            (today.checked_sub(since_monday.days()).ok()?, 1.week())
        }
        "month" => (today.first_of_month(), 1.month()),
        "year" => (today.first_of_year(), 1.year()),
        _ => return None,
    };
    let first = match which {
        "this" => first,
        "last" => first.checked_sub(length).ok()?,
        _ => return None,
    };
    let end = first.checked_add(length).ok()?;
    Some(Span {
        start: Timestamp::from_millis(midnight(first)),
        end: Bound::Excluded(Timestamp::from_millis(midnight(end))),
    })
}

/// Parses a whole number with a unit. `None` if the text is not an age.
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

/// Parses a date, with or without a time of day, into the time that it covers.
fn span(text: &str) -> Result<Span<Timestamp>, ValueProblem> {
    match text.split_once(['T', 't']) {
        Some((date, time)) => time_span(text, date, time),
        None => days_span(text),
    }
}

/// Parses a day, a month or a year.
fn days_span(text: &str) -> Result<Span<Timestamp>, ValueProblem> {
    let mut parts = text.split('-');
    let mut next = |digits: usize| match parts.next() {
        None => Ok(None),
        Some(part) if part.len() == digits && is_number(part) => part
            .parse::<i16>()
            .map(Some)
            .map_err(|_| ValueProblem::InvalidDate),
        Some(_) => Err(ValueProblem::InvalidDate),
    };
    let (year, month, day) = (
        next(4)?.ok_or(ValueProblem::InvalidDate)?,
        next(2)?,
        next(2)?,
    );
    if parts.next().is_some() {
        return Err(ValueProblem::InvalidDate);
    }
    let date = |month: i16, day: i16| {
        // `next` accepts two digits, which fit into an `i8`.
        Date::new(year, month as i8, day as i8).map_err(|_| ValueProblem::InvalidDate)
    };
    let first = date(month.unwrap_or(1), day.unwrap_or(1))?;
    let last = match (month, day) {
        (None, _) => first.last_of_year(),
        (Some(_), None) => first.last_of_month(),
        (Some(_), Some(_)) => first,
    };
    Ok(Span {
        start: Timestamp::from_millis(midnight(first)),
        end: Bound::Excluded(Timestamp::from_millis(midnight(last) + DAY_MILLIS)),
    })
}

/// Parses a date with a time of day. It covers a minute, a second or a millisecond: `2026-01-31T08:15`,
/// `2026-01-31T08:15:30Z`, `2026-01-31T08:15:30.250+02:00`.
fn time_span(text: &str, date: &str, time: &str) -> Result<Span<Timestamp>, ValueProblem> {
    let clock_end = time.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.');
    let (clock, offset) = time.split_at(clock_end.unwrap_or(time.len()));
    let (seconds, fraction) = clock.split_once('.').map_or((clock, ""), |(s, f)| (s, f));
    let covered = match (seconds.len(), fraction.len()) {
        (5, 0) if !clock.contains('.') => 60_000,
        (8, 0) if !clock.contains('.') => 1_000,
        (8, 1..=9) => 1,
        _ => return Err(ValueProblem::InvalidDate),
    };
    let has_date = date.len() == 10 && date.split('-').all(is_number);
    let has_time = seconds
        .split(':')
        .all(|part| part.len() == 2 && is_number(part));
    if !has_date || !has_time || !(fraction.is_empty() || is_number(fraction)) {
        return Err(ValueProblem::InvalidDate);
    }
    let start = if offset.is_empty() {
        let local: DateTime = text.parse().map_err(|_| ValueProblem::InvalidDate)?;
        // `jiff::Timestamp` ends on 9999-12-30, a day before the last date.
        let since_midnight = local.time().duration_since(Time::midnight());
        midnight(local.date()) + since_midnight.as_millis() as i64
    } else {
        let full = match covered {
            60_000 => format!("{date}T{clock}:00{offset}"),
            _ => text.to_owned(),
        };
        let moment: jiff::Timestamp = full.parse().map_err(|_| ValueProblem::InvalidDate)?;
        moment.as_millisecond()
    };
    let end = match covered {
        1 => Bound::Included(Timestamp::from_millis(start)),
        covered => Bound::Excluded(Timestamp::from_millis(start + covered)),
    };
    let start = Timestamp::from_millis(start);
    Ok(Span { start, end })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The start of a day in UTC, in milliseconds since the epoch.
fn midnight(date: Date) -> i64 {
    date.duration_since(EPOCH).as_millis() as i64
}

#[cfg(test)]
mod tests;
