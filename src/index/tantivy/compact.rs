//! Compaction: merges all segments into one and drops deleted documents.
//!
//! It is an ordinary tantivy merge, but of all segments at once. Searches continue in the meantime, and so do
//! commits if the writer is in use.

use tantivy::IndexWriter;

use super::{TantivyEngine, failure};
use crate::index::{Compaction, IndexError};

/// The attempted operation, for errors.
const MERGING: &str = "merge the segments";

impl TantivyEngine {
    /// Whether a compaction would change nothing.
    fn is_compact(&self) -> bool {
        let segments = self.snapshot().searcher.segment_readers();
        segments.len() <= 1 && segments.iter().all(|segment| !segment.has_deletes())
    }

    /// Starts a merge of all segments of the newest commit. It does nothing if the index is already compact or
    /// the engine only reads.
    pub(super) fn begin_compaction(&mut self) -> Result<Compaction, IndexError> {
        let is_compact = self.is_compact();
        let writer = self.writer.as_mut().filter(|_| !is_compact);
        let Some(writer) = writer else {
            return Ok(Box::pin(async { Ok(()) }));
        };
        let segments = writer.index().searchable_segment_ids();
        let segments = segments.map_err(failure::failed_to(MERGING))?;
        let merge = IndexWriter::merge(writer, &segments);
        Ok(Box::pin(async {
            merge.await.map(drop).map_err(failure::failed_to(MERGING))
        }))
    }
}
