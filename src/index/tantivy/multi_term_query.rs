//! A tantivy query for many terms of a field: terms with a prefix, terms close to a word, or a list of terms.
//!
//! The number of terms is not limited, but the work is: a query reads the postings of one field at most once,
//! needs at most one bit for each document, and checks the budget of the search in between.

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

/// Number of terms that are read between two checks of the budget.
const TERMS_PER_CHECK: u32 = 64;

/// Number of characters that are missing at the end of a word that is almost complete.
const NEAR_CHARS: usize = 2;

/// Memory that one document takes in a list. In a bit set, each document of the segment takes one bit.
const BITS_PER_LISTED_DOC: usize = 32;

/// Creates the multi-term queries of one search.
///
/// A search runs each query once for each Source, but postings cover all Sources. The documents that were
/// found in the current segment are therefore cached for the next Source.
#[derive(Clone, Debug)]
pub struct MultiTermQueries {
    budget: SearchBudget,
    /// `None` if there is only one Source, because no query runs twice then.
    cache: Option<Arc<Mutex<SegmentCache>>>,
}

/// The documents that were found in one segment.
#[derive(Debug, Default)]
struct SegmentCache {
    segment: Option<SegmentId>,
    docs: HashMap<(Field, Terms), Arc<Docs>>,
}

impl MultiTermQueries {
    /// `sources` is the number of Sources that are searched.
    pub fn new(budget: &SearchBudget, sources: usize) -> Self {
        Self {
            budget: budget.clone(),
            cache: (sources > 1).then(Arc::default),
        }
    }

    /// A query for the documents with a term that starts with `text`, which must not be empty.
    pub fn prefix(&self, field: Field, text: &str) -> MultiTermQuery {
        self.query(field, Terms::Prefix(text.to_owned()))
    }

    /// Like [`MultiTermQueries::prefix`], for terms with at most [`NEAR_CHARS`] more characters than `text`.
    pub fn near_prefix(&self, field: Field, text: &str) -> MultiTermQuery {
        self.query(field, Terms::NearPrefix(text.to_owned()))
    }

    /// A query for the documents with a term that is at most `edits` edits from `word`: a character added,
    /// removed or replaced, or two neighbors swapped. `edits` is at most 2.
    pub fn typo(&self, field: Field, word: &str, edits: u8) -> MultiTermQuery {
        self.query(field, Terms::Typo(word.to_owned(), edits))
    }

    /// A query for the documents with at least one of these terms.
    pub fn one_of(&self, field: Field, terms: &[&str]) -> MultiTermQuery {
        let terms = terms.iter().map(|term| (*term).to_owned());
        self.query(field, Terms::OneOf(terms.collect()))
    }

    /// Whether several Sources are searched, so that results are cached.
    pub fn are_shared(&self) -> bool {
        self.cache.is_some()
    }

    fn query(&self, field: Field, terms: Terms) -> MultiTermQuery {
        MultiTermQuery {
            field,
            terms,
            shared: self.clone(),
        }
    }
}

impl SegmentCache {
    /// The results in this segment. Results in other segments are dropped.
    fn of_segment(&mut self, segment: SegmentId) -> &mut HashMap<(Field, Terms), Arc<Docs>> {
        if self.segment.replace(segment) != Some(segment) {
            self.docs.clear();
        }
        &mut self.docs
    }
}

/// Finds the documents with at least one of the terms.
#[derive(Clone, Debug)]
pub struct MultiTermQuery {
    field: Field,
    terms: Terms,
    shared: MultiTermQueries,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Terms {
    Prefix(String),
    NearPrefix(String),
    Typo(String, u8),
    OneOf(Vec<String>),
}

impl MultiTermQuery {
    /// The documents of a segment, from the cache or from the postings.
    fn docs(&self, segment: &SegmentReader) -> tantivy::Result<Arc<Docs>> {
        let Some(cache) = &self.shared.cache else {
            return Ok(Arc::new(self.read(segment)?));
        };
        // A panic does not leave the cache in an invalid state.
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = cache.of_segment(segment.segment_id());
        let cache_key = (self.field, self.terms.clone());
        if let Some(docs) = cached.get(&cache_key) {
            return Ok(Arc::clone(docs));
        }
        let docs = Arc::new(self.read(segment)?);
        cached.insert(cache_key, Arc::clone(&docs));
        Ok(docs)
    }

    fn read(&self, segment: &SegmentReader) -> tantivy::Result<Docs> {
        let index = segment.inverted_index(self.field)?;
        let mut docs = Docs::new(segment.max_doc());
        let mut terms = 0_u32;
        let mut add = |term: &TermInfo| -> tantivy::Result<bool> {
            docs.add(&index, term)?;
            terms += 1;
            Ok(!terms.is_multiple_of(TERMS_PER_CHECK) || !self.shared.budget.must_stop())
        };
        match &self.terms {
            Terms::Prefix(text) => {
                let range = index.terms().range().ge(text).lt(prefix_end(text));
                let mut found = range.into_stream()?;
                while found.advance() && add(found.value())? {}
            }
            Terms::NearPrefix(text) => {
                let range = index.terms().range().ge(text).lt(prefix_end(text));
                let mut found = range.into_stream()?;
                while found.advance() {
                    if is_near(text, found.key()) && !add(found.value())? {
                        break;
                    }
                }
            }
            Terms::Typo(word, edits) => {
                let word = Term::from_field_text(self.field, word);
                let automaton = FuzzyTermQuery::new(word, *edits, true).automaton()?;
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

/// Whether a term that starts with the text has at most [`NEAR_CHARS`] more characters.
fn is_near(text: &str, term: &[u8]) -> bool {
    let more = term.get(text.len()..).unwrap_or_default();
    more.utf8_chunks()
        .map(|chunk| chunk.valid().chars().count())
        .sum::<usize>()
        <= NEAR_CHARS
}

/// The smallest byte string that is greater than every text with this prefix.
fn prefix_end(text: &str) -> Vec<u8> {
    let mut end = text.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        // This can't overflow: no byte of UTF-8 is 255.
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
            Docs::List { docs, .. } => Box::new(ConstScorer::new(SortedDocs::new(docs), boost)),
            Docs::Bits(docs) => Box::new(ConstScorer::new(BitSetDocSet::from(docs), boost)),
        })
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        let why = "a query for many terms has no score to explain";
        Err(TantivyError::InvalidArgument(why.to_owned()))
    }
}

/// A set of documents, in the form that takes less memory.
#[derive(Clone)]
enum Docs {
    List { docs: Vec<DocId>, max_doc: DocId },
    Bits(BitSet),
}

impl fmt::Debug for Docs {
    /// Omits the documents: there may be millions.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Docs").finish_non_exhaustive()
    }
}

impl Docs {
    fn new(max_doc: DocId) -> Self {
        Self::List {
            docs: Vec::new(),
            max_doc,
        }
    }

    fn add(&mut self, index: &InvertedIndexReader, term: &TermInfo) -> tantivy::Result<()> {
        self.reserve(term.doc_freq as usize);
        let mut block = index.read_block_postings_from_terminfo(term, IndexRecordOption::Basic)?;
        while !block.docs().is_empty() {
            match self {
                Self::List { docs, .. } => docs.extend_from_slice(block.docs()),
                Self::Bits(docs) => {
                    for doc in block.docs() {
                        docs.insert(*doc);
                    }
                }
            }
            block.advance();
        }
        Ok(())
    }

    /// Sorts a list and removes duplicates.
    fn sort(&mut self) {
        if let Self::List { docs, .. } = self {
            docs.sort_unstable();
            docs.dedup();
        }
    }

    /// Changes the list to a bit set if the list could take more memory with `more` documents.
    fn reserve(&mut self, more: usize) {
        let Self::List { docs, max_doc } = self else {
            return;
        };
        if docs.len() + more > *max_doc as usize / BITS_PER_LISTED_DOC {
            let mut bits = BitSet::with_max_value(*max_doc);
            for doc in docs {
                bits.insert(*doc);
            }
            *self = Self::Bits(bits);
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

    /// An index with two segments. Each has `4 * TERMS_PER_CHECK` documents, each with its own term.
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
    fn reads_postings_once_for_all_sources() {
        let (index, field) = index();
        let checks = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&checks);
        let budget = SearchBudget::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            false
        });
        let all = 8 * TERMS_PER_CHECK as usize;
        let searcher = index.reader().unwrap().searcher();
        let multi_term_queries = MultiTermQueries::new(&budget, 3);
        for segment in searcher.segment_readers() {
            let before = checks.load(Ordering::Relaxed);
            for _source in 0..3 {
                let scoring = EnableScoring::disabled_from_searcher(&searcher);
                let weight = multi_term_queries
                    .prefix(field, "w")
                    .weight(scoring)
                    .unwrap();
                let found = weight.scorer(segment, 1.0).unwrap();
                assert!(found.doc() == 0 && found.size_hint() > 0);
            }
            assert_eq!(checks.load(Ordering::Relaxed) - before, 4);
        }
        // Results for another segment or other terms do not come from the cache.
        for (multi_term_query, want) in [
            (multi_term_queries.prefix(field, "w"), all),
            (multi_term_queries.prefix(field, "w1"), all / 2),
            (multi_term_queries.near_prefix(field, "w000"), 100),
            (multi_term_queries.near_prefix(field, "w00"), 0),
            (multi_term_queries.typo(field, "w00001", 1), 23),
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
