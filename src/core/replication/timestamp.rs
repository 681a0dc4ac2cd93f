//! A point in time by S3's clock.
//!
//! No local clock is read here. Timestamps come from S3 (a `Date` header, an `eventTime`), because two clocks
//! that disagree by a second would put observations in the wrong order. If a store sends no `Date`, the room
//! `aws` uses the local clock instead.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z, by S3's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// Subtracted from a `Date` header, which has whole seconds only.
const DATE_RESOLUTION: Duration = Duration::from_secs(1);

impl Timestamp {
    /// The timestamp at this number of milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The timestamp of a response: never later than the snapshot of the bucket that the response shows.
    ///
    /// `date` is the `Date` header of the response, and `took` the time from sending the request to receiving
    /// the header. S3 took the snapshot after it received the request, so `date - took` is not later than
    /// the snapshot, except for the resolution of the header, which is also subtracted.
    pub fn of_response(date: Timestamp, took: Duration) -> Self {
        date.minus(took).minus(DATE_RESOLUTION)
    }

    /// This timestamp plus one millisecond.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// This timestamp plus `by`. It saturates.
    pub fn plus(self, by: Duration) -> Self {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// This timestamp minus `by`. It saturates.
    pub fn minus(self, by: Duration) -> Self {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_timestamp_is_its_date_minus_duration_and_a_second() {
        let date = Timestamp::from_millis(10_000);
        assert_eq!(
            Timestamp::of_response(date, Duration::from_millis(250)),
            Timestamp::from_millis(8_750)
        );
    }

    #[test]
    fn subtraction_saturates() {
        assert_eq!(
            Timestamp::from_millis(0).minus(Duration::MAX).as_millis(),
            -i64::MAX
        );
    }
}
