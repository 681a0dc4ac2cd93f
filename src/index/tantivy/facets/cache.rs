//! Remembers the facets of all assets of a Source in a segment, so that browsing does not count them each time.
//!
//! A segment never changes, but its documents can become deleted. So the cache also remembers which documents it
//! counted, and takes away those that were deleted since. It does not cache the facets of searches for words.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::fastfield::AliveBitSet;
use tantivy::index::SegmentId;
use tantivy::{BitSet, DocId, SegmentReader};

use super::counts::FacetCounts;
use super::segment::SegmentFacets;
use crate::core::query::FacetBy;
use crate::core::replication::source_state::SourceId;
use crate::index::tantivy::columns::Columns;
use crate::index::tantivy::ranking::BLOCK;
use crate::index::tantivy::source_scope::SearchedSource;
use crate::index::{Deadline, IndexError};

/// Maximum number of cached counts. A search of one Source needs one for each segment. If there are more, the cache
/// is emptied.
const MAX_CACHED: usize = 10_000;

/// Maximum number of labels in cached counts. Counts with more, for example of a bucket with a folder for each day of
/// a century, are not cached.
const MAX_CACHED_LABELS: usize = 20_000;

/// Number of documents that are counted between two checks of the deadline.
const DOCS_PER_CHECK: usize = 64 * BLOCK;

/// Number of documents in a word of a set.
const WORD: DocId = 64;

/// The cached counts of an index.
#[derive(Default)]
pub struct FacetCache {
    cached: Mutex<HashMap<Key, Arc<Counted>>>,
}

/// What was counted.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    segment: SegmentId,
    source: SourceId,
    /// The paths of the Source depend on it.
    prefix: String,
    facets: Vec<FacetBy>,
}

/// The counts of all assets of a Source in a segment.
pub struct Counted {
    /// Number of assets.
    pub total: u64,
    /// The requested facets.
    pub facets: FacetCounts,
    /// The assets that were counted.
    assets: DocSet,
    /// Number of deleted documents in the segment when it was counted. It only grows.
    deleted: u32,
}

/// A segment that is opened for reading.
#[derive(Clone, Copy)]
pub struct OpenSegment<'a> {
    pub reader: &'a SegmentReader,
    pub columns: &'a Columns,
}

impl FacetCache {
    /// The counts of all assets of a Source in a segment.
    pub fn count(
        &self,
        segment: OpenSegment<'_>,
        searched: &SearchedSource<'_>,
        facets: &[FacetBy],
        deadline: &Deadline,
    ) -> Result<Arc<Counted>, IndexError> {
        let key = Key {
            segment: segment.reader.segment_id(),
            source: searched.id,
            prefix: searched.source.prefix.clone(),
            facets: facets.to_vec(),
        };
        let deleted = segment.reader.num_deleted_docs();
        let cached = self.lock().get(&key).map(Arc::clone);
        let counting = Counting {
            segment,
            searched,
            facets,
            deadline,
        };
        let counted = match cached {
            Some(cached) if cached.deleted == deleted => return Ok(cached),
            Some(cached) if cached.deleted < deleted => counting.update(&cached)?,
            // This search uses an older commit than the one that was cached.
            Some(_) => return Ok(Arc::new(counting.start()?)),
            None => counting.start()?,
        };
        let counted = Arc::new(counted);
        if counted.facets.labels() > MAX_CACHED_LABELS {
            return Ok(counted);
        }
        let mut all = self.lock();
        if all.len() >= MAX_CACHED {
            all.clear();
        }
        all.insert(key, Arc::clone(&counted));
        Ok(counted)
    }

    /// Drops the counts of all other segments.
    pub fn keep(&self, segments: impl Iterator<Item = SegmentId>) {
        let segments: HashSet<SegmentId> = segments.collect();
        self.lock().retain(|key, _| segments.contains(&key.segment));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Counted>>> {
        // A panic does not leave the cache in an invalid state.
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A count of the assets of a Source in a segment.
struct Counting<'a> {
    segment: OpenSegment<'a>,
    searched: &'a SearchedSource<'a>,
    facets: &'a [FacetBy],
    deadline: &'a Deadline,
}

impl Counting<'_> {
    /// Counts all assets.
    fn start(&self) -> Result<Counted, IndexError> {
        let columns = self.segment.columns;
        let docs = columns.source_docs(self.searched.id)?;
        let mut assets = DocSet::alive(docs, self.segment.reader);
        if columns.has_tombstones() {
            assets.retain(|doc| !columns.is_tombstone(doc));
        }
        Ok(Counted {
            total: assets.len(),
            facets: self.facets_of(&assets)?,
            assets,
            deleted: self.segment.reader.num_deleted_docs(),
        })
    }

    /// Takes away the assets that were deleted since.
    fn update(&self, cached: &Counted) -> Result<Counted, IndexError> {
        let alive = DocSet::alive(cached.assets.docs.clone(), self.segment.reader);
        let gone = cached.assets.without(&alive);
        let mut facets = cached.facets.clone();
        facets.subtract(&self.facets_of(&gone)?);
        Ok(Counted {
            total: cached.total - gone.len(),
            facets,
            assets: cached.assets.without(&gone),
            deleted: self.segment.reader.num_deleted_docs(),
        })
    }

    fn facets_of(&self, docs: &DocSet) -> Result<FacetCounts, IndexError> {
        let mut counts = FacetCounts::default();
        if self.facets.is_empty() {
            return Ok(counts);
        }
        let OpenSegment { reader, columns } = self.segment;
        let mut segment = SegmentFacets::open(reader, self.facets)?;
        segment.enter_source(self.searched, columns, reader)?;
        let mut block = Vec::with_capacity(BLOCK);
        for (number, doc) in docs.iter().enumerate() {
            if number % DOCS_PER_CHECK == 0 {
                self.deadline.check()?;
            }
            block.push(doc);
            if block.len() == BLOCK {
                segment.count(&block)?;
                block.clear();
            }
        }
        segment.count(&block)?;
        segment.add_to(&mut counts)?;
        Ok(counts)
    }
}

/// A set of documents in a range, one bit each.
struct DocSet {
    docs: Range<DocId>,
    /// The first word has the document `docs.start` rounded down to a multiple of [`WORD`].
    words: Vec<u64>,
}

impl DocSet {
    /// The documents in a range that are not deleted.
    fn alive(docs: Range<DocId>, segment: &SegmentReader) -> Self {
        let mut all = BitSet::with_max_value_and_full(segment.max_doc());
        if let Some(alive) = segment.alive_bitset().map(AliveBitSet::bitset) {
            all.intersect_update(alive);
        }
        let word = |index: DocId| u64::from_le_bytes(all.tinyset(index).into_bytes());
        let mut set = Self {
            words: word_range(&docs).map(word).collect(),
            docs,
        };
        set.clear_outside();
        set
    }

    /// Clears the bits of the first and the last word that are outside the range.
    fn clear_outside(&mut self) {
        let (before, after) = (self.docs.start % WORD, self.docs.end % WORD);
        if let Some(first) = self.words.first_mut() {
            *first &= u64::MAX << before;
        }
        if after > 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << after) - 1;
        }
    }

    /// The documents that another set of the same range does not have.
    fn without(&self, other: &Self) -> Self {
        let words = self.words.iter().zip(&other.words);
        Self {
            docs: self.docs.clone(),
            words: words.map(|(word, other)| word & !other).collect(),
        }
    }

    /// Removes the documents that fail the test.
    fn retain(&mut self, keep: impl Fn(DocId) -> bool) {
        let first = word_range(&self.docs).start;
        for (index, word) in (first..).zip(&mut self.words) {
            for doc in docs_in(*word, index) {
                if !keep(doc) {
                    *word &= !(1 << (doc % WORD));
                }
            }
        }
    }

    fn len(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    /// The documents in ascending order.
    fn iter(&self) -> impl Iterator<Item = DocId> {
        let first = word_range(&self.docs).start;
        let words = (first..).zip(&self.words);
        words.flat_map(|(index, word)| docs_in(*word, index))
    }
}

/// The indexes of the words of a range.
fn word_range(docs: &Range<DocId>) -> Range<DocId> {
    if docs.is_empty() {
        return 0..0;
    }
    docs.start / WORD..docs.end.div_ceil(WORD)
}

/// The documents of a word.
fn docs_in(word: u64, index: DocId) -> impl Iterator<Item = DocId> {
    let is_not_empty = |word: &u64| *word != 0;
    // Each step clears the lowest bit.
    let words = std::iter::successors(Some(word).filter(is_not_empty), move |word| {
        Some(word & (word - 1)).filter(is_not_empty)
    });
    words.map(move |word| index * WORD + word.trailing_zeros())
}

#[cfg(test)]
mod tests;
