//! A new index beside the live one, filled by scans while every event goes into both.
//!
//! It takes the live one's place when all Sources are complete in it. What is half-built when that does
//! not come to pass is begun anew the next time: events have gone into the live index alone since.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::mirror::Ended;
use super::session::{Surroundings, policy};
use crate::config::Config;
use crate::consumer::routes::Follower;
use crate::index::IndexError;
use crate::index::ledger::{AttachRequest, Ledger};
use crate::index::progress::Progress;
use crate::index::tally::Tally;
use crate::index::tantivy::TantivyEngine;
use crate::index::writer::{self, IndexHandle, IndexThread};
use crate::scanner::{Scan, ScanError, scan};
use crate::status::{Board, Health, QueueBoard};
use crate::sync::source_state::SourceId;

/// A rebuild that is asked for.
pub struct Rebuild {
    /// Told how the scan of each Source began, and how it ended; closed when the new index has taken the
    /// live one's place, or will not.
    pub tell: mpsc::UnboundedSender<Told>,
}

/// What whoever asked for a rebuild is told, two for each Source at the most.
pub enum Told {
    /// The scan of this Source counts here.
    Began(String, Arc<Progress>),
    /// The scan of this Source has ended.
    Ended(String, Ended),
    /// The new index has taken the live one's place.
    Published,
    /// It has not, for this reason.
    Failed(String),
}

/// The index that is built.
pub struct Building {
    /// Its writer.
    pub index: IndexHandle,
    thread: IndexThread,
    generation: PathBuf,
    complete: CancellationToken,
}

/// The scans that fill it.
pub struct Fill {
    jobs: Vec<Job>,
    index: IndexHandle,
    config: Arc<Config>,
    tell: mpsc::UnboundedSender<Told>,
    complete: CancellationToken,
    /// The Sources that get events, with the queues that bring them.
    queues: Vec<(SourceId, Arc<QueueBoard>)>,
}

struct Job {
    follower: Arc<Follower>,
    progress: Arc<Progress>,
}

impl Building {
    /// Makes the next generation, empty, with the names, numbers and subdomains of the live one.
    pub fn open(config: &Config, around: &Surroundings) -> Result<Self, IndexError> {
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
        let (index, thread) = writer::start(ledger)?;
        Ok(Self {
            index,
            thread,
            generation,
            complete: CancellationToken::new(),
        })
    }

    /// Gives the Sources their places in it, the same as in the live index.
    pub async fn fill(
        &self,
        rebuild: &Rebuild,
        followers: &[Arc<Follower>],
        config: &Arc<Config>,
        board: &Board,
    ) -> Result<Fill, IndexError> {
        let queue = |follower: &Arc<Follower>| {
            let events = follower.source.events.as_ref()?;
            Some((follower.id, board.queue(&events.queue_url)))
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
            complete: self.complete.clone(),
            queues: followers.iter().filter_map(queue).collect(),
        })
    }

    /// Closes the index; if it is complete and the session ended in good order it takes the live one's
    /// place, which nothing writes any more.
    pub async fn end(
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
        if !is_sound || !self.complete.is_cancelled() {
            tell(Told::Failed("the index that was live still is".to_owned()));
            return Ok(());
        }
        closed?;
        around.data_dir.publish(&self.generation)?;
        around.data_dir.remove_old(&around.lock)?;
        tracing::info!("a new index has taken the place of the live one");
        tell(Told::Published);
        Ok(())
    }
}

impl Fill {
    /// Scans all Sources, and ends the session when they are done; what failed leaves the index
    /// incomplete.
    pub async fn run(
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
        if is_complete && !stop.is_cancelled() {
            for (id, board) in self.queues {
                if board.health() == Health::Receiving && board.is_drained() {
                    self.index.follow(id, board.id()).await?;
                }
            }
            self.complete.cancel();
        }
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
        let (began, lists_before) = (Instant::now(), self.follower.bucket.lists_sent());
        let work = Scan {
            source: Arc::clone(source),
            lister: Arc::clone(&self.follower.bucket),
            index,
            progress: self.progress,
            ranges_in_flight: config.scan.ranges_in_flight,
            fresh: true,
            partial: false,
            drift_grace: None,
            // What is half-built must not count as followed.
            queue: None,
        };
        let result = scan(work, stop).await;
        let failure = match &result {
            Err(ScanError::Index(error)) if !error.concerns_one_source() => Some(error.clone()),
            _ => None,
        };
        let ended = Ended {
            result: result.map_err(|error| error.to_string()),
            took: began.elapsed(),
            requests: self.follower.bucket.lists_sent() - lists_before,
        };
        (source.name.clone(), ended, failure)
    }
}
