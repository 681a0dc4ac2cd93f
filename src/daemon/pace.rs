//! How soon the next scan of a Source may begin, by our own clock: a store's clock can be far off, and
//! a scan can take longer than it should be repeated after.
//!
//! Whether a scan is due at all is decided by `sync::schedule`.

use std::time::{Duration, Instant};

use crate::core::replication::backoff::{exponential, with_jitter};
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::schedule::{DueScan, ScanReason};

/// The wait after a scan that failed; it doubles with each up to the longest.
const FIRST_BACK_OFF: Duration = Duration::from_secs(5);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(15 * 60);

/// A scan in the place of one that failed, if nothing else makes one due.
const RETRY: DueScan = DueScan {
    reason: ScanReason::Unfinished,
    mode: ScanMode::Resume,
};

/// How the last scans of this session ended, and whether it owes one to the session before.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The last scan of the session before failed, which a new configuration may have mended.
    is_owed: bool,
    failures: u32,
    not_before: Option<Instant>,
    completed: Option<Instant>,
}

impl Pace {
    /// Of a session that owes a scan, or not.
    pub(crate) fn owing(is_owed: bool) -> Self {
        Self {
            is_owed,
            ..Self::default()
        }
    }

    /// Whether the last scan of this session failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// Notes that a scan is complete.
    pub(crate) fn completed(&mut self, now: Instant) {
        *self = Self {
            completed: Some(now),
            ..Self::default()
        };
    }

    /// Notes that a scan failed; `share` (0 to 1) of the second half of the wait is waited.
    pub(crate) fn failed(&mut self, now: Instant, share: f64) {
        let wait = with_jitter(
            exponential(FIRST_BACK_OFF, LONGEST_BACK_OFF, self.failures),
            share,
        );
        self.failures += 1;
        self.not_before = Some(now + wait);
    }

    /// The scan to begin now, of what is due; `every` is the longest time between two.
    pub(crate) fn admit(
        &self,
        due: Option<DueScan>,
        every: Duration,
        now: Instant,
    ) -> Option<DueScan> {
        if self.not_before.is_some_and(|not_before| now < not_before) {
            return None;
        }
        let is_owed = self.is_owed || self.has_failed();
        let due = due.or(is_owed.then_some(RETRY))?;
        // What is due only because time has passed is not due right after a scan, whatever the stamps say.
        let of_time = matches!(due.reason, ScanReason::TooOld | ScanReason::NeverComplete);
        let rests = |completed: Instant| now.saturating_duration_since(completed) < every;
        let is_soon = of_time && due.mode != ScanMode::Fresh && self.completed.is_some_and(rests);
        (!is_soon).then_some(due)
    }

    /// How long to wait at least after a failure.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        let not_before = self.not_before.map(|at| at.saturating_duration_since(now));
        not_before.unwrap_or_default()
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
    fn a_scan_that_failed_is_tried_again_after_longer_and_longer_waits() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert_eq!(pace.admit(None, EVERY, now), None);
        for (wait, share) in [(5, 1.0), (10, 1.0), (10, 0.0), (40, 1.0)] {
            pace.failed(now, share);
            let wait = Duration::from_secs(wait);
            assert_eq!(pace.wait(now), wait);
            let just_before = now + wait - Duration::from_millis(1);
            assert_eq!(
                pace.admit(due(ScanReason::TooOld), EVERY, just_before),
                None
            );
            assert_eq!(pace.admit(None, EVERY, now + wait), Some(RETRY));
        }
        for _ in 0..40 {
            pace.failed(now, 1.0);
        }
        assert_eq!(pace.wait(now), LONGEST_BACK_OFF);
        pace.completed(now);
        assert_eq!(pace.admit(None, EVERY, now), None);
    }

    #[test]
    fn a_scan_that_failed_in_the_session_before_is_tried_again_at_once() {
        let (mut pace, now) = (Pace::owing(true), Instant::now());
        assert!(!pace.has_failed());
        assert_eq!(pace.admit(None, EVERY, now), Some(RETRY));
        pace.completed(now);
        assert_eq!(pace.admit(None, EVERY, now), None);
        assert_eq!(Pace::owing(false).admit(None, EVERY, now), None);
    }

    #[test]
    fn a_routine_scan_does_not_follow_another_at_once() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.completed(now);
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
                pace.admit(due, EVERY, at).is_some(),
                admitted,
                "{due:?} {later}"
            );
        }
    }
}
