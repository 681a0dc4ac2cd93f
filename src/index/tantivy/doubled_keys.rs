//! Finds keys that are alive in two segments, with a merge of the segments' keys.
//!
//! It relies on the key order within each segment. It does not look for a key that is twice in one segment:
//! [`Columns::open`] refuses such a segment.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use tantivy::DocId;
use tantivy_sstable::{Streamer, VoidSSTable};

use super::columns::{Columns, read_error};
use crate::index::IndexError;

/// Calls `each` with every ukey that is alive in two segments, and with the positions of these segments, in the order
/// of the ukeys. It reads all ukeys if there are two segments or more, and nothing otherwise.
pub(super) fn for_each_doubled(
    segments: &[&Columns],
    mut each: impl FnMut(&[u8], [usize; 2]),
) -> Result<(), IndexError> {
    if segments.len() < 2 {
        return Ok(());
    }
    let mut cursors = BinaryHeap::with_capacity(segments.len());
    for (position, columns) in segments.iter().enumerate() {
        cursors.extend(Cursor::open(position, columns)?);
    }
    // The previous key and its segment.
    let mut previous: Option<(Vec<u8>, usize)> = None;
    while let Some(mut cursor) = cursors.peek_mut() {
        let ukey = cursor.stream.key();
        match &mut previous {
            Some((key, segment)) if key == ukey => each(ukey, [*segment, cursor.segment]),
            Some((key, segment)) => {
                key.clear();
                key.extend_from_slice(ukey);
                *segment = cursor.segment;
            }
            None => previous = Some((ukey.to_vec(), cursor.segment)),
        }
        if !cursor.advance() {
            PeekMut::pop(cursor);
        }
    }
    Ok(())
}

/// A position in one segment, always at a document that is alive. The cursor with the smallest key is the greatest.
struct Cursor<'a> {
    columns: &'a Columns,
    segment: usize,
    stream: Streamer<'a, VoidSSTable>,
}

impl<'a> Cursor<'a> {
    /// Opens a cursor at the first live document. `None` if the segment has none.
    fn open(segment: usize, columns: &'a Columns) -> Result<Option<Self>, IndexError> {
        let Some(ukeys) = columns.ukeys() else {
            return Ok(None);
        };
        let mut cursor = Self {
            columns,
            segment,
            stream: ukeys.dictionary().stream().map_err(read_error())?,
        };
        Ok(cursor.advance().then_some(cursor))
    }

    /// Moves to the next document that is alive. Returns `false` at the end.
    fn advance(&mut self) -> bool {
        while self.stream.advance() {
            if self.columns.is_alive(self.stream.term_ord() as DocId) {
                return true;
            }
        }
        false
    }
}

impl Ord for Cursor<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.stream.key().cmp(self.stream.key())
    }
}

impl PartialOrd for Cursor<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cursor<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Cursor<'_> {}
