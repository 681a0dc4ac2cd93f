//! Copies the Sources that do not run from the current index into the new generation, because no scan fills them.
//!
//! Such a Source is disabled, or the index refuses it, or it was removed. The current index does not change it
//! meanwhile: a copy is ended before the Source begins or is removed. Searches find the same after the rebuild. This
//! module decides nothing about Sources that run.

use std::collections::BTreeSet;

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::fill::{JobState, Step};
use crate::core::replication::interval::KeyInterval;
use crate::index::current::open_previous_index;
use crate::index::directory::DataDir;
use crate::index::ledger::CopiedRecords;
use crate::index::writer::IndexHandle;
use crate::index::{Engine, IndexError, RecordFilter};

/// Maximum number of records to copy at once. Pages and events of other Sources are written in between.
const CHUNK: usize = 4_000;

/// The copies of a rebuild.
pub(super) struct Copies {
    data_dir: DataDir,
    /// The new generation.
    index: IndexHandle,
    jobs: Vec<CopyJob>,
}

/// The copy of some Sources, one after the other.
struct CopyJob {
    names: BTreeSet<String>,
    task: Id,
    state: JobState,
    stop: CancellationToken,
    work: TaskTracker,
}

impl Copies {
    /// Nothing is copied yet.
    pub(super) fn new(data_dir: DataDir, index: IndexHandle) -> Self {
        Self {
            data_dir,
            index,
            jobs: Vec::new(),
        }
    }

    /// The states of the copies.
    pub(super) fn states(&self) -> impl Iterator<Item = JobState> {
        self.jobs.iter().map(|job| job.state)
    }

    /// Forgets that Sources are copied. Waits for the end of their copies. Other Sources of these copies are missing
    /// then, and have to be copied again.
    pub(super) async fn forget(&mut self, is_over: impl Fn(&str) -> bool) {
        let jobs = std::mem::take(&mut self.jobs).into_iter();
        let (ended, mut kept): (Vec<_>, Vec<_>) = jobs.partition(|job| {
            job.state == JobState::Running && job.names.iter().any(|name| is_over(name))
        });
        for job in &mut kept {
            job.names.retain(|name| !is_over(name));
        }
        self.jobs = kept;
        for job in ended {
            job.stop.cancel();
            job.work.close();
            // Each request that it has sent is served before later requests.
            job.work.wait().await;
        }
    }

    /// The Sources that do not run and are not copied yet.
    pub(super) async fn missing(&self) -> Result<BTreeSet<String>, IndexError> {
        let mut names: BTreeSet<String> = self.index.detached().await?.into_iter().collect();
        for job in &self.jobs {
            names.retain(|name| !job.names.contains(name));
        }
        Ok(names)
    }

    /// Begins to copy these Sources.
    pub(super) fn start(
        &mut self,
        names: BTreeSet<String>,
        tasks: &mut JoinSet<Step>,
        stop: &CancellationToken,
    ) {
        let (stop, work) = (stop.child_token(), TaskTracker::new());
        let copied = copy(names.clone(), self.data_dir.clone(), self.index.clone());
        let ended = stop.clone().run_until_cancelled_owned(copied);
        let ended = work.track_future(async { Step::Copied(ended.await.unwrap_or(Ok(false))) });
        self.jobs.push(CopyJob {
            names,
            task: tasks.spawn(ended).id(),
            state: JobState::Running,
            stop,
            work,
        });
    }

    /// Notes that a task has ended. It may be the task of a copy that is forgotten.
    pub(super) fn on_ended(&mut self, task: Id, is_complete: bool) {
        let mut jobs = self.jobs.iter_mut();
        if let Some(job) = jobs.find(|job| job.task == task) {
            job.state = if is_complete {
                JobState::Complete
            } else {
                JobState::Failed
            };
        }
    }
}

/// Copies Sources from the newest commit of the current index. Returns whether that index could be read. The error is
/// one of the new generation.
///
/// Damage of the current index does not make a rebuild fail: the rebuild may run to repair it. What cannot be read is
/// lost, and a scan adds it when the Source runs again.
async fn copy(
    names: BTreeSet<String>,
    data_dir: DataDir,
    index: IndexHandle,
) -> Result<bool, IndexError> {
    let unreadable = |error: IndexError| {
        tracing::warn!(%error, "failed to copy Sources that do not run into the new index");
        Ok(error.is_damage())
    };
    let opened = in_background(move || open_previous_index(&data_dir)).await;
    let mut engine = match opened.map(|previous| previous.engine) {
        Ok(Some(engine)) => engine,
        // The log says that it is damaged.
        Ok(None) => return Ok(true),
        Err(error) => return unreadable(error),
    };
    for name in names {
        let states = engine.checkpoint()?;
        let Some(state) = states.source(&name) else {
            continue;
        };
        index.take_over(state.clone()).await?;
        let (id, mut rest) = (state.id, Some(KeyInterval::everything()));
        while let Some(interval) = rest {
            let read = move || {
                let records = engine.read(id, &interval, RecordFilter::All, CHUNK)?;
                Ok((engine, CopiedRecords::new(id, &interval, records, CHUNK)))
            };
            let copied;
            (engine, (copied, rest)) = match in_background(read).await {
                Ok(read) => read,
                Err(error) => return unreadable(error),
            };
            index.replace_records(copied).await?;
        }
    }
    Ok(true)
}

/// Reads from the disk without blocking other tasks.
async fn in_background<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, IndexError> + Send + 'static,
) -> Result<T, IndexError> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|panic| Err(IndexError::engine("read the index during a rebuild")(panic)))
}
