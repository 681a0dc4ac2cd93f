//! A new index beside the live one, filled by scans while every event goes into both.
//!
//! It takes the live one's place when all Sources are complete in it. What is half-built when that does
//! not come to pass is removed: events go into the live index alone from then on. So a configuration
//! that takes over meanwhile ends the rebuild, and it has to be asked for again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::mirror::Ended;
use super::session::{Surroundings, policy};
use crate::config::Config;
use crate::core::counters::ScanProgress;
use crate::core::replication::scan_mode::ScanMode;
use crate::core::replication::source_state::SourceId;
use crate::index::IndexError;
use crate::index::ledger::{AttachRequest, Ledger};
use crate::index::live::open_predecessor;
use crate::index::tally::Tally;
use crate::index::tantivy::TantivyEngine;
use crate::index::writer::{self, IndexHandle, IndexThread};
use crate::ingest::consumer::routes::ActiveSource;
use crate::ingest::scanner::{ScanError, ScanJob, scan_measured};
use crate::observe::status::{QueueHealth, QueueStatus, StatusBoard};

/// A rebuild that is asked for.
pub(crate) struct Rebuild {
    /// Told how the scan of each Source began, and how it ended; closed when the new index has taken the
    /// live one's place, or will not.
    pub tell: mpsc::UnboundedSender<Told>,
}

impl Rebuild {
    /// Tells whoever asked that the new index cannot be made.
    pub(crate) fn fail(&self, error: &IndexError) {
        // They may be gone.
        let _ = self.tell.send(Told::Failed(error.to_string()));
    }
}

/// What whoever asked for a rebuild is told, two for each Source at the most.
pub(crate) enum Told {
    /// The scan of this Source counts here.
    Began(String, Arc<ScanProgress>),
    /// The scan of this Source has ended.
    Ended(String, Ended),
    /// The new index has taken the live one's place.
    Published,
    /// It has not, for this reason.
    Failed(String),
}

/// The index that is built.
pub(crate) struct Building {
    /// Its writer.
    pub index: IndexHandle,
    thread: IndexThread,
    generation: PathBuf,
    filled: Arc<OnceLock<Filled>>,
}

/// How the scans that fill it ended; unset where the index failed.
#[derive(Clone, Copy, Debug)]
enum Filled {
    /// Every Source is complete in it.
    Complete,
    /// Some Source is not, because its scan failed.
    Incomplete,
    /// They were stopped.
    Stopped,
}

/// The scans that fill it.
pub(crate) struct Fill {
    jobs: Vec<Job>,
    index: IndexHandle,
    config: Arc<Config>,
    tell: mpsc::UnboundedSender<Told>,
    filled: Arc<OnceLock<Filled>>,
    /// The Sources that get events.
    followed: Vec<FollowedQueue>,
}

/// The queue of a Source.
struct FollowedQueue {
    source: SourceId,
    board: Arc<QueueStatus>,
    /// What it had lost before the Source was listed.
    losses: u64,
}

struct Job {
    follower: Arc<ActiveSource>,
    progress: Arc<ScanProgress>,
}

impl Building {
    /// Makes the next generation, empty, with the names, numbers and subdomains of the live one.
    pub(crate) async fn open(config: &Config, around: &Surroundings) -> Result<Self, IndexError> {
        let generation = around.data_dir.next()?;
        if generation.exists() {
            std::fs::remove_dir_all(&generation)
                .map_err(IndexError::file("remove", &generation))?;
        }
        let live = match around.data_dir.current()? {
            Some(live) => TantivyEngine::checkpoint_in(&live)?,
            None => Default::default(),
        };
        let memory = config.index.writer_memory_bytes;
        let engine = TantivyEngine::open_or_create(&generation, memory)?;
        let mut ledger = Ledger::new(engine, policy(config), false)?;
        ledger.inherit(live.bindings_only());
        let data_dir = around.data_dir.clone();
        let disabled = config.sources.iter().filter(|source| !source.enabled);
        let disabled: Vec<_> = disabled.map(|source| source.name.clone()).collect();
        // It reads all of the live one; meanwhile systemd must hear that the process lives.
        let succeeding = tokio::task::spawn_blocking(move || {
            if let Some(predecessor) = open_predecessor(&data_dir)? {
                ledger.succeed(predecessor)?;
                for name in disabled {
                    ledger.keep_records(&name)?;
                }
            }
            Ok(ledger)
        });
        let ledger = succeeding.await.unwrap_or_else(|panic| {
            Err(IndexError::engine("read the index before a rebuild")(panic))
        });
        let (index, thread) = writer::start(ledger?)?;
        tracing::info!(generation = %generation.display(), "a rebuild begins");
        Ok(Self {
            index,
            thread,
            generation,
            filled: Arc::default(),
        })
    }

    /// Gives the Sources their places in it, the same as in the live index.
    pub(crate) async fn fill(
        &self,
        rebuild: &Rebuild,
        followers: &[Arc<ActiveSource>],
        config: &Arc<Config>,
        board: &StatusBoard,
    ) -> Result<Fill, IndexError> {
        let queue = |follower: &Arc<ActiveSource>| {
            let events = follower.source.events.as_ref()?;
            let board = board.queue(&events.queue_url);
            Some(FollowedQueue {
                source: follower.id,
                losses: board.counters.losses(),
                board,
            })
        };
        let mut jobs = Vec::with_capacity(followers.len());
        for follower in followers {
            let request = AttachRequest {
                source: Arc::clone(&follower.source),
                former: None,
                tally: Arc::new(Tally::default()),
                ranges_in_flight: config.scan.ranges_in_flight,
            };
            let place = self.index.attach(request).await?;
            if place.id != follower.id {
                return Err(IndexError::Damaged {
                    what: format!("Source {:?} has two numbers in it", follower.source.name),
                });
            }
            jobs.push(Job {
                follower: Arc::clone(follower),
                progress: Arc::default(),
            });
        }
        Ok(Fill {
            jobs,
            index: self.index.clone(),
            config: Arc::clone(config),
            tell: rebuild.tell.clone(),
            filled: Arc::clone(&self.filled),
            followed: followers.iter().filter_map(queue).collect(),
        })
    }

    /// Closes the index; if it is complete and the session ended in good order it takes the live one's
    /// place, which nothing writes any more, and otherwise it is removed.
    ///
    /// The error is one of the data directory.
    pub(crate) async fn end(
        self,
        rebuild: Option<&Rebuild>,
        is_sound: bool,
        around: &Surroundings,
    ) -> Result<(), IndexError> {
        drop(self.index);
        let closed = self.thread.join().await;
        let tell = |told| {
            // Whoever asked may be gone.
            let _ = rebuild.map(|rebuild| rebuild.tell.send(told));
        };
        let fail = |reason: &str| {
            tracing::warn!(reason, "a rebuild failed");
            tell(Told::Failed(reason.to_owned()));
        };
        if let Err(reason) = verdict(is_sound, self.filled.get(), closed) {
            remove(&self.generation);
            fail(&reason);
            return Ok(());
        }
        // What cannot be published stays: it may be the live one all the same, as far as the disk knows.
        let published = around.data_dir.publish(&self.generation);
        published.inspect_err(|error| fail(&error.to_string()))?;
        tracing::info!("a new index has taken the place of the live one");
        tell(Told::Published);
        if let Err(error) = around.data_dir.remove_old(&around.lock) {
            tracing::warn!(%error, "the index before it cannot be removed");
        }
        Ok(())
    }
}

/// Whether the new index may take the live one's place; the error is why not.
fn verdict(
    is_sound: bool,
    filled: Option<&Filled>,
    closed: Result<(), IndexError>,
) -> Result<(), String> {
    match filled {
        _ if !is_sound => Err("the index failed meanwhile; ask again".to_owned()),
        Some(Filled::Complete) => closed.map_err(|error| error.to_string()),
        Some(Filled::Incomplete) => {
            Err("not every Source could be scanned; the index that was live still is".to_owned())
        }
        Some(Filled::Stopped) | None => Err(
            "a new configuration took over, or the daemon is about to end; ask again".to_owned(),
        ),
    }
}

/// Removes what is half-built; what is left of it the next rebuild removes.
fn remove(generation: &Path) {
    if let Err(error) = std::fs::remove_dir_all(generation) {
        tracing::warn!(%error, path = %generation.display(), "a half-built index cannot be removed");
    }
}

impl FollowedQueue {
    /// Whether all that has happened since the listing is in the index that is built; if not, a scan is due
    /// when that has become the live one.
    fn has_told_all(&self) -> bool {
        self.board.health() == QueueHealth::Receiving
            && self.board.is_drained()
            && self.board.counters.losses() == self.losses
    }
}

impl Fill {
    /// Scans all Sources, and ends the session when they are done; what failed leaves the index
    /// incomplete.
    pub(crate) async fn run(
        self,
        permits: Arc<Semaphore>,
        stop: CancellationToken,
    ) -> Result<(), IndexError> {
        let mut scans = JoinSet::new();
        let mut is_complete = true;
        for job in self.jobs {
            let name = job.follower.source.name.clone();
            // Whoever asked may be gone; the rebuild goes on.
            let _ = self.tell.send(Told::Began(name, Arc::clone(&job.progress)));
            let (index, config) = (self.index.clone(), Arc::clone(&self.config));
            let (permits, stop) = (Arc::clone(&permits), stop.clone());
            scans.spawn(async move {
                let permit = permits.acquire_owned().await;
                let _permit = permit.expect("nobody closes the semaphore");
                job.scan(index, &config, &stop).await
            });
        }
        while let Some(ended) = scans.join_next().await {
            let Ok((name, ended, failure)) = ended else {
                is_complete = false;
                continue;
            };
            is_complete &= ended.result.is_ok();
            let _ = self.tell.send(Told::Ended(name, ended));
            if let Some(error) = failure {
                return Err(error);
            }
        }
        let filled = match is_complete {
            _ if stop.is_cancelled() => Filled::Stopped,
            true => Filled::Complete,
            false => Filled::Incomplete,
        };
        if let Filled::Complete = filled {
            for queue in self.followed.iter().filter(|queue| queue.has_told_all()) {
                self.index.follow(queue.source, queue.board.id()).await?;
            }
        }
        // It is set but once.
        let _ = self.filled.set(filled);
        stop.cancel();
        Ok(())
    }
}

impl Job {
    /// Scans the Source into the new index; gives also an error of the index.
    async fn scan(
        self,
        index: IndexHandle,
        config: &Config,
        stop: &CancellationToken,
    ) -> (String, Ended, Option<IndexError>) {
        let source = &self.follower.source;
        let job = ScanJob {
            source: Arc::clone(source),
            lister: Arc::clone(&self.follower.bucket),
            index,
            progress: self.progress,
            ranges_in_flight: config.scan.ranges_in_flight,
            mode: ScanMode::Fresh,
            drift_grace: None,
            // What is half-built must not count as followed; it is told so when all is complete.
            queue: None,
        };
        let scan = scan_measured(job, "rebuild", stop).await;
        let failure = match &scan.result {
            Err(ScanError::Index(error)) if !error.concerns_one_source() => Some(error.clone()),
            _ => None,
        };
        let ended = Ended {
            result: scan.result.map_err(|error| error.to_string()),
            took: scan.took,
            requests: scan.list_requests,
        };
        (source.name.clone(), ended, failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_complete_and_closed_takes_the_live_ones_place() {
        for (is_sound, filled, closed, reason) in [
            (true, Some(Filled::Complete), Ok(()), None),
            (
                true,
                Some(Filled::Incomplete),
                Ok(()),
                Some("not every Source"),
            ),
            (
                true,
                Some(Filled::Stopped),
                Ok(()),
                Some("a new configuration"),
            ),
            (true, None, Ok(()), Some("ask again")),
            (
                false,
                Some(Filled::Complete),
                Ok(()),
                Some("failed meanwhile"),
            ),
            (
                true,
                Some(Filled::Complete),
                Err(IndexError::WriterGone),
                Some(""),
            ),
        ] {
            let verdict = verdict(is_sound, filled.as_ref(), closed);
            match (&verdict, reason) {
                (Ok(()), None) => {}
                (Err(why), Some(words)) => assert!(why.contains(words), "{why}"),
                _ => panic!("{filled:?}, sound {is_sound}: {verdict:?}"),
            }
        }
    }
}
