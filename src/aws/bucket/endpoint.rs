//! Which of two endpoints a request goes to: the preferred one, until it could not be reached.
//!
//! It decides over an [`Instant`] that it is given; it sends nothing and reads no clock.

use std::time::{Duration, Instant};

/// How long a failure of the preferred endpoint is remembered.
pub(super) const REMEMBERED_FOR: Duration = Duration::from_secs(5 * 60);

/// One of two endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// The preferred one.
    Preferred,
    /// The other.
    Fallback,
}

/// What is remembered of the preferred endpoint.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failover {
    failed_at: Option<Instant>,
}

impl Failover {
    /// Where a request goes now.
    pub(super) fn choose(&self, now: Instant) -> Endpoint {
        match self.failed_at {
            Some(failed_at) if now.duration_since(failed_at) < REMEMBERED_FOR => Endpoint::Fallback,
            _ => Endpoint::Preferred,
        }
    }

    /// Notes that an endpoint could not be reached; whether that changes the choice.
    ///
    /// Where the fallback cannot be reached either, nothing speaks against the preferred one.
    pub(super) fn note_failure(&mut self, of: Endpoint, now: Instant) -> bool {
        let before = self.choose(now);
        self.failed_at = match of {
            Endpoint::Preferred => Some(now),
            Endpoint::Fallback => None,
        };
        before != self.choose(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_the_preferred_endpoint_is_remembered_for_a_while() {
        let start = Instant::now();
        let mut failover = Failover::default();
        assert_eq!(failover.choose(start), Endpoint::Preferred);
        assert!(failover.note_failure(Endpoint::Preferred, start));
        assert!(!failover.note_failure(Endpoint::Preferred, start));
        let last = start + REMEMBERED_FOR - Duration::from_millis(1);
        assert_eq!(failover.choose(last), Endpoint::Fallback);
        assert_eq!(failover.choose(start + REMEMBERED_FOR), Endpoint::Preferred);
    }

    #[test]
    fn a_failure_of_both_forgets_the_first() {
        let now = Instant::now();
        let mut failover = Failover::default();
        failover.note_failure(Endpoint::Preferred, now);
        assert!(failover.note_failure(Endpoint::Fallback, now));
        assert_eq!(failover.choose(now), Endpoint::Preferred);
    }

    #[test]
    fn an_instant_before_the_failure_is_no_trouble() {
        let now = Instant::now();
        let mut failover = Failover::default();
        failover.note_failure(Endpoint::Preferred, now + REMEMBERED_FOR);
        assert_eq!(failover.choose(now), Endpoint::Fallback);
    }
}
