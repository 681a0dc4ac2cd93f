//! A tantivy query for documents that another query does not find.
//!
//! Tantivy's own exclusion asks sets for documents in front of where they are, which they are not
//! made for; and it opens them where nothing is to be left out.

use std::fmt;
use std::sync::Arc;

use tantivy::query::doc_predicate_query::{
    ConstOrVariableSegmentPredicate, DocPredicate, DocPredicateQuery, SegmentDocPredicate,
};
use tantivy::query::{EnableScoring, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, SeekDangerResult, SegmentReader};

/// What asking the other set costs, by tantivy's measure; it is asked as little as possible.
const COST: u64 = 20;

/// Finds the documents of one query that another does not find.
#[derive(Clone, Debug)]
pub struct Without {
    documents: Arc<dyn Query>,
    left_out: Arc<dyn Query>,
}

impl Without {
    /// The documents of the first without those of the second; no score is kept.
    pub fn new(documents: Box<dyn Query>, left_out: Box<dyn Query>) -> Self {
        Self {
            documents: documents.into(),
            left_out: left_out.into(),
        }
    }
}

impl Query for Without {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let unscored = EnableScoring::Disabled {
            schema: scoring.schema(),
            searcher_opt: scoring.searcher(),
        };
        let predicate = NotLeftOut {
            documents: self.documents.weight(unscored)?,
            left_out: self.left_out.weight(unscored)?,
        };
        DocPredicateQuery::from(predicate).weight(scoring)
    }
}

struct NotLeftOut {
    documents: Box<dyn Weight>,
    left_out: Box<dyn Weight>,
}

impl fmt::Debug for NotLeftOut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("NotLeftOut").finish_non_exhaustive()
    }
}

impl DocPredicate for NotLeftOut {
    type SegmentDocPredicate = LeftOut;

    fn doc_predicate(
        &self,
        segment: &SegmentReader,
    ) -> tantivy::Result<ConstOrVariableSegmentPredicate<LeftOut>> {
        let documents = self.documents.scorer(segment, 1.0)?;
        let left_out = self.left_out.scorer(segment, 1.0)?;
        Ok(ConstOrVariableSegmentPredicate::Variable {
            predicate: LeftOut {
                next: left_out.doc(),
                next_is: true,
                left_out,
            },
            necessary_condition: Box::new(documents),
        })
    }
}

/// Documents are asked for in ascending order.
struct LeftOut {
    left_out: Box<dyn Scorer>,
    /// None in front of this one is left out.
    next: DocId,
    /// Whether that one is left out; otherwise it is not known.
    next_is: bool,
}

impl SegmentDocPredicate for LeftOut {
    fn eval(&mut self, doc: DocId) -> bool {
        if doc < self.next {
            return true;
        }
        if doc == self.next && self.next_is {
            return false;
        }
        (self.next, self.next_is) = match self.left_out.seek_danger(doc) {
            SeekDangerResult::Found => (doc, true),
            SeekDangerResult::SeekLowerBound(next) => (next, false),
        };
        !self.next_is
    }

    fn cost(&self) -> u64 {
        COST
    }
}
