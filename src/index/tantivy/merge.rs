//! The first documents of all segments and Sources as one order.
//!
//! Segments do not know each other's keys and names, so here paths are read: of the next document of
//! each segment, and only where its value can be among the first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::vec::IntoIter;

use tantivy::DocId;

use super::columns::Columns;
use super::ranking::{Ranked, sort_value};
use super::source_scope::SearchedSource;
use crate::core::query::{Position, Sort, SortBy, SortValue, file_name, fold_name};
use crate::index::{Deadline, IndexError};

/// The first documents of one Source in one segment.
pub struct Stream<'a> {
    /// The Source.
    pub searched: SearchedSource<'a>,
    /// The segment.
    pub columns: &'a Columns,
    /// In order.
    pub first: Vec<Ranked>,
}

/// A document and its place in the order of the search.
pub struct PlacedDoc<'a> {
    /// Its Source.
    pub searched: SearchedSource<'a>,
    /// Its segment.
    pub columns: &'a Columns,
    /// Its number there.
    pub doc: DocId,
    /// Its place.
    pub position: Position,
}

/// The first `most` documents of the streams.
pub fn merge<'a>(
    mut streams: Vec<Stream<'a>>,
    sort: Sort,
    most: usize,
    deadline: &Deadline,
) -> Result<Vec<PlacedDoc<'a>>, IndexError> {
    trim(&mut streams, sort, most);
    let mut heads = BinaryHeap::with_capacity(streams.len());
    for stream in streams {
        deadline.check()?;
        let (searched, columns) = (stream.searched, stream.columns);
        let rest = stream.first.into_iter();
        heads.extend(Head::next(searched, columns, rest, sort)?);
    }
    let mut merged = Vec::with_capacity(most.min(heads.len()));
    while merged.len() < most {
        deadline.check()?;
        let Some(Head { placed, rest, .. }) = heads.pop() else {
            break;
        };
        heads.extend(Head::next(placed.searched, placed.columns, rest, sort)?);
        merged.push(placed);
    }
    Ok(merged)
}

/// Drops what cannot be among the first, as far as values tell that are the same in all segments.
fn trim(streams: &mut Vec<Stream<'_>>, sort: Sort, most: usize) {
    let is_told = !matches!(sort.by, SortBy::Path | SortBy::Name);
    if let (true, Some(last)) = (is_told, most.checked_sub(1)) {
        let all = streams.iter().flat_map(|stream| &stream.first);
        let mut values: Vec<u64> = all.map(|(value, _)| *value).collect();
        if last < values.len() {
            let (_, worst, _) = values.select_nth_unstable(last);
            for stream in &mut *streams {
                let wanted = stream.first.partition_point(|(value, _)| value <= worst);
                stream.first.truncate(wanted);
            }
        }
    }
    streams.retain(|stream| !stream.first.is_empty());
}

/// The next document of a stream; the greatest is the one that comes first.
struct Head<'a> {
    sort: Sort,
    value: u64,
    placed: PlacedDoc<'a>,
    rest: IntoIter<Ranked>,
}

impl<'a> Head<'a> {
    /// The next of the rest; `None` where there is none left.
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
        let told = sort_value(sort, value);
        let position = Position {
            value: told.unwrap_or_else(|| SortValue::Name(fold_name(file_name(&path)))),
            path,
            source: searched.source.name.clone(),
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

    /// Less is earlier.
    fn order(&self, other: &Self) -> Ordering {
        let (mine, theirs) = (&self.placed.position, &other.placed.position);
        let turned = |order: Ordering| {
            if self.sort.descending {
                order.reverse()
            } else {
                order
            }
        };
        let by_place = || {
            let by_path = mine.path.cmp(&theirs.path);
            by_path.then_with(|| mine.source.cmp(&theirs.source))
        };
        let by_value = match (&mine.value, &theirs.value) {
            (SortValue::Path, _) => return turned(by_place()),
            (SortValue::Name(mine), SortValue::Name(theirs)) => turned(mine.cmp(theirs)),
            _ => self.value.cmp(&other.value),
        };
        by_value.then_with(by_place)
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
