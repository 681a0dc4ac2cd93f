//! Merges the ranked documents of all segments and Sources into one order.
//!
//! Ordinals of keys and names cannot be compared between segments. The merge therefore reads paths, but only of
//! the next document of each stream, and only if the sort value can be among the first results.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::vec::IntoIter;

use tantivy::DocId;

use super::columns::Columns;
use super::ranking::{Ranked, sort_value};
use super::source_scope::SearchedSource;
use crate::core::query::{Position, Sort, SortBy, SortValue, file_name, fold_name};
use crate::index::{Deadline, IndexError};

/// The ranked first documents of one Source in one segment.
pub struct Stream<'a> {
    /// The Source.
    pub searched: SearchedSource<'a>,
    /// The segment.
    pub columns: &'a Columns,
    /// The documents with their ranks, in the order of the search.
    pub first: Vec<Ranked>,
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
pub fn merge<'a>(
    mut streams: Vec<Stream<'a>>,
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
/// It compares sort values, so it only works for values that mean the same in all segments: not for paths and
/// names.
fn trim(streams: &mut Vec<Stream<'_>>, sort: Sort, limit: usize) {
    let is_comparable = !matches!(sort.by, SortBy::Path | SortBy::Name);
    if let (true, Some(last)) = (is_comparable, limit.checked_sub(1)) {
        let all = streams.iter().flat_map(|stream| &stream.first);
        let mut values: Vec<u64> = all.map(|(value, _)| *value).collect();
        if last < values.len() {
            let (_, worst, _) = values.select_nth_unstable(last);
            for stream in &mut *streams {
                let kept = stream.first.partition_point(|(value, _)| value <= worst);
                stream.first.truncate(kept);
            }
        }
    }
    streams.retain(|stream| !stream.first.is_empty());
}

/// The next document of a stream. Its `Ord` is reversed for the heap: the greatest head comes first.
struct Head<'a> {
    sort: Sort,
    value: u64,
    placed: PlacedDoc<'a>,
    rest: IntoIter<Ranked>,
}

impl<'a> Head<'a> {
    /// Takes the next document from `rest`. `None` if no document is left.
    fn next(
        searched: SearchedSource<'a>,
        columns: &'a Columns,
        mut rest: IntoIter<Ranked>,
        sort: Sort,
    ) -> Result<Option<Self>, IndexError> {
        let Some((value, doc)) = rest.next() else {
            return Ok(None);
        };
        let path = searched.path(columns, doc)?;
        let sort_value = sort_value(sort, value);
        let position = Position {
            value: sort_value.unwrap_or_else(|| SortValue::Name(fold_name(file_name(&path)))),
            path,
            source: searched.source.name.clone(),
            attempt: 0,
            ranking: Vec::new(),
        };
        Ok(Some(Self {
            sort,
            value,
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
        let directed = |order: Ordering| {
            if self.sort.descending {
                order.reverse()
            } else {
                order
            }
        };
        let by_path_and_source = || {
            let by_path = ours.path.cmp(&theirs.path);
            by_path.then_with(|| ours.source.cmp(&theirs.source))
        };
        let by_value = match (&ours.value, &theirs.value) {
            (SortValue::Path, _) => return directed(by_path_and_source()),
            (SortValue::Name(ours), SortValue::Name(theirs)) => directed(ours.cmp(theirs)),
            _ => self.value.cmp(&other.value),
        };
        by_value.then_with(by_path_and_source)
    }
}

impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.order(self)
    }
}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head<'_> {}
