//! What runs over one opened index and one configuration: a consumer for each queue, a mirror for each
//! Source.
//!
//! A session ends when it is told to, or when the index fails; then everything in it ends, and the next
//! session goes on from the last commit. Nothing is carried over but what the index holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::mirror::{Ask, Mirror};
use super::queues::{count_queues, events_of, open_queues};
use super::rebuild::{Building, Rebuild};
use crate::aws::bucket::LazyBucket;
use crate::config::Config;
use crate::core::source::Source;
use crate::index::IndexError;
use crate::index::directory::{DataDir, WriterLock};
use crate::index::ledger::{AttachRequest, Attachment, CommitPolicy, Ledger};
use crate::index::live::open_or_create_live;
use crate::index::writer::{self, IndexHandle, IndexThread};
use crate::ingest::consumer::handler::Handler;
use crate::ingest::consumer::routes::{ActiveSource, Routes};
use crate::ingest::consumer::{Consumer, Permits};
use crate::observe::quarantine::Quarantine;
use crate::observe::status::{
    IndexHealth, SourceCondition, SourcePhase, SourceSettings, StatusBoard,
};
use crate::observe::telemetry::LogFilter;

/// Scans of one Source that may wait to be asked for.
const MAX_ASKS: usize = 16;

/// What outlives a session.
pub(crate) struct Surroundings {
    /// Where everything is shown.
    pub board: Arc<StatusBoard>,
    /// Where messages go that cannot be handled.
    pub quarantine: Arc<Quarantine>,
    /// The data directory.
    pub data_dir: DataDir,
    /// That this process writes it.
    pub lock: WriterLock,
    /// How the running session is asked for something.
    pub doors: Doors,
    /// How the daemon is asked for another session.
    pub orders: mpsc::Sender<Order>,
    /// What is logged.
    pub logs: LogFilter,
}

/// What ends a session, for another to begin.
pub(crate) enum Order {
    /// This configuration takes over.
    Reload(Arc<Config>),
    /// A new index is to be built beside the live one.
    Rebuild(Rebuild),
}

/// How the running session is asked for something; empty while none runs.
#[derive(Default)]
pub(crate) struct Doors {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    mirrors: BTreeMap<String, mpsc::Sender<Ask>>,
    handlers: HashMap<String, Arc<Handler>>,
    index: Option<IndexHandle>,
}

impl Doors {
    /// How to ask for a scan of the Source of that name.
    pub(crate) fn mirror(&self, name: &str) -> Option<mpsc::Sender<Ask>> {
        self.lock().mirrors.get(name).cloned()
    }

    /// The names of the Sources that can be asked for a scan.
    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().mirrors.keys().cloned().collect()
    }

    /// What handles the messages of that queue.
    pub(crate) fn handler(&self, queue_url: &str) -> Option<Arc<Handler>> {
        self.lock().handlers.get(queue_url).cloned()
    }

    /// The index. Whoever keeps this keeps the session from ending.
    pub(crate) fn index(&self) -> Option<IndexHandle> {
        self.lock().index.clone()
    }

    /// How far the thread that writes the index is.
    pub(crate) fn heartbeat(&self) -> Option<u64> {
        self.lock().index.as_ref().map(IndexHandle::heartbeat)
    }

    fn set(&self, inside: Inside) {
        *self.lock() = inside;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a session ended by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A task died.
    #[error("a task died; see the log for its panic")]
    TaskDied,
}

/// A configuration that takes the place of another.
pub(crate) struct Change {
    /// The present one.
    pub config: Arc<Config>,
    /// The one before, if the process had one.
    pub former: Option<Arc<Config>>,
    /// A new index to be built beside the live one, which it replaces when the session ends well.
    pub rebuild: Option<Rebuild>,
}

/// Runs until `stop` is cancelled and everything in hand is committed and acknowledged, or until the
/// index fails.
pub(crate) async fn run(
    change: &Change,
    around: &Surroundings,
    stop: &CancellationToken,
) -> Result<(), SessionError> {
    around.board.set_index(IndexHealth::Opening);
    let (index, thread) = open_index(&change.config, around)?;
    let building = match &change.rebuild {
        None => None,
        Some(rebuild) => match Building::open(&change.config, around).await {
            Ok(building) => Some(building),
            Err(error) => {
                rebuild.fail(&error);
                drop(index);
                thread.join().await?;
                return Err(error.into());
            }
        },
    };
    let stop = stop.child_token();
    let mut tasks = JoinSet::new();
    let begun = begin(change, around, &index, building.as_ref(), &mut tasks, &stop).await;
    let ended = match begun {
        Ok(()) => {
            around.board.set_index(IndexHealth::Open);
            wait_for_end(&mut tasks, &stop).await
        }
        Err(error) => Err(error),
    };
    // Whatever still runs holds the index; nothing that is dropped here has been acknowledged.
    stop.cancel();
    around.doors.set(Inside::default());
    tasks.shutdown().await;
    drop(index);
    let closed = thread.join().await;
    if let Some(building) = building {
        let is_sound = ended.is_ok() && closed.is_ok();
        building
            .end(change.rebuild.as_ref(), is_sound, around)
            .await?;
    }
    ended?;
    Ok(closed?)
}

/// Opens the index. It waits for the disk, and with it whatever the runtime runs on this thread.
fn open_index(
    config: &Config,
    around: &Surroundings,
) -> Result<(IndexHandle, IndexThread), IndexError> {
    let memory = config.index.writer_memory_bytes;
    let engine = open_or_create_live(&around.data_dir, &around.lock, memory)?;
    let mut ledger = Ledger::new(engine, policy(config), false)?;
    ledger.count_commits(Arc::clone(&around.board.commits));
    writer::start(ledger)
}

/// When changes are committed.
pub(super) fn policy(config: &Config) -> CommitPolicy {
    CommitPolicy::of(&config.index, false)
}

/// Waits until all tasks have ended in good order, or one has not.
async fn wait_for_end(
    tasks: &mut JoinSet<Result<(), IndexError>>,
    stop: &CancellationToken,
) -> Result<(), SessionError> {
    // Without any Source that is followed there is no task, and still nothing to end for.
    if tasks.is_empty() {
        stop.cancelled().await;
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|_| SessionError::TaskDied)??;
    }
    Ok(())
}

/// Gives every Source its place, and begins what is to run.
async fn begin(
    change: &Change,
    around: &Surroundings,
    index: &IndexHandle,
    building: Option<&Building>,
    tasks: &mut JoinSet<Result<(), IndexError>>,
    stop: &CancellationToken,
) -> Result<(), SessionError> {
    let config = &change.config;
    show_sources(config, &around.board);
    let names = config.sources.iter().map(|source| source.name.clone());
    index.forget_others(names.collect()).await?;
    let mut followers = Vec::new();
    for source in &config.sources {
        if !source.enabled {
            index.detach(source.name.clone()).await?;
        } else if let Some(follower) = attach(source, change, around, index).await? {
            followers.push(Arc::new(follower));
        }
    }
    let mut inside = Inside {
        index: Some(index.clone()),
        ..Inside::default()
    };
    let permits = Permits::new(&config.events, count_queues(&followers));
    let queues = open_queues(&followers, &permits, around).await;
    let look_ups = Arc::new(Semaphore::new(config.events.look_ups_in_flight));
    for (url, (events, followers)) in &queues {
        let handler = Arc::new(Handler {
            routes: Routes::new(followers.iter().cloned()),
            index: index.clone(),
            rebuild_index: building.map(|building| building.index.clone()),
            look_ups: Arc::clone(&look_ups),
            stop: stop.clone(),
            board: Arc::clone(&events.board),
        });
        inside.handlers.insert(url.clone(), Arc::clone(&handler));
        let consumer = Consumer::new(
            Arc::clone(&events.queue),
            handler,
            Arc::clone(&around.quarantine),
            config.events,
            permits.clone(),
        );
        tasks.spawn(consumer.run(stop.clone()));
    }
    let scans = Arc::new(Semaphore::new(config.scan.sources_in_flight));
    if let (Some(building), Some(rebuild)) = (building, &change.rebuild) {
        let fill = building
            .fill(rebuild, &followers, config, &around.board)
            .await?;
        tasks.spawn(fill.run(Arc::clone(&scans), stop.clone()));
    }
    for follower in followers {
        let (asks, inbox) = mpsc::channel(MAX_ASKS);
        inside.mirrors.insert(follower.source.name.clone(), asks);
        let events = events_of(&follower, &queues);
        if events.is_none() {
            // Nobody applies what happens to it.
            index.lose_track(follower.id).await?;
        }
        let mirror = Mirror::new(
            follower,
            events,
            index.clone(),
            Arc::clone(config),
            Arc::clone(&scans),
            inbox,
        );
        tasks.spawn(mirror.run(stop.clone()));
    }
    around.doors.set(inside);
    Ok(())
}

/// Puts the configured Sources and queues on the board, and takes the others off.
fn show_sources(config: &Config, board: &StatusBoard) {
    let url = |source: &'_ Source| {
        source
            .events
            .as_ref()
            .map(|events| events.queue_url.clone())
    };
    let names: Vec<&str> = config.names();
    let urls: Vec<String> = config
        .sources
        .iter()
        .filter(|source| source.enabled)
        .filter_map(|source| url(source))
        .collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    board.retain(&names, &urls);
    for source in &config.sources {
        let place = board.source(&source.name);
        place.set_settings(SourceSettings {
            bucket: source.bucket.clone(),
            prefix: source.prefix.clone(),
            subdomain: source.subdomain.clone(),
            queue_url: url(source),
        });
        place.set_scan(None);
        if source.events.is_none() {
            place.clear(SourceCondition::Queue);
        }
        if !source.enabled {
            place.set_phase(SourcePhase::Disabled);
            for trouble in [
                SourceCondition::Binding,
                SourceCondition::Scan,
                SourceCondition::Queue,
                SourceCondition::LookUp,
            ] {
                place.clear(trouble);
            }
        }
    }
}

/// Gives a Source its place; `None` if it cannot have one.
async fn attach(
    source: &Arc<Source>,
    change: &Change,
    around: &Surroundings,
    index: &IndexHandle,
) -> Result<Option<ActiveSource>, IndexError> {
    let board = around.board.source(&source.name);
    let former = change.former.as_ref().and_then(|former| {
        let mut sources = former.sources.iter();
        sources.find(|former| former.name == source.name).cloned()
    });
    let request = AttachRequest {
        source: Arc::clone(source),
        former,
        tally: Arc::clone(&board.tally),
        ranges_in_flight: change.config.scan.ranges_in_flight,
    };
    let Attachment {
        id,
        state,
        is_moving,
    } = match index.attach(request).await {
        Err(error) if error.concerns_one_source() => {
            board.set_phase(SourcePhase::Deploying);
            if board.raise(SourceCondition::Binding, error.to_string()) {
                tracing::warn!(source = source.name, %error, "the Source cannot be followed");
            }
            // Its events, if they come to a queue of others, are not applied.
            index.detach(source.name.clone()).await?;
            return Ok(None);
        }
        attached => attached?,
    };
    board.clear(SourceCondition::Binding);
    // What could not be looked up may be by now: its event waits, and tells of it again.
    board.clear(SourceCondition::LookUp);
    let queue_url = source.events.as_ref().map(|events| &events.queue_url);
    match queue_url.filter(|url| state.wired_queue.as_ref() == Some(url)) {
        Some(url) => {
            board.set_wired();
            around.board.queue(url).set_wired();
        }
        None => board.unset_wired(),
    }
    board.set_complete_as_of(state.complete_as_of.filter(|_| !is_moving));
    board.set_phase(match state.complete_as_of {
        Some(_) if !is_moving => SourcePhase::Deployed,
        _ => SourcePhase::Deploying,
    });
    let attempts = change.config.scan.attempts;
    let bucket = Arc::new(LazyBucket::new(Arc::clone(source), attempts));
    let look_ups = change.config.events.look_ups_in_flight / 2;
    let source = Arc::clone(source);
    Ok(Some(ActiveSource::new(id, source, bucket, board, look_ups)))
}
