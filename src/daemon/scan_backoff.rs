//! How soon the next scan of a Source may start.
//!
//! `core::replication::schedule` decides whether a scan is due. This module delays it after a failure, and
//! prevents two routine scans in a row. It uses only the local clock, because a store's clock can be far
//! off, and because a scan can take longer than the interval between scans.

use std::time::{Duration, Instant};

use crate::core::replication::backoff::{exponential, with_jitter};
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::schedule::{DueScan, ScanReason};

/// The wait after a failed scan, and the longest. It doubles with each failure in a row.
const FIRST_BACKOFF: Duration = Duration::from_secs(5);
const LONGEST_BACKOFF: Duration = Duration::from_secs(15 * 60);

/// The retry of a failed scan, if nothing else makes a scan due.
const RETRY: DueScan = DueScan {
    reason: ScanReason::Unfinished,
    mode: ScanMode::Resume,
};

/// The results of the last scans in this session.
#[derive(Debug, Default)]
pub(crate) struct ScanBackoff {
    /// Whether the last scan of the previous session failed. The new configuration may have fixed the cause.
    failed_in_previous_session: bool,
    failures_in_a_row: u32,
    /// No scan starts before this time.
    backoff_until: Option<Instant>,
    completed_at: Option<Instant>,
}

impl ScanBackoff {
    /// The state at the start of a session. If the last scan of the previous session failed, it is retried
    /// immediately.
    pub(crate) fn new(failed_in_previous_session: bool) -> Self {
        Self {
            failed_in_previous_session,
            ..Self::default()
        }
    }

    /// Whether the last scan of this session failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failures_in_a_row > 0
    }

    /// Records that a scan completed.
    pub(crate) fn on_completed(&mut self, now: Instant) {
        *self = Self {
            completed_at: Some(now),
            ..Self::default()
        };
    }

    /// Records that a scan failed. `random` (0 to 1) sets the part of the second half of the wait to use.
    pub(crate) fn on_failed(&mut self, now: Instant, random: f64) {
        let wait = exponential(FIRST_BACKOFF, LONGEST_BACKOFF, self.failures_in_a_row);
        self.failures_in_a_row += 1;
        self.backoff_until = Some(now + with_jitter(wait, random));
    }

    /// The scan to start now, if any. `due` is the scan that the schedule asks for, and `every` the longest
    /// time between two scans.
    pub(crate) fn admit(
        &self,
        due: Option<DueScan>,
        every: Duration,
        now: Instant,
    ) -> Option<DueScan> {
        if !self.remaining(now).is_zero() {
            return None;
        }
        let needs_retry = self.failed_in_previous_session || self.has_failed();
        let due = due.or(needs_retry.then_some(RETRY))?;
        // A routine scan must not follow another immediately, whatever the timestamps of the store say.
        let is_routine = matches!(due.reason, ScanReason::TooOld | ScanReason::NeverComplete)
            && due.mode != ScanMode::Fresh;
        let is_recent = |completed: Instant| now.saturating_duration_since(completed) < every;
        let is_too_soon = is_routine && self.completed_at.is_some_and(is_recent);
        (!is_too_soon).then_some(due)
    }

    /// The rest of the wait after a failure.
    pub(crate) fn remaining(&self, now: Instant) -> Duration {
        let remaining = self
            .backoff_until
            .map(|at| at.saturating_duration_since(now));
        remaining.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(3600);

    fn due(reason: ScanReason) -> Option<DueScan> {
        Some(DueScan { reason, ..RETRY })
    }

    #[test]
    fn wait_doubles_with_each_failure() {
        let (mut backoff, now) = (ScanBackoff::default(), Instant::now());
        assert_eq!(backoff.admit(None, EVERY, now), None);
        for (wait, random) in [(5, 1.0), (10, 1.0), (10, 0.0), (40, 1.0)] {
            backoff.on_failed(now, random);
            let wait = Duration::from_secs(wait);
            assert_eq!(backoff.remaining(now), wait);
            let just_before = now + wait - Duration::from_millis(1);
            assert_eq!(
                backoff.admit(due(ScanReason::TooOld), EVERY, just_before),
                None
            );
            assert_eq!(backoff.admit(None, EVERY, now + wait), Some(RETRY));
        }
        for _ in 0..40 {
            backoff.on_failed(now, 1.0);
        }
        assert_eq!(backoff.remaining(now), LONGEST_BACKOFF);
        backoff.on_completed(now);
        assert_eq!(backoff.admit(None, EVERY, now), None);
    }

    #[test]
    fn failure_of_the_previous_session_is_retried_immediately() {
        let (mut backoff, now) = (ScanBackoff::new(true), Instant::now());
        assert!(!backoff.has_failed());
        assert_eq!(backoff.admit(None, EVERY, now), Some(RETRY));
        backoff.on_completed(now);
        assert_eq!(backoff.admit(None, EVERY, now), None);
        assert_eq!(ScanBackoff::new(false).admit(None, EVERY, now), None);
    }

    #[test]
    fn routine_scan_does_not_follow_another_immediately() {
        let (mut backoff, now) = (ScanBackoff::default(), Instant::now());
        backoff.on_completed(now);
        let lost = Some(DueScan {
            mode: ScanMode::Fresh,
            ..due(ScanReason::NeverComplete).unwrap()
        });
        for (due, later, admitted) in [
            (due(ScanReason::TooOld), 0, false),
            (due(ScanReason::NeverComplete), 3599, false),
            (due(ScanReason::TooOld), 3600, true),
            (due(ScanReason::NewRules), 0, true),
            (due(ScanReason::Unfinished), 0, true),
            (lost, 0, true),
        ] {
            let at = now + Duration::from_secs(later);
            assert_eq!(
                backoff.admit(due, EVERY, at).is_some(),
                admitted,
                "{due:?} {later}"
            );
        }
    }
}
