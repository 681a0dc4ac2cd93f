//! The time of an event: as written, and the latest that it can mean.
//!
//! A time that cannot be parsed counts as missing. Then the key of the event is looked up.

use serde_json::Value;

use crate::core::replication::timestamp::Timestamp;

/// Maximum time that a timestamp in whole seconds leaves out, in milliseconds.
const TRUNCATED_MILLIS: i64 = 999;

/// When S3 finished the request, by S3's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventTime {
    /// The time as written.
    pub(super) written: Timestamp,
    /// The latest time that may be written like this.
    ///
    /// EventBridge and some servers truncate the time to whole seconds. As written, the event would look older
    /// than a page that was listed before it in the same second, and that page could undo it.
    pub(super) latest: Timestamp,
}

impl EventTime {
    /// Parses ISO 8601 with a zone. `None` for anything else. A time without a zone is the local time of an unknown
    /// server.
    pub(super) fn parse(field: &Value) -> Option<Self> {
        let text = field.as_str()?.trim();
        let moment: jiff::Timestamp = text.parse().ok()?;
        // `2026-11-24T08:00:00.123Z`. A time without seconds could be off by a minute. No known server
        // sends one.
        let written = Timestamp::from_millis(moment.as_millisecond());
        let latest = match text.as_bytes().get(16..20)? {
            [b':', _, _, b'.' | b','] => written,
            [b':', ..] => {
                Timestamp::from_millis(written.as_millis().saturating_add(TRUNCATED_MILLIS))
            }
            _ => return None,
        };
        Some(Self { written, latest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_may_have_any_zone_and_fraction() {
        for (text, written, latest) in [
            ("1970-01-01T00:00:00.000Z", 0, 0),
            ("1970-01-01T00:00:01.5Z", 1_500, 1_500),
            ("1970-01-01T00:00:01.123456Z", 1_123, 1_123),
            ("1970-01-01T00:00:01.123456789Z", 1_123, 1_123),
            ("1970-01-01T00:00:01Z", 1_000, 1_999),
            ("1970-01-01T01:00:01+01:00", 1_000, 1_999),
            ("1970-01-01T01:00:01.250+01:00", 1_250, 1_250),
            ("1969-12-31T19:00:01.250-0500", 1_250, 1_250),
            (" 1970-01-01T00:00:01Z\n", 1_000, 1_999),
        ] {
            let time = EventTime::parse(&Value::from(text)).unwrap();
            let millis = (time.written.as_millis(), time.latest.as_millis());
            assert_eq!(millis, (written, latest), "{text}");
        }
    }

    #[test]
    fn invalid_times_are_ignored() {
        for field in [
            Value::Null,
            Value::from(""),
            Value::from("yesterday"),
            Value::from("1970-01-01T00:00:01.123456"),
            Value::from("1970-01-01"),
            Value::from("1970-01-01T00:00Z"),
            Value::from("1970-01-01T00:00+00:00"),
            Value::from("1970-13-01T00:00:00Z"),
            Value::from("99999-01-01T00:00:00Z"),
            Value::from(1_700_000_000),
            Value::from(1_700_000_000.5),
        ] {
            assert_eq!(EventTime::parse(&field), None, "{field}");
        }
    }
}
