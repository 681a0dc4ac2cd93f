//! Finds the first documents of one Source in one segment, in the sort order of a search.
//!
//! The value that a document is sorted by is turned into a number, its *rank value*: the smallest comes
//! first. A segment is sorted by key, so the number of a document stands for its path. `merge` merges the
//! segments.

use tantivy::columnar::{Column, StrColumn};
use tantivy::{DocId, Score, SegmentReader, i64_to_u64, u64_to_i64};

use super::columns::{Columns, read_error};
use super::source_scope::SearchedSource;
use crate::core::query::{Position, Sort, SortBy, SortValue};
use crate::index::IndexError;

/// Number of documents that are processed together.
pub use tantivy::COLLECT_BLOCK_BUFFER_LEN as BLOCK;

/// Number of documents that are kept in addition to the limit, so that the rest is rarely dropped.
const SPARE: usize = 1024;

/// A rank value and its document. The smallest comes first.
pub type Ranked = (u64, DocId);

/// Comes after every document.
const AFTER_ALL: Ranked = (u64::MAX, DocId::MAX);

/// The rank values of the documents in a segment.
pub struct RankValues {
    sort: Sort,
    /// The column that the search sorts by. If it sorts by name, the ordinals of the names. `None` if it
    /// sorts by path, or if no document has a value.
    column: Option<Column<u64>>,
    /// The names, if the search sorts by name.
    names: Option<StrColumn>,
}

impl RankValues {
    /// Opens the columns of a segment that the sort order needs.
    pub fn open(segment: &SegmentReader, sort: Sort) -> Result<Self, IndexError> {
        let fast = segment.fast_fields();
        // Reads columns of any type as unsigned numbers in the same order.
        let column = |name| fast.u64_lenient(name).map_err(read_error());
        let column = match sort.by {
            SortBy::Path => None,
            SortBy::Relevance => column("name_words")?,
            SortBy::Name => column("name_folded")?,
            SortBy::Modified => column("last_modified")?,
            SortBy::Size => column("size")?,
            SortBy::Created => column("first_seen")?,
        };
        let names = match sort.by {
            SortBy::Name => fast.str("name_folded").map_err(read_error())?,
            _ => None,
        };
        Ok(Self {
            sort,
            column: column.map(|(column, _)| column),
            names,
        })
    }

    /// Writes the rank values of `docs` to `values`. `scores` is only used if the order is by relevance.
    pub fn read(&self, docs: &[DocId], scores: &[Score], values: &mut [u64; BLOCK]) {
        let mut found = [None; BLOCK];
        if let Some(column) = &self.column {
            column.first_vals(docs, &mut found[..docs.len()]);
        }
        let values = &mut values[..docs.len()];
        let found = found.iter();
        match self.sort.by {
            SortBy::Path => {
                for (value, doc) in values.iter_mut().zip(docs) {
                    *value = u64::from(*doc);
                }
            }
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
            SortBy::Modified | SortBy::Size | SortBy::Created => {
                for (value, found) in values.iter_mut().zip(found) {
                    *value = found.unwrap_or(0);
                }
            }
        }
        if self.sort.descending {
            for value in values {
                *value = !*value;
            }
        }
    }

    /// Returns the smallest rank value and document that a document after `position` can have, among the
    /// documents of a Source in this segment.
    pub fn first_after(
        &self,
        position: &Position,
        searched: &SearchedSource<'_>,
        columns: &Columns,
    ) -> Result<Ranked, IndexError> {
        let docs_before = |inclusive| searched.docs_before(columns, &position.path, inclusive);
        let name = searched.source.name.as_str();
        let next_doc = || docs_before(name <= position.source.as_str());
        let value = match (self.sort.by, &position.value) {
            (SortBy::Path, SortValue::Path) if self.sort.descending => {
                // In descending order, the next document is the last one with a smaller path.
                let next = docs_before(name < position.source.as_str())?.checked_sub(1);
                let ranked = |doc| (self.directed(u64::from(doc)), doc);
                return Ok(next.map_or(AFTER_ALL, ranked));
            }
            (SortBy::Path, SortValue::Path) => return Ok((u64::from(next_doc()?), 0)),
            (SortBy::Size, SortValue::Number(size)) => *size,
            (SortBy::Modified | SortBy::Created, SortValue::Time(time)) => i64_to_u64(*time),
            (SortBy::Relevance, SortValue::Relevance { score, name_words }) => {
                by_relevance(*score, u64::from(*name_words))
            }
            (SortBy::Name, SortValue::Name(name)) => match self.rank_of_name(name)? {
                Ok(value) => value,
                Err(next) => return Ok((next, 0)),
            },
            _ => return Err(IndexError::OtherSort { sort: self.sort }),
        };
        Ok((self.directed(value), next_doc()?))
    }

    /// Returns the value of a name, without regard to the sort direction. If the segment does not have the
    /// name, returns the rank value of the next name in sort order as `Err`.
    fn rank_of_name(&self, name: &str) -> Result<Result<u64, u64>, IndexError> {
        use tantivy_sstable::TermOrdHit;
        let Some(names) = &self.names else {
            return Ok(Err(0));
        };
        let found = names.dictionary().term_ord_or_next(name);
        Ok(match found.map_err(read_error())? {
            TermOrdHit::Exact(ord) => Ok(ord + 1),
            TermOrdHit::Next(ord) => {
                // After the last name the dictionary returns u64::MAX.
                let smaller_names = ord.min(names.num_terms() as u64);
                let next = if self.sort.descending {
                    smaller_names
                } else {
                    smaller_names + 1
                };
                Err(self.directed(next))
            }
        })
    }

    /// Inverts the order of values if the sort order is descending.
    fn directed(&self, value: u64) -> u64 {
        if self.sort.descending { !value } else { value }
    }
}

/// The rank value for relevance: the best score first, then the name with the fewest words. The number of
/// words does not count if the score is 0, because the search found no words then.
fn by_relevance(score: u32, name_words: u64) -> u64 {
    let name_words = if score == 0 { 0 } else { name_words };
    (u64::from(!score) << 32) | name_words.min(u64::from(u32::MAX))
}

/// Converts a rank value of [`RankValues::read`] back to a sort value. Returns `None` if the search sorts by
/// name: the name follows from the path.
pub fn sort_value(sort: Sort, value: u64) -> Option<SortValue> {
    let value = if sort.descending { !value } else { value };
    Some(match sort.by {
        SortBy::Path => SortValue::Path,
        SortBy::Name => return None,
        SortBy::Size => SortValue::Number(value),
        SortBy::Modified | SortBy::Created => SortValue::Time(u64_to_i64(value)),
        SortBy::Relevance => SortValue::Relevance {
            score: !((value >> 32) as u32),
            name_words: value as u32,
        },
    })
}

/// Collects the first documents in sort order.
pub struct TopDocs {
    limit: usize,
    start: Ranked,
    /// This document and all documents after it can no longer be among the first.
    cutoff: Ranked,
    /// The first documents so far, and some more, in any order.
    candidates: Vec<Ranked>,
}

impl TopDocs {
    /// Collects up to `limit` documents, from `start` on.
    pub fn new(limit: usize, start: Ranked) -> Self {
        Self {
            limit,
            start,
            cutoff: AFTER_ALL,
            candidates: Vec::new(),
        }
    }

    /// Adds documents. Documents that are not among the first are dropped now or later.
    pub fn offer(&mut self, docs: &[DocId], values: &[u64; BLOCK]) {
        for (doc, value) in docs.iter().zip(values) {
            let ranked = (*value, *doc);
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

    /// Returns the first document that can be kept. Only valid if the rank value is the number of the
    /// document.
    pub fn first_doc(&self) -> DocId {
        DocId::try_from(self.start.0).unwrap_or(DocId::MAX)
    }

    /// Returns the first documents in order.
    pub fn into_sorted(mut self) -> Vec<Ranked> {
        self.candidates.sort_unstable();
        self.candidates.truncate(self.limit);
        self.candidates
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

    #[test]
    fn keeps_the_smallest_from_the_start_on() {
        let rng = &mut fastrand::Rng::with_seed(3);
        for limit in [0, 1, 2, 1100] {
            for (name, value_of) in [
                ("rising", (|doc| u64::from(doc)) as fn(u32) -> u64),
                ("falling", |doc| u64::from(!doc)),
                ("mixed", |doc| {
                    u64::from(doc.wrapping_mul(2_654_435_761) % 97)
                }),
                ("equal", |_| 7),
            ] {
                let all: Vec<Ranked> = (0..9_000).map(|doc| (value_of(doc), doc)).collect();
                let start = all[rng.usize(..all.len())];
                let mut first = TopDocs::new(limit, start);
                for block in all.chunks(BLOCK) {
                    let docs: Vec<_> = block.iter().map(|(_, doc)| *doc).collect();
                    let mut values = [0; BLOCK];
                    for (index, (value, _)) in block.iter().enumerate() {
                        values[index] = *value;
                    }
                    first.offer(&docs, &values);
                }
                let mut want: Vec<_> = all.into_iter().filter(|it| *it >= start).collect();
                want.sort_unstable();
                want.truncate(limit);
                assert_eq!(first.into_sorted(), want, "{limit} {name}");
            }
        }
    }
}
