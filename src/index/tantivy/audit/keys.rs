//! Checks that no key is alive in two segments, with a merge of the segments' keys.
//!
//! It relies on the key order within each segment, which the check of the segment has already verified.

use tantivy::DocId;
use tantivy_sstable::{Streamer, VoidSSTable};

use super::{AuditReport, Problem};
use crate::core::replication::checkpoint::Checkpoint;
use crate::index::IndexError;
use crate::index::tantivy::columns::{Columns, read_error};
use crate::index::tantivy::identity;

/// The columns of a segment, and the id of the segment.
pub(super) type NamedSegment = (Columns, String);

/// Reports every key that is alive in two segments.
pub(super) fn check(
    segments: &[NamedSegment],
    checkpoint: &Checkpoint,
    report: &mut AuditReport,
) -> Result<(), IndexError> {
    let mut cursors = Vec::with_capacity(segments.len());
    for segment in segments {
        cursors.extend(Cursor::open(segment)?);
    }
    // The previous key and its segment.
    let mut previous: Option<(Vec<u8>, &str)> = None;
    while let Some(next) = with_smallest_key(&cursors) {
        let cursor = &mut cursors[next];
        let ukey = cursor.stream.key();
        match &mut previous {
            Some((key, segment)) if key == ukey => {
                report.add(duplicate(ukey, segment, cursor.segment, checkpoint));
            }
            Some((key, segment)) => {
                key.clear();
                key.extend_from_slice(ukey);
                *segment = cursor.segment;
            }
            None => previous = Some((ukey.to_vec(), cursor.segment)),
        }
        if !cursor.advance() {
            cursors.swap_remove(next);
        }
    }
    Ok(())
}

/// Returns the index of the cursor with the smallest key. There are about ten cursors, so a linear search is
/// cheaper than a heap.
fn with_smallest_key(cursors: &[Cursor<'_>]) -> Option<usize> {
    (0..cursors.len()).min_by(|left, right| {
        let key = |index: usize| cursors[index].stream.key();
        key(*left).cmp(key(*right))
    })
}

fn duplicate(ukey: &[u8], first: &str, second: &str, checkpoint: &Checkpoint) -> Problem {
    let id = identity::source_of(ukey);
    let state = id.and_then(|id| checkpoint.state(id));
    Problem::Record {
        source: state.map_or_else(String::new, |state| state.name.clone()),
        key: identity::key_of(ukey).unwrap_or_default().to_owned(),
        what: format!("it is alive in two segments, {first} and {second}"),
    }
}

/// A position in one segment, always at a document that is alive.
struct Cursor<'a> {
    columns: &'a Columns,
    segment: &'a str,
    stream: Streamer<'a, VoidSSTable>,
}

impl<'a> Cursor<'a> {
    /// Opens a cursor at the first live document. `None` if the segment has none.
    fn open((columns, segment): &'a NamedSegment) -> Result<Option<Self>, IndexError> {
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
