//! A tantivy query that tests the asset paths of candidates.
//!
//! The indexes of words and trigrams find too many documents, so the path itself decides. Paths are read as
//! late as possible: other conditions first rule out as many candidates as they can.

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

/// Number of paths that are tested between two checks of the budget. They take about 100 µs.
const PATHS_PER_CHECK: u32 = 64;

/// A test of an asset path.
pub type PathTest = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Finds the candidates whose path passes the test.
#[derive(Clone)]
pub struct PathFilterQuery {
    /// Finds at least all documents of one Source that pass the test.
    candidates: Arc<dyn Query>,
    /// The Source's prefix.
    prefix: Arc<str>,
    test: PathTest,
    budget: SearchBudget,
}

impl PathFilterQuery {
    /// A query for the candidates that pass the test. All candidates belong to the Source with this prefix.
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
    /// Number of paths to test until the next check of the budget.
    until_check: u32,
    must_stop: bool,
}

impl SegmentDocPredicate for SegmentPathFilter {
    /// Tests a document. When the search must stop, no document passes: the remaining candidates then take
    /// little time, because their paths are not read.
    fn eval(&mut self, doc: DocId) -> bool {
        self.until_check -= 1;
        if self.until_check == 0 {
            self.until_check = PATHS_PER_CHECK;
            self.must_stop = self.budget.must_stop();
        }
        if self.must_stop {
            return false;
        }
        match self.paths.get(doc) {
            Ok(path) => (self.test)(path),
            Err(error) => {
                self.budget.fail(read_error()(error));
                self.must_stop = true;
                false
            }
        }
    }
}
