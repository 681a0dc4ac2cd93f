//! A tantivy query for all terms of a field that begin with a text, that are nearly a word, or that are
//! listed.
//!
//! How many terms that are has no bound of its own: no more than the postings of one field are read,
//! each once, into at most a bit for each document, and the watch is looked at in between.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::index::SegmentId;
use tantivy::postings::TermInfo;
use tantivy::query::{
    BitSetDocSet, ConstScorer, EnableScoring, Explanation, FuzzyTermQuery, Query, Scorer, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{BitSet, DocId, InvertedIndexReader, Score, SegmentReader, TantivyError, Term};

use super::keys_query::SortedDocs;
use super::search_budget::SearchBudget;

/// How many terms are read between two looks at the watch.
const TERMS_PER_CHECK: u32 = 64;

/// From one document in so many on, a bit for each document takes less memory than a list.
const BITS_PER_LISTED_DOC: usize = 32;

/// The edits of a typo; see [`crate::core::query::MatchMode::Typo`].
const MAX_EDITS: u8 = 1;

/// Makes the expansions of one search.
///
/// A search asks each anew for each Source, but postings are those of all Sources: what was found in
/// the segment at hand is kept for the next one.
#[derive(Clone, Debug)]
pub struct MultiTermQueries {
    budget: SearchBudget,
    /// `None` where there is one Source: nothing is asked for twice.
    found: Option<Arc<Mutex<SegmentCache>>>,
}

/// What was found in one segment.
#[derive(Debug, Default)]
struct SegmentCache {
    segment: Option<SegmentId>,
    docs: HashMap<(Field, Terms), Arc<Docs>>,
}

impl MultiTermQueries {
    /// Expansions for so many Sources, under this watch.
    pub fn new(budget: &SearchBudget, sources: usize) -> Self {
        Self {
            budget: budget.clone(),
            found: (sources > 1).then(Arc::default),
        }
    }

    /// The documents with a term that begins with the text, which is not empty.
    pub fn prefix(&self, field: Field, text: &str) -> MultiTermQuery {
        self.of(field, Terms::Prefix(text.to_owned()))
    }

    /// The documents with a term that is at most one edit from the word: a character more, less or
    /// other, or two neighbours exchanged.
    pub fn typo(&self, field: Field, word: &str) -> MultiTermQuery {
        self.of(field, Terms::Typo(word.to_owned()))
    }

    /// The documents with one of these terms.
    pub fn one_of(&self, field: Field, terms: &[&str]) -> MultiTermQuery {
        let terms = terms.iter().map(|term| (*term).to_owned());
        self.of(field, Terms::OneOf(terms.collect()))
    }

    /// Whether what is found serves several Sources.
    pub fn are_shared(&self) -> bool {
        self.found.is_some()
    }

    fn of(&self, field: Field, terms: Terms) -> MultiTermQuery {
        MultiTermQuery {
            field,
            terms,
            of: self.clone(),
        }
    }
}

impl SegmentCache {
    /// What is known of this segment, and of no other any more.
    fn of(&mut self, segment: SegmentId) -> &mut HashMap<(Field, Terms), Arc<Docs>> {
        if self.segment.replace(segment) != Some(segment) {
            self.docs.clear();
        }
        &mut self.docs
    }
}

/// Finds the documents with one of the terms.
#[derive(Clone, Debug)]
pub struct MultiTermQuery {
    field: Field,
    terms: Terms,
    of: MultiTermQueries,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Terms {
    Prefix(String),
    Typo(String),
    OneOf(Vec<String>),
}

impl MultiTermQuery {
    /// The documents, read or known already.
    fn docs(&self, segment: &SegmentReader) -> tantivy::Result<Arc<Docs>> {
        let Some(found) = &self.of.found else {
            return Ok(Arc::new(self.read(segment)?));
        };
        // Nothing is left half-done in it.
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        let known = found.of(segment.segment_id());
        let place = (self.field, self.terms.clone());
        if let Some(docs) = known.get(&place) {
            return Ok(Arc::clone(docs));
        }
        let docs = Arc::new(self.read(segment)?);
        known.insert(place, Arc::clone(&docs));
        Ok(docs)
    }

    fn read(&self, segment: &SegmentReader) -> tantivy::Result<Docs> {
        let index = segment.inverted_index(self.field)?;
        let mut docs = Docs::of(segment.max_doc());
        let mut terms = 0_u32;
        let mut add = |term: &TermInfo| -> tantivy::Result<bool> {
            docs.add(&index, term)?;
            terms += 1;
            Ok(!terms.is_multiple_of(TERMS_PER_CHECK) || !self.of.budget.must_stop())
        };
        match &self.terms {
            Terms::Prefix(text) => {
                let range = index.terms().range().ge(text).lt(prefix_end(text));
                let mut found = range.into_stream()?;
                while found.advance() && add(found.value())? {}
            }
            Terms::Typo(word) => {
                let word = Term::from_field_text(self.field, word);
                let automaton = FuzzyTermQuery::new(word, MAX_EDITS, true).automaton()?;
                let mut found = index.terms().search(automaton).into_stream()?;
                while found.advance() && add(found.value())? {}
            }
            Terms::OneOf(terms) => {
                for term in terms {
                    let term = Term::from_field_text(self.field, term);
                    if let Some(found) = index.get_term_info(&term)?
                        && !add(&found)?
                    {
                        break;
                    }
                }
            }
        }
        docs.sort();
        Ok(docs)
    }
}

/// The least text behind all that begin with this one.
fn prefix_end(text: &str) -> Vec<u8> {
    let mut end = text.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        // No byte of UTF-8 is the greatest one.
        *last += 1;
    }
    end
}

impl Query for MultiTermQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for MultiTermQuery {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(match Arc::unwrap_or_clone(self.docs(segment)?) {
            Docs::Few { docs, .. } => Box::new(ConstScorer::new(SortedDocs::new(docs), boost)),
            Docs::Many(docs) => Box::new(ConstScorer::new(BitSetDocSet::from(docs), boost)),
        })
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        let why = "an expansion has no score to explain";
        Err(TantivyError::InvalidArgument(why.to_owned()))
    }
}

/// Documents, in whatever takes less memory.
#[derive(Clone)]
enum Docs {
    Few { docs: Vec<DocId>, max_doc: DocId },
    Many(BitSet),
}

impl fmt::Debug for Docs {
    /// They may be millions.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Docs").finish_non_exhaustive()
    }
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

    /// Makes a list ascending, each document once.
    fn sort(&mut self) {
        if let Self::Few { docs, .. } = self {
            docs.sort_unstable();
            docs.dedup();
        }
    }

    fn make_room(&mut self, more: usize) {
        let Self::Few { docs, max_doc } = self else {
            return;
        };
        if docs.len() + more > *max_doc as usize / BITS_PER_LISTED_DOC {
            let mut many = BitSet::with_max_value(*max_doc);
            for doc in docs {
                many.insert(*doc);
            }
            *self = Self::Many(many);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tantivy::query::EnableScoring;
    use tantivy::schema::{STRING, SchemaBuilder};
    use tantivy::{Index, IndexWriter, TERMINATED, TantivyDocument};

    use super::super::MIN_WRITER_MEMORY;
    use super::*;

    /// Two segments, each with so many terms and as many documents.
    fn index() -> (Index, Field) {
        let mut schema = SchemaBuilder::new();
        let field = schema.add_text_field("word", STRING);
        let index = Index::create_in_ram(schema.build());
        let mut writer: IndexWriter = index.writer_with_num_threads(1, MIN_WRITER_MEMORY).unwrap();
        for segment in 0..2 {
            for number in 0..4 * TERMS_PER_CHECK {
                let mut document = TantivyDocument::default();
                document.add_text(field, format!("w{segment}{number:04}"));
                writer.add_document(document).unwrap();
            }
            writer.commit().unwrap();
        }
        (index, field)
    }

    fn count(multi_term_query: &MultiTermQuery, index: &Index) -> usize {
        let searcher = index.reader().unwrap().searcher();
        let scoring = EnableScoring::disabled_from_searcher(&searcher);
        let weight = multi_term_query.weight(scoring).unwrap();
        let mut count = 0;
        for segment in searcher.segment_readers() {
            let mut found = weight.scorer(segment, 1.0).unwrap();
            while found.doc() != TERMINATED {
                count += 1;
                found.advance();
            }
        }
        count
    }

    #[test]
    fn postings_are_read_once_for_all_sources() {
        let (index, field) = index();
        let looks = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&looks);
        let budget = SearchBudget::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            false
        });
        let all = 8 * TERMS_PER_CHECK as usize;
        let searcher = index.reader().unwrap().searcher();
        let multi_term_queries = MultiTermQueries::new(&budget, 3);
        for segment in searcher.segment_readers() {
            let before = looks.load(Ordering::Relaxed);
            for _source in 0..3 {
                let scoring = EnableScoring::disabled_from_searcher(&searcher);
                let begun = multi_term_queries
                    .prefix(field, "w")
                    .weight(scoring)
                    .unwrap();
                let found = begun.scorer(segment, 1.0).unwrap();
                assert!(found.doc() == 0 && found.size_hint() > 0);
            }
            assert_eq!(looks.load(Ordering::Relaxed) - before, 4);
        }
        // Another segment, another text and another field are something else.
        for (multi_term_query, want) in [
            (multi_term_queries.prefix(field, "w"), all),
            (multi_term_queries.prefix(field, "w1"), all / 2),
            (multi_term_queries.typo(field, "w00001"), 23),
            (
                multi_term_queries.one_of(field, &["w00001", "w10001", "x"]),
                2,
            ),
            (MultiTermQueries::new(&budget, 1).prefix(field, "w"), all),
        ] {
            assert_eq!(
                count(&multi_term_query, &index),
                want,
                "{multi_term_query:?}"
            );
        }
    }
}
