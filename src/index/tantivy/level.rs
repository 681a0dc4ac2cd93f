//! A tantivy query for the assets directly in a folder.
//!
//! What lies in its child folders is stepped over, one child folder at a time: a folder with few
//! assets and many below it is not read as a whole.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use tantivy::query::{ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError};

use super::columns::read_error;
use super::identity;
use super::paths::Paths;
use super::watch::Watch;
use crate::sync::interval::KeyRange;
use crate::sync::source_state::SourceId;

/// How many assets or child folders are looked at between two looks at the watch.
const STEPS_A_LOOK: u32 = 64;

/// Finds the assets of one Source whose path begins with a text and goes on without a `/`.
#[derive(Clone, Debug)]
pub struct Level {
    source: SourceId,
    /// The Source's prefix.
    prefix: Arc<str>,
    /// What their paths begin with.
    start: Arc<str>,
    watch: Watch,
}

impl Level {
    /// The assets directly in a folder, which begins and ends in `/`; or those of them whose name
    /// begins so.
    pub fn new(source: SourceId, prefix: &str, start: &str, watch: &Watch) -> Self {
        Self {
            source,
            prefix: prefix.into(),
            start: start.into(),
            watch: watch.clone(),
        }
    }

    /// The documents whose path begins with this.
    fn beginning_with(&self, paths: &Paths, start: &str) -> io::Result<Range<DocId>> {
        let below_root = start.strip_prefix('/').unwrap_or(start);
        let keys = KeyRange::under(format!("{}{below_root}", self.prefix));
        paths.docs(&identity::ukey_bounds(self.source, &keys.interval()))
    }
}

impl Query for Level {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for Level {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Some(paths) = Paths::open(segment, &self.prefix)? else {
            return Ok(Box::new(EmptyScorer));
        };
        let docs = self.beginning_with(&paths, &self.start)?;
        let mut level = LevelDocs {
            level: self.clone(),
            doc: docs.start,
            end: docs.end,
            paths,
            steps: 0,
        };
        level.settle();
        Ok(Box::new(ConstScorer::new(level, boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        let why = "a folder has no score to explain";
        Err(TantivyError::InvalidArgument(why.to_owned()))
    }
}

struct LevelDocs {
    level: Level,
    doc: DocId,
    end: DocId,
    paths: Paths,
    steps: u32,
}

impl LevelDocs {
    /// Moves on to an asset of the folder, if the set is not at one.
    fn settle(&mut self) -> DocId {
        while self.doc < self.end {
            self.steps += 1;
            if self.steps.is_multiple_of(STEPS_A_LOOK) && self.level.watch.is_over() {
                break;
            }
            match self.behind_child() {
                Ok(None) => return self.doc,
                Ok(Some(next)) => self.doc = next,
                Err(error) => {
                    self.level.watch.fail(read_error()(error));
                    break;
                }
            }
        }
        self.doc = TERMINATED;
        TERMINATED
    }

    /// The first document behind the child folder that the current one lies in; `None` where it lies
    /// in none.
    fn behind_child(&mut self) -> io::Result<Option<DocId>> {
        let from = self.level.start.len();
        let path = self.paths.of(self.doc)?;
        let Some(slash) = path.get(from..).and_then(|rest| rest.find('/')) else {
            return Ok(None);
        };
        let child = path[..=from + slash].to_owned();
        // Small child folders end within what is read already.
        let held = self.paths.held_from(self.doc)?;
        for doc in held.start..held.end.min(self.end) {
            if !self.paths.of(doc)?.starts_with(&child) {
                return Ok(Some(doc));
            }
        }
        let behind = self.level.beginning_with(&self.paths, &child)?.end;
        Ok(Some(behind.max(self.doc + 1)))
    }
}

impl DocSet for LevelDocs {
    fn advance(&mut self) -> DocId {
        if self.doc == TERMINATED {
            return TERMINATED;
        }
        self.doc += 1;
        self.settle()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.doc < target {
            self.doc = target;
            self.settle();
        }
        self.doc
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.end.saturating_sub(self.doc.min(self.end))
    }
}
