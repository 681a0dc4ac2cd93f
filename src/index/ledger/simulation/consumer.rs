//! The consumer: receives messages, applies their events, looks up keys, and acknowledges.
//!
//! Acknowledging is a separate step, so that a crash can happen before it.

use super::check_state::MayRemove;
use super::fault::Fault;
use super::queue::{Delivery, Message, Stage};
use super::world::{ID, World};
use crate::core::replication::order::{self, AmbiguousEvent};
use crate::core::replication::record::Record;
use crate::core::replication::timestamp::Timestamp;
use crate::index::IndexError;
use crate::index::ledger::page::apply_decision;
use crate::index::ledger::{EventOutcome, EventReport, KeyEvent, LookUpReport};

/// Maximum number of deliveries in progress.
const MAX_DELIVERIES: usize = 6;

impl World {
    pub(super) fn lose(&mut self, key: &str, event: u64) -> bool {
        let Some(index) = self.queue.index_of(key, event) else {
            return false;
        };
        let message = &mut self.queue.messages[index];
        if message.settled {
            return false;
        }
        (message.settled, message.lost) = (true, true);
        self.check_state.note_loss();
        if let Some(scanner) = &mut self.scanner {
            scanner.finds_losses = false;
        }
        true
    }

    pub(super) fn receive(&mut self, key: &'static str, event: u64) -> Result<bool, String> {
        let Some(index) = self.queue.index_of(key, event) else {
            return Ok(false);
        };
        let message = self.queue.messages[index].clone();
        if message.sent > self.now || self.queue.deliveries.len() == MAX_DELIVERIES {
            return Ok(false);
        }
        let size = match &*message.payload {
            KeyEvent::Certain(event) => event.object.as_ref().map_or(1, |object| object.size),
            KeyEvent::Ambiguous(_) => 1,
        };
        if !self.source.admits(key, size) {
            self.queue.messages[index].settled = true;
            return Ok(true);
        }
        if matches!(&*message.payload, KeyEvent::Certain(event) if event.object.is_none()) {
            self.check_state.may_remove = MayRemove::Key(key);
        }
        let report = self.report(&message);
        let applied = self.ledger.apply_event(report.clone());
        let Some(applied) = self.ok_or_restart(applied) else {
            return Ok(true);
        };
        self.apply_again(&report, applied)?;
        let stage = match applied {
            EventOutcome::Written | EventOutcome::Stale(_) => Stage::Applied,
            EventOutcome::NeedsLookUp => Stage::NeedsLookUp,
            EventOutcome::NotYet => return Ok(true),
        };
        let message = index;
        self.queue.deliveries.push(Delivery { message, stage });
        Ok(true)
    }

    fn report(&mut self, message: &Message) -> EventReport {
        let mut event = (*message.payload).clone();
        if let (KeyEvent::Certain(event), true) =
            (&mut event, self.has(Fault::SequencersAreIgnored))
        {
            self.check_state.applied_events += 1;
            event.sequencer = super::bucket::sequencer(self.check_state.applied_events);
        }
        EventReport {
            source: ID,
            key: message.key.to_owned(),
            event,
        }
    }

    /// Applies an event a second time immediately, and checks that it changes nothing.
    fn apply_again(&mut self, report: &EventReport, applied: EventOutcome) -> Result<(), String> {
        if !self.check_state.keeps_applied
            || self.setup.fault.is_some()
            || matches!(applied, EventOutcome::NeedsLookUp | EventOutcome::NotYet)
        {
            return Ok(());
        }
        let before = self.record(&report.key);
        let again = self.ledger.apply_event(report.clone());
        let after = self.record(&report.key);
        match (before, again, after) {
            (before, Ok(EventOutcome::Stale(_)), after) if before == after => Ok(()),
            (before, again, after) => Err(format!(
                "I5: applying an event again returned {again:?}, and {before:?} became {after:?}"
            )),
        }
    }

    /// Lists the key of an ambiguous event.
    pub(super) fn look_up(&mut self, key: &str, event: u64, margin: i64) -> bool {
        let index = self.queue.index_of(key, event);
        let found = index.and_then(|index| {
            self.queue
                .delivery(index, |stage| *stage == Stage::NeedsLookUp)
        });
        let Some(found) = found else {
            return false;
        };
        self.now += 1;
        let listed = self.bucket.listed(key);
        let listed = listed.filter(|object| self.source.admits(key, object.size));
        let mut listed_at = self.now - margin;
        if self.has(Fault::LookUpsHaveLateTimestamps) {
            listed_at = self.now + margin;
        }
        self.queue.deliveries[found].stage = Stage::Listed { listed, listed_at };
        true
    }

    /// Applies the page of a look-up.
    pub(super) fn apply_listed(&mut self, key: &'static str, event: u64) -> bool {
        let is_listed = |stage: &Stage| matches!(stage, Stage::Listed { .. });
        let index = self.queue.index_of(key, event);
        let found = index.and_then(|index| self.queue.delivery(index, is_listed));
        let Some(found) = found else {
            return false;
        };
        let delivery = self.queue.deliveries.remove(found);
        let event = self.queue.messages[delivery.message].payload.to_ambiguous();
        let Stage::Listed { listed, listed_at } = delivery.stage else {
            return false;
        };
        let report = LookUpReport {
            source: ID,
            key: key.to_owned(),
            listed,
            listed_at: Timestamp::from_millis(listed_at),
            event,
        };
        self.check_state.may_remove = MayRemove::Key(key);
        self.check_state.note_page(key, report.listed_at);
        let applied = self.apply_look_up(&report);
        let Some(applied) = self.ok_or_restart(applied) else {
            return true;
        };
        if self.check_state.keeps_applied {
            self.check_state.look_ups.push(report);
        }
        let stage = match applied {
            EventOutcome::NeedsLookUp if self.has(Fault::OldPagesSettleEvents) => Stage::Applied,
            EventOutcome::NeedsLookUp => Stage::NeedsLookUp,
            EventOutcome::Written | EventOutcome::Stale(_) => Stage::Applied,
            EventOutcome::NotYet => return true,
        };
        let message = delivery.message;
        self.queue.deliveries.push(Delivery { message, stage });
        true
    }

    fn apply_look_up(&mut self, report: &LookUpReport) -> Result<EventOutcome, IndexError> {
        if !self.has(Fault::LookUpsLeaveNoFloor) {
            return self.ledger.apply_look_up(report.clone());
        }
        let record = self.record(&report.key);
        let (listed, watermarks) = (report.listed.as_ref(), self.state().watermarks());
        let page = order::decide_page(
            record.as_ref(),
            listed,
            report.listed_at,
            &watermarks,
            |_| true,
        );
        let counters = self.ledger.change_counters(ID, None);
        let ledger = &mut self.ledger;
        let record = record.as_ref();
        apply_decision(
            &mut ledger.pending,
            ID,
            &report.key,
            record,
            page,
            &counters,
        );
        ledger.commit_if_full()?;
        let settles = report.listed_at > report.event.time;
        Ok(if settles {
            EventOutcome::Written
        } else {
            EventOutcome::NeedsLookUp
        })
    }

    /// The record of the key, with pending changes.
    pub(super) fn record(&self, key: &str) -> Option<Record> {
        match self.ledger.pending.get(ID, key) {
            Some(change) => change.record.clone(),
            None => self.ledger.engine.record(key).cloned(),
        }
    }

    pub(super) fn acknowledge(&mut self, key: &str, event: u64) -> Result<bool, String> {
        let index = self.queue.index_of(key, event);
        let found =
            index.and_then(|index| self.queue.delivery(index, |stage| *stage == Stage::Durable));
        let Some(found) = found else {
            return Ok(false);
        };
        let index = self.queue.deliveries.remove(found).message;
        let message = &self.queue.messages[index];
        if self.source.admits(key, 1) && !self.is_durable(message) {
            let payload = &message.payload;
            return Err(format!(
                "I1: acknowledged before its effect is durable: {payload:?}"
            ));
        }
        self.queue.messages[index].settled = true;
        Ok(true)
    }

    /// Whether the last commit holds what the event reports, or something newer.
    fn is_durable(&self, message: &Message) -> bool {
        let (time, sequencer) = match &*message.payload {
            KeyEvent::Certain(event) => (event.time, Some(&event.sequencer)),
            KeyEvent::Ambiguous(AmbiguousEvent { time, sequencer }) => (*time, sequencer.as_ref()),
        };
        let engine = &self.ledger.engine;
        let state = engine.checkpoint.state(ID);
        let as_of = state.and_then(|state| state.complete_as_of);
        let record = engine.record(message.key);
        let floor = record.and_then(|record| record.sequencer.as_ref());
        let both = floor.zip(sequencer);
        let newest_page = self.check_state.durable_page(message.key);
        both.is_some_and(|(floor, sequencer)| floor.compare(sequencer).is_ge())
            || record.and_then(|record| record.listed_at) > Some(time)
            || newest_page > Some(time)
            || as_of > Some(time)
    }
}
