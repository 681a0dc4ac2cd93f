//! Makes one segment of all, without the documents that are deleted in them.
//!
//! It is a merge like those that tantivy does by itself, only of everything at once. Searches go on
//! meanwhile, and commits too where the writer is in use.

use tantivy::IndexWriter;

use super::{TantivyEngine, failure};
use crate::index::{Compaction, IndexError};

/// What fails where a merge does.
const MERGING: &str = "merge the segments";

impl TantivyEngine {
    /// Whether there is nothing to merge and nothing to leave out.
    fn is_compact(&self) -> bool {
        let segments = self.snapshot().searcher.segment_readers();
        segments.len() <= 1 && segments.iter().all(|segment| !segment.has_deletes())
    }

    /// Begins a merge of all segments of the newest commit.
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
