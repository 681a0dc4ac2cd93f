//! How a Source that is followed takes its place: what its new configuration made wrong goes, and what
//! it newly admits is to be listed.

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

/// How often the checkpoint is committed for no other reason than that events are followed.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// A Source that is to be followed.
#[derive(Debug)]
pub struct AttachRequest {
    /// The Source.
    pub source: Arc<Source>,
    /// The same Source in the configuration before, if that is known.
    pub former: Option<Arc<Source>>,
    /// Where its assets and its drift are counted.
    pub tally: Arc<Tally>,
    /// How many ranges are worth listing at once.
    pub ranges_in_flight: usize,
}

/// The place of a Source that is followed.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Its number.
    pub id: SourceId,
    /// Its state, to decide whether it must be scanned.
    pub state: SourceState,
    /// Whether the index holds the records of another bucket or folder until a scan has begun.
    pub is_moving: bool,
}

impl<E: Engine> Ledger<E> {
    /// Gives a Source its place, and removes what its rules do not admit any more.
    ///
    /// Where the rules changed, a scan of what they may newly admit has begun when this returns; it
    /// is to be resumed.
    pub fn attach(&mut self, request: AttachRequest) -> Result<Attachment, IndexError> {
        let AttachRequest {
            source,
            former,
            tally,
            ranges_in_flight,
        } = request;
        let scan = Scan::idle(source, Arc::new(ScanProgress::default()));
        let before = self.checkpoint.source(&scan.source.name).cloned();
        let (id, stale_records) = scan.identify(|identity| self.checkpoint.register(identity))?;
        tally.set_assets(self.engine.assets(id)?);
        self.tallies.insert(id, tally);
        self.moving.remove(&id);
        match stale_records {
            StaleRecords::None => {}
            StaleRecords::Everything => {
                self.moving.insert(id);
                // Nobody applies events of the old bucket from now on: if the Source comes back to it
                // before the new one is listed, a scan is due.
                self.state(id)?.followed = None;
            }
            StaleRecords::NotAdmitted => {
                self.adopt_rules(id, &scan, former.as_deref(), ranges_in_flight)?;
            }
        }
        self.checkpoint_changed |= before.as_ref() != self.checkpoint.state(id);
        self.commit()?;
        Ok(Attachment {
            id,
            state: self.state(id)?.clone(),
            is_moving: self.is_moving(id),
        })
    }

    /// The state of a Source. Of the bucket or folder that it is moving to nothing is known, whatever
    /// was known of the old one.
    pub fn state_of(&mut self, id: SourceId) -> Result<SourceState, IndexError> {
        let mut state = self.state(id)?.clone();
        if self.is_moving(id) {
            state.forget();
        }
        Ok(state)
    }

    /// Puts new rules in the place of the old ones.
    fn adopt_rules(
        &mut self,
        id: SourceId,
        scan: &Scan,
        former: Option<&Source>,
        ranges_in_flight: usize,
    ) -> Result<(), IndexError> {
        let state = self.state(id)?;
        // Of other rules than the index was last brought in line with it is not known what they left
        // out, nor of those whose own scan is not complete.
        let is_complete = state.complete_as_of.is_some() && state.running.is_none();
        let former =
            former.filter(|former| is_complete && former.admission_fingerprint() == state.scope);
        let known = self.sweep(id, scan, StaleRecords::NotAdmitted)?;
        let ranges = self.plan_ranges(id, &scan.source, ranges_in_flight)?;
        let state = self.state(id)?;
        scan.identify(|identity| state.adopt(identity));
        known.give_back(state);
        match former {
            Some(former) => state.begin_partial_scan(scan.source.newly_admitted_ranges(former)),
            None => state.begin_scan(ranges),
        }
        Ok(())
    }

    /// Whether the index holds the records of another bucket or folder than the Source is of now.
    pub(super) fn is_moving(&self, id: SourceId) -> bool {
        self.moving.contains(&id)
    }

    /// Notes that from now on, until [`Ledger::unfollow`], all events of the Source are received soon after
    /// they are sent.
    ///
    /// Whoever asks has begun the scans that are due, and has seen the queue empty: what was sent
    /// before is not known to be here.
    pub fn follow(&mut self, id: SourceId, queue: &QueueId) -> Result<(), IndexError> {
        let followed = self.state(id)?.followed.as_ref();
        if followed.is_none_or(|it| it.queue != *queue) || !self.following.contains(&id) {
            self.follow_from_now(id, queue.clone())?;
            self.following.insert(id);
            self.checkpoint_changed = true;
            self.commit()?;
        }
        Ok(())
    }

    /// Notes that what has happened until now is in the index, or in the queue, or found by a scan
    /// that begins now.
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

    /// Notes that events of the Source may be lost: when it is followed again, a scan is due.
    pub fn mark_events_lost(&mut self, id: SourceId) -> Result<(), IndexError> {
        self.following.remove(&id);
        self.checkpoint_changed |= self.state(id)?.followed.take().is_some();
        self.commit()
    }

    /// Notes that the queue gets the events of these Sources, for good.
    pub fn note_wired(&mut self, ids: &[SourceId], queue_url: &str) -> Result<(), IndexError> {
        for id in ids {
            self.state(*id)?.wired_queue = Some(queue_url.to_owned());
        }
        self.checkpoint_changed = true;
        Ok(())
    }

    /// Notes that an event of that time may never be applied, unless a scan since has made up for it.
    pub fn give_up_event(&mut self, id: SourceId, time: Timestamp) -> Result<(), IndexError> {
        let as_of = self.state(id)?.complete_as_of;
        if as_of.is_some_and(|as_of| as_of > time) {
            Ok(())
        } else {
            self.mark_events_lost(id)
        }
    }

    /// Notes that the events of these Sources are not received any more.
    pub fn unfollow(&mut self, ids: &[SourceId]) {
        for id in ids {
            self.following.remove(id);
        }
    }

    /// Writes into the checkpoint until when events are followed.
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

    /// Commits now and then also where nothing changes, so that it is known how long nobody received.
    pub fn commit_heartbeat(&mut self) -> Result<(), IndexError> {
        if !self.following.is_empty() && self.last_commit.elapsed() >= HEARTBEAT {
            self.checkpoint_changed = true;
            self.commit()?;
        }
        Ok(())
    }

    /// Ends the following of a Source for good: when it is followed again, a scan is due.
    pub fn detach(&mut self, name: &str) -> Result<(), IndexError> {
        let Some(state) = self.checkpoint.source_mut(name) else {
            return Ok(());
        };
        let id = state.id;
        self.checkpoint_changed |= state.followed.take().is_some();
        self.following.remove(&id);
        self.tallies.remove(&id);
        self.drift_candidates.give_up(id);
        self.commit()
    }
}

/// Milliseconds since the epoch by our own clock.
fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // A clock before 1970 makes every Source look as if it was never followed: it is scanned.
    since.map_or(0, |since| since.as_millis() as i64)
}
