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
use super::search_budget::SearchBudget;

/// How many paths are looked at between two looks at the watch: some 100 µs.
const PATHS_PER_CHECK: u32 = 64;

/// What is asked of an asset path.
pub type PathTest = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Finds the candidates whose path passes the test.
#[derive(Clone)]
pub struct PathFilterQuery {
    /// All that could pass, of one Source.
    candidates: Arc<dyn Query>,
    /// The Source's prefix.
    prefix: Arc<str>,
    test: PathTest,
    budget: SearchBudget,
}

impl PathFilterQuery {
    /// Those of the candidates, all of the Source of this prefix, that pass the test.
    pub fn new(
        candidates: Box<dyn Query>,
        prefix: &str,
        test: PathTest,
        budget: SearchBudget,
    ) -> Self {
        Self {
            candidates: candidates.into(),
            prefix: prefix.into(),
            test,
            budget,
        }
    }
}

impl fmt::Debug for PathFilterQuery {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let candidates = &self.candidates;
        out.debug_tuple("PathFilterQuery")
            .field(candidates)
            .finish()
    }
}

impl Query for PathFilterQuery {
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
    query: PathFilterQuery,
}

impl fmt::Debug for PathPredicate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.query.fmt(out)
    }
}

impl DocPredicate for PathPredicate {
    type SegmentDocPredicate = SegmentPathFilter;

    fn doc_predicate(
        &self,
        segment: &SegmentReader,
    ) -> tantivy::Result<ConstOrVariableSegmentPredicate<SegmentPathFilter>> {
        let Some(paths) = Paths::open(segment, &self.query.prefix)? else {
            return Ok(ConstOrVariableSegmentPredicate::Const(false));
        };
        Ok(ConstOrVariableSegmentPredicate::Variable {
            predicate: SegmentPathFilter {
                paths,
                test: Arc::clone(&self.query.test),
                budget: self.query.budget.clone(),
                until_check: PATHS_PER_CHECK,
                must_stop: false,
            },
            necessary_condition: Box::new(self.candidates.scorer(segment, 1.0)?),
        })
    }
}

struct SegmentPathFilter {
    paths: Paths,
    test: PathTest,
    budget: SearchBudget,
    /// How many paths are looked at until the watch is.
    until_check: u32,
    must_stop: bool,
}

impl SegmentDocPredicate for SegmentPathFilter {
    /// After the end of the watch nothing passes: what is left of the candidates is soon gone through.
    fn eval(&mut self, doc: DocId) -> bool {
        self.until_check -= 1;
        if self.until_check == 0 {
            self.until_check = PATHS_PER_CHECK;
            self.must_stop = self.budget.must_stop();
        }
        if self.must_stop {
            return false;
        }
        match self.paths.of(doc) {
            Ok(path) => (self.test)(path),
            Err(error) => {
                self.budget.fail(read_error()(error));
                self.must_stop = true;
                false
            }
        }
    }
}
