//! A tantivy query for those of its candidates whose asset path holds what was asked for.
//!
//! An index of words and trigrams finds too many; the path itself decides. It is read as late as
//! possible, so that other conditions rule out what they can.

use std::fmt;
use std::sync::Arc;

use tantivy::query::doc_predicate_query::{
    ConstOrVariableSegmentPredicate, DocPredicate, DocPredicateQuery, SegmentDocPredicate,
};
use tantivy::query::{EnableScoring, Query, Weight};
use tantivy::{DocId, SegmentReader};

use super::columns::read_error;
use super::paths::Paths;
use super::watch::Watch;

/// How many paths are looked at between two looks at the watch: some 100 µs.
const PATHS_A_LOOK: u32 = 64;

/// What is asked of an asset path.
pub type Test = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Finds the candidates whose path passes the test.
#[derive(Clone)]
pub struct Verified {
    /// All that could pass, of one Source.
    candidates: Arc<dyn Query>,
    /// The Source's prefix.
    prefix: Arc<str>,
    test: Test,
    watch: Watch,
}

impl Verified {
    /// Those of the candidates, all of the Source of this prefix, that pass the test.
    pub fn new(candidates: Box<dyn Query>, prefix: &str, test: Test, watch: Watch) -> Self {
        Self {
            candidates: candidates.into(),
            prefix: prefix.into(),
            test,
            watch,
        }
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let candidates = &self.candidates;
        out.debug_tuple("Verified").field(candidates).finish()
    }
}

impl Query for Verified {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let unscored = EnableScoring::Disabled {
            schema: scoring.schema(),
            searcher_opt: scoring.searcher(),
        };
        let predicate = PathPredicate {
            candidates: self.candidates.weight(unscored)?,
            query: self.clone(),
        };
        DocPredicateQuery::from(predicate).weight(scoring)
    }
}

struct PathPredicate {
    candidates: Box<dyn Weight>,
    query: Verified,
}

impl fmt::Debug for PathPredicate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.query.fmt(out)
    }
}

impl DocPredicate for PathPredicate {
    type SegmentDocPredicate = SegmentPaths;

    fn doc_predicate(
        &self,
        segment: &SegmentReader,
    ) -> tantivy::Result<ConstOrVariableSegmentPredicate<SegmentPaths>> {
        let Some(paths) = Paths::open(segment, &self.query.prefix)? else {
            return Ok(ConstOrVariableSegmentPredicate::Const(false));
        };
        Ok(ConstOrVariableSegmentPredicate::Variable {
            predicate: SegmentPaths {
                paths,
                test: Arc::clone(&self.query.test),
                watch: self.query.watch.clone(),
                unwatched: PATHS_A_LOOK,
                is_over: false,
            },
            necessary_condition: Box::new(self.candidates.scorer(segment, 1.0)?),
        })
    }
}

struct SegmentPaths {
    paths: Paths,
    test: Test,
    watch: Watch,
    /// How many paths are looked at until the watch is.
    unwatched: u32,
    is_over: bool,
}

impl SegmentDocPredicate for SegmentPaths {
    /// After the end of the watch nothing passes: what is left of the candidates is soon gone through.
    fn eval(&mut self, doc: DocId) -> bool {
        self.unwatched -= 1;
        if self.unwatched == 0 {
            self.unwatched = PATHS_A_LOOK;
            self.is_over = self.watch.is_over();
        }
        if self.is_over {
            return false;
        }
        match self.paths.of(doc) {
            Ok(path) => (self.test)(path),
            Err(error) => {
                self.watch.fail(read_error()(error));
                self.is_over = true;
                false
            }
        }
    }
}
