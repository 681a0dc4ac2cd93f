//! What events and look-ups do to the index, one key at a time.
//!
//! It does not acknowledge anything: whoever reports an event waits for the commit that follows.

use super::Ledger;
use super::page::settle;
use crate::core::replication::object::Object;
use crate::core::replication::order::{self, AmbiguousEvent, CertainEvent, Decision, SkipReason};
use crate::core::replication::record::Record;
use crate::core::replication::source_state::SourceId;
use crate::core::replication::timestamp::Timestamp;
use crate::index::{Engine, IndexError};

/// What a message says of one key of a Source whose rules admit it.
#[derive(Clone, Debug)]
pub struct EventReport {
    /// The Source's number.
    pub source: SourceId,
    /// The key.
    pub key: String,
    /// What happened.
    pub event: KeyEvent,
}

/// What an event tells.
#[derive(Clone, Debug)]
pub enum KeyEvent {
    /// What is under the key now.
    Certain(CertainEvent),
    /// That the key must be listed.
    Ambiguous(AmbiguousEvent),
}

impl KeyEvent {
    /// The event as one whose key must be listed.
    pub fn to_ambiguous(&self) -> AmbiguousEvent {
        match self {
            Self::Ambiguous(event) => event.clone(),
            Self::Certain(event) => AmbiguousEvent {
                time: event.time,
                sequencer: Some(event.sequencer.clone()),
            },
        }
    }
}

/// The page of one key that was asked for because of an ambiguous event, after that had come.
#[derive(Clone, Debug)]
pub struct LookUpReport {
    /// The Source's number.
    pub source: SourceId,
    /// The key.
    pub key: String,
    /// What is listed under it, if the rules admit it.
    pub listed: Option<Object>,
    /// The page's stamp.
    pub listed_at: Timestamp,
    /// The event.
    pub event: AmbiguousEvent,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// Its effect is in the index with the next commit.
    Written,
    /// The index knew it, or newer.
    Stale(SkipReason),
    /// Its key must be listed (again) before it can be acknowledged.
    NeedsLookUp,
    /// The index still holds the records of another bucket or folder under this Source, and nothing
    /// was done: it must come again.
    NotYet,
}

impl<E: Engine> Ledger<E> {
    /// Applies an event, or tells that its key must be listed.
    pub fn apply_event(&mut self, report: EventReport) -> Result<EventOutcome, IndexError> {
        let EventReport { source, key, event } = report;
        if self.is_moving(source) {
            return Ok(EventOutcome::NotYet);
        }
        self.drift_candidates.clear_of(source, &key);
        let record = self.record(source, &key)?;
        let watermarks = self.state(source)?.watermarks();
        match event {
            KeyEvent::Ambiguous(event) => {
                match order::decide_ambiguous(record.as_ref(), &event, &watermarks) {
                    Some(decision) => self.take(source, &key, record.as_ref(), decision),
                    None => Ok(EventOutcome::NeedsLookUp),
                }
            }
            KeyEvent::Certain(event) if record.is_none() && self.is_doubtful(source, &event)? => {
                Ok(EventOutcome::NeedsLookUp)
            }
            KeyEvent::Certain(event) => {
                let decision = order::decide_event(record.as_ref(), &event, &watermarks);
                self.take(source, &key, record.as_ref(), decision)
            }
        }
    }

    /// Applies the page of one key.
    pub fn apply_look_up(&mut self, report: LookUpReport) -> Result<EventOutcome, IndexError> {
        let (source, key) = (report.source, &report.key);
        if self.is_moving(source) {
            return Ok(EventOutcome::NotYet);
        }
        let record = self.record(source, key)?;
        let watermarks = self.state(source)?.watermarks();
        // Where a key has many such events, the page that settles one of them settles others.
        if let Some(decision) = order::decide_ambiguous(record.as_ref(), &report.event, &watermarks)
        {
            return self.take(source, key, record.as_ref(), decision);
        }
        let (decision, is_settled) = order::decide_look_up(
            record.as_ref(),
            report.listed.as_ref(),
            report.listed_at,
            &report.event,
            &watermarks,
        );
        let applied = self.take(source, key, record.as_ref(), decision)?;
        Ok(if is_settled {
            applied
        } else {
            EventOutcome::NeedsLookUp
        })
    }

    fn take(
        &mut self,
        source: SourceId,
        key: &str,
        record: Option<&Record>,
        mut decision: Decision,
    ) -> Result<EventOutcome, IndexError> {
        if let Decision::Keep(why) = decision {
            return Ok(EventOutcome::Stale(why));
        }
        if record.is_none() {
            let before = self.key_first_seen_before(source, key)?;
            before.carry_to(key, record, &mut decision);
        }
        self.state(source)?.events += 1;
        let counted = self.counted(source, None);
        settle(&mut self.pending, source, key, record, decision, &counted);
        self.commit_if_full()?;
        Ok(EventOutcome::Written)
    }

    /// Whether an event of a key without a record is of a time of which a partial scan has shown only
    /// that there was nothing: its removal may have come while other rules did not admit the key.
    fn is_doubtful(&mut self, source: SourceId, event: &CertainEvent) -> Result<bool, IndexError> {
        let state = self.state(source)?;
        let running = state.running.as_ref().filter(|running| running.partial);
        let began = running.and_then(|running| running.started);
        let shown = state.partial_as_of.max(began);
        Ok(shown.is_some_and(|shown| event.time < shown))
    }

    /// The record of one key, with what is pending.
    fn record(&self, source: SourceId, key: &str) -> Result<Option<Record>, IndexError> {
        match self.pending.get(source, key) {
            Some(change) => Ok(change.record.clone()),
            None => Ok(self.engine.get(source, &[key])?.pop().flatten()),
        }
    }
}
