//! When a Source must be scanned, according to its checkpoint and the current time.
//!
//! The current time comes from the local clock. It is only used to compute ages of hours or days, even of
//! times by S3's clock, so a small difference between the clocks does not matter. It never orders
//! observations.

use std::fmt;
use std::time::Duration;

use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::source_state::{QueueId, SourceState};

/// Why a scan is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanReason {
    /// No scan has completed yet.
    NeverComplete,
    /// A scan is unfinished.
    Unfinished,
    /// Keys that new rules admit have not been listed yet.
    NewRules,
    /// Events since the last scan may be missing in the index.
    NotFollowed,
    /// The Source was disabled, or could not be indexed, after the last scan.
    WasDisabled,
    /// Nothing was received from the queue for longer than it keeps messages.
    RetentionExceeded,
    /// The last scan is too old.
    TooOld,
    /// A user requested it.
    Requested,
}

impl fmt::Display for ScanReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeverComplete => "no scan has completed yet",
            Self::Unfinished => "a scan is unfinished",
            Self::NewRules => "the rules have changed",
            Self::NotFollowed => "events since the last scan may be missing",
            Self::WasDisabled => "it was disabled or refused after the last scan",
            Self::RetentionExceeded => "receiving stopped for longer than the queue keeps messages",
            Self::TooOld => "the last scan is too old",
            Self::Requested => "a user requested it",
        })
    }
}

/// A scan that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueScan {
    /// Why it is due.
    pub reason: ScanReason,
    /// The ranges to list. If events may have been lost, this is [`ScanMode::Fresh`], because the ranges
    /// that an unfinished scan has listed may be out of date again.
    pub mode: ScanMode,
}

/// The queue that the daemon receives from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueInfo {
    /// Identifies the queue.
    pub id: QueueId,
    /// The time that it keeps messages.
    pub retention: Duration,
}

/// The scan that is due now, if any.
///
/// `queue` is `None` if the daemon does not receive from a queue for this Source. `every` is the maximum time
/// between two scans, and `now_millis` the current time by the local clock.
pub fn due_scan(
    state: &SourceState,
    queue: Option<&QueueInfo>,
    every: Duration,
    now_millis: i64,
) -> Option<DueScan> {
    let due = |reason| DueScan {
        reason,
        mode: ScanMode::Resume,
    };
    let was_disabled = state.was_detached.then_some(ScanReason::WasDisabled);
    let lost = queue.and_then(|queue| why_events_may_be_lost(state, queue, now_millis));
    if let Some(reason) = was_disabled.or(lost) {
        let reason = match state.complete_as_of {
            None => ScanReason::NeverComplete,
            Some(_) => reason,
        };
        return Some(DueScan {
            mode: ScanMode::Fresh,
            ..due(reason)
        });
    }
    match (&state.running, state.complete_as_of) {
        (Some(running), _) if running.partial => Some(DueScan {
            mode: ScanMode::Partial,
            ..due(ScanReason::NewRules)
        }),
        (Some(_), _) => Some(due(ScanReason::Unfinished)),
        (None, None) => Some(due(ScanReason::NeverComplete)),
        (None, Some(as_of)) => {
            let is_old = elapsed(as_of.as_millis(), now_millis) >= every;
            is_old.then_some(due(ScanReason::TooOld))
        }
    }
}

/// Why events since the last scan may be neither in the index nor in the queue. `None` if no events can be
/// lost.
fn why_events_may_be_lost(
    state: &SourceState,
    queue: &QueueInfo,
    now_millis: i64,
) -> Option<ScanReason> {
    match &state.followed {
        Some(followed) if followed.queue.may_equal(&queue.id) => {
            let unfollowed = elapsed(followed.until_millis, now_millis);
            (unfollowed >= queue.retention).then_some(ScanReason::RetentionExceeded)
        }
        _ => Some(ScanReason::NotFollowed),
    }
}

/// The maximum time between two scans of one Source: `every`, minus up to a tenth of it, by `random` (0 to 1).
/// It spreads the scans of Sources that were first scanned together.
pub fn jittered(every: Duration, random: f64) -> Duration {
    every.mul_f64(1.0 - random.clamp(0.0, 1.0) / 10.0)
}

/// Time until the next scan is due by age. Zero if no scan has completed yet.
pub fn time_until_due(state: &SourceState, every: Duration, now_millis: i64) -> Duration {
    let Some(as_of) = state.complete_as_of else {
        return Duration::ZERO;
    };
    every.saturating_sub(elapsed(as_of.as_millis(), now_millis))
}

/// The time from `then` to `now`. Zero if the clock was set back in between.
fn elapsed(then_millis: i64, now_millis: i64) -> Duration {
    let millis = now_millis.saturating_sub(then_millis);
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::replication::source_state::{FollowedUntil, SourceId, SourceIdentity};
    use crate::core::replication::timestamp::Timestamp;

    const HOUR: i64 = 3_600_000;
    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// The id of a queue. If `name` ends in `!`, it was deleted and created again.
    fn queue_id(name: &str) -> QueueId {
        QueueId {
            url: name.trim_end_matches('!').into(),
            created: Some(name.len() as i64),
        }
    }

    fn queue() -> QueueInfo {
        QueueInfo {
            id: queue_id("queue"),
            retention: 4 * DAY,
        }
    }

    /// A Source that was last scanned, and last received events, that many hours before `NOW`.
    fn state(scanned: Option<i64>, followed: Option<(&str, i64)>) -> SourceState {
        let identity = SourceIdentity {
            name: "a",
            subdomain: "a",
            origin: "o",
            prefix: "",
            scope: "s",
        };
        let mut state = SourceState::new(SourceId(0), &identity);
        state.complete_as_of = scanned.map(|hours| Timestamp::from_millis(NOW - hours * HOUR));
        state.followed = followed.map(|(url, hours)| FollowedUntil {
            queue: queue_id(url),
            until_millis: NOW - hours * HOUR,
        });
        state
    }

    const NOW: i64 = 1_000_000 * HOUR;

    #[test]
    fn scan_is_due_after_a_source_was_disabled_with_and_without_a_queue() {
        let queue = queue();
        for queue in [None, Some(&queue)] {
            let mut state = state(Some(1), Some(("queue", 0)));
            let due = |state: &SourceState| due_scan(state, queue, DAY, NOW);
            assert_eq!(due(&state), None);
            state.was_detached = true;
            let fresh = |reason| {
                let mode = ScanMode::Fresh;
                Some(DueScan { reason, mode })
            };
            assert_eq!(due(&state), fresh(ScanReason::WasDisabled));
            // A partial scan does not list all keys.
            state.begin_partial_scan(Vec::new());
            assert_eq!(due(&state), fresh(ScanReason::WasDisabled));
            state.begin_scan(Vec::new());
            let resumed = due(&state).unwrap();
            assert_eq!(
                (resumed.reason, resumed.mode),
                (ScanReason::Unfinished, ScanMode::Resume)
            );
            state.complete_scan().unwrap();
            assert_ne!(
                due(&state).map(|due| due.reason),
                Some(ScanReason::WasDisabled)
            );
        }
    }

    #[test]
    fn scan_is_due_if_events_may_be_lost_or_the_last_one_is_old() {
        use ScanReason::{NeverComplete, NotFollowed, RetentionExceeded, TooOld};
        for (scanned, followed, want) in [
            (None, None, Some((NeverComplete, true))),
            (None, Some(("queue", 0)), Some((NeverComplete, false))),
            (Some(1), None, Some((NotFollowed, true))),
            (Some(1), Some(("another", 0)), Some((NotFollowed, true))),
            (Some(1), Some(("queue!", 0)), Some((NotFollowed, true))),
            (Some(1), Some(("queue", 0)), None),
            (Some(23), Some(("queue", 1)), None),
            (Some(24), Some(("queue", 1)), Some((TooOld, false))),
            (Some(97), Some(("queue", 95)), Some((TooOld, false))),
            (
                Some(97),
                Some(("queue", 96)),
                Some((RetentionExceeded, true)),
            ),
            (Some(-1), Some(("queue", -1)), None),
        ] {
            let due = due_scan(&state(scanned, followed), Some(&queue()), DAY, NOW);
            let due = due.map(|due| (due.reason, due.mode == ScanMode::Fresh));
            assert_eq!(due, want, "{scanned:?} {followed:?}");
        }
    }

    #[test]
    fn without_a_queue_only_the_age_of_the_last_scan_counts() {
        for (scanned, want) in [
            (None, Some(ScanReason::NeverComplete)),
            (Some(1), None),
            (Some(25), Some(ScanReason::TooOld)),
        ] {
            let due = due_scan(&state(scanned, None), None, DAY, NOW);
            assert_eq!(due.map(|due| due.reason), want, "{scanned:?}");
        }
    }

    #[test]
    fn unfinished_scan_is_resumed_unless_events_were_lost() {
        for (partial, hours, want) in [
            (false, 1, (ScanReason::Unfinished, ScanMode::Resume)),
            (true, 1, (ScanReason::NewRules, ScanMode::Partial)),
            (false, 200, (ScanReason::RetentionExceeded, ScanMode::Fresh)),
            (true, 200, (ScanReason::RetentionExceeded, ScanMode::Fresh)),
        ] {
            let mut state = state(Some(500), Some(("queue", hours)));
            if partial {
                state.begin_partial_scan(Vec::new())
            } else {
                state.begin_scan(Vec::new())
            }
            let due = due_scan(&state, Some(&queue()), DAY, NOW).unwrap();
            assert_eq!((due.reason, due.mode), want);
        }
    }

    #[test]
    fn jitter_makes_the_next_scan_due_up_to_a_tenth_earlier() {
        let state = state(Some(4), None);
        let hours =
            |random| time_until_due(&state, jittered(DAY, random), NOW).as_secs_f64() / 3600.0;
        assert_eq!(hours(0.0), 20.0);
        assert!((hours(1.0) - 17.6).abs() < 0.001);
        let late = time_until_due(&state, Duration::from_secs(3600), NOW);
        assert_eq!(late, Duration::ZERO);
    }
}
