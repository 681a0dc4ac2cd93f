//! The checks after every step and at the end of a history.

use super::check_state::MayRemove;
use super::queue::Stage;
use super::step::Step;
use super::world::{ID, World};
use crate::core::replication::invariants;
use crate::core::replication::object::{ETag, Object};
use crate::core::replication::record::Record;
use crate::index::ledger::EventOutcome;

/// The keys that search shows, each with its size and ETag.
pub(super) type Shown = Vec<(&'static str, u64, Option<ETag>)>;

/// Maximum number of rounds until every message must be acknowledged.
const MAX_ROUNDS: usize = 40;

/// A time after which a scan purges tombstones, in milliseconds.
const TOMBSTONE_LIFETIME: i64 = 120_000;

impl World {
    /// Returns the keys that the index shows, including pending changes.
    pub(super) fn observe(&self) -> Shown {
        self.show(|key| match self.ledger.pending.get(ID, key) {
            Some(change) => change.record.as_ref().and_then(Record::object).cloned(),
            None => self.committed(key),
        })
    }

    fn committed(&self, key: &str) -> Option<Object> {
        let record = self.ledger.engine.record(key);
        record.and_then(Record::object).cloned()
    }

    fn admitted(&self, key: &str) -> Option<Object> {
        let listed = self.bucket.listed(key);
        listed.filter(|object| self.source.admits(key, object.size))
    }

    /// The keys that have an object according to `object`, of all keys that were ever written.
    fn show(&self, object: impl Fn(&str) -> Option<Object>) -> Shown {
        let shown = |key| object(key).map(|object| (key, object.size, object.etag));
        self.bucket.keys().filter_map(shown).collect()
    }

    /// Checks I2, I3 if nothing is in progress, and the invariants of the commit.
    pub(super) fn check(&mut self) -> Result<(), String> {
        let may_remove = std::mem::take(&mut self.check_state.may_remove);
        let now = self.observe();
        let before = std::mem::replace(&mut self.check_state.shown, now.clone());
        let is_gone = |key: &str| !now.iter().any(|(shown, ..)| *shown == key);
        for key in before
            .iter()
            .map(|(key, ..)| *key)
            .filter(|key| is_gone(key))
        {
            let may = match &may_remove {
                MayRemove::Nothing => false,
                MayRemove::Key(removed) => key == *removed,
                MayRemove::Unlisted(interval, listed) => {
                    interval.contains(key) && !listed.iter().any(|listed| listed == key)
                }
                MayRemove::Anything => true,
            };
            if !may {
                return Err(format!("I2: {key} disappeared without a reason"));
            }
        }
        let in_flight = self
            .scanner
            .as_ref()
            .is_some_and(|scanner| scanner.has_pages_in_flight());
        if self.queue.is_at_rest() && !in_flight && !self.check_state.has_losses {
            self.check_equality()?;
        }
        self.check_invariants()
    }

    /// Checks that the commit holds nothing that `index verify` would report as impossible.
    fn check_invariants(&self) -> Result<(), String> {
        let engine = &self.ledger.engine;
        if let Some(impossible) = invariants::of_checkpoint(&engine.checkpoint).first() {
            return Err(format!("the checkpoint is impossible: {impossible:?}"));
        }
        let Some(state) = engine.checkpoint.state(ID) else {
            return Ok(());
        };
        for (key, record) in &engine.records {
            if let Some(impossible) = invariants::of_record(state, key, record) {
                return Err(format!("{key} is impossible: {impossible}"));
            }
        }
        Ok(())
    }

    fn check_equality(&self) -> Result<(), String> {
        let bucket = self.show(|key| self.admitted(key));
        let (shown, committed) = (self.observe(), self.show(|key| self.committed(key)));
        if shown != bucket || committed != bucket {
            return Err(format!(
                "I3: at rest the bucket has {bucket:?}, the index shows {shown:?}, committed is \
                 {committed:?}; records: {:?}",
                self.ledger.engine.records
            ));
        }
        Ok(())
    }

    /// Delivers everything, ends the scan, and checks the final state.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        self.ledger.engine.next_commit = Default::default();
        if self.ledger.is_moving(ID) {
            // Events wait until a scan of the new location has begun.
            self.scan()?;
        }
        self.deliver_all()?;
        let ranges = self.scanner.as_ref().map_or(0, |it| it.ranges.len());
        for range in (0..ranges).chain(0..ranges) {
            self.step(Step::Arrive { range })?;
        }
        self.step(Step::Commit)?;
        let had_losses = self.check_state.has_losses;
        if had_losses {
            self.scan()?;
            self.check_state.has_losses = false;
        }
        self.check_equality()?;
        if had_losses {
            // If a newer event was lost, an older one that is delivered again is applied.
            return Ok(());
        }
        self.replay()?;
        for _ in 0..2 {
            self.step(Step::Pass(TOMBSTONE_LIFETIME))?;
            self.scan()?;
        }
        self.check_equality()?;
        let mut records = self.ledger.engine.records.iter();
        if let Some(left) = records.find(|(_, record)| record.object().is_none()) {
            return Err(format!("a tombstone was not purged: {left:?}"));
        }
        self.replay()
    }

    fn deliver_all(&mut self) -> Result<(), String> {
        self.ledger.engine.next_commit = Default::default();
        self.step(Step::Pass(5_000))?;
        for _ in 0..MAX_ROUNDS {
            self.work_on_deliveries()?;
            let mut open = self.queue.messages.iter().filter(|it| !it.settled);
            let next = if self.setup.newest_first {
                open.next_back()
            } else {
                open.next()
            };
            let Some(open) = next else {
                return Ok(());
            };
            let (key, event) = (open.key, open.event);
            self.step(Step::Receive { key, event })?;
        }
        Err("a message was not acknowledged".to_owned())
    }

    fn work_on_deliveries(&mut self) -> Result<(), String> {
        for _ in 0..MAX_ROUNDS {
            let Some(delivery) = self.queue.deliveries.first() else {
                return Ok(());
            };
            let message = &self.queue.messages[delivery.message];
            let (key, event) = (message.key, message.event);
            let margin = 1_000;
            let step = match delivery.stage {
                Stage::NeedsLookUp => {
                    self.step(Step::Pass(2_000))?;
                    Step::LookUp { key, event, margin }
                }
                Stage::Listed { .. } => Step::ApplyLookUp { key, event },
                Stage::Applied => Step::Commit,
                Stage::Durable => Step::Acknowledge { key, event },
            };
            self.step(step)?;
        }
        Err("a delivery did not end".to_owned())
    }

    /// Runs a full scan.
    fn scan(&mut self) -> Result<(), String> {
        let ranges = 2;
        self.step(Step::Pass(5_000))?;
        self.step(Step::Begin {
            fresh: true,
            ranges,
        })?;
        let (margin, max_keys) = (1_000, 2);
        for _ in 0..MAX_ROUNDS {
            let Some(scanner) = &self.scanner else {
                return self.step(Step::Commit).map(drop);
            };
            for range in 0..scanner.ranges.len() {
                self.step(Step::List {
                    range,
                    margin,
                    max_keys,
                })?;
                self.step(Step::Arrive { range })?;
            }
            self.step(Step::Complete)?;
        }
        Err("a scan did not complete".to_owned())
    }

    /// Checks I5: delivers every message, page and look-up again. What search shows must not change.
    fn replay(&mut self) -> Result<(), String> {
        let before = self.observe();
        let messages = self.queue.messages.clone();
        for message in messages.into_iter().filter(|it| !it.lost) {
            let (key, event) = (message.key, message.event);
            self.step(Step::Receive { key, event })?;
            self.check_unchanged(&before, &message)?;
            self.work_on_deliveries()?;
            self.check_unchanged(&before, &message)?;
        }
        for page in self.check_state.pages.clone() {
            if !self.ledger.scans.contains_key(&ID) && self.state().running.is_some() {
                // A process that has ended began the scan, so its pages are lost too.
                break;
            }
            let applied = self.ledger.apply_page(page.report());
            applied.map_err(|error| format!("I5: applying a page again failed: {error}"))?;
            self.check_unchanged(&before, &page)?;
        }
        for report in self.check_state.look_ups.clone() {
            let applied = self.ledger.apply_look_up(report.clone());
            let applied =
                applied.map_err(|error| format!("I5: applying a look-up again failed: {error}"))?;
            if applied == EventOutcome::Written {
                return Err(format!(
                    "I5: applying a look-up again wrote a record: {report:?}"
                ));
            }
            self.check_unchanged(&before, &report)?;
        }
        self.step(Step::Commit).map(drop)
    }

    fn check_unchanged(&self, before: &Shown, cause: &dyn std::fmt::Debug) -> Result<(), String> {
        let now = self.observe();
        if now != *before {
            return Err(format!(
                "I5: {cause:?} arrived again, and {before:?} became {now:?}"
            ));
        }
        Ok(())
    }
}
