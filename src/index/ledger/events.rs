//! Events and look-ups: applies them to the index, one key at a time.
//!
//! This module does not acknowledge anything. The caller must wait for the next commit before it
//! acknowledges.

use super::Ledger;
use super::heal::{healed, plausible_times};
use super::page::apply_decision;
use crate::core::replication::object::Object;
use crate::core::replication::order::{self, AmbiguousEvent, CertainEvent, Decision, SkipReason};
use crate::core::replication::record::Record;
use crate::core::replication::source_state::SourceId;
use crate::core::replication::timestamp::Timestamp;
use crate::index::{Engine, IndexError};

/// An event of one key, for a Source whose rules admit the key.
#[derive(Clone, Debug)]
pub struct EventReport {
    /// The Source's id.
    pub source: SourceId,
    /// The key.
    pub key: String,
    /// The event.
    pub event: KeyEvent,
}

/// A certain or an ambiguous event of one key.
#[derive(Clone, Debug)]
pub enum KeyEvent {
    /// It says what is under the key now.
    Certain(CertainEvent),
    /// It does not say what is under the key now. The key must be listed.
    Ambiguous(AmbiguousEvent),
}

impl KeyEvent {
    /// The same event as an ambiguous one, so that the key is listed.
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

/// The page of one key that was requested because of an ambiguous event, after the event had arrived.
#[derive(Clone, Debug)]
pub struct LookUpReport {
    /// The Source's id.
    pub source: SourceId,
    /// The key.
    pub key: String,
    /// The listed object, if the key exists and the rules admit it.
    pub listed: Option<Object>,
    /// The timestamp of the page.
    pub listed_at: Timestamp,
    /// The event that caused the look-up.
    pub event: AmbiguousEvent,
}

/// The outcome of applying an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// Its effect is pending. The next commit makes it durable.
    Written,
    /// It changes nothing: the index has the same or newer knowledge, which may still be pending.
    Stale(SkipReason),
    /// It is not applied. Its key must be listed, or listed again, before the event can be acknowledged.
    NeedsLookUp,
    /// It is not applied, because the index still holds the records of another bucket or prefix for this
    /// Source. It must be delivered again.
    NotYet,
}

impl<E: Engine> Ledger<E> {
    /// Applies an event, or returns that its key must be listed.
    pub fn apply_event(&mut self, report: EventReport) -> Result<EventOutcome, IndexError> {
        let EventReport { source, key, event } = report;
        if self.is_moving(source) {
            return Ok(EventOutcome::NotYet);
        }
        self.drift_candidates.clear(source, &key);
        let record = self.record(source, &key)?;
        let watermarks = self.state(source)?.watermarks();
        match event {
            KeyEvent::Ambiguous(event) => {
                match order::decide_ambiguous(record.as_ref(), &event, &watermarks) {
                    Some(decision) => {
                        self.apply_event_decision(source, &key, record.as_ref(), decision)
                    }
                    None => Ok(EventOutcome::NeedsLookUp),
                }
            }
            KeyEvent::Certain(event) if record.is_none() && self.is_doubtful(source, &event)? => {
                Ok(EventOutcome::NeedsLookUp)
            }
            KeyEvent::Certain(event)
                if order::contradicts_sequencers(
                    record.as_ref(),
                    event.time,
                    Some(&event.sequencer),
                    &watermarks,
                ) =>
            {
                Ok(EventOutcome::NeedsLookUp)
            }
            KeyEvent::Certain(event) => {
                let decision = order::decide_event(record.as_ref(), &event, &watermarks);
                self.apply_event_decision(source, &key, record.as_ref(), decision)
            }
        }
    }

    /// Applies the page of one key that an ambiguous event caused.
    pub fn apply_look_up(&mut self, report: LookUpReport) -> Result<EventOutcome, IndexError> {
        let (source, key) = (report.source, &report.key);
        if self.is_moving(source) {
            return Ok(EventOutcome::NotYet);
        }
        let record = self.record(source, key)?;
        let watermarks = self.state(source)?.watermarks();
        // If a key has several ambiguous events, the page for one of them can settle the others too.
        if let Some(decision) = order::decide_ambiguous(record.as_ref(), &report.event, &watermarks)
        {
            return self.apply_event_decision(source, key, record.as_ref(), decision);
        }
        let (decision, is_settled) = order::decide_look_up(
            record.as_ref(),
            report.listed.as_ref(),
            report.listed_at,
            &report.event,
            &watermarks,
        );
        let outcome = self.apply_event_decision(source, key, record.as_ref(), decision)?;
        Ok(if is_settled {
            outcome
        } else {
            EventOutcome::NeedsLookUp
        })
    }

    /// Writes a decision about an event or look-up, unless it keeps the record.
    fn apply_event_decision(
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
            let first_seen = self.previous_first_seen_of_key(source, key)?;
            first_seen.keep_first_seen(key, record, &mut decision);
        }
        self.state(source)?.events += 1;
        let counters = self.change_counters(source, None);
        apply_decision(&mut self.pending, source, key, record, decision, &counters);
        self.commit_if_full()?;
        Ok(EventOutcome::Written)
    }

    /// Whether an event of a key that has no record must not be trusted, because it is older than a partial
    /// scan.
    ///
    /// The partial scan found nothing under the key. The event that removed the object may have arrived while
    /// other rules did not admit the key, and was discarded.
    fn is_doubtful(&mut self, source: SourceId, event: &CertainEvent) -> Result<bool, IndexError> {
        let state = self.state(source)?;
        let running = state.running.as_ref().filter(|running| running.partial);
        let began = running.and_then(|running| running.started);
        let scanned = state.partial_as_of.max(began);
        Ok(scanned.is_some_and(|scanned| event.time < scanned))
    }

    /// The record of one key, with pending changes.
    fn record(&self, source: SourceId, key: &str) -> Result<Option<Record>, IndexError> {
        match self.pending.get(source, key) {
            Some(change) => Ok(change.record.clone()),
            None => {
                let record = self.engine.get(source, &[key])?.pop().flatten();
                Ok(record.map(|record| healed(plausible_times(), record)))
            }
        }
    }
}
