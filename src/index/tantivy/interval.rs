//! Reads the records of a key interval from all segments, ascending by key.
//!
//! Each segment is sorted by key, so this merges sorted streams. A call needs one seek for each segment.

use std::ops::Bound;

use tantivy::DocId;

use super::columns::{Columns, read_error};
use super::identity;
use super::key_stream::KeyStream;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::source_state::SourceId;
use crate::index::{IndexError, KeyedRecord, RecordFilter};

/// Reads the first `limit` records of the interval that match the filter, ascending by key.
pub fn read(
    segments: &[Columns],
    source: SourceId,
    interval: &KeyInterval,
    filter: RecordFilter,
    limit: usize,
) -> Result<Vec<KeyedRecord>, IndexError> {
    if interval.is_empty() {
        return Ok(Vec::new());
    }
    let mut cursors = Vec::with_capacity(segments.len());
    for columns in segments {
        if filter == RecordFilter::All || columns.has_tombstones() {
            cursors.extend(Cursor::open(columns, source, interval, filter)?);
        }
    }
    let mut records = Vec::new();
    while records.len() < limit {
        let Some(next) = with_smallest_key(&cursors) else {
            break;
        };
        let cursor = &mut cursors[next];
        records.push(cursor.record()?);
        if !cursor.advance()? {
            cursors.swap_remove(next);
        }
    }
    Ok(records)
}

/// Returns the index of the cursor with the smallest key. There are about ten cursors, so a linear search is
/// cheaper than a heap.
fn with_smallest_key(cursors: &[Cursor<'_>]) -> Option<usize> {
    let by_key = |(_, left): &(usize, &Cursor<'_>), (_, right): &(usize, &Cursor<'_>)| {
        left.keys.key().cmp(right.keys.key())
    };
    cursors
        .iter()
        .enumerate()
        .min_by(by_key)
        .map(|(index, _)| index)
}

/// A position in one segment, always at a live document of the interval that matches the filter.
struct Cursor<'a> {
    columns: &'a Columns,
    keys: KeyStream,
    upper: Bound<Vec<u8>>,
    filter: RecordFilter,
}

impl<'a> Cursor<'a> {
    /// Opens a cursor at the first matching document of the interval. `None` if the segment has none.
    ///
    /// It compares keys with the upper bound. Looking up the documents of both bounds first would decompress more
    /// blocks than the keys of a small page are in.
    fn open(
        columns: &'a Columns,
        source: SourceId,
        interval: &KeyInterval,
        filter: RecordFilter,
    ) -> Result<Option<Self>, IndexError> {
        let Some(ukeys) = columns.ukeys() else {
            return Ok(None);
        };
        let (lower, upper) = identity::ukey_bounds(source, interval);
        let keys = KeyStream::from(ukeys.dictionary(), &lower).map_err(read_error())?;
        let Some(keys) = keys else {
            return Ok(None);
        };
        let mut cursor = Self {
            columns,
            keys,
            upper,
            filter,
        };
        if cursor.is_past_end() {
            return Ok(None);
        }
        let is_found = cursor.matches() || cursor.advance()?;
        Ok(is_found.then_some(cursor))
    }

    /// Moves to the next matching document. Returns `false` at the end of the interval.
    fn advance(&mut self) -> Result<bool, IndexError> {
        while self.keys.advance().map_err(read_error())? && !self.is_past_end() {
            if self.matches() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_past_end(&self) -> bool {
        match &self.upper {
            Bound::Included(upper) => self.keys.key() > &upper[..],
            Bound::Excluded(upper) => self.keys.key() >= &upper[..],
            Bound::Unbounded => false,
        }
    }

    fn matches(&self) -> bool {
        let doc = self.doc();
        let is_wanted = self.filter == RecordFilter::All || self.columns.is_tombstone(doc);
        is_wanted && self.columns.is_alive(doc)
    }

    /// The current document. Its number is the ordinal of its key.
    fn doc(&self) -> DocId {
        self.keys.ordinal() as DocId
    }

    /// Reads the key and the record of the current document.
    fn record(&self) -> Result<KeyedRecord, IndexError> {
        let doc = self.doc();
        let key = identity::key_of(self.keys.key()).ok_or_else(|| IndexError::Damaged {
            what: format!("the key of document {doc} is not valid UTF-8"),
        })?;
        Ok((key.to_owned(), self.columns.record(doc)?))
    }
}
