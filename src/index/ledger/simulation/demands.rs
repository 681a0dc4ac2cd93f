//! What is demanded after every step, and of the end of a history.

use super::queue::Stage;
use super::step::Step;
use super::witness::MayRemove;
use super::world::{ID, World};
use crate::core::replication::invariants;
use crate::core::replication::object::{ETag, Object};
use crate::core::replication::record::Record;
use crate::index::ledger::EventOutcome;

/// What search shows of each key.
pub(super) type Shown = Vec<(&'static str, u64, Option<ETag>)>;

/// Rounds after which every message must be acknowledged.
const MOST_ROUNDS: usize = 40;

/// Longer than tombstones are kept behind a scan.
const LONG: i64 = 120_000;

impl World {
    /// What the index shows, with what is pending.
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

    /// Every key that was ever written with the object that it has there.
    fn show(&self, object: impl Fn(&str) -> Option<Object>) -> Shown {
        let shown = |key| object(key).map(|object| (key, object.size, object.etag));
        self.bucket.keys().filter_map(shown).collect()
    }

    /// I2, and the claim where nothing is under way.
    pub(super) fn judge(&mut self) -> Result<(), String> {
        let may_remove = std::mem::take(&mut self.witness.may_remove);
        let now = self.observe();
        let before = std::mem::replace(&mut self.witness.shown, now.clone());
        let is_gone = |key: &str| !now.iter().any(|(it, ..)| *it == key);
        for key in before
            .iter()
            .map(|(key, ..)| *key)
            .filter(|key| is_gone(key))
        {
            let may = match &may_remove {
                MayRemove::Nothing => false,
                MayRemove::Key(removed) => key == *removed,
                MayRemove::Unlisted(interval, listed) => {
                    interval.contains(key) && !listed.iter().any(|it| it == key)
                }
                MayRemove::Anything => true,
            };
            if !may {
                return Err(format!("I2: {key} disappears, which nothing told"));
            }
        }
        let on_the_way = self
            .scanner
            .as_ref()
            .is_some_and(|it| it.has_pages_on_the_way());
        if self.queue.is_at_rest() && !on_the_way && !self.witness.is_lossy {
            self.demand_equality()?;
        }
        self.demand_possibility()
    }

    /// What `index verify` calls impossible is.
    fn demand_possibility(&self) -> Result<(), String> {
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

    fn demand_equality(&self) -> Result<(), String> {
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

    /// Lets everything come to rest and judges that.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        self.deliver_all()?;
        let ranges = self.scanner.as_ref().map_or(0, |it| it.ranges.len());
        for range in (0..ranges).chain(0..ranges) {
            self.step(Step::Arrive { range })?;
        }
        self.step(Step::Commit)?;
        let was_lossy = self.witness.is_lossy;
        if was_lossy {
            self.scan()?;
            self.witness.is_lossy = false;
        }
        self.demand_equality()?;
        if was_lossy {
            // Where a newer event was lost, an older one that comes again finds nothing above it.
            return Ok(());
        }
        self.replay()?;
        for _ in 0..2 {
            self.step(Step::Pass(LONG))?;
            self.scan()?;
        }
        self.demand_equality()?;
        let mut records = self.ledger.engine.records.iter();
        if let Some(left) = records.find(|(_, record)| record.object().is_none()) {
            return Err(format!("a tombstone is never purged: {left:?}"));
        }
        self.replay()
    }

    fn deliver_all(&mut self) -> Result<(), String> {
        self.ledger.engine.fate = Default::default();
        self.step(Step::Pass(5_000))?;
        for _ in 0..MOST_ROUNDS {
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
        Err("a message is never acknowledged".to_owned())
    }

    fn work_on_deliveries(&mut self) -> Result<(), String> {
        for _ in 0..MOST_ROUNDS {
            let Some(delivery) = self.queue.deliveries.first() else {
                return Ok(());
            };
            let message = &self.queue.messages[delivery.message];
            let (key, event) = (message.key, message.event);
            let margin = 1_000;
            let step = match delivery.stage {
                Stage::WantsPage => {
                    self.step(Step::Pass(2_000))?;
                    Step::LookUp { key, event, margin }
                }
                Stage::Listed { .. } => Step::Decide { key, event },
                Stage::Applied => Step::Commit,
                Stage::Durable => Step::Acknowledge { key, event },
            };
            self.step(step)?;
        }
        Err("a delivery is never done with".to_owned())
    }

    /// Scans everything.
    fn scan(&mut self) -> Result<(), String> {
        let ranges = 2;
        self.step(Step::Pass(5_000))?;
        self.step(Step::Begin {
            fresh: true,
            ranges,
        })?;
        let (margin, most) = (1_000, 2);
        for _ in 0..MOST_ROUNDS {
            let Some(scanner) = &self.scanner else {
                return Ok(());
            };
            for range in 0..scanner.ranges.len() {
                self.step(Step::List {
                    range,
                    margin,
                    most,
                })?;
                self.step(Step::Arrive { range })?;
            }
            self.step(Step::Complete)?;
        }
        Err("a scan is never complete".to_owned())
    }

    /// I5: whatever comes again at rest changes nothing that search shows.
    fn replay(&mut self) -> Result<(), String> {
        let before = self.observe();
        let messages = self.queue.messages.clone();
        for message in messages.into_iter().filter(|it| !it.lost) {
            let (key, event) = (message.key, message.event);
            self.step(Step::Receive { key, event })?;
            self.demand_unchanged(&before, &message)?;
            self.work_on_deliveries()?;
            self.demand_unchanged(&before, &message)?;
        }
        for page in self.witness.pages.clone() {
            if !self.ledger.scans.contains_key(&ID) && self.state().running.is_some() {
                // The scan was begun by a process that is gone, and its pages with it.
                break;
            }
            let applied = self.ledger.apply_page(page.report());
            applied.map_err(|error| format!("I5: a page that comes again: {error}"))?;
            self.demand_unchanged(&before, &page)?;
        }
        for report in self.witness.look_ups.clone() {
            let applied = self.ledger.apply_look_up(report.clone());
            let applied = applied.map_err(|error| format!("I5: a look-up again: {error}"))?;
            if applied == EventOutcome::Written {
                return Err(format!("I5: a look-up that comes again writes: {report:?}"));
            }
            self.demand_unchanged(&before, &report)?;
        }
        self.step(Step::Commit).map(drop)
    }

    fn demand_unchanged(&self, before: &Shown, cause: &dyn std::fmt::Debug) -> Result<(), String> {
        let now = self.observe();
        if now != *before {
            return Err(format!(
                "I5: {cause:?} comes again: {before:?} becomes {now:?}"
            ));
        }
        Ok(())
    }
}
