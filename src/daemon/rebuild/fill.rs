//! The scans that fill the new generation of a rebuild.
//!
//! Each Source that runs has one scan. If a new configuration changes the Source, its scan ends, and another one begins.
//! If it disables or removes the Source, a copy of what the current index has replaces the scan. All others go on. The
//! rebuild is complete when the last scan or copy of every Source is. This module publishes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::NewGeneration;
use super::copies::Copies;
use crate::concurrency::{ConcurrencyLimit, Permit};
use crate::config::Config;
use crate::core::counters::ScanProgress;
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::source_state::SourceId;
use crate::daemon::commands::{RebuildProgress, RebuildRequest, ScanReport};
use crate::daemon::queues::Queues;
use crate::index::IndexError;
use crate::index::ledger::AttachRequest;
use crate::index::tally::Tally;
use crate::index::writer::IndexHandle;
use crate::ingest::consumer::routes::ActiveSource;
use crate::ingest::consumer::{QueueState, Reception};
use crate::ingest::scanner::{MeasuredScan, ScanError, ScanJob, scan_measured};
use crate::observe::status::QueueHealth;

/// Maximum time to wait until the queues are drained after all scans completed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How the scans ended that fill the new generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::daemon) enum FillResult {
    /// All scans completed.
    Complete,
    /// At least one scan or copy failed.
    Incomplete,
}

/// The scans that fill the new generation.
pub(in crate::daemon) struct Fill {
    index: IndexHandle,
    request: RebuildRequest,
    /// Limits how many Sources are scanned at the same time.
    concurrent_scans: ConcurrencyLimit,
    /// The last scan of each Source that runs, by its name.
    jobs: BTreeMap<String, Job>,
    /// The copies of the other Sources.
    copies: Copies,
    tasks: JoinSet<Step>,
    /// The task that waits until the queues are drained. It runs only after all scans completed.
    draining: Option<Id>,
    result: Option<FillResult>,
    stop: CancellationToken,
}

/// The scan of one Source.
struct Job {
    task: Id,
    state: JobState,
    source: SourceId,
    /// The queue, if the Source has one.
    followed: Option<FollowedQueue>,
    stop: CancellationToken,
}

/// How far the scan or copy of a Source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobState {
    Running,
    Complete,
    Failed,
}

/// The end of a task.
pub(super) enum Step {
    /// The scan of the Source with this name has ended. The error is set if the index failed.
    Scanned(String, ScanReport, Option<IndexError>),
    /// A copy has ended. Whether it is complete, or the error of the index.
    Copied(Result<bool, IndexError>),
    /// The queues are drained, or it took too long.
    Drained(Result<(), IndexError>),
}

/// The queue of a Source.
#[derive(Clone)]
struct FollowedQueue {
    state: Arc<QueueState>,
    /// Its losses before the Source was listed.
    losses_before: u64,
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
    /// No Source is filled yet.
    pub(in crate::daemon) fn new(
        generation: &NewGeneration,
        request: RebuildRequest,
        concurrent_scans: ConcurrencyLimit,
        stop: CancellationToken,
    ) -> Self {
        request.report(RebuildProgress::Lost(generation.lost));
        Self {
            index: generation.index.clone(),
            request,
            concurrent_scans,
            jobs: BTreeMap::new(),
            copies: Copies::new(generation.data_dir.clone(), generation.index.clone()),
            tasks: JoinSet::new(),
            draining: None,
            result: None,
            stop,
        }
    }

    /// Sets the limit of the scans that start from now on.
    pub(in crate::daemon) fn limit_scans(&mut self, concurrent_scans: ConcurrencyLimit) {
        self.concurrent_scans = concurrent_scans;
    }

    /// How the rebuild ended. `None` if it has not.
    pub(in crate::daemon) fn result(&self) -> Option<FillResult> {
        self.result
    }

    /// Lets the scan of a Source end, and forgets it. [`ActiveSource::end`] waits for it.
    pub(in crate::daemon) fn forget(&mut self, name: &str) {
        if let Some(job) = self.jobs.remove(name) {
            job.stop.cancel();
        }
    }

    /// Records in the new generation that a Source does not run, after [`ActiveSource::end`].
    pub(in crate::daemon) async fn detach(&self, name: &str) -> Result<(), IndexError> {
        self.index.detach(name.to_owned()).await
    }

    /// Ends the copies of Sources. Call it before the current index changes these Sources.
    pub(in crate::daemon) async fn end_copies(&mut self, is_over: impl Fn(&str) -> bool) {
        self.copies.forget(is_over).await;
    }

    /// Attaches a Source to the new generation. It must get the same id as in the current index. No event of the
    /// Source may arrive before that.
    pub(in crate::daemon) async fn attach(
        &self,
        sources: impl IntoIterator<Item = &ActiveSource>,
        config: &Config,
    ) -> Result<(), IndexError> {
        let sources: Vec<_> = sources.into_iter().collect();
        let request = |active: &&ActiveSource| AttachRequest {
            source: Arc::clone(&active.source),
            former: None,
            tally: Arc::new(Tally::default()),
            ranges_in_flight: config.scan.ranges_in_flight,
        };
        let attached = self
            .index
            .attach(sources.iter().map(request).collect())
            .await?;
        for (active, attached) in sources.into_iter().zip(attached) {
            if attached?.id != active.id {
                return Err(IndexError::Damaged {
                    what: format!("Source {:?} has two numbers in it", active.source.name),
                });
            }
        }
        Ok(())
    }

    /// Starts the scans of attached Sources, and the copies of those that do not run. Call it after each change of the
    /// Sources, even if none begins. The current index has committed the change.
    pub(in crate::daemon) async fn start(
        &mut self,
        sources: &[Arc<ActiveSource>],
        queues: &Queues,
        config: &Arc<Config>,
    ) -> Result<(), IndexError> {
        let copied = self.copies.missing().await?;
        if !copied.is_empty() || !sources.is_empty() {
            self.stop_draining().await?;
        }
        if !copied.is_empty() {
            self.copies.start(copied, &mut self.tasks, &self.stop);
        }
        for active in sources {
            let (name, progress) = (active.source.name.clone(), Arc::default());
            let started = RebuildProgress::ScanStarted(name.clone(), Arc::clone(&progress));
            self.request.report(started);
            let (permits, stop) = (self.concurrent_scans.clone(), self.stop.child_token());
            let scan = FillScan {
                active: Arc::clone(active),
                progress,
                index: self.index.clone(),
                config: Arc::clone(config),
                allow_empty: self.request.allow_empty,
                stop: stop.clone(),
            };
            let scan = async move {
                let permit = scan.stop.run_until_cancelled(permits.acquire()).await;
                scan.run(permit).await
            };
            let followed = queues.of(active).map(|queue| FollowedQueue {
                losses_before: queue.state.losses(),
                state: queue.state,
            });
            let job = Job {
                task: self.tasks.spawn(active.track(scan)).id(),
                state: JobState::Running,
                source: active.id,
                followed,
                stop,
            };
            self.jobs.insert(name, job);
        }
        self.finish_if_done();
        Ok(())
    }

    /// Waits until the rebuild has ended. May be dropped and called again.
    pub(in crate::daemon) async fn wait(&mut self) -> Result<(), IndexError> {
        while self.result.is_none() {
            match self.tasks.join_next_with_id().await {
                Some(ended) => self.on_ended(ended)?,
                None => std::future::pending().await,
            }
        }
        Ok(())
    }

    /// Ends all tasks.
    pub(in crate::daemon) async fn shut_down(&mut self) {
        self.tasks.shutdown().await;
    }

    fn on_ended(&mut self, ended: Result<(Id, Step), JoinError>) -> Result<(), IndexError> {
        match ended {
            Ok((id, Step::Drained(result))) if self.draining == Some(id) => {
                result?;
                self.result = Some(FillResult::Complete);
            }
            Ok((_, Step::Drained(result))) => result?,
            Ok((id, Step::Scanned(name, report, failure))) => {
                if let Some(error) = failure {
                    return Err(error);
                }
                // The job may have been replaced meanwhile.
                if let Some(job) = self.jobs.get_mut(&name).filter(|job| job.task == id) {
                    job.state = match &report.result {
                        Ok(_) => JobState::Complete,
                        Err(_) => JobState::Failed,
                    };
                    self.request
                        .report(RebuildProgress::ScanEnded(name, report));
                }
            }
            Ok((id, Step::Copied(result))) => self.copies.on_ended(id, result?),
            Err(error) => {
                let mut jobs = self.jobs.values_mut();
                if let Some(job) = jobs.find(|job| job.task == error.id()) {
                    job.state = JobState::Failed;
                }
                self.copies.on_ended(error.id(), false);
            }
        }
        self.finish_if_done();
        Ok(())
    }

    /// After the last scan and copy, waits for the queues, or ends the rebuild if one of them has failed.
    fn finish_if_done(&mut self) {
        let scans = self.jobs.values().map(|job| job.state);
        let states: Vec<JobState> = scans.chain(self.copies.states()).collect();
        if self.result.is_some() || self.draining.is_some() || states.contains(&JobState::Running) {
            return;
        }
        if states.contains(&JobState::Failed) {
            self.result = Some(FillResult::Incomplete);
            return;
        }
        let followed = self.jobs.values().filter_map(|job| {
            let followed = job.followed.clone()?;
            Some((job.source, followed))
        });
        let (followed, index) = (followed.collect::<Vec<_>>(), self.index.clone());
        let drained = async move { Step::Drained(follow_drained(&followed, &index).await) };
        self.draining = Some(self.tasks.spawn(drained).id());
    }

    /// Returns from the end of the rebuild to its scans. The end may have recorded that events are followed.
    async fn stop_draining(&mut self) -> Result<(), IndexError> {
        if self.draining.take().is_none() {
            return Ok(());
        }
        // Only the waiting task is left.
        self.tasks.shutdown().await;
        for job in self.jobs.values() {
            self.index.mark_events_lost(job.source).await?;
        }
        Ok(())
    }
}

/// Waits a short time until all queues are drained, to avoid a scan after the rebuild. Then records which Sources
/// are followed.
async fn follow_drained(
    followed: &[(SourceId, FollowedQueue)],
    index: &IndexHandle,
) -> Result<(), IndexError> {
    let drained = async {
        for (_, queue) in followed {
            queue.wait_until_drained().await;
        }
    };
    // After the timeout, the Sources whose queue is not drained need a scan.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, drained).await;
    for (source, queue) in followed {
        if queue.has_delivered_everything() {
            index.follow(*source, queue.state.id()).await?;
        }
    }
    Ok(())
}

/// Scans a Source into the new generation.
struct FillScan {
    active: Arc<ActiveSource>,
    progress: Arc<ScanProgress>,
    index: IndexHandle,
    config: Arc<Config>,
    allow_empty: bool,
    stop: CancellationToken,
}

impl FillScan {
    /// Runs the scan. Without a permit, it was stopped before it began.
    async fn run(self, permit: Option<Permit>) -> Step {
        let source = &self.active.source;
        let job = ScanJob {
            source: Arc::clone(source),
            lister: Arc::clone(&self.active.bucket),
            index: self.index,
            progress: self.progress,
            ranges_in_flight: self.config.scan.ranges_in_flight,
            mode: ScanMode::Fresh,
            drift_grace: None,
            // Events count as followed only after all scans completed.
            queue: None,
            allow_empty: self.allow_empty,
        };
        let scan = match permit {
            Some(permit) => scan_measured(job, permit, "rebuild", &self.stop).await,
            None => MeasuredScan::failed(ScanError::Interrupted),
        };
        let failure = match &scan.result {
            Err(ScanError::Index(error)) if !error.is_about_one_source() => Some(error.clone()),
            _ => None,
        };
        Step::Scanned(source.name.clone(), ScanReport::of(&scan), failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::status::StatusBoard;

    fn followed() -> FollowedQueue {
        let board = StatusBoard::new("/nowhere".into()).queue("url");
        FollowedQueue {
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
}
