//! A tantivy query for the assets directly in a folder.
//!
//! The assets below a folder are a range of documents. A column with the depth of each asset shows which
//! of them are not in a deeper folder. No key is read.

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

/// Number of documents that are tested together. The budget is checked before each window.
const WINDOW: DocId = 1024;

/// The name of the column with the depth of each asset.
pub const DEPTH: &str = "depth";

/// Finds the assets of one Source whose path starts with `start` and has no `/` after it.
#[derive(Clone, Debug)]
pub struct DirectChildrenQuery {
    source: SourceId,
    /// The Source's prefix.
    prefix: Arc<str>,
    start: Arc<str>,
    budget: SearchBudget,
}

impl DirectChildrenQuery {
    /// A query for the assets whose path starts with `start` and has no `/` after it.
    ///
    /// `start` begins with `/`. It is a folder that ends in `/`, or a folder and the start of a name.
    pub fn new(source: SourceId, prefix: &str, start: &str, budget: &SearchBudget) -> Self {
        Self {
            source,
            prefix: prefix.into(),
            start: start.into(),
            budget: budget.clone(),
        }
    }
}

/// The depth of the assets whose path starts with `start` and has no `/` after it. `start` begins with `/`.
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
        // A column returns wrong results for a value outside its bounds.
        if !(depths.min_value()..=depths.max_value()).contains(&depth) {
            return Ok(Box::new(EmptyScorer));
        }
        let below_root = self.start.strip_prefix('/').unwrap_or(&self.start);
        let keys = KeyRange::under(format!("{}{below_root}", self.prefix));
        let bounds = identity::ukey_bounds(self.source, &keys.interval());
        let mut children = DirectChildren {
            depths,
            depth,
            untested: paths.docs(&bounds)?,
            found: Vec::new(),
            next: 0,
            budget: self.budget.clone(),
        };
        children.find_match();
        Ok(Box::new(ConstScorer::new(children, boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        let why = "a query for the assets in a folder has no score to explain";
        Err(TantivyError::InvalidArgument(why.to_owned()))
    }
}

struct DirectChildren {
    depths: Column<u64>,
    depth: u64,
    /// The documents that were not tested yet.
    untested: Range<DocId>,
    /// The matches in the last window.
    found: Vec<DocId>,
    /// The index of the current document in `found`.
    next: usize,
    budget: SearchBudget,
}

impl DirectChildren {
    /// Tests windows until one has a match, if the last one has none left. Returns the current document.
    fn find_match(&mut self) -> DocId {
        while self.next >= self.found.len() && !self.untested.is_empty() {
            if self.budget.must_stop() {
                self.untested = 0..0;
                break;
            }
            let end = self.untested.end.min(self.untested.start + WINDOW);
            let window = self.untested.start..end;
            (self.untested.start, self.next) = (end, 0);
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
        self.find_match()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        let rest = self.found.get(self.next..).unwrap_or_default();
        self.next += rest.partition_point(|doc| *doc < target);
        if self.next >= self.found.len() {
            self.untested.start = self.untested.start.max(target.min(self.untested.end));
        }
        self.find_match()
    }

    fn doc(&self) -> DocId {
        self.found.get(self.next).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        let found = self.found.len().saturating_sub(self.next);
        found as u32 + self.untested.len() as u32
    }
}
