//! Attaching a Source: the index adopts its configuration, and records up to when its events were followed.
//!
//! If the rules have changed, records that the new rules exclude are removed, and a scan of the keys that
//! only the new rules admit begins. This module does not receive events.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Ledger, Scan};
use crate::core::counters::ScanProgress;
use crate::core::replication::checkpoint::StaleRecords;
use crate::core::replication::source_state::{FollowedUntil, QueueId, SourceId, SourceState};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::Source;
use crate::index::tally::Tally;
use crate::index::{Engine, IndexError};

/// Maximum time between commits while events are followed, even if nothing changes.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// A Source to attach.
#[derive(Debug)]
pub struct AttachRequest {
    /// The Source.
    pub source: Arc<Source>,
    /// The same Source in the previous configuration, if known.
    pub former: Option<Arc<Source>>,
    /// Receives the number of its assets and its drift.
    pub tally: Arc<Tally>,
    /// Maximum number of ranges to list at the same time.
    pub ranges_in_flight: usize,
}

/// An attached Source.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Its id.
    pub id: SourceId,
    /// Its state, to decide whether it must be scanned.
    pub state: SourceState,
    /// Whether the index holds the records of another bucket or prefix until a scan finds an asset.
    pub is_moving: bool,
}

impl<E: Engine> Ledger<E> {
    /// Adds Sources to the index, or brings their records in line with their configuration. All of them share two
    /// commits: one before, and one after. Returns a result for each, in the same order.
    ///
    /// If the rules have changed, removes the records that they exclude, and begins a scan: of the keys that
    /// only the new rules admit, or of all keys if the old rules are not known exactly or no scan under them
    /// is complete. The caller resumes this scan.
    ///
    /// If the bucket or prefix has changed, the old records stay until a scan finds an asset at the new location.
    ///
    /// A Source may be attached already, with another configuration. Then the caller has stopped everything that
    /// sends pages or events of it.
    ///
    /// # Errors
    ///
    /// Only errors that concern all Sources. A Source that cannot be added has [`IndexError::Binding`] as its result,
    /// and nothing has changed for it.
    pub fn attach(
        &mut self,
        requests: Vec<AttachRequest>,
    ) -> Result<Vec<Result<Attachment, IndexError>>, IndexError> {
        // The engine counts only committed assets.
        self.commit()?;
        let mut attachments = Vec::with_capacity(requests.len());
        for request in requests {
            attachments.push(match self.attach_one(request) {
                Err(error) if !error.is_about_one_source() => return Err(error),
                attached => attached,
            });
        }
        self.commit()?;
        Ok(attachments)
    }

    /// Attaches a single Source.
    #[cfg(test)]
    pub(crate) fn attach_single(
        &mut self,
        request: AttachRequest,
    ) -> Result<Attachment, IndexError> {
        self.attach(vec![request])?.remove(0)
    }

    /// Attaches one Source. The caller commits before and after.
    fn attach_one(&mut self, request: AttachRequest) -> Result<Attachment, IndexError> {
        let AttachRequest {
            source,
            former,
            tally,
            ranges_in_flight,
        } = request;
        let scan = Scan::new(source, Arc::new(ScanProgress::default()));
        let before = self.checkpoint.source(&scan.source.name).cloned();
        let (id, stale) = scan.with_identity(|identity| self.checkpoint.register(identity))?;
        tally.set_assets(self.engine.assets(id)?);
        tally.set_former_assets(match stale {
            StaleRecords::Everything => tally.assets(),
            _ => 0,
        });
        self.forget_running(id);
        self.tallies.insert(id, tally);
        self.moving.remove(&id);
        match stale {
            StaleRecords::None => {}
            StaleRecords::Everything => {
                self.moving.insert(id);
                // From now on, events of the old bucket are not applied. If the Source moves back before the
                // new bucket is listed, it needs a scan, so nothing counts as followed.
                self.state(id)?.followed = None;
            }
            StaleRecords::NotAdmitted => {
                self.adopt_rules(id, &scan, former.as_deref(), ranges_in_flight)?;
            }
        }
        self.checkpoint_changed |= before.as_ref() != self.checkpoint.state(id);
        Ok(Attachment {
            id,
            state: self.state(id)?.clone(),
            is_moving: self.is_moving(id),
        })
    }

    /// The state of a Source. If the Source has moved to another bucket or prefix, the result says that
    /// nothing is known about it: the stored state describes the old location.
    pub fn state_of(&mut self, id: SourceId) -> Result<SourceState, IndexError> {
        let mut state = self.state(id)?.clone();
        if self.is_moving(id) {
            state.forget();
        }
        Ok(state)
    }

    /// Adopts new rules: removes the records that they exclude, and begins a scan of what they add.
    fn adopt_rules(
        &mut self,
        id: SourceId,
        scan: &Scan,
        former: Option<&Source>,
        ranges_in_flight: usize,
    ) -> Result<(), IndexError> {
        let state = self.state(id)?;
        // A partial scan is enough only if the index is complete under the former rules. That is unknown if
        // the index was last brought in line with other rules, or if the scan under the former rules is
        // unfinished.
        let is_complete = state.complete_as_of.is_some() && state.running.is_none();
        let former =
            former.filter(|former| is_complete && former.admission_fingerprint() == state.scope);
        let saved = self.remove_stale_records(id, scan, StaleRecords::NotAdmitted)?;
        let ranges = self.plan_ranges(id, &scan.source, ranges_in_flight)?;
        let state = self.state(id)?;
        scan.with_identity(|identity| state.adopt(identity));
        saved.restore(state);
        match former {
            Some(former) => state.begin_partial_scan(scan.source.newly_admitted_ranges(former)),
            None => state.begin_scan(ranges),
        }
        Ok(())
    }

    /// Whether the index holds records from another bucket or prefix than the Source has now.
    pub(super) fn is_moving(&self, id: SourceId) -> bool {
        self.moving.contains(&id)
    }

    /// Records that from now on, until [`Ledger::unfollow`], all events of the Source are received soon after
    /// they are sent. Commits if that is new.
    ///
    /// Call it after the scans that are due have begun and the queue was seen empty. Otherwise the index may
    /// lack events that were sent earlier.
    pub fn follow(&mut self, id: SourceId, queue: &QueueId) -> Result<(), IndexError> {
        let followed = self.state(id)?.followed.as_ref();
        if followed.is_none_or(|followed| followed.queue != *queue) || !self.following.contains(&id)
        {
            self.follow_from_now(id, queue.clone())?;
            self.following.insert(id);
            self.checkpoint_changed = true;
            self.commit()?;
        }
        Ok(())
    }

    /// Records that everything that happened until now is in the index or in the queue, or will be found by a
    /// scan that begins now.
    pub(super) fn follow_from_now(
        &mut self,
        id: SourceId,
        queue: QueueId,
    ) -> Result<(), IndexError> {
        self.state(id)?.followed = Some(FollowedUntil {
            queue,
            until_millis: now_millis(),
        });
        Ok(())
    }

    /// Records that events of the Source may be lost. A scan is due when it is followed again. Commits if that is new,
    /// so that many Sources without a queue need no commit each.
    pub fn mark_events_lost(&mut self, id: SourceId) -> Result<(), IndexError> {
        self.following.remove(&id);
        self.follow_nothing_after_move(id);
        if self.state(id)?.followed.take().is_some() {
            self.checkpoint_changed = true;
            self.commit()?;
        }
        Ok(())
    }

    /// Records that the queue is proven to get the events of these Sources.
    pub fn note_wired(&mut self, ids: &[SourceId], queue_url: &str) -> Result<(), IndexError> {
        for id in ids {
            self.state(*id)?.wired_queue = Some(queue_url.to_owned());
        }
        self.checkpoint_changed = true;
        Ok(())
    }

    /// Records that an event of this time may never be applied. If a scan that began later is complete, the
    /// scan has made up for it, and nothing changes.
    pub fn give_up_event(&mut self, id: SourceId, time: Timestamp) -> Result<(), IndexError> {
        let as_of = self.state_of(id)?.complete_as_of;
        if as_of.is_some_and(|as_of| as_of > time) {
            Ok(())
        } else {
            self.mark_events_lost(id)
        }
    }

    /// Records that an event of this time may never be applied because it waits for a move. Changes nothing if the
    /// Source is not moving, or if the scan that will begin the move began after the event.
    pub fn give_up_waiting_event(
        &mut self,
        id: SourceId,
        time: Timestamp,
    ) -> Result<(), IndexError> {
        let is_listed = self.move_started(id).is_some_and(|started| started > time);
        if is_listed || !self.is_moving(id) {
            return Ok(());
        }
        self.mark_events_lost(id)
    }

    /// Records that the events of these Sources are not received for now. The checkpoint keeps the time until
    /// which they were followed.
    pub fn unfollow(&mut self, ids: &[SourceId]) {
        for id in ids {
            self.following.remove(id);
        }
    }

    /// Writes the current time into the checkpoint as the time until which events are followed.
    pub(super) fn advance_followed(&mut self) {
        let now = now_millis();
        for state in &mut self.checkpoint.sources {
            if self.following.contains(&state.id)
                && let Some(followed) = &mut state.followed
            {
                followed.until_millis = now;
            }
        }
    }

    /// Commits if events are followed and the last commit was at least a minute ago. After a restart, the
    /// checkpoint therefore shows how long no events were received.
    pub fn commit_heartbeat(&mut self) -> Result<(), IndexError> {
        if !self.following.is_empty() && self.last_commit.elapsed() >= HEARTBEAT {
            self.checkpoint_changed = true;
            self.commit()?;
        }
        Ok(())
    }

    /// Stops following a Source for good, because it is disabled or cannot be indexed. A scan is due when it
    /// is followed again. Commits.
    pub fn detach(&mut self, name: &str) -> Result<(), IndexError> {
        let Some(state) = self.checkpoint.source_mut(name) else {
            return Ok(());
        };
        let id = state.id;
        self.checkpoint_changed |= state.followed.take().is_some() || !state.was_detached;
        state.was_detached = true;
        self.forget_running(id);
        if let Some(tally) = self.tallies.remove(&id) {
            tally.set_former_assets(0);
        }
        self.commit()
    }

    /// Forgets what runs for a Source under the former configuration. Its unfinished scan stays in the checkpoint.
    ///
    /// The caller must not send further pages of that scan.
    pub(super) fn forget_running(&mut self, id: SourceId) {
        self.following.remove(&id);
        self.scans.remove(&id);
        self.drift_candidates.discard(id);
    }
}

/// Milliseconds since the epoch by the local clock.
pub(super) fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // If the clock is before 1970, every Source looks as if it was never followed, and is scanned.
    since.map_or(0, |since| since.as_millis() as i64)
}
