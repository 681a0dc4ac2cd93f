//! Tests whether the clocks of this machine and of the store agree.
//!
//! Observations are ordered by the store's clock only. But requests are signed with the local time, and S3
//! refuses requests that are more than 15 minutes off.

use std::time::Duration;

use super::finding::{Finding, Subject};
use crate::aws::bucket::ClockReadings;

/// Maximum difference for a warning. A larger one is a failure: the clock keeps drifting, and soon S3 refuses
/// requests.
const FAILURE: Duration = Duration::from_secs(5 * 60);

/// Maximum difference that is ok. A larger one shows that nothing synchronizes the clock.
const WARNING: Duration = Duration::from_secs(30);

/// Compares the clocks. `clocks` is `None` if the response had no date.
pub(super) fn judge(clocks: Option<ClockReadings>) -> Finding {
    let Some(clocks) = clocks else {
        let what = "the responses of the store have no Date header, so a listing is dated by this \
                    machine's clock minus 15 minutes, and does not override events of the last 15 minutes";
        let remedy = "Configure the store, or the proxy in front of it, to send the Date header.";
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
        off if off > FAILURE => Finding::failure(
            Subject::Clock,
            what + "; S3 refuses requests that are off by more than 900 s",
        ),
        off if off > WARNING => Finding::warning(Subject::Clock, what),
        _ => return Finding::ok(Subject::Clock, "the clock agrees with the store's"),
    };
    finding
        .remedy("Synchronize this machine's clock with NTP")
        .command("timedatectl set-ntp true")
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;
    use crate::core::replication::timestamp::Timestamp;

    #[test]
    fn reports_a_wrong_clock_before_s3_refuses_requests() {
        for (local, store, verdict, text) in [
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
            assert!(finding.what.contains(text), "{finding:?}");
        }
        assert_eq!(judge(None).verdict, Verdict::Warning);
    }
}
