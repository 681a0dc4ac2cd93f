//! The keys of all segments as one order: each is alive once.
//!
//! That the keys of each segment are in order has been seen by whoever read the segment.

use tantivy::DocId;
use tantivy_sstable::{Streamer, VoidSSTable};

use super::{Audit, Problem};
use crate::core::replication::checkpoint::Checkpoint;
use crate::index::IndexError;
use crate::index::tantivy::columns::{Columns, read_error};
use crate::index::tantivy::identity;

/// A segment, and what the names of its files begin with.
pub(super) type Named = (Columns, String);

/// Notes every key that is alive in two segments.
pub(super) fn check(
    segments: &[Named],
    checkpoint: &Checkpoint,
    audit: &mut Audit,
) -> Result<(), IndexError> {
    let mut cursors = Vec::with_capacity(segments.len());
    for segment in segments {
        cursors.extend(Cursor::open(segment)?);
    }
    // The key before, and its segment.
    let mut before: Option<(Vec<u8>, &str)> = None;
    while let Some(least) = least(&cursors) {
        let cursor = &mut cursors[least];
        let ukey = cursor.stream.key();
        match &mut before {
            Some((key, segment)) if key == ukey => {
                audit.note(twice(ukey, segment, cursor.segment, checkpoint));
            }
            Some((key, segment)) => {
                key.clear();
                key.extend_from_slice(ukey);
                *segment = cursor.segment;
            }
            None => before = Some((ukey.to_vec(), cursor.segment)),
        }
        if !cursor.advance() {
            cursors.swap_remove(least);
        }
    }
    Ok(())
}

/// The cursor with the least key. There are about ten, so looking at all is cheaper than a heap.
fn least(cursors: &[Cursor<'_>]) -> Option<usize> {
    (0..cursors.len()).min_by(|left, right| {
        let key = |place: usize| cursors[place].stream.key();
        key(*left).cmp(key(*right))
    })
}

fn twice(ukey: &[u8], one: &str, other: &str, checkpoint: &Checkpoint) -> Problem {
    let id = identity::source_of(ukey);
    let state = id.and_then(|id| checkpoint.state(id));
    Problem::Record {
        source: state.map_or_else(String::new, |state| state.name.clone()),
        key: identity::key_of(ukey).unwrap_or_default().to_owned(),
        what: format!("it is alive in two segments, {one} and {other}"),
    }
}

/// A place in one segment: always at a document that is alive.
struct Cursor<'a> {
    columns: &'a Columns,
    segment: &'a str,
    stream: Streamer<'a, VoidSSTable>,
}

impl<'a> Cursor<'a> {
    /// At the first document; `None` where the segment has none that is alive.
    fn open((columns, segment): &'a Named) -> Result<Option<Self>, IndexError> {
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

    /// Moves to the next document that is alive; `false` at the end.
    fn advance(&mut self) -> bool {
        while self.stream.advance() {
            if self.columns.is_alive(self.stream.term_ord() as DocId) {
                return true;
            }
        }
        false
    }
}
