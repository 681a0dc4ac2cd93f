//! When a Source must be scanned: what its checkpoint says against the present moment.
//!
//! The present is that of our own clock, because it only measures how long something lasted, in hours,
//! also since a scan's stamp by S3's; nothing that is observed is put in order by it.

use std::fmt;
use std::time::Duration;

use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::source_state::{QueueId, SourceState};

/// Why a scan is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanReason {
    /// None has completed yet.
    NeverComplete,
    /// One is unfinished.
    Unfinished,
    /// What new rules admit has not been listed yet.
    NewRules,
    /// The events since the last scan are not known to be in the index.
    NotFollowed,
    /// Nobody received for longer than the queue keeps messages.
    AwayTooLong,
    /// The last one is too old.
    TooOld,
    /// Somebody asked for it.
    Asked,
}

impl fmt::Display for ScanReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeverComplete => "no scan has completed yet",
            Self::Unfinished => "a scan is unfinished",
            Self::NewRules => "the rules have changed",
            Self::NotFollowed => "events were not followed from this queue before",
            Self::AwayTooLong => "nobody received for longer than the queue keeps messages",
            Self::TooOld => "the last scan is too old",
            Self::Asked => "it was asked for",
        })
    }
}

/// A scan that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueScan {
    /// Why.
    pub reason: ScanReason,
    /// What to list. [`ScanMode::Fresh`] if events may have been lost: then an unfinished scan does not
    /// prove that the ranges it has listed are up to date.
    pub mode: ScanMode,
}

/// The queue that is received from, as far as scans depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueInfo {
    /// Which it is.
    pub id: QueueId,
    /// How long it keeps messages.
    pub retention: Duration,
}

/// The scan that is due now, if any is.
///
/// `every` is the longest time between two scans, `now_millis` the present by our clock.
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
    if let Some(reason) = queue.and_then(|queue| lost_events(state, queue, now_millis)) {
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

/// Whether events since the last scan may be neither in the index nor in the queue.
fn lost_events(state: &SourceState, queue: &QueueInfo, now_millis: i64) -> Option<ScanReason> {
    match &state.followed {
        Some(followed) if followed.queue.may_equal(&queue.id) => {
            let away = elapsed(followed.until_millis, now_millis);
            (away >= queue.retention).then_some(ScanReason::AwayTooLong)
        }
        _ => Some(ScanReason::NotFollowed),
    }
}

/// The longest time between two scans of one Source: `share` (0 to 1) of a tenth less than `every`, so that
/// Sources that began together part.
pub fn jittered(every: Duration, share: f64) -> Duration {
    every.mul_f64(1.0 - share.clamp(0.0, 1.0) / 10.0)
}

/// How long until the next scan is due of a Source that has completed one; zero where none has.
pub fn time_until_due(state: &SourceState, every: Duration, now_millis: i64) -> Duration {
    let Some(as_of) = state.complete_as_of else {
        return Duration::ZERO;
    };
    every.saturating_sub(elapsed(as_of.as_millis(), now_millis))
}

/// From `then` to `now`; zero where the clock was put back meanwhile.
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

    /// A queue that is created anew where its address ends in `!`.
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

    /// A Source that was last scanned and followed so many hours before `NOW`.
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
    fn a_scan_is_due_where_the_index_cannot_be_known_to_be_right() {
        use ScanReason::{AwayTooLong, NeverComplete, NotFollowed, TooOld};
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
            (Some(97), Some(("queue", 96)), Some((AwayTooLong, true))),
            (Some(-1), Some(("queue", -1)), None),
        ] {
            let due = due_scan(&state(scanned, followed), Some(&queue()), DAY, NOW);
            let due = due.map(|due| (due.reason, due.mode == ScanMode::Fresh));
            assert_eq!(due, want, "{scanned:?} {followed:?}");
        }
    }

    #[test]
    fn without_a_queue_only_the_scans_count() {
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
    fn an_unfinished_scan_goes_on_unless_events_were_lost() {
        for (partial, hours, want) in [
            (false, 1, (ScanReason::Unfinished, ScanMode::Resume)),
            (true, 1, (ScanReason::NewRules, ScanMode::Partial)),
            (false, 200, (ScanReason::AwayTooLong, ScanMode::Fresh)),
            (true, 200, (ScanReason::AwayTooLong, ScanMode::Fresh)),
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
    fn the_next_scan_comes_up_to_a_tenth_earlier() {
        let state = state(Some(4), None);
        let hours =
            |share| time_until_due(&state, jittered(DAY, share), NOW).as_secs_f64() / 3600.0;
        assert_eq!(hours(0.0), 20.0);
        assert!((hours(1.0) - 17.6).abs() < 0.001);
        let late = time_until_due(&state, Duration::from_secs(3600), NOW);
        assert_eq!(late, Duration::ZERO);
    }
}
