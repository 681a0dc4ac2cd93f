//! The first documents of one Source in one segment, in the order of a search.
//!
//! A segment is sorted by key, so the number of a document stands for its path, and the value that it
//! is ranked by is made a number whose least comes first. The merge of the segments is done in
//! `merge`.

use tantivy::columnar::{Column, StrColumn};
use tantivy::{DocId, Score, SegmentReader, i64_to_u64, u64_to_i64};

use super::columns::{Columns, read_error};
use super::source_scope::SearchedSource;
use crate::core::query::{Position, Sort, SortBy, SortValue};
use crate::index::IndexError;

/// How many documents are looked at together.
pub use tantivy::COLLECT_BLOCK_BUFFER_LEN as BLOCK;

/// How many documents are kept besides the wanted ones, so that they are cut down seldom.
const SPARE: usize = 1024;

/// A document with the value that it is ranked by: the least comes first.
pub type Ranked = (u64, DocId);

/// Behind every document.
const AFTER_ALL: Ranked = (u64::MAX, DocId::MAX);

/// What the documents of a segment are ranked by.
pub struct RankValues {
    sort: Sort,
    /// Of names, their ordinals. `None` where the path alone decides, or no document has a value.
    column: Option<Column<u64>>,
    names: Option<StrColumn>,
}

impl RankValues {
    /// The values of a segment.
    pub fn open(segment: &SegmentReader, sort: Sort) -> Result<Self, IndexError> {
        let fast = segment.fast_fields();
        // As unsigned numbers in the same order, whatever the column's type.
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

    /// The values of documents; `scores` is looked at where the order is that of relevance.
    pub fn of(&self, docs: &[DocId], scores: &[Score], values: &mut [u64; BLOCK]) {
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
                    // A name that is not there comes before all that are.
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

    /// The first place behind a position, among the documents of a Source in this segment.
    pub fn first_after(
        &self,
        position: &Position,
        searched: &SearchedSource<'_>,
        columns: &Columns,
    ) -> Result<Ranked, IndexError> {
        let before = |with_it| searched.docs_before(columns, &position.path, with_it);
        let name = searched.source.name.as_str();
        let reached = || before(name <= position.source.as_str());
        let value = match (self.sort.by, &position.value) {
            (SortBy::Path, SortValue::Path) if self.sort.descending => {
                // The last document before the position is the first behind it.
                let last = before(name < position.source.as_str())?.checked_sub(1);
                let place = |doc| (self.directed(u64::from(doc)), doc);
                return Ok(last.map_or(AFTER_ALL, place));
            }
            (SortBy::Path, SortValue::Path) => return Ok((u64::from(reached()?), 0)),
            (SortBy::Size, SortValue::Number(size)) => *size,
            (SortBy::Modified | SortBy::Created, SortValue::Time(moment)) => i64_to_u64(*moment),
            (SortBy::Relevance, SortValue::Relevance { score, name_words }) => {
                by_relevance(*score, u64::from(*name_words))
            }
            (SortBy::Name, SortValue::Name(name)) => match self.rank_of_name(name)? {
                Ok(value) => value,
                Err(next) => return Ok((next, 0)),
            },
            _ => return Err(IndexError::OtherSort { sort: self.sort }),
        };
        Ok((self.directed(value), reached()?))
    }

    /// The value of a name; where the segment has none such, the turned value of the next name.
    fn rank_of_name(&self, name: &str) -> Result<Result<u64, u64>, IndexError> {
        use tantivy_sstable::TermOrdHit;
        let Some(names) = &self.names else {
            return Ok(Err(0));
        };
        let found = names.dictionary().term_ord_or_next(name);
        Ok(match found.map_err(read_error())? {
            TermOrdHit::Exact(ord) => Ok(ord + 1),
            TermOrdHit::Next(ord) => {
                // Behind the last name the dictionary answers u64::MAX.
                let before = ord.min(names.num_terms() as u64);
                let next = if self.sort.descending {
                    before
                } else {
                    before + 1
                };
                Err(self.directed(next))
            }
        })
    }

    fn directed(&self, value: u64) -> u64 {
        if self.sort.descending { !value } else { value }
    }
}

/// The best score first, then the fewest words of the name. Where no word was found those say nothing.
fn by_relevance(score: u32, name_words: u64) -> u64 {
    let name_words = if score == 0 { 0 } else { name_words };
    (u64::from(!score) << 32) | name_words.min(u64::from(u32::MAX))
}

/// What a value says that [`RankValues::of`] made; of a name and a path nothing, they follow from the path.
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

/// The first documents so far, in any order.
pub struct TopDocs {
    limit: usize,
    start: Ranked,
    /// Nothing from here on is wanted any more.
    cutoff: Ranked,
    kept: Vec<Ranked>,
}

impl TopDocs {
    /// At most so many documents, at the start or behind it.
    pub fn new(limit: usize, start: Ranked) -> Self {
        Self {
            limit,
            start,
            cutoff: AFTER_ALL,
            kept: Vec::new(),
        }
    }

    /// Looks at more documents.
    pub fn offer(&mut self, docs: &[DocId], values: &[u64; BLOCK]) {
        for (doc, value) in docs.iter().zip(values) {
            let place = (*value, *doc);
            if place < self.cutoff && place >= self.start {
                self.kept.push(place);
                if self.kept.len() >= self.limit + SPARE.max(self.limit) {
                    self.cut();
                }
            }
        }
    }

    /// Whether there are as many as are wanted.
    pub fn is_full(&self) -> bool {
        self.kept.len() >= self.limit
    }

    /// The first document that can be kept where the number of the document is the value.
    pub fn first_doc(&self) -> DocId {
        DocId::try_from(self.start.0).unwrap_or(DocId::MAX)
    }

    /// The first documents, in order.
    pub fn into_sorted(mut self) -> Vec<Ranked> {
        self.kept.sort_unstable();
        self.kept.truncate(self.limit);
        self.kept
    }

    fn cut(&mut self) {
        if let Some(last) = self.limit.checked_sub(1) {
            let (_, worst, _) = self.kept.select_nth_unstable(last);
            self.cutoff = *worst;
        }
        self.kept.truncate(self.limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_the_least_behind_the_start_in_any_order_of_coming() {
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
                    for (place, (value, _)) in block.iter().enumerate() {
                        values[place] = *value;
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
