//! Pending changes: the changes that were decided since the last commit. Reads show them in place of the
//! engine's records.
//!
//! Only the newest change of each key is kept. This module does not decide anything and does not write.

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
    /// Number of keys that the next commit changes.
    pub(crate) fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether the next commit changes no key.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether the next commit changes a key of the Source.
    pub(crate) fn has_changes_of(&self, source: SourceId) -> bool {
        let mut later = self.changes.range((source, String::new())..);
        later.next().is_some_and(|((first, _), _)| *first == source)
    }

    /// The changes to commit.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The change of one key, if the next commit changes it.
    pub(crate) fn get(&self, source: SourceId, key: &str) -> Option<&Change> {
        self.changes.get(&(source, key.to_owned()))
    }

    /// Removes all changes, after a commit or at the point where a dry run would have committed.
    pub(crate) fn clear(&mut self) {
        self.changes.clear();
    }

    /// Sets the record of a key, or removes it if `record` is `None`. Replaces an earlier change of the key.
    ///
    /// `had_record` says whether the key had a record before, pending changes included.
    pub(crate) fn put(
        &mut self,
        source: SourceId,
        key: &str,
        record: Option<Record>,
        had_record: bool,
    ) {
        let position = (source, key.to_owned());
        let replaces = match self.changes.get(&position) {
            Some(change) => change.replaces,
            None => had_record,
        };
        if record.is_none() && !replaces {
            self.changes.remove(&position);
        } else {
            self.changes.insert(position, Change { record, replaces });
        }
    }

    /// Applies the changes of the interval to `stored`, the engine's records of the same interval. Both are
    /// ascending by key, and so is the result.
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
        let mut merged = Vec::with_capacity(stored.len());
        for (key, record) in stored {
            while let Some(((_, changed), change)) =
                changes.next_if(|((_, changed), _)| *changed < key)
            {
                merged.extend(
                    change
                        .record
                        .clone()
                        .map(|record| (changed.clone(), record)),
                );
            }
            match changes.next_if(|((_, changed), _)| *changed == key) {
                Some((_, change)) => {
                    merged.extend(change.record.clone().map(|record| (key, record)))
                }
                None => merged.push((key, record)),
            }
        }
        for ((_, changed), change) in changes {
            merged.extend(
                change
                    .record
                    .clone()
                    .map(|record| (changed.clone(), record)),
            );
        }
        merged
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
    fn overlay_shows_pending_changes_instead_of_stored_records() {
        let source = SourceId(3);
        let mut pending = Pending::default();
        pending.put(source, "a", Some(record(1)), false);
        pending.put(source, "c", Some(record(1)), true);
        pending.put(source, "d", None, true);
        pending.put(source, "f", Some(record(1)), false);
        pending.put(SourceId(4), "b", Some(record(9)), false);
        let merged = pending.overlay(source, &KeyInterval::everything(), stored("bcde"));
        let shown: String = merged
            .iter()
            .map(|(key, r)| format!("{key}{}", u8::from(*r == record(1))))
            .collect();
        assert_eq!(shown, "a1b0c1e0f1");
    }

    #[test]
    fn change_replaces_only_a_committed_record() {
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
        let has = |id| pending.has_changes_of(SourceId(id));
        assert!(has(0) && !has(1));
    }

    #[test]
    fn overlay_shows_only_changes_in_the_interval() {
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
            let merged = pending.overlay(source, &interval, Vec::new());
            assert_eq!(merged.len(), want, "{interval:?}");
        }
    }
}
