//! A tantivy query for the live documents of a key interval of one Source.
//!
//! It keeps tombstones and other Sources out of every search, and answers `folder:`. It is made for
//! one snapshot: a key interval is a range of documents in each of its segments.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use tantivy::columnar::Column;
use tantivy::index::SegmentId;
use tantivy::query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError};

use super::Snapshot;
use super::columns::read_error;
use super::identity;
use crate::index::IndexError;
use crate::sync::interval::KeyInterval;
use crate::sync::source_state::SourceId;

/// Finds the live documents of an interval.
#[derive(Clone, Debug)]
pub struct LiveQuery {
    docs: Arc<HashMap<SegmentId, Range<DocId>>>,
}

impl LiveQuery {
    /// The live documents of the interval in this snapshot.
    pub fn new(
        snapshot: &Snapshot,
        source: SourceId,
        interval: &KeyInterval,
    ) -> Result<Self, IndexError> {
        let mut docs = HashMap::new();
        if !interval.is_empty() {
            let bounds = identity::ukey_bounds(source, interval);
            let readers = snapshot.searcher.segment_readers();
            for (columns, reader) in snapshot.segments.iter().zip(readers) {
                let range = columns.docs(&bounds).map_err(read_error())?;
                docs.insert(reader.segment_id(), range);
            }
        }
        Ok(Self {
            docs: Arc::new(docs),
        })
    }
}

impl Query for LiveQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for LiveQuery {
    /// Being there is worth nothing: the score is 0.
    fn scorer(&self, segment: &SegmentReader, _: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let range = self
            .docs
            .get(&segment.segment_id())
            .cloned()
            .unwrap_or(0..0);
        let tombstones = segment.fast_fields().column_opt("removed_in_scan")?;
        let docs = LiveDocs::new(range, tombstones);
        Ok(Box::new(ConstScorer::new(docs, 0.0)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        let why = "a key interval has no score to explain";
        Err(TantivyError::InvalidArgument(why.to_owned()))
    }
}

/// The documents of a range that are no tombstones.
struct LiveDocs {
    doc: DocId,
    end: DocId,
    tombstones: Option<Column<u64>>,
}

impl LiveDocs {
    fn new(range: Range<DocId>, tombstones: Option<Column<u64>>) -> Self {
        let mut docs = Self {
            doc: range.start,
            end: range.end,
            tombstones,
        };
        docs.settle();
        docs
    }

    /// Moves on to a live document, if the set is not at one.
    fn settle(&mut self) -> DocId {
        if let Some(tombstones) = &self.tombstones {
            while self.doc < self.end && tombstones.first(self.doc).is_some() {
                self.doc += 1;
            }
        }
        if self.doc >= self.end {
            self.doc = TERMINATED;
        }
        self.doc
    }
}

impl DocSet for LiveDocs {
    fn advance(&mut self) -> DocId {
        if self.doc == TERMINATED {
            return TERMINATED;
        }
        self.doc += 1;
        self.settle()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.doc < target {
            self.doc = target;
            self.settle();
        }
        self.doc
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.end.saturating_sub(self.doc.min(self.end))
    }
}
