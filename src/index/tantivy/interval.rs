//! The records of a key interval over all segments, ascending by key.
//!
//! Each segment is sorted, so this is a merge of streams; a chunk is read with one seek a segment.

use tantivy::DocId;
use tantivy_sstable::{Streamer, VoidSSTable};

use super::columns::{Columns, read_error};
use super::identity;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::source_state::SourceId;
use crate::index::{IndexError, KeyedRecord, RecordFilter};

/// The first `limit` records of the interval, ascending by key.
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
        let Some(least) = least(&cursors) else { break };
        let cursor = &mut cursors[least];
        records.push(cursor.take()?);
        if !cursor.advance() {
            cursors.swap_remove(least);
        }
    }
    Ok(records)
}

/// The cursor with the least key. There are about ten, so looking at all is cheaper than a heap.
fn least(cursors: &[Cursor<'_>]) -> Option<usize> {
    let by_key = |(_, left): &(usize, &Cursor<'_>), (_, right): &(usize, &Cursor<'_>)| {
        left.stream.key().cmp(right.stream.key())
    };
    cursors
        .iter()
        .enumerate()
        .min_by(by_key)
        .map(|(place, _)| place)
}

/// A place in one segment: always at a document that is to be read.
struct Cursor<'a> {
    columns: &'a Columns,
    stream: Streamer<'a, VoidSSTable>,
    doc: DocId,
    end: DocId,
    filter: RecordFilter,
}

impl<'a> Cursor<'a> {
    /// A cursor at the first document of the interval; `None` where the segment has none.
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

    /// Moves to the next document to read; `false` at the end.
    fn advance(&mut self) -> bool {
        while self.stream.advance() {
            let ord = self.stream.term_ord();
            if ord >= u64::from(self.end) {
                return false;
            }
            self.doc = ord as DocId;
            let wanted = self.filter == RecordFilter::All || self.columns.is_tombstone(self.doc);
            if wanted && self.columns.is_alive(self.doc) {
                return true;
            }
        }
        false
    }

    fn take(&self) -> Result<KeyedRecord, IndexError> {
        let key = identity::key_of(self.stream.key()).ok_or_else(|| IndexError::Damaged {
            what: format!("document {} has a key that is no text", self.doc),
        })?;
        Ok((key.to_owned(), self.columns.record(self.doc)?))
    }
}
