//! Applies what scans report to an engine: pages, leftovers of old rules, completion.
//!
//! It is the sequential heart of the index: one thread owns it, and it waits for nothing but the
//! engine. What an observation means is decided in [`crate::sync::order`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pending::Pending;
use super::progress::Progress;
use super::{Engine, IndexError, Keyed, Which};
use crate::source::Source;
use crate::sync::checkpoint::{Checkpoint, Leftovers};
use crate::sync::interval::{KeyInterval, KeyRange};
use crate::sync::source_state::{Identity, SourceId, SourceState};

mod begin;
mod leftovers;
mod page;

pub use begin::{ScanPlan, ScanRequest};
use leftovers::is_left_over;
pub use page::PageReport;

/// The most records that are read from the engine at once: more than a page lists.
const READ_CHUNK: usize = 4_000;

/// When the changes since the last commit are committed.
#[derive(Clone, Copy, Debug)]
pub struct CommitPolicy {
    /// With that many changed keys, looked at after every page and every 4,000 records of a large
    /// one; it bounds the memory of what is pending.
    pub max_changes: usize,
    /// At the latest after that time, if there is anything to commit.
    pub interval: Duration,
}

/// A Source while it is scanned.
struct Scan {
    source: Arc<Source>,
    progress: Arc<Progress>,
    /// Records that a dry run treats as gone, because it may not remove them.
    hidden: Leftovers,
    /// The ranges of a scan of another bucket or folder than the records are of. It begins, and
    /// the records go, when its first page shows that there is such a bucket.
    move_to: Option<Vec<KeyRange>>,
}

impl Scan {
    /// Calls `with` with what the Source says of itself.
    fn identify<T>(&self, with: impl FnOnce(&Identity<'_>) -> T) -> T {
        let (origin, scope) = (self.source.origin(), self.source.scope());
        with(&Identity {
            name: &self.source.name,
            subdomain: &self.source.subdomain,
            origin: &origin,
            prefix: &self.source.prefix,
            scope: &scope,
        })
    }
}

/// The state between the engine and those who report.
pub struct Ledger<E> {
    engine: E,
    checkpoint: Checkpoint,
    pending: Pending,
    /// Whether the checkpoint changed since the last commit.
    checkpoint_changed: bool,
    last_commit: Instant,
    policy: CommitPolicy,
    dry_run: bool,
    scans: HashMap<SourceId, Scan>,
}

impl<E: Engine> Ledger<E> {
    /// A ledger over the engine; a dry run decides everything and commits nothing.
    pub fn new(engine: E, policy: CommitPolicy, dry_run: bool) -> Result<Self, IndexError> {
        Ok(Self {
            checkpoint: engine.checkpoint()?,
            engine,
            pending: Pending::default(),
            checkpoint_changed: false,
            last_commit: Instant::now(),
            policy,
            dry_run,
            scans: HashMap::new(),
        })
    }

    /// Takes over names, numbers and subdomains of another index, if this one is new.
    pub fn inherit(&mut self, bindings: Checkpoint) {
        if self.checkpoint == Checkpoint::default() {
            self.checkpoint = bindings;
            self.checkpoint_changed = true;
        }
    }

    /// The next such records of the interval, and the last key read where there may be more.
    fn read(
        &self,
        id: SourceId,
        interval: &KeyInterval,
        which: Which,
    ) -> Result<(Vec<Keyed>, Option<String>), IndexError> {
        let stored = self.engine.read(id, interval, which, READ_CHUNK)?;
        let is_full = stored.len() >= READ_CHUNK;
        let last = stored
            .last()
            .filter(|_| is_full)
            .map(|(key, _)| key.clone());
        let seen = match &last {
            Some(last) => interval.up_to(last),
            None => interval.clone(),
        };
        let mut laid = self.pending.overlay(id, &seen, stored);
        if let Some(scan) = self.scans.get(&id) {
            laid.retain(|(key, record)| !is_left_over(&scan.source, scan.hidden, key, record));
        }
        Ok((laid, last))
    }

    fn state(&mut self, id: SourceId) -> Result<&mut SourceState, IndexError> {
        self.checkpoint
            .state_mut(id)
            .ok_or_else(|| IndexError::Damaged {
                what: format!("its checkpoint has no Source number {}", id.0),
            })
    }

    fn commit_if_full(&mut self) -> Result<(), IndexError> {
        if self.pending.len() >= self.policy.max_changes {
            self.commit()?;
        }
        Ok(())
    }

    /// Commits if there is something to commit and either bound of the policy is reached.
    pub fn commit_if_due(&mut self) -> Result<(), IndexError> {
        if self.last_commit.elapsed() >= self.policy.interval {
            self.commit()?;
        }
        self.commit_if_full()
    }

    /// Commits what is pending, if anything is.
    pub fn commit(&mut self) -> Result<(), IndexError> {
        if self.pending.is_empty() && !self.checkpoint_changed {
            return Ok(());
        }
        if !self.dry_run {
            self.engine
                .commit(self.pending.changes(), &self.checkpoint)?;
            tracing::debug!(documents = self.pending.len(), "committed");
        }
        self.pending.clear();
        self.checkpoint_changed = false;
        self.last_commit = Instant::now();
        Ok(())
    }

    /// Commits and ends the engine's background work.
    pub fn close(mut self) -> Result<(), IndexError> {
        self.commit()?;
        self.engine.close()
    }
}

#[cfg(test)]
mod tests;
