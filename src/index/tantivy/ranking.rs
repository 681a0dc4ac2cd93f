//! The first documents of a search by a column's value, equal ones by key.
//!
//! A segment is sorted by key, so within it the document number stands for the key. The merge of
//! the segments compares keys and is done in `hits`.

use std::collections::BinaryHeap;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::{DocAddress, DocId, Score, SegmentOrdinal, SegmentReader};

use crate::query::{Sort, SortBy};

/// Collects the first `limit` documents of each segment in the order of `sort`.
#[derive(Clone, Copy, Debug)]
pub struct Ranking {
    /// The order.
    pub sort: Sort,
    /// The most documents a segment.
    pub limit: usize,
}

/// A document with the value that it is ranked by; the least comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ranked {
    /// The value, turned round for a descending order; 0 where the key alone decides.
    pub value: u64,
    /// Where the document is.
    pub address: DocAddress,
}

/// What was found: how many documents match, and the first of each segment.
#[derive(Debug, Default)]
pub struct Found {
    /// All that match.
    pub total: u64,
    /// The first of each segment, in order.
    pub segments: Vec<Vec<Ranked>>,
}

impl Collector for Ranking {
    type Fruit = Found;
    type Child = SegmentRanking;

    fn for_segment(
        &self,
        segment: SegmentOrdinal,
        reader: &SegmentReader,
    ) -> tantivy::Result<SegmentRanking> {
        let fast = reader.fast_fields();
        let column = match self.sort.by {
            // By relevance and by name is the path alone as yet.
            SortBy::Path | SortBy::Relevance | SortBy::Name => Values::None,
            SortBy::Created => Values::Signed(fast.column_opt("first_seen")?),
            SortBy::Size => Values::Unsigned(fast.column_opt("size")?),
            SortBy::Modified => Values::Signed(fast.column_opt("last_modified")?),
        };
        Ok(SegmentRanking {
            ranking: *self,
            segment,
            values: column,
            total: 0,
            first: BinaryHeap::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<Found>) -> tantivy::Result<Found> {
        let mut all = Found::default();
        for found in segments {
            all.total += found.total;
            all.segments.extend(found.segments);
        }
        Ok(all)
    }
}

enum Values {
    None,
    Unsigned(Option<Column<u64>>),
    Signed(Option<Column<i64>>),
}

impl Values {
    /// The document's value, in an order that unsigned numbers keep.
    fn of(&self, doc: DocId) -> u64 {
        match self {
            Self::None => 0,
            Self::Unsigned(column) => column.as_ref().and_then(|c| c.first(doc)).unwrap_or(0),
            Self::Signed(column) => {
                let value = column.as_ref().and_then(|c| c.first(doc)).unwrap_or(0);
                tantivy::i64_to_u64(value)
            }
        }
    }
}

/// The first documents of one segment so far.
pub struct SegmentRanking {
    ranking: Ranking,
    segment: SegmentOrdinal,
    values: Values,
    total: u64,
    /// The greatest on top: what goes when a lesser one comes.
    first: BinaryHeap<(u64, DocId)>,
}

impl SegmentCollector for SegmentRanking {
    type Fruit = Found;

    fn collect(&mut self, doc: DocId, _score: Score) {
        self.total += 1;
        let value = self.values.of(doc);
        let place = match (self.ranking.sort.by, self.ranking.sort.descending) {
            (SortBy::Path, true) => (0, DocId::MAX - doc),
            (_, true) => (!value, doc),
            (_, false) => (value, doc),
        };
        if self.first.len() < self.ranking.limit {
            self.first.push(place);
        } else if self.first.peek().is_some_and(|worst| place < *worst) {
            self.first.pop();
            self.first.push(place);
        }
    }

    fn harvest(self) -> Found {
        let reversed = self.ranking.sort.by == SortBy::Path && self.ranking.sort.descending;
        let ranked = |(value, place): (u64, DocId)| {
            let doc = if reversed { DocId::MAX - place } else { place };
            Ranked {
                value,
                address: DocAddress::new(self.segment, doc),
            }
        };
        let first = self
            .first
            .into_sorted_vec()
            .into_iter()
            .map(ranked)
            .collect();
        Found {
            total: self.total,
            segments: vec![first],
        }
    }
}
