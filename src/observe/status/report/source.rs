//! One Source, in the report.

use serde::{Deserialize, Serialize};

use super::seconds_between;
use crate::core::counters::ScanCounts;
use crate::core::query::hit::rfc3339;
use crate::core::replication::timestamp::Timestamp;
use crate::index::tally::Drift;
use crate::observe::status::{LagSummary, LastError, ScanInProgress, SourcePhase, SourceStatus};

/// One Source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceReport {
    /// Its name.
    pub name: String,
    /// The bucket.
    pub bucket: String,
    /// The prefix.
    pub prefix: String,
    /// The subdomain.
    pub subdomain: String,
    /// The address of its queue; `null`: it is kept right by scans alone.
    pub queue_url: Option<String>,
    /// What state it is in.
    pub state: DeploymentState,
    /// What it suffers from, in words.
    pub reasons: Vec<String>,
    /// How many assets search can find.
    pub assets: u64,
    /// The scan that is under way, if any is.
    pub scan: Option<ScanReport>,
    /// As of when its newest complete scan shows the bucket, by S3's clock; `null`: there is none.
    pub complete_as_of: Option<String>,
    /// What the newest scan that measured it had to mend.
    pub drift: Option<DriftReport>,
    /// From event to searchable, of the newest events; `null` before the first.
    pub lag: Option<LagReport>,
    /// What was done, since the process began.
    pub counts: SourceCounts,
    /// What went wrong last.
    pub last_error: Option<ErrorReport>,
}

/// What state a Source is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// Its first listing, or that of another bucket, is not complete yet.
    Deploying,
    /// The index mirrors it.
    Deployed,
    /// Either of the two, and it suffers from something.
    Degraded,
    /// It is disabled, whatever it suffers from.
    Disabled,
}

impl DeploymentState {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Deploying,
        Self::Deployed,
        Self::Degraded,
        Self::Disabled,
    ];

    /// The state of a Source that is so far, and suffers from something or not.
    pub fn of(phase: SourcePhase, suffers: bool) -> Self {
        match phase {
            SourcePhase::Disabled => Self::Disabled,
            _ if suffers => Self::Degraded,
            SourcePhase::Deploying => Self::Deploying,
            SourcePhase::Deployed => Self::Deployed,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deploying => "deploying",
            Self::Deployed => "deployed",
            Self::Degraded => "degraded",
            Self::Disabled => "disabled",
        }
    }
}

/// A scan that is under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScanReport {
    /// Why it runs, in words.
    pub reason: String,
    /// Since when.
    pub since: String,
    /// How long that is.
    pub seconds: f64,
    /// What it has done so far.
    #[serde(flatten)]
    pub counts: ScanCounts,
}

/// What a scan had to mend although events should have told; zeros are what is expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftReport {
    /// As of when the scan is complete.
    pub as_of: Option<String>,
    /// Assets that the index did not have.
    pub missing: u64,
    /// Assets of which the index had another size or ETag.
    pub stale: u64,
    /// Assets in the index that were not in the bucket any more.
    pub left_over: u64,
}

/// From event to searchable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LagReport {
    /// Half of them took no longer.
    pub p50_seconds: f64,
    /// All but one in a hundred took no longer.
    pub p99_seconds: f64,
    /// None took longer.
    pub max_seconds: f64,
}

/// What was done for one Source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCounts {
    /// Events whose effect was written.
    pub written: u64,
    /// Events of which the index knew as much or more.
    pub stale: u64,
    /// Pages of one key that were asked for.
    pub look_ups: u64,
    /// Scans that completed.
    pub scans: u64,
    /// Scans that failed.
    pub failed_scans: u64,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// When.
    pub at: String,
    /// What.
    pub text: String,
}

impl SourceReport {
    pub(super) fn at(source: &SourceStatus, now: Timestamp) -> Self {
        let facts = source.settings();
        let reasons = source.conditions();
        Self {
            name: source.name.clone(),
            bucket: facts.bucket,
            prefix: facts.prefix,
            subdomain: facts.subdomain,
            queue_url: facts.queue_url,
            state: DeploymentState::of(source.phase(), !reasons.is_empty()),
            reasons,
            assets: source.tally.assets(),
            scan: source.scan().map(|scan| ScanReport::at(&scan, now)),
            complete_as_of: source.complete_as_of().map(rfc3339),
            drift: source.tally.drift().map(DriftReport::of),
            lag: source.lag.figures().map(LagReport::of),
            counts: SourceCounts {
                written: source.written.get(),
                stale: source.stale.get(),
                look_ups: source.look_ups.get(),
                scans: source.scans.get(),
                failed_scans: source.failed_scans.get(),
            },
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
    fn of(figures: LagSummary) -> Self {
        Self {
            p50_seconds: figures.p50.as_secs_f64(),
            p99_seconds: figures.p99.as_secs_f64(),
            max_seconds: figures.max.as_secs_f64(),
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
