//! Finds the first documents of one Source in one segment, in the sort order of a search.
//!
//! Each value that a document is sorted by is turned into a number: the smallest comes first. These numbers are the
//! *rank* of the document. A segment is sorted by key, so the number of a document stands for its path. `merge` merges
//! the segments.

use tantivy::columnar::{Column, StrColumn};
use tantivy::{DocId, Score, SegmentReader, i64_to_u64, u64_to_i64};

use super::columns::{Columns, read_error};
use super::source_scope::SearchedSource;
use crate::core::query::sort::MAX_SORT_KEYS;
use crate::core::query::{Position, Sort, SortBy, SortKey, SortValue};
use crate::index::IndexError;

/// Number of documents that are processed together.
pub use tantivy::COLLECT_BLOCK_BUFFER_LEN as BLOCK;

/// Number of documents that are kept in addition to the limit, so that the rest is rarely dropped.
const SPARE: usize = 1024;

/// The rank of a document: one number for each key of the sort order. The smallest comes first.
///
/// Orders with at most one key are the most common, and a single number is faster than several.
pub trait Rank: Copy + Ord {
    /// Comes before every other one. It is the rank of every document if there is no key.
    const FIRST: Self;
    /// Comes after every other one.
    const LAST: Self;

    /// The number of a key.
    fn value(&self, key: usize) -> u64;

    /// Sets the number of a key.
    fn set(&mut self, key: usize, value: u64);

    /// The rank by the first keys only.
    fn truncated(mut self, keys: usize) -> Self {
        for key in keys..MAX_SORT_KEYS {
            self.set(key, 0);
        }
        self
    }
}

/// The rank for an order with several keys.
pub type SeveralKeys = [u64; MAX_SORT_KEYS];

impl Rank for SeveralKeys {
    const FIRST: Self = [0; MAX_SORT_KEYS];
    const LAST: Self = [u64::MAX; MAX_SORT_KEYS];

    fn value(&self, key: usize) -> u64 {
        self[key]
    }

    fn set(&mut self, key: usize, value: u64) {
        self[key] = value;
    }
}

/// The rank for an order with at most one key.
impl Rank for u64 {
    const FIRST: Self = 0;
    const LAST: Self = u64::MAX;

    fn value(&self, _key: usize) -> u64 {
        *self
    }

    fn set(&mut self, key: usize, value: u64) {
        if key == 0 {
            *self = value;
        }
    }
}

/// A rank and the place of its document among those with the same rank. The smallest comes first.
pub type Ranked<R> = (R, u32);

/// The place of a document among those with the same rank: in the order of the paths, or in the opposite one.
fn place(doc: DocId, path_descends: bool) -> u32 {
    if path_descends {
        // Not `u32::MAX`, so that there is a place after all documents.
        u32::MAX - 1 - doc
    } else {
        doc
    }
}

/// The ranks of the documents in a segment.
pub struct RankValues {
    sort: Sort,
    keys: Vec<KeyValues>,
}

/// The values of one key in a segment.
struct KeyValues {
    key: SortKey,
    /// The column of the key. If it is the name, the ordinals of the names. `None` if no document has a value.
    column: Option<Column<u64>>,
    /// The names, if the key is the name.
    names: Option<StrColumn>,
}

impl RankValues {
    /// Opens the columns of a segment that the sort order needs.
    pub fn open(segment: &SegmentReader, sort: Sort) -> Result<Self, IndexError> {
        let keys = sort.keys().iter();
        let keys = keys.map(|key| KeyValues::open(segment, *key));
        Ok(Self {
            sort,
            keys: keys.collect::<Result<_, _>>()?,
        })
    }

    /// Writes the ranks of `docs` to `ranks`. `scores` is only used if the order is by relevance.
    pub fn read<R: Rank>(&self, docs: &[DocId], scores: &[Score], ranks: &mut [R; BLOCK]) {
        let mut values = [0; BLOCK];
        for (index, key) in self.keys.iter().enumerate() {
            key.read(docs, scores, &mut values);
            for (rank, value) in ranks[..docs.len()].iter_mut().zip(&values) {
                rank.set(index, *value);
            }
        }
    }

    /// Returns the smallest rank and place that a document after `position` can have, among the documents of a
    /// Source in this segment.
    pub fn first_after<R: Rank>(
        &self,
        position: &Position,
        searched: &SearchedSource<'_>,
        columns: &Columns,
    ) -> Result<Ranked<R>, IndexError> {
        if position.values.len() != self.keys.len() {
            return Err(IndexError::OtherSort { sort: self.sort });
        }
        let mut rank = R::FIRST;
        for (index, (key, value)) in self.keys.iter().zip(&position.values).enumerate() {
            let found = key.rank_of(value)?;
            match found.ok_or(IndexError::OtherSort { sort: self.sort })? {
                Ok(value) => rank.set(index, value),
                Err(next) => {
                    rank.set(index, next);
                    return Ok((rank, 0));
                }
            }
        }
        let (name, other) = (searched.source.name.as_str(), position.source.as_str());
        let docs_before = |inclusive| searched.docs_before(columns, &position.path, inclusive);
        let place = if self.sort.path_descends() {
            u32::MAX - docs_before(name < other)?
        } else {
            docs_before(name <= other)?
        };
        Ok((rank, place))
    }
}

impl KeyValues {
    fn open(segment: &SegmentReader, key: SortKey) -> Result<Self, IndexError> {
        let fast = segment.fast_fields();
        let column = match key.by {
            // The path is no key: the documents are sorted by it.
            SortBy::Path => None,
            SortBy::Relevance => Some("name_words"),
            SortBy::Name => Some("name_folded"),
            SortBy::Modified => Some("last_modified"),
            SortBy::Size => Some("size"),
            SortBy::Created => Some("first_seen"),
        };
        // Reads columns of any type as unsigned numbers in the same order.
        let column = column.map(|name| fast.u64_lenient(name).map_err(read_error()));
        let names = match key.by {
            SortBy::Name => fast.str("name_folded").map_err(read_error())?,
            _ => None,
        };
        Ok(Self {
            key,
            column: column.transpose()?.flatten().map(|(column, _)| column),
            names,
        })
    }

    /// Writes the values of `docs` to `values`.
    fn read(&self, docs: &[DocId], scores: &[Score], values: &mut [u64; BLOCK]) {
        let mut found = [None; BLOCK];
        if let Some(column) = &self.column {
            column.first_vals(docs, &mut found[..docs.len()]);
        }
        let values = &mut values[..docs.len()];
        let found = found.iter();
        match self.key.by {
            SortBy::Relevance => {
                for ((value, words), score) in values.iter_mut().zip(found).zip(scores) {
                    *value = by_relevance(*score as u32, words.unwrap_or(0));
                }
            }
            SortBy::Name => {
                for (value, ord) in values.iter_mut().zip(found) {
                    // A document without a name comes before all others.
                    *value = ord.map_or(0, |ord| ord + 1);
                }
            }
            SortBy::Path | SortBy::Modified | SortBy::Size | SortBy::Created => {
                for (value, found) in values.iter_mut().zip(found) {
                    *value = found.unwrap_or(0);
                }
            }
        }
        if self.key.descending {
            for value in values {
                *value = !*value;
            }
        }
    }

    /// Returns the number of a value. If the segment does not have it, the number of the next value in sort order as
    /// `Err`. `None` if the value is one of another key.
    fn rank_of(&self, value: &SortValue) -> Result<Option<Result<u64, u64>>, IndexError> {
        let value = match (self.key.by, value) {
            (SortBy::Size, SortValue::Number(size)) => *size,
            (SortBy::Modified | SortBy::Created, SortValue::Time(time)) => i64_to_u64(*time),
            (SortBy::Relevance, SortValue::Relevance { score, name_words }) => {
                by_relevance(*score, u64::from(*name_words))
            }
            (SortBy::Name, SortValue::Name(name)) => return self.rank_of_name(name).map(Some),
            _ => return Ok(None),
        };
        Ok(Some(Ok(self.directed(value))))
    }

    /// Returns the number of a name. If the segment does not have the name, returns the number of the next name in sort
    /// order as `Err`.
    fn rank_of_name(&self, name: &str) -> Result<Result<u64, u64>, IndexError> {
        use tantivy_sstable::TermOrdHit;
        let Some(names) = &self.names else {
            return Ok(Err(0));
        };
        let found = names.dictionary().term_ord_or_next(name);
        Ok(match found.map_err(read_error())? {
            TermOrdHit::Exact(ord) => Ok(self.directed(ord + 1)),
            TermOrdHit::Next(ord) => {
                // After the last name the dictionary returns u64::MAX.
                let smaller_names = ord.min(names.num_terms() as u64);
                let next = if self.key.descending {
                    smaller_names
                } else {
                    smaller_names + 1
                };
                Err(self.directed(next))
            }
        })
    }

    /// Inverts the order of values if the key is descending.
    fn directed(&self, value: u64) -> u64 {
        if self.key.descending { !value } else { value }
    }
}

/// The number for relevance: the best score first, then the name with the fewest words. The number of words does not
/// count if the score is 0, because the search found no words then.
fn by_relevance(score: u32, name_words: u64) -> u64 {
    let name_words = if score == 0 { 0 } else { name_words };
    (u64::from(!score) << 32) | name_words.min(u64::from(u32::MAX))
}

/// Converts a number of [`RankValues::read`] back to a sort value. Returns `None` if the key is the name: the name
/// follows from the path.
pub fn sort_value(key: SortKey, value: u64) -> Option<SortValue> {
    let value = if key.descending { !value } else { value };
    Some(match key.by {
        SortBy::Path | SortBy::Name => return None,
        SortBy::Size => SortValue::Number(value),
        SortBy::Modified | SortBy::Created => SortValue::Time(u64_to_i64(value)),
        SortBy::Relevance => SortValue::Relevance {
            score: !((value >> 32) as u32),
            name_words: value as u32,
        },
    })
}

/// Collects the first documents in sort order.
pub struct TopDocs<R> {
    limit: usize,
    path_descends: bool,
    start: Ranked<R>,
    /// This document and all documents after it can no longer be among the first.
    cutoff: Ranked<R>,
    /// The first documents so far, and some more, in any order.
    candidates: Vec<Ranked<R>>,
}

impl<R: Rank> TopDocs<R> {
    /// Collects up to `limit` documents, from `start` on.
    pub fn new(limit: usize, start: Ranked<R>, sort: Sort) -> Self {
        Self {
            limit,
            path_descends: sort.path_descends(),
            start,
            cutoff: (R::LAST, u32::MAX),
            candidates: Vec::new(),
        }
    }

    /// Adds documents. Documents that are not among the first are dropped now or later.
    pub fn offer(&mut self, docs: &[DocId], ranks: &[R; BLOCK]) {
        for (doc, rank) in docs.iter().zip(ranks) {
            let ranked = (*rank, place(*doc, self.path_descends));
            if ranked < self.cutoff && ranked >= self.start {
                self.candidates.push(ranked);
                if self.candidates.len() >= self.limit + SPARE.max(self.limit) {
                    self.drop_rest();
                }
            }
        }
    }

    /// Whether the limit is reached.
    pub fn is_full(&self) -> bool {
        self.candidates.len() >= self.limit
    }

    /// Returns the first document that can be kept. Only valid if the order is by ascending paths.
    pub fn first_doc(&self) -> DocId {
        self.start.1
    }

    /// Returns the first documents in order.
    pub fn into_sorted(mut self) -> Vec<(R, DocId)> {
        self.candidates.sort_unstable();
        self.candidates.truncate(self.limit);
        let candidates = self.candidates.into_iter();
        // The place of a place is the document.
        let doc = |(rank, at)| (rank, place(at, self.path_descends));
        candidates.map(doc).collect()
    }

    /// Drops all documents that are not among the first.
    fn drop_rest(&mut self) {
        if let Some(last) = self.limit.checked_sub(1) {
            let (_, worst, _) = self.candidates.select_nth_unstable(last);
            self.cutoff = *worst;
        }
        self.candidates.truncate(self.limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rank for each document.
    fn ranks<R: Rank>(value_of: fn(u32) -> u64, docs: &[DocId]) -> [R; BLOCK] {
        let mut ranks = [R::FIRST; BLOCK];
        for (rank, doc) in ranks.iter_mut().zip(docs) {
            rank.set(0, value_of(*doc));
            rank.set(1, u64::from(doc % 2));
        }
        ranks
    }

    fn keeps_the_smallest<R: Rank + std::fmt::Debug>(sort: &str, limit: usize) {
        let sort = Sort::parse(sort).unwrap();
        let rng = &mut fastrand::Rng::with_seed(3);
        for (name, value_of) in [
            ("rising", (|doc| u64::from(doc)) as fn(u32) -> u64),
            ("falling", |doc| u64::from(!doc)),
            ("mixed", |doc| {
                u64::from(doc.wrapping_mul(2_654_435_761) % 97)
            }),
            ("equal", |_| 7),
        ] {
            let docs: Vec<DocId> = (0..9_000).collect();
            let placed = |doc: &DocId| {
                let [rank, ..] = ranks::<R>(value_of, &[*doc]);
                (rank, place(*doc, sort.path_descends()))
            };
            let start = placed(&rng.u32(0..9_000));
            let mut first = TopDocs::new(limit, start, sort);
            for block in docs.chunks(BLOCK) {
                first.offer(block, &ranks(value_of, block));
            }
            let mut want: Vec<_> = docs.iter().map(placed).filter(|it| *it >= start).collect();
            want.sort_unstable();
            want.truncate(limit);
            let doc = |(rank, at)| (rank, place(at, sort.path_descends()));
            let want: Vec<_> = want.into_iter().map(doc).collect();
            assert_eq!(first.into_sorted(), want, "{limit} {name}");
        }
    }

    #[test]
    fn keeps_the_smallest_from_the_start_on() {
        for limit in [0, 1, 2, 1100] {
            for sort in ["size", "size,-path"] {
                keeps_the_smallest::<u64>(sort, limit);
                keeps_the_smallest::<SeveralKeys>(sort, limit);
            }
        }
    }
}
