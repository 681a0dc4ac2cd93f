//! Whether this machine's clock and the store's agree.
//!
//! All that puts observations in order is the store's time; but requests are signed with local, and S3
//! refuses those that are signed more than 15 minutes off.

use std::time::Duration;

use super::finding::{Finding, Subject};
use crate::aws::bucket::ClockReadings;

/// Beyond it a refusal is near: clocks that are off drift on.
const FAILURE: Duration = Duration::from_secs(5 * 60);

/// Beyond it nobody keeps the clock.
const WARNING: Duration = Duration::from_secs(30);

/// What the clocks say; `None` where the store tells no time.
pub(super) fn judge(clocks: Option<ClockReadings>) -> Finding {
    let Some(clocks) = clocks else {
        let what = "the store's answers carry no Date, so listings are dated by this machine's clock \
                    with a margin of 15 minutes, within which events count as older than they are";
        let remedy = "have the store, or the proxy before it, send the header Date";
        return Finding::warning(Subject::Clock, what).remedy(remedy);
    };
    let (local, store) = (clocks.local.as_millis(), clocks.store.as_millis());
    let off = Duration::from_millis(local.abs_diff(store));
    let way = if local < store { "behind" } else { "ahead of" };
    let what = format!(
        "this machine's clock is {} s {way} the store's",
        off.as_secs()
    );
    let finding = match off {
        off if off > FAILURE => Finding::failure(Subject::Clock, what + "; S3 refuses from 900 s"),
        off if off > WARNING => Finding::warning(Subject::Clock, what),
        _ => return Finding::ok(Subject::Clock, "it agrees with the store's"),
    };
    finding
        .remedy("have this machine's clock set by NTP")
        .command("timedatectl set-ntp true")
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;
    use crate::core::replication::timestamp::Timestamp;

    #[test]
    fn a_clock_that_is_off_is_told_before_s3_refuses() {
        for (local, store, verdict, said) in [
            (0, 0, Verdict::Ok, "agrees"),
            (30_000, 0, Verdict::Ok, "agrees"),
            (0, 30_000, Verdict::Ok, "agrees"),
            (30_001, 0, Verdict::Warning, "30 s ahead of"),
            (0, 31_000, Verdict::Warning, "31 s behind"),
            (300_000, 0, Verdict::Warning, "300 s ahead of"),
            (300_001, 0, Verdict::Failure, "300 s ahead of"),
            (0, 86_400_000, Verdict::Failure, "86400 s behind"),
        ] {
            let (local, store) = (Timestamp::from_millis(local), Timestamp::from_millis(store));
            let finding = judge(Some(ClockReadings { store, local }));
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert!(finding.what.contains(said), "{finding:?}");
        }
        assert_eq!(judge(None).verdict, Verdict::Warning);
    }
}
