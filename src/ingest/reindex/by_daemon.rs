//! A reindex that the daemon does, because it holds the index: asked for on its control socket, and
//! watched from here.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Job, Mode, Outcome, Reindex};
use crate::core::replication::timestamp::Timestamp;
use crate::ingest::scanner::{Completed, ScanError};
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
    ) -> Result<Vec<Outcome>, ControlError> {
        let names = self.jobs.iter().map(|job| job.source.name.clone());
        let request = match self.mode {
            Mode::Rebuild => Request::Rebuild,
            _ => Request::Reindex {
                sources: names.collect(),
                fresh: self.fresh,
            },
        };
        let answers = ask(socket, &request).await?;
        let mut outcomes: Vec<Option<Outcome>> = self.jobs.iter().map(|_| None).collect();
        let watched = stop.run_until_cancelled(watch(&self.jobs, answers, &mut outcomes));
        match watched.await {
            Some(ended) => ended?,
            None => tracing::warn!("the daemon goes on with what was asked for"),
        }
        let left = |(outcome, job): (Option<Outcome>, &Arc<Job>)| {
            outcome.unwrap_or_else(|| Outcome {
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
    jobs: &[Arc<Job>],
    mut answers: Answers,
    outcomes: &mut [Option<Outcome>],
) -> Result<(), ControlError> {
    let place = |figures: &ScanFigures| {
        let mut names = jobs.iter().map(|job| &job.source.name);
        names.position(|name| *name == figures.source)
    };
    while let Some(answer) = answers.next().await? {
        match answer {
            Answer::Progress(figures) => {
                if let Some(place) = place(&figures) {
                    figures.show_on(&jobs[place].progress);
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
                figures.show_on(&job.progress);
                job.requests.store(requests, Ordering::Relaxed);
                let complete = |(resumed, as_of): (bool, Option<i64>)| Completed {
                    resumed,
                    as_of: as_of.map(Timestamp::from_millis),
                };
                outcomes[place] = Some(Outcome {
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
