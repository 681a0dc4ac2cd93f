//! Merges the ranked documents of all segments and Sources into one order.
//!
//! Ordinals of keys and names cannot be compared between segments. The merge therefore reads paths, but only of
//! the next document of each stream, and only if the sort value can be among the first results.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::vec::IntoIter;

use tantivy::DocId;

use super::columns::Columns;
use super::ranking::{Rank, sort_value};
use super::source_scope::SearchedSource;
use crate::core::query::{Position, Sort, SortBy, SortValue, file_name, fold_name};
use crate::index::{Deadline, IndexError};

/// The ranked first documents of one Source in one segment.
pub struct Stream<'a, R> {
    /// The Source.
    pub searched: SearchedSource<'a>,
    /// The segment.
    pub columns: &'a Columns,
    /// The documents with their ranks, in the order of the search.
    pub first: Vec<(R, DocId)>,
}

/// A document and its position in the order of the search.
pub struct PlacedDoc<'a> {
    /// Its Source.
    pub searched: SearchedSource<'a>,
    /// Its segment.
    pub columns: &'a Columns,
    /// Its number in the segment.
    pub doc: DocId,
    /// Its position.
    pub position: Position,
}

/// Returns the first `limit` documents of all streams, in order.
pub fn merge<'a, R: Rank>(
    mut streams: Vec<Stream<'a, R>>,
    sort: Sort,
    limit: usize,
    deadline: &Deadline,
) -> Result<Vec<PlacedDoc<'a>>, IndexError> {
    trim(&mut streams, sort, limit);
    let mut heads = BinaryHeap::with_capacity(streams.len());
    for stream in streams {
        deadline.check()?;
        let (searched, columns) = (stream.searched, stream.columns);
        let rest = stream.first.into_iter();
        heads.extend(Head::next(searched, columns, rest, sort)?);
    }
    let mut merged = Vec::with_capacity(limit.min(heads.len()));
    while merged.len() < limit {
        deadline.check()?;
        let Some(Head { placed, rest, .. }) = heads.pop() else {
            break;
        };
        heads.extend(Head::next(placed.searched, placed.columns, rest, sort)?);
        merged.push(placed);
    }
    Ok(merged)
}

/// Drops documents that cannot be among the first `limit`.
///
/// It compares values that mean the same in all segments: not those of paths and names, nor of keys after a name.
fn trim<R: Rank>(streams: &mut Vec<Stream<'_, R>>, sort: Sort, limit: usize) {
    let keys = sort.keys().iter();
    let comparable = keys.take_while(|key| key.by != SortBy::Name).count();
    if let (1.., Some(last)) = (comparable, limit.checked_sub(1)) {
        let all = streams.iter().flat_map(|stream| &stream.first);
        let mut ranks: Vec<R> = all.map(|(rank, _)| rank.truncated(comparable)).collect();
        if last < ranks.len() {
            let (_, worst, _) = ranks.select_nth_unstable(last);
            let is_kept = |(rank, _): &(R, DocId)| rank.truncated(comparable) <= *worst;
            for stream in &mut *streams {
                let kept = stream.first.partition_point(is_kept);
                stream.first.truncate(kept);
            }
        }
    }
    streams.retain(|stream| !stream.first.is_empty());
}

/// The next document of a stream. Its `Ord` is reversed for the heap: the greatest head comes first.
struct Head<'a, R> {
    sort: Sort,
    rank: R,
    placed: PlacedDoc<'a>,
    rest: IntoIter<(R, DocId)>,
}

impl<'a, R: Rank> Head<'a, R> {
    /// Takes the next document from `rest`. `None` if no document is left.
    fn next(
        searched: SearchedSource<'a>,
        columns: &'a Columns,
        mut rest: IntoIter<(R, DocId)>,
        sort: Sort,
    ) -> Result<Option<Self>, IndexError> {
        let Some((rank, doc)) = rest.next() else {
            return Ok(None);
        };
        let path = searched.path(columns, doc)?;
        let keys = sort.keys().iter().enumerate();
        let values = keys.map(|(index, key)| {
            let value = sort_value(*key, rank.value(index));
            value.unwrap_or_else(|| SortValue::Name(fold_name(file_name(&path))))
        });
        let position = Position {
            values: values.collect(),
            path,
            source: searched.source.name.clone(),
            attempt: 0,
            ranking: Vec::new(),
        };
        Ok(Some(Self {
            sort,
            rank,
            placed: PlacedDoc {
                searched,
                columns,
                doc,
                position,
            },
            rest,
        }))
    }

    /// Compares two documents. The lesser one comes first in the results.
    fn order(&self, other: &Self) -> Ordering {
        let (ours, theirs) = (&self.placed.position, &other.placed.position);
        let directed = |order: Ordering, descends: bool| {
            if descends { order.reverse() } else { order }
        };
        for (index, key) in self.sort.keys().iter().enumerate() {
            let by_key = match (&ours.values[index], &theirs.values[index]) {
                (SortValue::Name(ours), SortValue::Name(theirs)) => {
                    directed(ours.cmp(theirs), key.descending)
                }
                _ => self.rank.value(index).cmp(&other.rank.value(index)),
            };
            if by_key.is_ne() {
                return by_key;
            }
        }
        let by_path = ours.path.cmp(&theirs.path);
        let by_path_and_source = by_path.then_with(|| ours.source.cmp(&theirs.source));
        directed(by_path_and_source, self.sort.path_descends())
    }
}

impl<R: Rank> Ord for Head<'_, R> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.order(self)
    }
}

impl<R: Rank> PartialOrd for Head<'_, R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R: Rank> PartialEq for Head<'_, R> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<R: Rank> Eq for Head<'_, R> {}
