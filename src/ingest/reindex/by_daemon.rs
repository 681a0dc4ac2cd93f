//! A reindex that the daemon does, because it holds the index: asked for on its control socket, and
//! watched from here.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Reindex, ReindexJob, ReindexMode, ReindexOutcome};
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::timestamp::Timestamp;
use crate::ingest::scanner::{ScanError, ScanOutcome};
use crate::serve::control::{Answer, Answers, ControlError, Request, ScanFigures, ask};

impl Reindex {
    /// Has the daemon do it that answers on the socket. The outcomes come in the order of the
    /// configuration.
    ///
    /// When `stop` is cancelled it is only watched no more: the daemon goes on.
    pub(crate) async fn run_by_daemon(
        self,
        socket: &Path,
        stop: &CancellationToken,
    ) -> Result<Vec<ReindexOutcome>, ControlError> {
        let names = self.jobs.iter().map(|job| job.source.name.clone());
        let request = match self.mode {
            ReindexMode::Rebuild => Request::Rebuild,
            _ => Request::Reindex {
                sources: names.collect(),
                fresh: self.scan_mode == ScanMode::Fresh,
            },
        };
        let answers = ask(socket, &request).await?;
        let mut outcomes: Vec<Option<ReindexOutcome>> = self.jobs.iter().map(|_| None).collect();
        let watched = stop.run_until_cancelled(watch(&self.jobs, answers, &mut outcomes));
        match watched.await {
            Some(ended) => ended?,
            None => tracing::warn!("the daemon goes on with what was asked for"),
        }
        let left = |(outcome, job): (Option<ReindexOutcome>, &Arc<ReindexJob>)| {
            outcome.unwrap_or_else(|| ReindexOutcome {
                job: Arc::clone(job),
                result: Err(ScanError::Interrupted),
                took: Duration::ZERO,
            })
        };
        Ok(outcomes.into_iter().zip(&self.jobs).map(left).collect())
    }
}

/// Follows the answers to the last.
async fn watch(
    jobs: &[Arc<ReindexJob>],
    mut answers: Answers,
    outcomes: &mut [Option<ReindexOutcome>],
) -> Result<(), ControlError> {
    let place = |figures: &ScanFigures| {
        let mut names = jobs.iter().map(|job| &job.source.name);
        names.position(|name| *name == figures.source)
    };
    while let Some(answer) = answers.next().await? {
        match answer {
            Answer::Progress(figures) => {
                if let Some(place) = place(&figures) {
                    jobs[place].progress.raise_to(&figures.counts);
                }
            }
            Answer::Ended {
                figures,
                result,
                took_seconds,
                requests,
            } => {
                let Some(place) = place(&figures) else {
                    continue;
                };
                let job = Arc::clone(&jobs[place]);
                job.progress.raise_to(&figures.counts);
                job.requests.store(requests, Ordering::Relaxed);
                let complete = |(resumed, as_of): (bool, Option<i64>)| ScanOutcome {
                    resumed,
                    as_of: as_of.map(Timestamp::from_millis),
                };
                outcomes[place] = Some(ReindexOutcome {
                    job,
                    result: result.map(complete).map_err(ScanError::ByDaemon),
                    took: Duration::try_from_secs_f64(took_seconds).unwrap_or_default(),
                });
            }
            _ => {}
        }
    }
    Ok(())
}
