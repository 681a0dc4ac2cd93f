//! A tantivy query that adds a constant to the scores of another query.
//!
//! Tantivy can replace scores or multiply them, but that loses or enlarges the differences between matches.

use std::sync::Arc;

use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader};

/// Finds the documents of a query, with higher scores.
#[derive(Clone, Debug)]
pub struct PlusScoreQuery {
    query: Arc<dyn Query>,
    plus: Score,
}

impl PlusScoreQuery {
    /// A query for the same documents, each with a score that is greater by `plus`.
    pub fn new(query: Box<dyn Query>, plus: Score) -> Self {
        Self {
            query: query.into(),
            plus,
        }
    }
}

impl Query for PlusScoreQuery {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(PlusScoreWeight {
            weight: self.query.weight(scoring)?,
            plus: self.plus,
        }))
    }
}

struct PlusScoreWeight {
    weight: Box<dyn Weight>,
    plus: Score,
}

impl Weight for PlusScoreWeight {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(Box::new(PlusScorer {
            scorer: self.weight.scorer(segment, boost)?,
            plus: self.plus * boost,
        }))
    }

    fn explain(&self, segment: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        self.weight.explain(segment, doc)
    }
}

struct PlusScorer {
    scorer: Box<dyn Scorer>,
    plus: Score,
}

impl DocSet for PlusScorer {
    fn advance(&mut self) -> DocId {
        self.scorer.advance()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.scorer.seek(target)
    }

    fn doc(&self) -> DocId {
        self.scorer.doc()
    }

    fn size_hint(&self) -> u32 {
        self.scorer.size_hint()
    }

    fn cost(&self) -> u64 {
        self.scorer.cost()
    }
}

impl Scorer for PlusScorer {
    fn score(&mut self) -> Score {
        self.scorer.score() + self.plus
    }
}
