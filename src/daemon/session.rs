//! A session: everything that runs over one opened index and one configuration.
//!
//! It runs a consumer for each queue, a reconciler for each Source, and the scans of a rebuild. It ends when
//! it is stopped or when the index fails. The next session continues from the last commit: nothing but the
//! index is carried over.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::commands::{RebuildProgress, RebuildRequest};
use super::context::{DaemonContext, SessionParts};
use super::queues::{Queues, count_queues};
use super::rebuild::NewGeneration;
use super::reconciler::Reconciler;
use crate::aws::bucket::LazyBucket;
use crate::concurrency::ConcurrencyLimit;
use crate::config::Config;
use crate::core::source::Source;
use crate::index::IndexError;
use crate::index::current::open_or_create_current;
use crate::index::ledger::{AttachRequest, Attachment, CommitPolicy, Ledger};
use crate::index::writer::{self, IndexHandle, IndexThread};
use crate::ingest::consumer::handler::Handler;
use crate::ingest::consumer::routes::{ActiveSource, Routes};
use crate::ingest::consumer::{Consumer, Permits};
use crate::observe::status::{
    IndexHealth, SourceCondition, SourcePhase, SourceSettings, StatusBoard,
};

/// Maximum number of requested scans of one Source that wait.
const MAX_WAITING_SCANS: usize = 16;

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

/// The inputs of a session.
pub(super) struct SessionSpec {
    pub config: Arc<Config>,
    /// The configuration that `config` replaced, if any.
    pub previous: Option<Arc<Config>>,
    /// If set, the session rebuilds the index, and ends when that is done.
    pub rebuild: Option<RebuildRequest>,
}

/// Runs until `stop` is cancelled and the work in flight is committed and acknowledged, or until the index
/// fails.
pub(super) async fn run(
    spec: &SessionSpec,
    ctx: &DaemonContext,
    stop: &CancellationToken,
) -> Result<(), SessionError> {
    ctx.board.set_index(IndexHealth::Opening);
    let (index, thread) = open_index(&spec.config, ctx)?;
    let new_generation = match &spec.rebuild {
        None => None,
        Some(rebuild) => match NewGeneration::open(&spec.config, ctx).await {
            Ok(new_generation) => Some(new_generation),
            Err(error) => {
                rebuild.report(RebuildProgress::Failed(error.to_string()));
                drop(index);
                thread.join().await?;
                return Err(error.into());
            }
        },
    };
    let stop = stop.child_token();
    let mut tasks = JoinSet::new();
    let started = start(
        spec,
        ctx,
        &index,
        new_generation.as_ref(),
        &mut tasks,
        &stop,
    )
    .await;
    let ended = match started {
        Ok(()) => {
            ctx.board.set_index(IndexHealth::Open);
            wait_for_end(&mut tasks, &stop).await
        }
        Err(error) => Err(error),
    };
    // All tasks have a handle of the index, so end them before closing it. Messages that they drop are not
    // acknowledged.
    stop.cancel();
    ctx.session.set(SessionParts::default());
    tasks.shutdown().await;
    drop(index);
    let closed = thread.join().await;
    if let Some(new_generation) = new_generation {
        let succeeded = ended.is_ok() && closed.is_ok();
        new_generation
            .finish(spec.rebuild.as_ref(), succeeded, ctx)
            .await?;
    }
    ended?;
    Ok(closed?)
}

/// Opens the current index. It blocks on the disk.
fn open_index(
    config: &Config,
    ctx: &DaemonContext,
) -> Result<(IndexHandle, IndexThread), IndexError> {
    let memory = config.index.writer_memory_bytes;
    let engine = open_or_create_current(&ctx.data_dir, &ctx.lock, memory)?;
    let mut ledger = Ledger::new(engine, CommitPolicy::of(&config.index, false), false)?;
    ledger.set_commit_counters(Arc::clone(&ctx.board.commits));
    writer::start(ledger)
}

/// Waits until all tasks have ended, or until one fails.
async fn wait_for_end(
    tasks: &mut JoinSet<Result<(), IndexError>>,
    stop: &CancellationToken,
) -> Result<(), SessionError> {
    // Without an active Source there are no tasks. Then the session runs until it is stopped.
    if tasks.is_empty() {
        stop.cancelled().await;
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|_| SessionError::TaskDied)??;
    }
    Ok(())
}

/// Attaches every Source and starts all tasks.
async fn start(
    spec: &SessionSpec,
    ctx: &DaemonContext,
    index: &IndexHandle,
    new_generation: Option<&NewGeneration>,
    tasks: &mut JoinSet<Result<(), IndexError>>,
    stop: &CancellationToken,
) -> Result<(), SessionError> {
    let config = &spec.config;
    show_sources(config, &ctx.board);
    let enabled = config.sources.iter().filter(|source| source.enabled);
    let enabled: Vec<&str> = enabled.map(|source| source.name.as_str()).collect();
    ctx.failed_scans.retain(&enabled);
    match index.remove_unconfigured(config.sources.clone()).await {
        // A Source was probably renamed. Attaching it logs the error, unless it is disabled.
        Err(error) if error.is_about_one_source() => {
            tracing::warn!(%error, "keeping the assets of Sources that are no longer configured");
        }
        removed => drop(removed?),
    }
    let mut active_sources = Vec::new();
    for source in &config.sources {
        if !source.enabled {
            index.detach(source.name.clone()).await?;
        } else if let Some(active) = attach(source, spec, ctx, index).await? {
            active_sources.push(Arc::new(active));
        }
    }
    let mut parts = SessionParts {
        index: Some(index.clone()),
        ..SessionParts::default()
    };
    let permits = Permits::new(&config.events, count_queues(&active_sources));
    let queues = Queues::open(&active_sources, &permits, ctx).await;
    let look_ups = ConcurrencyLimit::new(config.events.look_ups_in_flight);
    for (url, open) in queues.iter() {
        let handler = Arc::new(Handler {
            routes: Routes::new(open.sources.iter().cloned()),
            index: index.clone(),
            rebuild_index: new_generation.map(|generation| generation.index.clone()),
            look_ups: look_ups.clone(),
            stop: stop.clone(),
            queue: Arc::clone(&open.queue.state),
        });
        parts.handlers.insert(url.clone(), Arc::clone(&handler));
        let consumer = Consumer::new(
            Arc::clone(&open.queue.queue),
            handler,
            Arc::clone(&ctx.quarantine),
            config.events,
            permits.clone(),
        );
        tasks.spawn(consumer.run(stop.clone()));
    }
    let concurrent_scans = ConcurrencyLimit::new(config.scan.sources_in_flight);
    if let (Some(new_generation), Some(rebuild)) = (new_generation, &spec.rebuild) {
        let fill = new_generation
            .fill(rebuild, &active_sources, &queues, config)
            .await?;
        tasks.spawn(fill.run(concurrent_scans.clone(), stop.clone()));
    }
    for active in active_sources {
        let (commands, inbox) = mpsc::channel(MAX_WAITING_SCANS);
        let name = active.source.name.clone();
        parts.scan_commands.insert(name, commands);
        let queue = queues.of(&active);
        if queue.is_none() {
            // Its events are not received in this session.
            index.mark_events_lost(active.id).await?;
        }
        let reconciler = Reconciler::new(
            active,
            queue,
            index.clone(),
            Arc::clone(config),
            concurrent_scans.clone(),
            Arc::clone(&ctx.failed_scans),
            inbox,
        );
        tasks.spawn(reconciler.run(stop.clone()));
    }
    ctx.session.set(parts);
    Ok(())
}

/// Shows the configured Sources and queues on the status board, and removes all others from it.
fn show_sources(config: &Config, board: &StatusBoard) {
    let queue_url = |source: &'_ Source| {
        let events = source.events.as_ref();
        events.map(|events| events.queue_url.clone())
    };
    let names: Vec<&str> = config.names();
    let enabled = config.sources.iter().filter(|source| source.enabled);
    let urls: Vec<String> = enabled.filter_map(|source| queue_url(source)).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    board.retain(&names, &urls);
    for source in &config.sources {
        let status = board.source(&source.name);
        status.set_settings(SourceSettings {
            bucket: source.bucket.clone(),
            prefix: source.prefix.clone(),
            subdomain: source.subdomain.clone(),
            queue_url: queue_url(source),
        });
        status.set_scan(None);
        if source.events.is_none() {
            status.clear(SourceCondition::Queue);
        }
        if !source.enabled {
            status.set_phase(SourcePhase::Disabled);
            for condition in [
                SourceCondition::Binding,
                SourceCondition::Scan,
                SourceCondition::Queue,
                SourceCondition::LookUp,
            ] {
                status.clear(condition);
            }
        }
    }
}

/// Attaches a Source to the index. `None` if the index refuses it, because its subdomain belongs to another
/// Source.
async fn attach(
    source: &Arc<Source>,
    spec: &SessionSpec,
    ctx: &DaemonContext,
    index: &IndexHandle,
) -> Result<Option<ActiveSource>, IndexError> {
    let board = ctx.board.source(&source.name);
    let previous = spec.previous.as_ref().and_then(|previous| {
        let mut sources = previous.sources.iter();
        sources
            .find(|previous| previous.name == source.name)
            .cloned()
    });
    let request = AttachRequest {
        source: Arc::clone(source),
        former: previous,
        tally: Arc::clone(&board.tally),
        ranges_in_flight: spec.config.scan.ranges_in_flight,
    };
    let Attachment {
        id,
        state,
        is_moving,
    } = match index.attach(request).await {
        Err(error) if error.is_about_one_source() => {
            board.set_phase(SourcePhase::Deploying);
            if board.raise(SourceCondition::Binding, error.to_string()) {
                tracing::warn!(source = source.name, %error, "the Source is not indexed");
            }
            // If another Source has the same queue, the events of this one are received, but not applied.
            index.detach(source.name.clone()).await?;
            return Ok(None);
        }
        attached => attached?,
    };
    board.clear(SourceCondition::Binding);
    // The look-up may succeed now. If not, its redelivered message raises the condition again.
    board.clear(SourceCondition::LookUp);
    board.set_complete_as_of(state.complete_as_of.filter(|_| !is_moving));
    board.set_phase(match state.complete_as_of {
        Some(_) if !is_moving => SourcePhase::Deployed,
        _ => SourcePhase::Deploying,
    });
    let attempts = spec.config.scan.attempts;
    let bucket = Arc::new(LazyBucket::new(Arc::clone(source), attempts));
    let look_ups = spec.config.events.look_ups_in_flight / 2;
    let active = ActiveSource::new(id, Arc::clone(source), bucket, board, look_ups);
    let queue_url = source.events.as_ref().map(|events| &events.queue_url);
    if let Some(url) = queue_url.filter(|url| state.wired_queue.as_ref() == Some(url)) {
        active.set_wired();
        ctx.board.queue(url).set_wired();
    }
    Ok(Some(active))
}
