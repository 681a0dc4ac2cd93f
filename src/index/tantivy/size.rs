//! What one commit is made of, in numbers for people.

use super::TantivyEngine;

/// What one commit is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexSize {
    /// Parts that each search looks through.
    pub segments: u64,
    /// Records, tombstones among them.
    pub records: u64,
    /// Records that are replaced or removed and still take room, until their segment is merged.
    pub deleted: u64,
}

impl TantivyEngine {
    /// What the newest commit is made of.
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
