//! What was decided since the last commit, laid over what the engine holds.
//!
//! Per key only the newest counts. It does not decide anything, and it does not write.

use super::{Change, Changes, KeyedRecord, bounds_within};
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::record::Record;
use crate::core::replication::source_state::SourceId;

/// The changes of the next commit.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    changes: Changes,
}

impl Pending {
    /// How many keys the next commit touches.
    pub(crate) fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether the next commit touches no key.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes, for a commit.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// What becomes of one key with the next commit, if it is touched.
    pub(crate) fn get(&self, source: SourceId, key: &str) -> Option<&Change> {
        self.changes.get(&(source, key.to_owned()))
    }

    /// Forgets all of it: it is committed, or was only counted.
    pub(crate) fn clear(&mut self) {
        self.changes.clear();
    }

    /// Puts a record (or its removal) in place of what the key had.
    ///
    /// `known` is whether [`Pending::overlay`] showed a record of the key.
    pub(crate) fn put(&mut self, source: SourceId, key: &str, record: Option<Record>, known: bool) {
        let place = (source, key.to_owned());
        let replaces = match self.changes.get(&place) {
            Some(change) => change.replaces,
            None => known,
        };
        if record.is_none() && !replaces {
            self.changes.remove(&place);
        } else {
            self.changes.insert(place, Change { record, replaces });
        }
    }

    /// Lays the changes of the interval over `stored`, which the engine holds of it.
    pub(crate) fn overlay(
        &self,
        source: SourceId,
        interval: &KeyInterval,
        stored: Vec<KeyedRecord>,
    ) -> Vec<KeyedRecord> {
        if interval.is_empty() {
            return stored;
        }
        let bounds = bounds_within(source, interval, |source, key| (source, key.to_owned()));
        let mut changes = self.changes.range(bounds).peekable();
        if changes.peek().is_none() {
            return stored;
        }
        let mut laid = Vec::with_capacity(stored.len());
        for (key, record) in stored {
            while let Some(((_, changed), change)) =
                changes.next_if(|((_, changed), _)| *changed < key)
            {
                laid.extend(
                    change
                        .record
                        .clone()
                        .map(|record| (changed.clone(), record)),
                );
            }
            match changes.next_if(|((_, changed), _)| *changed == key) {
                Some((_, change)) => laid.extend(change.record.clone().map(|record| (key, record))),
                None => laid.push((key, record)),
            }
        }
        for ((_, changed), change) in changes {
            laid.extend(
                change
                    .record
                    .clone()
                    .map(|record| (changed.clone(), record)),
            );
        }
        laid
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::replication::record::RecordContent;

    fn record(scan: u64) -> Record {
        Record {
            content: RecordContent::Removed { scan },
            event_time: None,
            sequencer: None,
            listed_at: None,
        }
    }

    fn stored(keys: &str) -> Vec<KeyedRecord> {
        keys.chars().map(|c| (c.into(), record(0))).collect()
    }

    #[test]
    fn changes_take_the_place_of_what_is_stored() {
        let source = SourceId(3);
        let mut pending = Pending::default();
        pending.put(source, "a", Some(record(1)), false);
        pending.put(source, "c", Some(record(1)), true);
        pending.put(source, "d", None, true);
        pending.put(source, "f", Some(record(1)), false);
        pending.put(SourceId(4), "b", Some(record(9)), false);
        let laid = pending.overlay(source, &KeyInterval::everything(), stored("bcde"));
        let shown: String = laid
            .iter()
            .map(|(key, r)| format!("{key}{}", u8::from(*r == record(1))))
            .collect();
        assert_eq!(shown, "a1b0c1e0f1");
    }

    #[test]
    fn only_what_is_committed_is_replaced() {
        let source = SourceId(0);
        let mut pending = Pending::default();
        pending.put(source, "new", Some(record(1)), false);
        pending.put(source, "new", Some(record(2)), true);
        pending.put(source, "old", Some(record(1)), true);
        pending.put(source, "old", None, true);
        let replaces = |key: &str| pending.changes()[&(source, key.to_owned())].replaces;
        assert!(!replaces("new") && replaces("old"));
        pending.put(source, "new", None, true);
        assert_eq!(pending.len(), 1);
    }

    #[test]
    fn an_interval_shows_only_its_own_changes() {
        let source = SourceId(u16::MAX);
        let mut pending = Pending::default();
        for key in ["a", "b", "c"] {
            pending.put(source, key, Some(record(1)), false);
        }
        let everything = KeyInterval::everything();
        for (interval, want) in [
            (everything.up_to("b"), 2),
            (everything.after("a"), 2),
            (everything.after("c"), 0),
            (KeyInterval::nothing(), 0),
        ] {
            let laid = pending.overlay(source, &interval, Vec::new());
            assert_eq!(laid.len(), want, "{interval:?}");
        }
    }
}
