//! A tantivy query for file names by the order and the distance of words in them.
//!
//! Tantivy's phrase query knows only words of one position. A word that is written together from several parts has
//! several positions (see [`position_code`](super::tokenizer::position_code)), so `scorer` compares the positions.

use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::Field;
use tantivy::{DocId, Score, SegmentReader, TantivyError};

use super::search_budget::SearchBudget;
use scorer::PositionsScorer;

mod scorer;

/// What is wanted of the words in a name, and how it is scored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrangement {
    /// The words directly follow each other.
    Phrase(Score),
    /// Two words are in the name.
    Near {
        /// The score if the second word directly follows the first one.
        adjacent: Score,
        /// Otherwise, this minus the number of words between them, but at least zero. Their order does not count.
        near: Score,
    },
    /// The words are all of the name, or all of it before the extension.
    WholeName {
        /// The score for all of the name.
        name: Score,
        /// The score if only the extension is missing.
        stem: Score,
    },
}

/// Finds the documents whose names have the words in the arrangement.
#[derive(Clone, Debug)]
pub struct PositionsQuery {
    field: Field,
    words: Vec<Vec<String>>,
    arrangement: Arrangement,
    budget: SearchBudget,
}

impl PositionsQuery {
    /// `words` has the terms that stand for each word, in the order of the words. `field` has the words of names.
    pub fn new(
        field: Field,
        words: Vec<Vec<String>>,
        arrangement: Arrangement,
        budget: &SearchBudget,
    ) -> Self {
        Self {
            field,
            words,
            arrangement,
            budget: budget.clone(),
        }
    }
}

impl Query for PositionsQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for PositionsQuery {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(match PositionsScorer::open(self, segment, boost)? {
            Some(found) => Box::new(found),
            None => Box::new(EmptyScorer),
        })
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        let why = "a query for positions has no score to explain";
        Err(TantivyError::InvalidArgument(why.to_owned()))
    }
}
