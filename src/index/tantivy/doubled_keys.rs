//! Finds keys that are alive in two segments, with a merge of the segments' keys.
//!
//! It relies on the key order within each segment. It does not look for a key that is twice in one segment:
//! [`Columns::open`] refuses such a segment.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::Bound;

use tantivy::DocId;

use super::columns::{Columns, read_error};
use super::key_stream::KeyStream;
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
        let ukey = cursor.keys.key();
        match &mut previous {
            Some((key, segment)) if key == ukey => each(ukey, [*segment, cursor.segment]),
            Some((key, segment)) => {
                key.clear();
                key.extend_from_slice(ukey);
                *segment = cursor.segment;
            }
            None => previous = Some((ukey.to_vec(), cursor.segment)),
        }
        if !cursor.advance()? {
            PeekMut::pop(cursor);
        }
    }
    Ok(())
}

/// A position in one segment, always at a document that is alive. The cursor with the smallest key is the greatest.
struct Cursor<'a> {
    columns: &'a Columns,
    segment: usize,
    keys: KeyStream,
}

impl<'a> Cursor<'a> {
    /// Opens a cursor at the first live document. `None` if the segment has none.
    fn open(segment: usize, columns: &'a Columns) -> Result<Option<Self>, IndexError> {
        let Some(ukeys) = columns.ukeys() else {
            return Ok(None);
        };
        let keys = KeyStream::from(ukeys.dictionary(), &Bound::Unbounded);
        let Some(keys) = keys.map_err(read_error())? else {
            return Ok(None);
        };
        let mut cursor = Self {
            columns,
            segment,
            keys,
        };
        let is_found = cursor.is_alive() || cursor.advance()?;
        Ok(is_found.then_some(cursor))
    }

    /// Moves to the next document that is alive. Returns `false` at the end.
    fn advance(&mut self) -> Result<bool, IndexError> {
        while self.keys.advance().map_err(read_error())? {
            if self.is_alive() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_alive(&self) -> bool {
        self.columns.is_alive(self.keys.ordinal() as DocId)
    }
}

impl Ord for Cursor<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.keys.key().cmp(self.keys.key())
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
