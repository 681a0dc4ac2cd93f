//! A tantivy query for the documents of one query that another query does not find.
//!
//! Tantivy's own exclusion is not used: it asks the excluded set for documents before the set's current
//! position, which document sets do not support.

use std::fmt;
use std::sync::Arc;

use tantivy::query::doc_predicate_query::{
    ConstOrVariableSegmentPredicate, DocPredicate, DocPredicateQuery, SegmentDocPredicate,
};
use tantivy::query::{EnableScoring, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, SeekDangerResult, SegmentReader};

/// Cost of testing one document, in tantivy's unit. It is high, so that tantivy tests few documents.
const COST: u64 = 20;

/// Finds the documents of `included` that `excluded` does not find.
#[derive(Clone, Debug)]
pub struct AndNotQuery {
    included: Arc<dyn Query>,
    excluded: Arc<dyn Query>,
}

impl AndNotQuery {
    /// A query for the documents of `included` that `excluded` does not find. Their scores are dropped.
    pub fn new(included: Box<dyn Query>, excluded: Box<dyn Query>) -> Self {
        Self {
            included: included.into(),
            excluded: excluded.into(),
        }
    }
}

impl Query for AndNotQuery {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let unscored = EnableScoring::Disabled {
            schema: scoring.schema(),
            searcher_opt: scoring.searcher(),
        };
        let predicate = AndNotPredicate {
            included: self.included.weight(unscored)?,
            excluded: self.excluded.weight(unscored)?,
        };
        DocPredicateQuery::from(predicate).weight(scoring)
    }
}

struct AndNotPredicate {
    included: Box<dyn Weight>,
    excluded: Box<dyn Weight>,
}

impl fmt::Debug for AndNotPredicate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AndNotPredicate").finish_non_exhaustive()
    }
}

impl DocPredicate for AndNotPredicate {
    type SegmentDocPredicate = ExclusionCursor;

    fn doc_predicate(
        &self,
        segment: &SegmentReader,
    ) -> tantivy::Result<ConstOrVariableSegmentPredicate<ExclusionCursor>> {
        let included = self.included.scorer(segment, 1.0)?;
        let excluded = self.excluded.scorer(segment, 1.0)?;
        Ok(ConstOrVariableSegmentPredicate::Variable {
            predicate: ExclusionCursor {
                next: excluded.doc(),
                next_is_excluded: true,
                excluded,
            },
            necessary_condition: Box::new(included),
        })
    }
}

/// The excluded documents of a segment. Documents must be tested in ascending order.
struct ExclusionCursor {
    excluded: Box<dyn Scorer>,
    /// No document from the last tested one up to this one is excluded.
    next: DocId,
    /// True if `next` is excluded, false if that is not known.
    next_is_excluded: bool,
}

impl SegmentDocPredicate for ExclusionCursor {
    fn eval(&mut self, doc: DocId) -> bool {
        if doc < self.next {
            return true;
        }
        if doc == self.next && self.next_is_excluded {
            return false;
        }
        (self.next, self.next_is_excluded) = match self.excluded.seek_danger(doc) {
            SeekDangerResult::Found => (doc, true),
            SeekDangerResult::SeekLowerBound(next) => (next, false),
        };
        !self.next_is_excluded
    }

    fn cost(&self) -> u64 {
        COST
    }
}
