//! A rebuild: builds a new generation next to the current one while every event goes into both.
//!
//! Scans fill the new generation. If all of them complete, it becomes the current one. Otherwise it is
//! removed. A rebuild ends with its session: if a new configuration arrives meanwhile, it must be requested again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::commands::{RebuildProgress, RebuildRequest, ScanReport};
use super::context::DaemonContext;
use super::queues::Queues;
use crate::concurrency::ConcurrencyLimit;
use crate::config::Config;
use crate::core::counters::ScanProgress;
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::source_state::SourceId;
use crate::index::IndexError;
use crate::index::ledger::{AttachRequest, CommitPolicy};
use crate::index::new_generation::{
    IfUnusable, PrepareOptions, PreparedGeneration, prepare_new_generation,
};
use crate::index::tally::Tally;
use crate::index::writer::{self, IndexHandle, IndexThread};
use crate::ingest::consumer::routes::ActiveSource;
use crate::ingest::consumer::{QueueState, Reception};
use crate::ingest::scanner::{ScanError, ScanJob, scan_measured};
use crate::observe::status::QueueHealth;

/// Maximum time to wait until the queues are drained after all scans completed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The generation that a rebuild builds.
pub(super) struct NewGeneration {
    pub index: IndexHandle,
    thread: IndexThread,
    path: PathBuf,
    result: Arc<OnceLock<FillResult>>,
}

/// How the scans ended that fill the new generation. Not set if the index failed.
#[derive(Clone, Copy, Debug)]
enum FillResult {
    /// All scans completed.
    Complete,
    /// At least one scan failed.
    Incomplete,
    /// The session was stopped.
    Stopped,
}

/// The scans that fill the new generation.
pub(super) struct Fill {
    jobs: Vec<Job>,
    index: IndexHandle,
    config: Arc<Config>,
    request: RebuildRequest,
    result: Arc<OnceLock<FillResult>>,
    /// The Sources with a queue.
    followed: Vec<FollowedQueue>,
}

/// The queue of a Source.
struct FollowedQueue {
    source: SourceId,
    state: Arc<QueueState>,
    /// Its losses before the Source was listed.
    losses_before: u64,
}

/// The scan of one Source.
struct Job {
    active: Arc<ActiveSource>,
    progress: Arc<ScanProgress>,
}

impl NewGeneration {
    /// Creates an empty generation with the names, numbers and subdomains of the current one.
    pub(super) async fn open(config: &Config, ctx: &DaemonContext) -> Result<Self, IndexError> {
        let disabled = config.sources.iter().filter(|source| !source.enabled);
        let options = PrepareOptions {
            memory: config.index.writer_memory_bytes,
            policy: CommitPolicy::of(&config.index, false),
            resume: false,
            if_unusable: IfUnusable::Fail,
            disabled: disabled.map(|source| source.name.clone()).collect(),
        };
        let data_dir = ctx.data_dir.clone();
        // Blocking: it reads the whole current index. Meanwhile the watchdog must be reset.
        let prepare = move || prepare_new_generation(&data_dir, options);
        let prepared = tokio::task::spawn_blocking(prepare).await;
        let PreparedGeneration { path, ledger } = prepared.unwrap_or_else(|panic| {
            Err(IndexError::engine("read the index before a rebuild")(panic))
        })?;
        let (index, thread) = writer::start(ledger)?;
        tracing::info!(generation = %path.display(), "rebuild started");
        Ok(Self {
            index,
            thread,
            path,
            result: Arc::default(),
        })
    }

    /// Attaches the Sources, with the same numbers as in the current index. Returns the scans to run.
    pub(super) async fn fill(
        &self,
        request: &RebuildRequest,
        sources: &[Arc<ActiveSource>],
        queues: &Queues,
        config: &Arc<Config>,
    ) -> Result<Fill, IndexError> {
        let followed = |active: &Arc<ActiveSource>| {
            let state = queues.of(active)?.state;
            Some(FollowedQueue {
                source: active.id,
                losses_before: state.losses(),
                state,
            })
        };
        let mut jobs = Vec::with_capacity(sources.len());
        for active in sources {
            let request = AttachRequest {
                source: Arc::clone(&active.source),
                former: None,
                tally: Arc::new(Tally::default()),
                ranges_in_flight: config.scan.ranges_in_flight,
            };
            let attached = self.index.attach(request).await?;
            if attached.id != active.id {
                return Err(IndexError::Damaged {
                    what: format!("Source {:?} has two numbers in it", active.source.name),
                });
            }
            jobs.push(Job {
                active: Arc::clone(active),
                progress: Arc::default(),
            });
        }
        Ok(Fill {
            jobs,
            index: self.index.clone(),
            config: Arc::clone(config),
            request: request.clone(),
            result: Arc::clone(&self.result),
            followed: sources.iter().filter_map(followed).collect(),
        })
    }

    /// Closes the new generation. Makes it current if it is complete and the session ended without an error,
    /// and removes it otherwise. The current generation must be closed already.
    ///
    /// # Errors
    ///
    /// Only if the data directory cannot be changed. A failed rebuild is reported to the request.
    pub(super) async fn finish(
        self,
        request: Option<&RebuildRequest>,
        session_succeeded: bool,
        ctx: &DaemonContext,
    ) -> Result<(), IndexError> {
        drop(self.index);
        let closed = self.thread.join().await;
        let report = |progress| {
            if let Some(request) = request {
                request.report(progress);
            }
        };
        let fail = |reason: &str| {
            tracing::warn!(reason, "rebuild failed");
            report(RebuildProgress::Failed(reason.to_owned()));
        };
        if let Err(reason) = check_publishable(session_succeeded, self.result.get(), closed) {
            remove(&self.path);
            fail(&reason);
            return Ok(());
        }
        // After an error the generation stays: it may be the current one on the disk nevertheless.
        let published = ctx.data_dir.publish(&self.path);
        published.inspect_err(|error| fail(&error.to_string()))?;
        tracing::info!("rebuild completed; the new index is current");
        report(RebuildProgress::Published);
        if let Err(error) = ctx.data_dir.remove_old(&ctx.lock) {
            tracing::warn!(%error, "failed to remove the previous index");
        }
        Ok(())
    }
}

/// Whether the new generation may become current. The error is the reason why not.
fn check_publishable(
    session_succeeded: bool,
    result: Option<&FillResult>,
    closed: Result<(), IndexError>,
) -> Result<(), String> {
    match result {
        _ if !session_succeeded => {
            Err("the index failed during the rebuild; start it again".to_owned())
        }
        Some(FillResult::Complete) => closed.map_err(|error| error.to_string()),
        Some(FillResult::Incomplete) => {
            Err("not every Source could be scanned; the previous index stays".to_owned())
        }
        Some(FillResult::Stopped) | None => Err(
            "a new configuration took over, or the daemon is stopping; start it again".to_owned(),
        ),
    }
}

/// Removes an incomplete generation. If this fails, the next rebuild removes the rest.
fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_dir_all(path) {
        tracing::warn!(%error, path = %path.display(), "failed to remove an incomplete index");
    }
}

impl FollowedQueue {
    /// Waits until the queue is drained, or receiving fails.
    async fn wait_until_drained(&self) {
        let mut reception = self.state.watch();
        let is_over =
            |now: &Reception| now.is_drained || !matches!(now.health, QueueHealth::Receiving);
        // It cannot fail: `self` keeps the sender.
        let _ = reception.wait_for(is_over).await;
    }

    /// Whether the new generation contains everything that has happened since the Source was listed. If not,
    /// a scan is due after it has become current.
    fn has_delivered_everything(&self) -> bool {
        let reception = self.state.reception();
        reception.health == QueueHealth::Receiving
            && reception.is_drained
            && self.state.losses() == self.losses_before
    }
}

impl Fill {
    /// Scans all Sources, then stops the session.
    pub(super) async fn run(
        self,
        concurrent_scans: ConcurrencyLimit,
        stop: CancellationToken,
    ) -> Result<(), IndexError> {
        let mut scans = JoinSet::new();
        let mut is_complete = true;
        for job in self.jobs {
            let name = job.active.source.name.clone();
            let progress = Arc::clone(&job.progress);
            self.request
                .report(RebuildProgress::ScanStarted(name, progress));
            let (index, config) = (self.index.clone(), Arc::clone(&self.config));
            let (concurrent_scans, stop) = (concurrent_scans.clone(), stop.clone());
            scans.spawn(async move {
                let _permit = concurrent_scans.acquire().await;
                job.scan(index, &config, &stop).await
            });
        }
        while let Some(ended) = scans.join_next().await {
            let Ok((name, report, failure)) = ended else {
                is_complete = false;
                continue;
            };
            is_complete &= report.result.is_ok();
            self.request
                .report(RebuildProgress::ScanEnded(name, report));
            if let Some(error) = failure {
                return Err(error);
            }
        }
        let result = match is_complete {
            _ if stop.is_cancelled() => FillResult::Stopped,
            true => FillResult::Complete,
            false => FillResult::Incomplete,
        };
        if let FillResult::Complete = result {
            wait_until_drained(&self.followed, &stop).await;
            let followed = self.followed.iter();
            for queue in followed.filter(|queue| queue.has_delivered_everything()) {
                self.index.follow(queue.source, queue.state.id()).await?;
            }
        }
        // It is set only here.
        let _ = self.result.set(result);
        stop.cancel();
        Ok(())
    }
}

/// Waits a short time until all queues are drained, to avoid a scan after the rebuild.
async fn wait_until_drained(followed: &[FollowedQueue], stop: &CancellationToken) {
    let drained = async {
        for queue in followed {
            queue.wait_until_drained().await;
        }
    };
    let drained = tokio::time::timeout(DRAIN_TIMEOUT, drained);
    // After the timeout or a stop, the Sources whose queue is not drained need a scan.
    let _ = stop.run_until_cancelled(drained).await;
}

impl Job {
    /// Scans the Source into the new generation. Also returns the error if the index failed.
    async fn scan(
        self,
        index: IndexHandle,
        config: &Config,
        stop: &CancellationToken,
    ) -> (String, ScanReport, Option<IndexError>) {
        let source = &self.active.source;
        let job = ScanJob {
            source: Arc::clone(source),
            lister: Arc::clone(&self.active.bucket),
            index,
            progress: self.progress,
            ranges_in_flight: config.scan.ranges_in_flight,
            mode: ScanMode::Fresh,
            drift_grace: None,
            // Events count as followed only after all scans completed.
            queue: None,
        };
        let scan = scan_measured(job, "rebuild", stop).await;
        let failure = match &scan.result {
            Err(ScanError::Index(error)) if !error.is_about_one_source() => Some(error.clone()),
            _ => None,
        };
        (source.name.clone(), ScanReport::of(&scan), failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::status::StatusBoard;

    fn followed() -> FollowedQueue {
        let board = StatusBoard::new("/nowhere".into()).queue("url");
        FollowedQueue {
            source: SourceId(0),
            state: Arc::new(QueueState::new(board)),
            losses_before: 0,
        }
    }

    #[tokio::test]
    async fn queue_has_delivered_everything_once_it_is_drained_without_losses() {
        let queue = followed();
        let wait = Duration::from_secs(1);
        queue.state.on_received(1, wait);
        assert!(!queue.has_delivered_everything());
        queue.state.on_received(0, wait);
        queue.wait_until_drained().await;
        assert!(queue.has_delivered_everything());
        queue.state.on_given_up();
        assert!(!queue.has_delivered_everything());
    }

    #[tokio::test]
    async fn does_not_wait_for_a_queue_that_cannot_be_received_from() {
        let queue = followed();
        queue.wait_until_drained().await;
        assert!(!queue.has_delivered_everything());
    }

    #[test]
    fn only_a_complete_and_closed_generation_is_publishable() {
        for (session_succeeded, result, closed, reason) in [
            (true, Some(FillResult::Complete), Ok(()), None),
            (
                true,
                Some(FillResult::Incomplete),
                Ok(()),
                Some("not every Source"),
            ),
            (
                true,
                Some(FillResult::Stopped),
                Ok(()),
                Some("a new configuration"),
            ),
            (true, None, Ok(()), Some("start it again")),
            (
                false,
                Some(FillResult::Complete),
                Ok(()),
                Some("failed during the rebuild"),
            ),
            (
                true,
                Some(FillResult::Complete),
                Err(IndexError::WriterGone),
                Some(""),
            ),
        ] {
            let checked = check_publishable(session_succeeded, result.as_ref(), closed);
            match (&checked, reason) {
                (Ok(()), None) => {}
                (Err(why), Some(words)) => assert!(why.contains(words), "{why}"),
                _ => panic!("{result:?}, session succeeded {session_succeeded}: {checked:?}"),
            }
        }
    }
}
