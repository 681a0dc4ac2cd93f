//! A reindex by the daemon: requests it on the control socket and follows its progress.
//!
//! The daemon does it because it holds the lock of the index.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Reindex, ReindexJob, ReindexMode, ReindexOutcome, ReindexReport};
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::timestamp::Timestamp;
use crate::index::current::LostRecords;
use crate::ingest::scanner::{MeasuredScan, ScanError, ScanOutcome};
use crate::serve::control::{
    AnswerStream, ControlAnswer, ControlError, ControlRequest, SourceScanCounts, send_request,
};

impl Reindex {
    /// Lets the daemon on that socket run the reindex. The report names no unconfigured Sources: the daemon
    /// removed and logged them when it loaded its configuration.
    ///
    /// If `stop` is cancelled, this only stops watching. The daemon continues.
    pub(crate) async fn run_by_daemon(
        self,
        socket: &Path,
        stop: &CancellationToken,
    ) -> Result<ReindexReport, ControlError> {
        let names = self.jobs.iter().map(|job| job.source.name.clone());
        let request = match self.mode {
            ReindexMode::Rebuild => ControlRequest::Rebuild {
                allow_empty: self.allow_empty,
            },
            _ => ControlRequest::Reindex {
                sources: names.collect(),
                fresh: self.scan_mode == ScanMode::Fresh,
                allow_empty: self.allow_empty,
            },
        };
        let answers = send_request(socket, &request).await?;
        let mut outcomes: Vec<Option<ReindexOutcome>> = self.jobs.iter().map(|_| None).collect();
        let watched = stop.run_until_cancelled(watch(&self.jobs, answers, &mut outcomes));
        let mut refusal = None;
        let watched = watched.await;
        let is_done = matches!(watched, Some(Ok(_)));
        let lost = match watched {
            Some(Ok(lost)) => lost,
            Some(Err(error)) if outcomes.iter().all(Option::is_none) => return Err(error),
            // The outcomes say why.
            Some(Err(error)) => {
                refusal = Some(error);
                LostRecords::NONE
            }
            None => {
                tracing::warn!("no longer watching; the daemon continues the reindex");
                LostRecords::NONE
            }
        };
        let or_interrupted = |(outcome, job): (Option<ReindexOutcome>, &Arc<ReindexJob>)| {
            outcome.unwrap_or_else(|| ReindexOutcome::failed(job, ScanError::Interrupted))
        };
        // A Source that a new configuration has removed during a rebuild has no outcome.
        let outcomes = outcomes.into_iter().zip(&self.jobs);
        let outcomes = outcomes.filter(|(outcome, _)| outcome.is_some() || !is_done);
        Ok(ReindexReport {
            outcomes: outcomes.map(or_interrupted).collect(),
            unconfigured: Vec::new(),
            lost,
            refusal,
        })
    }
}

/// Reads the answers until the last one. Shows progress on the jobs and stores outcomes. Returns the records that a
/// rebuild could not carry over.
async fn watch(
    jobs: &[Arc<ReindexJob>],
    mut answers: AnswerStream,
    outcomes: &mut [Option<ReindexOutcome>],
) -> Result<LostRecords, ControlError> {
    let mut lost = LostRecords::NONE;
    let position = |figures: &SourceScanCounts| {
        let mut names = jobs.iter().map(|job| &job.source.name);
        names.position(|name| *name == figures.source)
    };
    while let Some(answer) = answers.next().await? {
        match answer {
            ControlAnswer::Progress(figures) => {
                if let Some(position) = position(&figures) {
                    jobs[position].progress.raise_to(&figures.counts);
                }
            }
            ControlAnswer::Ended {
                figures,
                result,
                took_seconds,
                requests,
            } => {
                let Some(position) = position(&figures) else {
                    continue;
                };
                let job = Arc::clone(&jobs[position]);
                job.progress.raise_to(&figures.counts);
                let outcome = |(resumed, as_of): (bool, Option<i64>)| ScanOutcome {
                    resumed,
                    as_of: as_of.map(Timestamp::from_millis),
                };
                let scan = MeasuredScan {
                    result: result.map(outcome).map_err(ScanError::ByDaemon),
                    took: Duration::try_from_secs_f64(took_seconds).unwrap_or_default(),
                    list_requests: requests,
                };
                outcomes[position] = Some(ReindexOutcome { job, scan });
            }
            ControlAnswer::Lost(records) => lost = records,
            _ => {}
        }
    }
    Ok(lost)
}
