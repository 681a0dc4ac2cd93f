//! The result of a reindex as one JSON object. `schema/commands.md` describes it.

use serde::Serialize;

use crate::core::query::hit::rfc3339;
use crate::index::current::LostRecords;
use crate::ingest::reindex::{ReindexMode, ReindexOutcome, ReindexReport};
use crate::ingest::scanner::{ScanError, ScanOutcome};

/// The result of a reindex.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    mode: &'static str,
    sources: Vec<SourceResult<'a>>,
    unconfigured: Vec<Unconfigured<'a>>,
    /// The records that a rebuild could not carry over. `None` if none of them could be read.
    lost_records: Option<u64>,
}

/// How the scan of one Source ended.
#[derive(Serialize)]
struct SourceResult<'a> {
    source: &'a str,
    result: &'static str,
    resumed: bool,
    as_of: Option<String>,
    error: Option<String>,
    seconds: f64,
    list_requests: u64,
    listed: u64,
    admitted: u64,
    added: u64,
    changed: u64,
    removed: u64,
    removed_by_rules: u64,
    removed_by_move: u64,
    unusable_keys: u64,
    is_large_removal: bool,
}

/// A Source that is no longer configured and therefore loses its assets.
#[derive(Serialize)]
struct Unconfigured<'a> {
    source: &'a str,
    removed: u64,
}

impl<'a> Report<'a> {
    pub(super) fn of(report: &'a ReindexReport, mode: ReindexMode) -> Self {
        let unconfigured = report.unconfigured.iter().map(|source| Unconfigured {
            source: &source.name,
            removed: source.assets,
        });
        Self {
            mode: match mode {
                ReindexMode::InPlace => "in_place",
                ReindexMode::Rebuild => "rebuild",
                ReindexMode::DryRun => "dry_run",
            },
            sources: report.outcomes.iter().map(SourceResult::of).collect(),
            unconfigured: unconfigured.collect(),
            lost_records: match report.lost {
                LostRecords::Counted(records) => Some(records),
                LostRecords::All => None,
            },
        }
    }
}

impl<'a> SourceResult<'a> {
    fn of(outcome: &'a ReindexOutcome) -> Self {
        let counts = outcome.job.progress.counts();
        let (result, error) = match &outcome.scan.result {
            Ok(_) => ("complete", None),
            Err(ScanError::Interrupted) => ("interrupted", None),
            Err(error) => ("failed", Some(error.to_string())),
        };
        let complete = outcome.scan.result.as_ref().ok();
        Self {
            source: &outcome.job.source.name,
            result,
            resumed: complete.is_some_and(|complete| complete.resumed),
            as_of: complete.and_then(|complete: &ScanOutcome| complete.as_of.map(rfc3339)),
            error,
            seconds: outcome.scan.took.as_secs_f64(),
            list_requests: outcome.scan.list_requests,
            listed: counts.listed,
            admitted: counts.admitted,
            added: counts.added,
            changed: counts.changed,
            removed: counts.removed,
            removed_by_rules: counts.excluded,
            removed_by_move: counts.former,
            unusable_keys: counts.unusable,
            is_large_removal: counts.lost_at_once > 0,
        }
    }
}
