//! A session: everything that runs over one opened index.
//!
//! It runs a consumer for each queue, a reconciler for each Source, and the scans of a rebuild. A new configuration
//! ends and begins only the Sources and queues that it changes. The session ends when it is stopped, when the index
//! fails, or when a change needs another session. The next session continues from the last commit: nothing but the
//! index is carried over.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::commands::{RebuildProgress, RebuildRequest, Reload, ReloadReply, SessionChange};
use super::context::{DaemonContext, SessionParts};
use super::current_file;
use super::deployment::ChangedSettings;
use super::queues::Queues;
use super::rebuild::fill::Fill;
use super::rebuild::{NewGeneration, RebuildEnd};
use super::source_tasks::SourceTasks;
use crate::concurrency::ConcurrencyLimit;
use crate::config::Config;
use crate::index::IndexError;
use crate::index::current::open_or_create_current;
use crate::index::ledger::{CommitPolicy, Ledger};
use crate::index::writer::{self, IndexHandle, IndexThread};
use crate::observe::status::IndexHealth;

mod deploy;

/// Why a session ended without being stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A task panicked.
    #[error("a task panicked; see the log for the panic message")]
    TaskDied,
}

/// The inputs of a session. It keeps them up to date for the next one.
pub(super) struct SessionSpec {
    pub config: Arc<Config>,
    /// The configuration that `config` replaced, if any.
    pub previous: Option<Arc<Config>>,
    /// If set, the session rebuilds the index, and ends when that is done.
    pub rebuild: Option<RebuildRequest>,
    /// Waits until the session uses `config`.
    pub reply: Option<ReloadReply>,
}

impl SessionSpec {
    /// Replaces the configuration, and notes who waits for it.
    pub(super) fn replace_config(&mut self, reload: Reload) {
        self.previous = Some(std::mem::replace(&mut self.config, reload.config));
        self.reply = Some(reload.reply);
    }

    /// Tells the client that waits for the configuration whether it is in use.
    pub(super) fn answer(&mut self, result: Result<(), String>) {
        if let Some(reply) = self.reply.take() {
            // The receiver may be gone.
            let _ = reply.send(result);
        }
    }
}

/// A session that runs.
struct Session<'a> {
    ctx: &'a DaemonContext,
    /// The configuration in use.
    config: Arc<Config>,
    index: IndexHandle,
    /// The Sources that run, by name.
    sources: BTreeMap<String, SourceTasks>,
    queues: Queues,
    /// The scans of a rebuild.
    fill: Option<Fill>,
    concurrent_scans: ConcurrencyLimit,
    tasks: JoinSet<Result<(), IndexError>>,
    stop: CancellationToken,
}

/// Runs until `stop` is cancelled and the work in flight is committed and acknowledged, until a change needs another
/// session, or until the index fails. Returns that change, even if the end of the session fails.
///
/// A rebuild that has ended is removed from `spec`.
pub(super) async fn run(
    spec: &mut SessionSpec,
    ctx: &DaemonContext,
    changes: &mut mpsc::Receiver<SessionChange>,
    stop: &CancellationToken,
) -> (Option<SessionChange>, Result<(), SessionError>) {
    let mut change = None;
    let ended = run_to_end(spec, ctx, changes, stop, &mut change).await;
    (change, ended)
}

/// Sets `change` to the change that needs another session.
async fn run_to_end(
    spec: &mut SessionSpec,
    ctx: &DaemonContext,
    changes: &mut mpsc::Receiver<SessionChange>,
    stop: &CancellationToken,
    change: &mut Option<SessionChange>,
) -> Result<(), SessionError> {
    ctx.board.set_index(IndexHealth::Opening);
    let (index, thread) = open_index(&spec.config, ctx)?;
    let new_generation = match &spec.rebuild {
        None => None,
        Some(rebuild) => match NewGeneration::open(&spec.config, ctx).await {
            Ok(new_generation) => Some(new_generation),
            Err(error) => {
                rebuild.report(RebuildProgress::Failed(error.to_string()));
                spec.rebuild = None;
                drop(index);
                thread.join().await?;
                return Err(error.into());
            }
        },
    };
    let mut session = Session::new(spec, ctx, index, new_generation.as_ref(), stop);
    let ended = session.run(spec, changes).await;
    // All tasks have a handle of the index, so end them before closing it. Messages that they drop are not
    // acknowledged.
    session.stop.cancel();
    let ended = match ended {
        Ok(taken) => {
            *change = taken;
            wait_for_end(&mut session.tasks).await
        }
        Err(error) => Err(error),
    };
    ctx.session.set(SessionParts::default());
    session.tasks.shutdown().await;
    let mut result = None;
    if let Some(fill) = &mut session.fill {
        fill.shut_down().await;
        result = fill.result();
    }
    drop(session);
    let closed = thread.join().await;
    if let Some((new_generation, rebuild)) = new_generation.zip(spec.rebuild.take()) {
        let session_succeeded = ended.is_ok() && closed.is_ok();
        let end = RebuildEnd {
            result,
            session_succeeded,
            starts_again: session_succeeded && matches!(change, Some(SessionChange::Reload(_))),
        };
        let is_over = new_generation.finish(&rebuild, end, ctx).await?;
        spec.rebuild = (!is_over).then_some(rebuild);
    }
    ended?;
    closed?;
    Ok(())
}

/// Opens the current index. It blocks on the disk.
fn open_index(
    config: &Config,
    ctx: &DaemonContext,
) -> Result<(IndexHandle, IndexThread), IndexError> {
    let memory = config.index.writer_memory_bytes;
    let engine = open_or_create_current(&ctx.data_dir, &ctx.lock, memory)?;
    if let Some(merges) = engine.merge_health() {
        ctx.board.set_merges(merges);
    }
    let mut ledger = Ledger::new(engine, CommitPolicy::of(&config.index, false), false)?;
    ledger.set_commit_counters(Arc::clone(&ctx.board.commits));
    ledger.set_large_removals(Arc::clone(&ctx.board.large_removals));
    writer::start(ledger)
}

/// Waits until all tasks have ended, or until one fails.
async fn wait_for_end(tasks: &mut JoinSet<Result<(), IndexError>>) -> Result<(), SessionError> {
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|_| SessionError::TaskDied)??;
    }
    Ok(())
}

impl<'a> Session<'a> {
    /// A session without Sources.
    fn new(
        spec: &SessionSpec,
        ctx: &'a DaemonContext,
        index: IndexHandle,
        new_generation: Option<&NewGeneration>,
        stop: &CancellationToken,
    ) -> Self {
        let (config, stop) = (&spec.config, stop.child_token());
        let mut tasks = JoinSet::new();
        if let Ok(Some(generation)) = ctx.data_dir.current() {
            let data_dir = ctx.data_dir.clone();
            tasks.spawn(current_file::keep(data_dir, generation, stop.clone()));
        }
        let rebuild_index = new_generation.map(|generation| generation.index.clone());
        let concurrent_scans = ConcurrencyLimit::new(config.scan.sources_in_flight);
        let rebuild = new_generation.zip(spec.rebuild.clone());
        let fill = rebuild.map(|(generation, request)| {
            Fill::new(generation, request, concurrent_scans.clone(), stop.clone())
        });
        Self {
            ctx,
            config: Arc::clone(config),
            sources: BTreeMap::new(),
            queues: Queues::new(config.events, index.clone(), rebuild_index, stop.clone()),
            fill,
            concurrent_scans,
            index,
            tasks,
            stop,
        }
    }

    /// Starts everything, and uses new configurations, until the session has to end. Returns the change that needs
    /// another session.
    async fn run(
        &mut self,
        spec: &mut SessionSpec,
        changes: &mut mpsc::Receiver<SessionChange>,
    ) -> Result<Option<SessionChange>, SessionError> {
        self.deploy(spec, true).await?;
        self.ctx.board.set_index(IndexHealth::Open);
        spec.answer(Ok(()));
        loop {
            let change = tokio::select! {
                // A session that is stopped or has failed does not take a change that the next one can take.
                biased;
                () = self.stop.cancelled() => return Ok(None),
                Some(ended) = self.tasks.join_next() => {
                    ended.map_err(|_| SessionError::TaskDied)??;
                    continue;
                }
                ended = rebuilt(&mut self.fill) => {
                    ended?;
                    return Ok(None);
                }
                Some(change) = changes.recv() => change,
            };
            let reload = match change {
                SessionChange::Reload(reload) => reload,
                rebuild => return Ok(Some(rebuild)),
            };
            if ChangedSettings::of(&spec.config, &reload.config).index {
                tracing::info!("[index] has changed; the index is opened again");
                return Ok(Some(SessionChange::Reload(reload)));
            }
            let retries = reload.retries;
            spec.replace_config(reload);
            let stop = self.stop.clone();
            match stop.run_until_cancelled(self.deploy(spec, retries)).await {
                None => return Ok(None),
                Some(deployed) => deployed?,
            }
            spec.answer(Ok(()));
        }
    }
}

/// Waits until the rebuild has ended. Never returns if there is none.
async fn rebuilt(fill: &mut Option<Fill>) -> Result<(), IndexError> {
    match fill {
        Some(fill) => fill.wait().await,
        None => std::future::pending().await,
    }
}
