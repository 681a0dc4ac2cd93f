//! A tantivy query for the assets directly in a folder.
//!
//! What begins with the folder's path is a range of documents; those of them that lie in no deeper
//! folder are found by a column. No key is read.

use std::ops::Range;
use std::sync::Arc;

use tantivy::columnar::Column;
use tantivy::query::{ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError};

use super::identity;
use super::paths::Paths;
use super::search_budget::SearchBudget;
use crate::core::replication::interval::KeyRange;
use crate::core::replication::source_state::SourceId;

/// So many documents are looked at at once, and between two looks at the watch.
const WINDOW: DocId = 1024;

/// The name of the column.
pub const DEPTH: &str = "depth";

/// Finds the assets of one Source whose path begins with a text and goes on without a `/`.
#[derive(Clone, Debug)]
pub struct DirectChildrenQuery {
    source: SourceId,
    /// The Source's prefix.
    prefix: Arc<str>,
    /// What their paths begin with.
    start: Arc<str>,
    budget: SearchBudget,
}

impl DirectChildrenQuery {
    /// The assets directly in a folder, which begins and ends in `/`; or those of them whose name
    /// begins so.
    pub fn new(source: SourceId, prefix: &str, start: &str, budget: &SearchBudget) -> Self {
        Self {
            source,
            prefix: prefix.into(),
            start: start.into(),
            budget: budget.clone(),
        }
    }
}

/// The depth of the assets whose paths go on from this one, which begins with `/`, without a `/`.
pub fn depth_of(start: &str) -> u64 {
    start.matches('/').count().saturating_sub(1) as u64
}

impl Query for DirectChildrenQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for DirectChildrenQuery {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let paths = Paths::open(segment, &self.prefix)?;
        let depths = segment.fast_fields().column_opt(DEPTH)?;
        let (Some(paths), Some(depths)) = (paths, depths) else {
            return Ok(Box::new(EmptyScorer));
        };
        let depth = depth_of(&self.start);
        // Of a value that is out of its bounds a column says nonsense.
        if !(depths.min_value()..=depths.max_value()).contains(&depth) {
            return Ok(Box::new(EmptyScorer));
        }
        let below_root = self.start.strip_prefix('/').unwrap_or(&self.start);
        let keys = KeyRange::under(format!("{}{below_root}", self.prefix));
        let bounds = identity::ukey_bounds(self.source, &keys.interval());
        let mut level = DirectChildren {
            depths,
            depth,
            ahead: paths.docs(&bounds)?,
            found: Vec::new(),
            next: 0,
            budget: self.budget.clone(),
        };
        level.settle();
        Ok(Box::new(ConstScorer::new(level, boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        let why = "a folder has no score to explain";
        Err(TantivyError::InvalidArgument(why.to_owned()))
    }
}

struct DirectChildren {
    depths: Column<u64>,
    depth: u64,
    /// What was not looked at yet.
    ahead: Range<DocId>,
    /// The documents of the last window.
    found: Vec<DocId>,
    next: usize,
    budget: SearchBudget,
}

impl DirectChildren {
    /// Looks at the next windows, if the last one has no document left.
    fn settle(&mut self) -> DocId {
        while self.next >= self.found.len() && !self.ahead.is_empty() {
            if self.budget.must_stop() {
                self.ahead = 0..0;
                break;
            }
            let end = self.ahead.end.min(self.ahead.start + WINDOW);
            let window = self.ahead.start..end;
            (self.ahead.start, self.next) = (end, 0);
            self.found.clear();
            let depth = self.depth..=self.depth;
            self.depths
                .get_docids_for_value_range(depth, window, &mut self.found);
        }
        self.doc()
    }
}

impl DocSet for DirectChildren {
    fn advance(&mut self) -> DocId {
        self.next += 1;
        self.settle()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        let rest = self.found.get(self.next..).unwrap_or_default();
        self.next += rest.partition_point(|doc| *doc < target);
        if self.next >= self.found.len() {
            self.ahead.start = self.ahead.start.max(target.min(self.ahead.end));
        }
        self.settle()
    }

    fn doc(&self) -> DocId {
        self.found.get(self.next).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        let held = self.found.len().saturating_sub(self.next);
        held as u32 + self.ahead.len() as u32
    }
}
