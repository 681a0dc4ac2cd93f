//! Reads the records of a key interval from all segments, ascending by key.
//!
//! Each segment is sorted by key, so this merges sorted streams. A call needs one seek for each segment.

use tantivy::DocId;
use tantivy_sstable::{Streamer, VoidSSTable};

use super::columns::{Columns, read_error};
use super::identity;
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
        if !cursor.advance() {
            cursors.swap_remove(next);
        }
    }
    Ok(records)
}

/// Returns the index of the cursor with the smallest key. There are about ten cursors, so a linear search is
/// cheaper than a heap.
fn with_smallest_key(cursors: &[Cursor<'_>]) -> Option<usize> {
    let by_key = |(_, left): &(usize, &Cursor<'_>), (_, right): &(usize, &Cursor<'_>)| {
        left.stream.key().cmp(right.stream.key())
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
    stream: Streamer<'a, VoidSSTable>,
    doc: DocId,
    end: DocId,
    filter: RecordFilter,
}

impl<'a> Cursor<'a> {
    /// Opens a cursor at the first matching document of the interval. `None` if the segment has none.
    fn open(
        columns: &'a Columns,
        source: SourceId,
        interval: &KeyInterval,
        filter: RecordFilter,
    ) -> Result<Option<Self>, IndexError> {
        let docs = columns
            .docs(&identity::ukey_bounds(source, interval))
            .map_err(read_error())?;
        let Some(ukeys) = columns.ukeys().filter(|_| !docs.is_empty()) else {
            return Ok(None);
        };
        let mut first = Vec::new();
        ukeys
            .ord_to_bytes(u64::from(docs.start), &mut first)
            .map_err(read_error())?;
        let stream = ukeys
            .dictionary()
            .range()
            .ge(first)
            .into_stream()
            .map_err(read_error())?;
        let mut cursor = Self {
            columns,
            stream,
            doc: docs.start,
            end: docs.end,
            filter,
        };
        Ok(cursor.advance().then_some(cursor))
    }

    /// Moves to the next matching document. Returns `false` at the end of the interval.
    fn advance(&mut self) -> bool {
        while self.stream.advance() {
            let ord = self.stream.term_ord();
            if ord >= u64::from(self.end) {
                return false;
            }
            self.doc = ord as DocId;
            let matches = self.filter == RecordFilter::All || self.columns.is_tombstone(self.doc);
            if matches && self.columns.is_alive(self.doc) {
                return true;
            }
        }
        false
    }

    /// Reads the key and the record of the current document.
    fn record(&self) -> Result<KeyedRecord, IndexError> {
        let key = identity::key_of(self.stream.key()).ok_or_else(|| IndexError::Damaged {
            what: format!("the key of document {} is not valid UTF-8", self.doc),
        })?;
        Ok((key.to_owned(), self.columns.record(self.doc)?))
    }
}
