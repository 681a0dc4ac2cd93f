//! What is done with messages: applied, their keys listed where need be, acknowledged at last.
//!
//! A message is acknowledged in a step of its own, so that a crash can come before.

use super::fault::Fault;
use super::queue::{Delivery, Message, Stage};
use super::witness::MayRemove;
use super::world::{ID, World};
use crate::core::replication::order::{self, AmbiguousEvent};
use crate::core::replication::record::Record;
use crate::core::replication::timestamp::Timestamp;
use crate::index::IndexError;
use crate::index::ledger::page::apply_decision;
use crate::index::ledger::{EventOutcome, EventReport, KeyEvent, LookUpReport};

/// The most deliveries that are worked on at once.
const MOST_DELIVERIES: usize = 6;

impl World {
    pub(super) fn lose(&mut self, key: &str, event: u64) -> bool {
        let Some(place) = self.queue.place(key, event) else {
            return false;
        };
        let message = &mut self.queue.messages[place];
        if message.settled {
            return false;
        }
        (message.settled, message.lost) = (true, true);
        self.witness.is_lossy = true;
        true
    }

    pub(super) fn receive(&mut self, key: &'static str, event: u64) -> Result<bool, String> {
        let Some(place) = self.queue.place(key, event) else {
            return Ok(false);
        };
        let message = self.queue.messages[place].clone();
        if message.sent > self.now || self.queue.deliveries.len() == MOST_DELIVERIES {
            return Ok(false);
        }
        let size = match &*message.told {
            KeyEvent::Certain(event) => event.object.as_ref().map_or(1, |object| object.size),
            KeyEvent::Ambiguous(_) => 1,
        };
        if !self.source.admits(key, size) {
            self.queue.messages[place].settled = true;
            return Ok(true);
        }
        if matches!(&*message.told, KeyEvent::Certain(event) if event.object.is_none()) {
            self.witness.may_remove = MayRemove::Key(key);
        }
        let report = self.report(&message);
        let applied = self.ledger.apply_event(report.clone());
        let Some(applied) = self.or_restart(applied) else {
            return Ok(true);
        };
        self.apply_again(&report, applied)?;
        let stage = match applied {
            EventOutcome::Written | EventOutcome::Stale(_) => Stage::Applied,
            EventOutcome::NeedsLookUp => Stage::WantsPage,
            EventOutcome::NotYet => return Ok(true),
        };
        let message = place;
        self.queue.deliveries.push(Delivery { message, stage });
        Ok(true)
    }

    fn report(&mut self, message: &Message) -> EventReport {
        let mut event = (*message.told).clone();
        if let (KeyEvent::Certain(event), true) =
            (&mut event, self.has(Fault::SequencersAreIgnored))
        {
            self.witness.arrivals += 1;
            event.sequencer = super::bucket::sequencer(self.witness.arrivals);
        }
        EventReport {
            source: ID,
            key: message.key.to_owned(),
            event,
        }
    }

    /// An event that comes again at once changes nothing.
    fn apply_again(&mut self, report: &EventReport, applied: EventOutcome) -> Result<(), String> {
        if !self.witness.keeps || self.setup.fault.is_some() || applied == EventOutcome::NeedsLookUp
        {
            return Ok(());
        }
        let before = self.record(&report.key);
        let again = self.ledger.apply_event(report.clone());
        let after = self.record(&report.key);
        match (before, again, after) {
            (before, Ok(EventOutcome::Stale(_)), after) if before == after => Ok(()),
            (before, again, after) => Err(format!(
                "I5: applied at once again it is {again:?}: {before:?} becomes {after:?}"
            )),
        }
    }

    /// Lists the key of an event that could not be decided.
    pub(super) fn look_up(&mut self, key: &str, event: u64, margin: i64) -> bool {
        let place = self.queue.place(key, event);
        let found = place.and_then(|it| self.queue.delivery(it, |at| *at == Stage::WantsPage));
        let Some(found) = found else {
            return false;
        };
        self.now += 1;
        let listed = self.bucket.listed(key);
        let listed = listed.filter(|object| self.source.admits(key, object.size));
        let mut stamp = self.now - margin;
        if self.has(Fault::PagesAreStampedLate) {
            stamp = self.now + margin;
        }
        self.queue.deliveries[found].stage = Stage::Listed { listed, stamp };
        true
    }

    /// Applies that page.
    pub(super) fn decide(&mut self, key: &'static str, event: u64) -> bool {
        let is_listed = |stage: &Stage| matches!(stage, Stage::Listed { .. });
        let place = self.queue.place(key, event);
        let found = place.and_then(|place| self.queue.delivery(place, is_listed));
        let Some(found) = found else {
            return false;
        };
        let delivery = self.queue.deliveries.remove(found);
        let told = &*self.queue.messages[delivery.message].told;
        let (Stage::Listed { listed, stamp }, KeyEvent::Ambiguous(event)) = (delivery.stage, told)
        else {
            return false;
        };
        let report = LookUpReport {
            source: ID,
            key: key.to_owned(),
            listed,
            listed_at: Timestamp::from_millis(stamp),
            event: event.clone(),
        };
        self.witness.may_remove = MayRemove::Key(key);
        self.witness.page_of(key, report.listed_at);
        let applied = self.apply_look_up(&report);
        let Some(applied) = self.or_restart(applied) else {
            return true;
        };
        if self.witness.keeps {
            self.witness.look_ups.push(report);
        }
        let stage = match applied {
            EventOutcome::NeedsLookUp if self.has(Fault::OldPagesSettle) => Stage::Applied,
            EventOutcome::NeedsLookUp => Stage::WantsPage,
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
        apply_decision(&mut ledger.pending, ID, &report.key, record, page, &counters);
        ledger.commit_if_full()?;
        let settles = report.listed_at > report.event.time;
        Ok(if settles {
            EventOutcome::Written
        } else {
            EventOutcome::NeedsLookUp
        })
    }

    /// The record of the key, with what is pending.
    pub(super) fn record(&self, key: &str) -> Option<Record> {
        match self.ledger.pending.get(ID, key) {
            Some(change) => change.record.clone(),
            None => self.ledger.engine.record(key).cloned(),
        }
    }

    pub(super) fn acknowledge(&mut self, key: &str, event: u64) -> Result<bool, String> {
        let place = self.queue.place(key, event);
        let found = place.and_then(|it| self.queue.delivery(it, |at| *at == Stage::Durable));
        let Some(found) = found else {
            return Ok(false);
        };
        let place = self.queue.deliveries.remove(found).message;
        let message = &self.queue.messages[place];
        if self.source.admits(key, 1) && !self.is_durable(message) {
            let told = &message.told;
            return Err(format!(
                "I1: acknowledged before its effect is durable: {told:?}"
            ));
        }
        self.queue.messages[place].settled = true;
        Ok(true)
    }

    /// Whether the last commit holds what the event tells, or newer.
    fn is_durable(&self, message: &Message) -> bool {
        let (time, sequencer) = match &*message.told {
            KeyEvent::Certain(event) => (event.time, Some(&event.sequencer)),
            KeyEvent::Ambiguous(AmbiguousEvent { time, sequencer }) => (*time, sequencer.as_ref()),
        };
        let engine = &self.ledger.engine;
        let as_of = engine.checkpoint.state(ID).and_then(|it| it.complete_as_of);
        let record = engine.record(message.key);
        let floor = record.and_then(|record| record.sequencer.as_ref());
        let passed = floor.zip(sequencer);
        let paged = self.witness.durable_page_of(message.key);
        passed.is_some_and(|(floor, it)| floor.compare(it).is_ge())
            || record.and_then(|record| record.listed_at) > Some(time)
            || paged > Some(time)
            || as_of > Some(time)
    }
}
