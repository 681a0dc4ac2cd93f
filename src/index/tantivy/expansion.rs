//! A tantivy query for all terms of a field that begin with a text, or that are nearly a word.
//!
//! How many terms that are has no bound of its own: no more than the postings of one field are read,
//! each once, into at most a bit for each document, and the watch is looked at in between.

use tantivy::postings::TermInfo;
use tantivy::query::{
    BitSetDocSet, ConstScorer, EnableScoring, Explanation, FuzzyTermQuery, Query, Scorer, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{BitSet, DocId, InvertedIndexReader, Score, SegmentReader, TantivyError, Term};

use super::keys_query::SortedDocs;
use super::watch::Watch;

/// How many terms are read between two looks at the watch.
const TERMS_A_LOOK: u32 = 64;

/// From one document in so many on, a bit for each document takes less memory than a list.
const SPARSE: usize = 32;

/// The edits of a typo; see [`crate::query::Match::Typo`].
const EDITS: u8 = 1;

/// Finds the documents with one of the terms.
#[derive(Clone, Debug)]
pub struct Expansion {
    field: Field,
    terms: Terms,
    watch: Watch,
}

#[derive(Clone, Debug)]
enum Terms {
    BeginningWith(String),
    Near(String),
}

impl Expansion {
    /// The documents with a term that begins with the text, which is not empty.
    pub fn beginning_with(field: Field, text: &str, watch: &Watch) -> Self {
        Self {
            field,
            terms: Terms::BeginningWith(text.to_owned()),
            watch: watch.clone(),
        }
    }

    /// The documents with a term that is at most one edit from the word: a character more, less or
    /// other, or two neighbours exchanged.
    pub fn near(field: Field, word: &str, watch: &Watch) -> Self {
        Self {
            field,
            terms: Terms::Near(word.to_owned()),
            watch: watch.clone(),
        }
    }

    fn docs(&self, segment: &SegmentReader) -> tantivy::Result<Docs> {
        let index = segment.inverted_index(self.field)?;
        let mut docs = Docs::of(segment.max_doc());
        let mut terms = 0_u32;
        let mut add = |term: &TermInfo| -> tantivy::Result<bool> {
            docs.add(&index, term)?;
            terms += 1;
            Ok(!terms.is_multiple_of(TERMS_A_LOOK) || !self.watch.is_over())
        };
        match &self.terms {
            Terms::BeginningWith(text) => {
                let range = index.terms().range().ge(text).lt(behind(text));
                let mut found = range.into_stream()?;
                while found.advance() && add(found.value())? {}
            }
            Terms::Near(word) => {
                let word = Term::from_field_text(self.field, word);
                let automaton = FuzzyTermQuery::new(word, EDITS, true).automaton()?;
                let mut found = index.terms().search(automaton).into_stream()?;
                while found.advance() && add(found.value())? {}
            }
        }
        Ok(docs)
    }
}

/// The least text behind all that begin with this one.
fn behind(text: &str) -> Vec<u8> {
    let mut end = text.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        // No byte of UTF-8 is the greatest one.
        *last += 1;
    }
    end
}

impl Query for Expansion {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for Expansion {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(match self.docs(segment)? {
            Docs::Few { mut docs, .. } => {
                docs.sort_unstable();
                docs.dedup();
                Box::new(ConstScorer::new(SortedDocs::new(docs), boost))
            }
            Docs::Many(docs) => Box::new(ConstScorer::new(BitSetDocSet::from(docs), boost)),
        })
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        let why = "an expansion has no score to explain";
        Err(TantivyError::InvalidArgument(why.to_owned()))
    }
}

/// Documents, in whatever takes less memory.
enum Docs {
    Few { docs: Vec<DocId>, max_doc: DocId },
    Many(BitSet),
}

impl Docs {
    fn of(max_doc: DocId) -> Self {
        Self::Few {
            docs: Vec::new(),
            max_doc,
        }
    }

    fn add(&mut self, index: &InvertedIndexReader, term: &TermInfo) -> tantivy::Result<()> {
        self.make_room(term.doc_freq as usize);
        let mut block = index.read_block_postings_from_terminfo(term, IndexRecordOption::Basic)?;
        while !block.docs().is_empty() {
            match self {
                Self::Few { docs, .. } => docs.extend_from_slice(block.docs()),
                Self::Many(docs) => {
                    for doc in block.docs() {
                        docs.insert(*doc);
                    }
                }
            }
            block.advance();
        }
        Ok(())
    }

    fn make_room(&mut self, more: usize) {
        let Self::Few { docs, max_doc } = self else {
            return;
        };
        if docs.len() + more > *max_doc as usize / SPARSE {
            let mut many = BitSet::with_max_value(*max_doc);
            for doc in docs {
                many.insert(*doc);
            }
            *self = Self::Many(many);
        }
    }
}
