//! One Source in the status report.

use serde::{Deserialize, Serialize};

use super::seconds_between;
use crate::core::counters::ScanCounts;
use crate::core::human::grouped;
use crate::core::query::hit::rfc3339;
use crate::core::replication::timestamp::Timestamp;
use crate::index::tally::Drift;
use crate::observe::status::{
    LagSummary, LastError, ScanInProgress, SourcePhase, SourceStatus, UnusableKeys,
};

/// The status of one Source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceReport {
    /// The name of the Source.
    pub name: String,
    /// The bucket.
    pub bucket: String,
    /// The prefix.
    pub prefix: String,
    /// The subdomain.
    pub subdomain: String,
    /// The URL of its queue. `null` if the Source is only scanned.
    pub queue_url: Option<String>,
    /// The state of the Source.
    pub state: DeploymentState,
    /// The current problems, for people.
    pub reasons: Vec<String>,
    /// Number of assets that searches can find.
    pub assets: u64,
    /// The running scan, if any.
    pub scan: Option<ScanReport>,
    /// The last complete scan shows the bucket as of this time, by S3's clock. `null` if no scan has
    /// completed.
    pub complete_as_of: Option<String>,
    /// The drift that the last measuring scan repaired.
    pub drift: Option<DriftReport>,
    /// The keys that the last complete scan skipped. `null` if none.
    #[serde(default)]
    pub unusable_keys: Option<UnusableKeysReport>,
    /// The lag of recent events. `null` before the first event.
    pub lag: Option<LagReport>,
    /// Counts of the work since the process started.
    pub counts: SourceCounts,
    /// The time of the newest event that was written since the process started. `null` if none was.
    #[serde(default)]
    pub last_event_at: Option<String>,
    /// The last error.
    pub last_error: Option<ErrorReport>,
}

/// The state of a Source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// No scan of its current bucket and prefix has completed yet.
    Deploying,
    /// A scan has completed, and the index follows the bucket.
    Deployed,
    /// Deploying or deployed, and it has a problem.
    Degraded,
    /// The configuration disables it. It may have problems, too.
    Disabled,
}

impl DeploymentState {
    /// All states.
    pub const ALL: [Self; 4] = [
        Self::Deploying,
        Self::Deployed,
        Self::Degraded,
        Self::Disabled,
    ];

    /// The state of a Source in this phase, with or without problems.
    pub fn of(phase: SourcePhase, has_conditions: bool) -> Self {
        match phase {
            SourcePhase::Disabled => Self::Disabled,
            _ if has_conditions => Self::Degraded,
            SourcePhase::Deploying => Self::Deploying,
            SourcePhase::Deployed => Self::Deployed,
        }
    }

    /// The name in JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deploying => "deploying",
            Self::Deployed => "deployed",
            Self::Degraded => "degraded",
            Self::Disabled => "disabled",
        }
    }
}

/// A running scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScanReport {
    /// Why it was started, for people.
    pub reason: String,
    /// When it started.
    pub since: String,
    /// Time since it started.
    pub seconds: f64,
    /// Its progress so far.
    #[serde(flatten)]
    pub counts: ScanCounts,
}

/// Differences that a scan repaired although events should have reported them. Expected: 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftReport {
    /// The scan shows the bucket as of this time.
    pub as_of: Option<String>,
    /// Assets that were missing in the index.
    pub missing: u64,
    /// Assets that had another size or ETag in the index.
    pub stale: u64,
    /// Assets in the index that are no longer in the bucket.
    pub left_over: u64,
}

/// Keys of the bucket that cannot be indexed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusableKeysReport {
    /// Their number.
    pub count: u64,
    /// Some of them, for people.
    pub examples: Vec<String>,
}

impl UnusableKeysReport {
    fn of(keys: UnusableKeys) -> Self {
        let UnusableKeys { count, examples } = keys;
        Self { count, examples }
    }

    /// The sentence about them, without a final period.
    pub fn text(&self) -> String {
        let more = if self.count > self.examples.len() as u64 {
            ", …"
        } else {
            ""
        };
        format!(
            "{} of the keys cannot be indexed, because they are not UTF-8 or the store encodes them wrongly: {}{more}",
            grouped(self.count),
            self.examples.join(", ")
        )
    }
}

/// Time from an event until it is searchable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LagReport {
    /// The median.
    pub p50_seconds: f64,
    /// The 99th percentile.
    pub p99_seconds: f64,
    /// The maximum.
    pub max_seconds: f64,
}

/// Counts of the work for one Source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCounts {
    /// Events that were written to the index.
    pub written: u64,
    /// Events that were not newer than the index.
    pub stale: u64,
    /// Look-ups: listings of a single key.
    pub look_ups: u64,
    /// Completed scans.
    pub scans: u64,
    /// Failed scans.
    pub failed_scans: u64,
}

/// An error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// When it happened.
    pub at: String,
    /// The message.
    pub text: String,
}

impl SourceReport {
    pub(super) fn at(source: &SourceStatus, now: Timestamp) -> Self {
        let settings = source.settings();
        let reasons = source.conditions();
        Self {
            name: source.name.clone(),
            bucket: settings.bucket,
            prefix: settings.prefix,
            subdomain: settings.subdomain,
            queue_url: settings.queue_url,
            state: DeploymentState::of(source.phase(), !reasons.is_empty()),
            reasons,
            assets: source.tally.assets(),
            scan: source.scan().map(|scan| ScanReport::at(&scan, now)),
            complete_as_of: source.complete_as_of().map(rfc3339),
            drift: source.tally.drift().map(DriftReport::of),
            unusable_keys: source.unusable_keys().map(UnusableKeysReport::of),
            lag: source.lag.summary().map(LagReport::of),
            counts: SourceCounts {
                written: source.written.get(),
                stale: source.stale.get(),
                look_ups: source.look_ups.get(),
                scans: source.scans.get(),
                failed_scans: source.failed_scans.get(),
            },
            last_event_at: source.last_event_at().map(rfc3339),
            last_error: source.last_error().map(ErrorReport::of),
        }
    }
}

impl ScanReport {
    fn at(scan: &ScanInProgress, now: Timestamp) -> Self {
        Self {
            reason: scan.reason.to_string(),
            since: rfc3339(scan.since),
            seconds: seconds_between(scan.since, now),
            counts: scan.progress.counts(),
        }
    }
}

impl DriftReport {
    fn of(drift: Drift) -> Self {
        Self {
            as_of: drift.as_of.map(rfc3339),
            missing: drift.missing,
            stale: drift.stale,
            left_over: drift.left_over,
        }
    }
}

impl LagReport {
    fn of(summary: LagSummary) -> Self {
        Self {
            p50_seconds: summary.p50.as_secs_f64(),
            p99_seconds: summary.p99.as_secs_f64(),
            max_seconds: summary.max.as_secs_f64(),
        }
    }
}

impl ErrorReport {
    fn of(error: LastError) -> Self {
        Self {
            at: rfc3339(error.at),
            text: error.text,
        }
    }
}
