//! Counts the segments and documents of the open commit, for metrics. The counts are cheap: no document is read.

use super::TantivyEngine;

/// Number of segments and documents of a commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexSize {
    /// Number of segments. Each search goes through all of them.
    pub segments: u64,
    /// Number of records, including tombstones.
    pub records: u64,
    /// Number of replaced and removed records that still take up space, until their segment is merged.
    pub deleted: u64,
}

impl TantivyEngine {
    /// Counts the segments and documents of the commit that this engine has open.
    pub fn size(&self) -> IndexSize {
        let segments = self.snapshot().searcher.segment_readers();
        let sum = |count: fn(&::tantivy::SegmentReader) -> u32| {
            segments
                .iter()
                .map(|segment| u64::from(count(segment)))
                .sum()
        };
        IndexSize {
            segments: segments.len() as u64,
            records: sum(|segment| segment.num_docs()),
            deleted: sum(|segment| segment.num_deleted_docs()),
        }
    }
}
