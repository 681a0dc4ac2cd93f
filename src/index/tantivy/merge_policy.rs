//! Decides which segments are merged: as tantivy does, without segments that cannot be merged.
//!
//! Tantivy would start a failed merge again after every commit. This module notices failed merges, and leaves their
//! segments out for a while. It does not find out why a merge failed: [`MergeHealth`] knows of damaged files.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tantivy::index::{SegmentId, SegmentMeta};
use tantivy::indexer::{LogMergePolicy, MergeCandidate, MergePolicy};

use crate::index::merge_health::MergeHealth;

/// A segment is merged if at least this share of its documents is deleted. By default, deletes never cause a
/// merge.
const MERGE_FROM_DELETED_RATIO: f32 = 0.25;

/// Maximum number of segments to remember. One merge uses about ten, and few merges wait for each other, so the merges
/// of older ones have ended.
const MAX_REMEMBERED: usize = 4_096;

/// Chooses the segments to merge.
#[derive(Debug)]
pub(super) struct HealthyMergePolicy {
    policy: LogMergePolicy,
    health: Arc<MergeHealth>,
    /// The segments of the newest merges, the oldest first.
    chosen: Mutex<VecDeque<SegmentId>>,
}

impl HealthyMergePolicy {
    pub(super) fn new(health: Arc<MergeHealth>) -> Self {
        let mut policy = LogMergePolicy::default();
        policy.set_del_docs_ratio_before_merge(MERGE_FROM_DELETED_RATIO);
        Self {
            policy,
            health,
            chosen: Mutex::default(),
        }
    }

    fn choose(&self, segments: &[SegmentMeta], now: Instant) -> Vec<MergeCandidate> {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        // Tantivy passes neither segments that are being merged nor merged ones. If a chosen segment is here again, its
        // merge has failed.
        let is_here = |id: &SegmentId| segments.iter().any(|segment| segment.id() == *id);
        let failed: Vec<String> = chosen.iter().filter(|id| is_here(id)).map(name).collect();
        chosen.retain(|id| !is_here(id));
        if !failed.is_empty() {
            self.health.note_failure(&failed, now);
        }
        let may_merge = |segment: &&SegmentMeta| self.health.may_merge(&name(&segment.id()), now);
        let healthy: Vec<_> = segments.iter().filter(may_merge).cloned().collect();
        let candidates = self.policy.compute_merge_candidates(&healthy);
        chosen.extend(candidates.iter().flat_map(|MergeCandidate(ids)| ids));
        let forgotten = chosen.len().saturating_sub(MAX_REMEMBERED);
        chosen.drain(..forgotten);
        candidates
    }
}

impl MergePolicy for HealthyMergePolicy {
    fn compute_merge_candidates(&self, segments: &[SegmentMeta]) -> Vec<MergeCandidate> {
        self.choose(segments, Instant::now())
    }
}

/// The name of a segment. The names of its files begin with it.
fn name(id: &SegmentId) -> String {
    id.uuid_string()
}

#[cfg(test)]
mod tests;
