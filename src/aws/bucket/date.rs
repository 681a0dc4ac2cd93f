//! Parses the dates of a listing: ISO 8601, such as `2026-11-24T08:00:00.000Z`.
//!
//! Each entry has a date. So the usual form, with or without milliseconds, has a fast parser. `jiff` parses
//! all other forms.

use crate::core::replication::timestamp::Timestamp;

/// Parses a date. `None` if it is invalid.
pub(super) fn parse(text: &[u8]) -> Option<Timestamp> {
    usual_form(text).or_else(|| {
        let text = std::str::from_utf8(text).ok()?;
        let timestamp: jiff::Timestamp = text.trim().parse().ok()?;
        Some(Timestamp::from_millis(timestamp.as_millisecond()))
    })
}

fn usual_form(text: &[u8]) -> Option<Timestamp> {
    let (date_time, millis) = match text {
        [date_time @ .., b'.', a, b, c, b'Z'] if text.len() == 24 => {
            (date_time, number(&[*a, *b, *c])?)
        }
        [date_time @ .., b'Z'] if text.len() == 20 => (date_time, 0),
        _ => return None,
    };
    let &[
        y1,
        y2,
        y3,
        y4,
        b'-',
        mo1,
        mo2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        mi1,
        mi2,
        b':',
        s1,
        s2,
    ] = date_time
    else {
        return None;
    };
    let year = number(&[y1, y2, y3, y4])?;
    let month = number(&[mo1, mo2]).filter(|month| (1..=12).contains(month))?;
    let day = number(&[d1, d2]).filter(|day| (1..=days_in_month(year, month)).contains(day))?;
    let hour = number(&[h1, h2]).filter(|hour| *hour < 24)?;
    let minute = number(&[mi1, mi2]).filter(|minute| *minute < 60)?;
    let second = number(&[s1, s2]).filter(|second| *second < 60)?;
    let seconds = ((days_since_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(Timestamp::from_millis(seconds * 1000 + millis))
}

/// Parses decimal digits.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        Some(number * 10 + digit)
    })
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar, for a year of four digits.
///
/// The calculation starts years in March, so that the leap day is the last day of its year.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (month * 153 + 2) / 5 + day - 1;
    /// The number of days from 0000-03-01 to 1970-01-01.
    const EPOCH: i64 = 719_468;
    year * 365 + leap_days + day_of_year - EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_jiff() {
        for text in [
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999Z",
            "2026-11-24T08:00:00.000Z",
            "2026-11-24T08:00:00Z",
            "2026-11-24T08:00:00.123Z",
            "2000-02-29T23:59:59.001Z",
            "1900-02-28T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "9999-12-01T00:00:00.999Z",
            "2026-11-24T08:00:00.1Z",
            "2026-11-24T08:00:00.123456Z",
            "2026-11-24T09:00:00+01:00",
            " 2026-11-24T08:00:00Z\n",
        ] {
            let want: jiff::Timestamp = text.trim().parse().unwrap();
            let want = Some(Timestamp::from_millis(want.as_millisecond()));
            assert_eq!(parse(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn counts_the_days_of_eight_centuries() {
        let mut days = days_since_epoch(1799, 12, 31);
        for year in 1800..2600 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    days += 1;
                    assert_eq!(
                        days_since_epoch(year, month, day),
                        days,
                        "{year}-{month}-{day}"
                    );
                }
            }
        }
    }

    #[test]
    fn rejects_invalid_dates() {
        for text in [
            "",
            "Z",
            "2026-11-24",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-11-24T24:00:00Z",
            "2026-11-24T08:60:00Z",
            "2026-11-24T08:00:00.00xZ",
            "Tue, 24 Nov 2026 08:00:00 GMT",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
