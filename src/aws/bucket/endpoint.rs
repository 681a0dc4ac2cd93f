//! Chooses between two endpoints: the preferred one, unless it failed recently.
//!
//! This module sends nothing and reads no clock: the caller passes an [`Instant`].

use std::time::{Duration, Instant};

/// How long the fallback is used after a failure of the preferred endpoint.
pub(super) const FALLBACK_PERIOD: Duration = Duration::from_secs(5 * 60);

/// One of two endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// The endpoint to use unless it failed recently.
    Preferred,
    /// The endpoint to use otherwise.
    Fallback,
}

/// When the preferred endpoint failed last, if that still matters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failover {
    failed_at: Option<Instant>,
}

impl Failover {
    /// The endpoint for a request that is sent now.
    pub(super) fn choose(&self, now: Instant) -> Endpoint {
        match self.failed_at {
            Some(failed_at) if now.duration_since(failed_at) < FALLBACK_PERIOD => {
                Endpoint::Fallback
            }
            _ => Endpoint::Preferred,
        }
    }

    /// Records a failure of an endpoint. Returns whether the choice changes.
    ///
    /// If the fallback fails too, there is no reason to avoid the preferred endpoint.
    pub(super) fn note_failure(&mut self, endpoint: Endpoint, now: Instant) -> bool {
        let before = self.choose(now);
        self.failed_at = match endpoint {
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
    fn uses_the_fallback_for_five_minutes_after_a_failure() {
        let start = Instant::now();
        let mut failover = Failover::default();
        assert_eq!(failover.choose(start), Endpoint::Preferred);
        assert!(failover.note_failure(Endpoint::Preferred, start));
        assert!(!failover.note_failure(Endpoint::Preferred, start));
        let last = start + FALLBACK_PERIOD - Duration::from_millis(1);
        assert_eq!(failover.choose(last), Endpoint::Fallback);
        assert_eq!(
            failover.choose(start + FALLBACK_PERIOD),
            Endpoint::Preferred
        );
    }

    #[test]
    fn failure_of_both_returns_to_the_preferred_endpoint() {
        let now = Instant::now();
        let mut failover = Failover::default();
        failover.note_failure(Endpoint::Preferred, now);
        assert!(failover.note_failure(Endpoint::Fallback, now));
        assert_eq!(failover.choose(now), Endpoint::Preferred);
    }

    #[test]
    fn accepts_an_instant_before_the_failure() {
        let now = Instant::now();
        let mut failover = Failover::default();
        failover.note_failure(Endpoint::Preferred, now + FALLBACK_PERIOD);
        assert_eq!(failover.choose(now), Endpoint::Fallback);
    }
}
