//! A moment on S3's watermarks.
//!
//! This module never reads a watermarks: a stamp is made from what S3 said (a `Date` header, an
//! `eventTime`), because two clocks that disagree by a second would put observations in the wrong
//! order.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z, by S3's watermarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// What is taken off the `Date` header because it has whole seconds.
const DATE_RESOLUTION: Duration = Duration::from_secs(1);

impl Timestamp {
    /// The stamp of `millis` milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The stamp of an answer: never later than the snapshot of the bucket that the answer shows.
    ///
    /// `date` is the answer's `Date` header, `took` the time from sending the request to having the
    /// header. S3 took its snapshot after it had the request, so `date - took` cannot be later than
    /// the snapshot but for the header's resolution.
    pub fn of_response(date: Timestamp, took: Duration) -> Self {
        date.minus(took).minus(DATE_RESOLUTION)
    }

    /// The stamp a millisecond later.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// This stamp, `by` earlier.
    pub fn minus(self, by: Duration) -> Self {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_stamped_before_its_date_by_its_duration_and_a_second() {
        let date = Timestamp::from_millis(10_000);
        assert_eq!(
            Timestamp::of_response(date, Duration::from_millis(250)),
            Timestamp::from_millis(8_750)
        );
    }

    #[test]
    fn an_endless_duration_saturates() {
        assert_eq!(
            Timestamp::from_millis(0).minus(Duration::MAX).as_millis(),
            -i64::MAX
        );
    }
}
