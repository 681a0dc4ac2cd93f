//! A tantivy query for the assets in a key interval of one Source.
//!
//! Every search uses it to exclude tombstones and other Sources. It also implements `folder:`. It is made for
//! one snapshot, because a key interval is a range of documents in each segment. It does not exclude deleted
//! documents.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use tantivy::columnar::Column;
use tantivy::index::SegmentId;
use tantivy::query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{
    COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError,
};

use super::Snapshot;
use super::columns::read_error;
use super::identity;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::source_state::SourceId;
use crate::index::IndexError;

/// Finds the assets in a key interval.
#[derive(Clone, Debug)]
pub struct AssetQuery {
    docs: Arc<HashMap<SegmentId, Range<DocId>>>,
}

impl AssetQuery {
    /// A query for the assets in the interval, for this snapshot.
    pub fn new(
        snapshot: &Snapshot,
        source: SourceId,
        interval: &KeyInterval,
    ) -> Result<Self, IndexError> {
        let mut docs = HashMap::new();
        let bounds = identity::ukey_bounds(source, interval);
        let readers = snapshot.searcher.segment_readers();
        for (columns, reader) in snapshot.segments.iter().zip(readers) {
            let mut range = columns.source_docs(source)?;
            if interval.is_empty() {
                range = 0..0;
            } else if *interval != KeyInterval::everything() && !range.is_empty() {
                range = columns.docs(&bounds).map_err(read_error())?;
            }
            docs.insert(reader.segment_id(), range);
        }
        Ok(Self {
            docs: Arc::new(docs),
        })
    }
}

impl Query for AssetQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for AssetQuery {
    /// The score of all documents is 0.
    fn scorer(&self, segment: &SegmentReader, _: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let range = self
            .docs
            .get(&segment.segment_id())
            .cloned()
            .unwrap_or(0..0);
        let tombstones = segment.fast_fields().column_opt("removed_in_scan")?;
        let docs = AssetDocs::new(range, tombstones);
        Ok(Box::new(ConstScorer::new(docs, 0.0)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        let why = "a key interval has no score to explain";
        Err(TantivyError::InvalidArgument(why.to_owned()))
    }
}

/// The documents of a range that are not tombstones.
struct AssetDocs {
    doc: DocId,
    end: DocId,
    tombstones: Option<Tombstones>,
}

/// The tombstones of a segment. There are few of them, so they are read for many documents at once.
struct Tombstones {
    column: Column<u64>,
    /// The documents that were read.
    read: Range<DocId>,
    /// The tombstones in `read` that were not passed yet, in descending order.
    ahead: Vec<DocId>,
}

/// Documents that are closer to each other than this are read together.
const NEAR: DocId = 64;

/// Maximum number of documents that are read at once, if the caller tests most documents of a range.
const MAX_READ_AHEAD: DocId = 4096;

impl AssetDocs {
    fn new(range: Range<DocId>, tombstones: Option<Column<u64>>) -> Self {
        let tombstones = tombstones.map(|column| Tombstones {
            column,
            read: range.start..range.start,
            ahead: Vec::new(),
        });
        let mut docs = Self {
            doc: range.start,
            end: range.end,
            tombstones,
        };
        docs.skip_tombstones();
        docs
    }

    /// Moves to the next asset, if the current document is a tombstone. Returns the current document.
    fn skip_tombstones(&mut self) -> DocId {
        if let Some(tombstones) = &mut self.tombstones {
            while self.doc < self.end && tombstones.has(self.doc, self.end) {
                self.doc += 1;
            }
        }
        if self.doc >= self.end {
            self.doc = TERMINATED;
        }
        self.doc
    }
}

impl Tombstones {
    /// Whether the document is a tombstone. Documents must be tested in ascending order, below `end`.
    fn has(&mut self, doc: DocId, end: DocId) -> bool {
        if doc >= self.read.end {
            self.read_from(doc, end);
        }
        while let Some(next) = self.ahead.last().filter(|next| **next <= doc) {
            if *next == doc {
                return true;
            }
            self.ahead.pop();
        }
        false
    }

    /// Returns the next tombstone after the last tested document, or the first document that was not read if
    /// no such tombstone was read.
    fn next_or_unread(&self) -> DocId {
        self.ahead.last().copied().unwrap_or(self.read.end)
    }

    fn read_from(&mut self, doc: DocId, end: DocId) {
        self.ahead.clear();
        // The next tested document is probably as far away as the last one was.
        if doc - self.read.end < NEAR {
            let count = (2 * self.read.len() as DocId).clamp(NEAR, MAX_READ_AHEAD);
            self.read = doc..end.min(doc.saturating_add(count));
            let all = self.column.min_value()..=self.column.max_value();
            let read = self.read.clone();
            self.column
                .get_docids_for_value_range(all, read, &mut self.ahead);
            self.ahead.reverse();
        } else {
            self.read = doc..doc + 1;
            self.ahead.extend(self.column.first(doc).map(|_| doc));
        }
    }
}

impl DocSet for AssetDocs {
    fn advance(&mut self) -> DocId {
        if self.doc == TERMINATED {
            return TERMINATED;
        }
        self.doc += 1;
        self.skip_tombstones()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.doc < target {
            self.doc = target;
            self.skip_tombstones();
        }
        self.doc
    }

    /// Copies the runs of documents between tombstones. Searches read whole segments this way.
    fn fill_buffer(&mut self, buffer: &mut [DocId; COLLECT_BLOCK_BUFFER_LEN]) -> usize {
        let mut filled = 0;
        while filled < buffer.len() && self.doc != TERMINATED {
            let run_end = match &self.tombstones {
                Some(tombstones) => tombstones.next_or_unread().min(self.end),
                None => self.end,
            };
            let left = (buffer.len() - filled) as DocId;
            let run = self.doc..run_end.min(self.doc.saturating_add(left));
            self.doc = run.end;
            for (slot, doc) in buffer[filled..].iter_mut().zip(run) {
                *slot = doc;
                filled += 1;
            }
            self.skip_tombstones();
        }
        filled
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.end.saturating_sub(self.doc.min(self.end))
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;
    use crate::index::tantivy::corpus::Corpus;

    #[test]
    fn skips_tombstones_for_every_kind_of_move() {
        let rng = &mut Rng::with_seed(9);
        let mut corpus = Corpus::empty();
        let paths: Vec<String> = (0..9_000).map(|number| format!("/{number}")).collect();
        corpus.put(paths.iter().cloned());
        let run = paths.iter().skip(3_000).take(700);
        let removed = paths.iter().step_by(7).chain(run);
        corpus.remove(removed.cloned());
        let snapshot = corpus.engine.snapshot();
        let id = SourceId(0);
        let query = AssetQuery::new(snapshot, id, &KeyInterval::everything()).unwrap();
        let readers = snapshot.searcher.segment_readers();
        for (columns, reader) in snapshot.segments.iter().zip(readers) {
            let assets: Vec<DocId> = columns
                .source_docs(id)
                .unwrap()
                .filter(|doc| !columns.is_tombstone(*doc))
                .collect();
            let mut scorer = query.scorer(reader, 1.0).unwrap();
            let (mut read, mut buffer) = (Vec::new(), [0; COLLECT_BLOCK_BUFFER_LEN]);
            loop {
                let filled = scorer.fill_buffer(&mut buffer);
                read.extend_from_slice(&buffer[..filled]);
                if filled < buffer.len() {
                    break;
                }
            }
            assert_eq!(read, assets);
            for max_step in [1, 2, 30, 100, 5_000] {
                let mut scorer = query.scorer(reader, 1.0).unwrap();
                let mut doc = scorer.doc();
                let mut target = 0;
                while doc != TERMINATED {
                    let index = assets.partition_point(|doc| *doc < target);
                    assert_eq!(doc, assets[index], "{target} with steps up to {max_step}");
                    target = doc + rng.u32(1..=max_step);
                    doc = if target == doc + 1 {
                        scorer.advance()
                    } else {
                        scorer.seek(target)
                    };
                }
                assert!(assets.last().is_none_or(|last| *last < target));
            }
        }
    }
}
