//! The documents of a segment whose names have words in an arrangement.

use std::ops::Range;

use tantivy::columnar::Column;

use tantivy::postings::{Postings, SegmentPostings};
use tantivy::query::Scorer;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, InvertedIndexReader, Score, SegmentReader, TERMINATED, Term};

use super::{Arrangement, PositionsQuery};
use crate::index::tantivy::search_budget::SearchBudget;
use crate::index::tantivy::tokenizer::positions_of;

/// Number of candidates that are tested between two checks of the budget.
const CANDIDATES_PER_CHECK: u32 = 1024;

/// Reads the candidates, which have all words, and tests the positions of the words.
pub(super) struct PositionsScorer {
    /// The rarest word comes first, because it skips the most documents.
    words: Vec<WordDocs>,
    arrangement: Arrangement,
    /// The number of words in each name, and in its extension.
    name_words: Option<Column<u64>>,
    ext_words: Option<Column<u64>>,
    /// The positions of each word in the name of the current candidate, in the order of the query.
    positions: Vec<Vec<Range<u32>>>,
    boost: Score,
    budget: SearchBudget,
    candidates: u32,
    doc: DocId,
    score: Score,
}

impl PositionsScorer {
    /// Opens the postings of the words. `None` if one of them is in no document.
    pub(super) fn open(
        query: &PositionsQuery,
        segment: &SegmentReader,
        boost: Score,
    ) -> tantivy::Result<Option<Self>> {
        let index = segment.inverted_index(query.field)?;
        let mut words = Vec::with_capacity(query.words.len());
        for (place, terms) in query.words.iter().enumerate() {
            let mut postings = Vec::with_capacity(terms.len());
            for term in terms {
                let term = Term::from_field_text(query.field, term);
                postings.extend(positions_of_term(&index, &term)?);
            }
            if postings.is_empty() {
                return Ok(None);
            }
            words.push(WordDocs { place, postings });
        }
        words.sort_by_key(WordDocs::size_hint);
        let column = |name| segment.fast_fields().column_opt::<u64>(name);
        let mut found = Self {
            positions: vec![Vec::new(); words.len()],
            words,
            arrangement: query.arrangement,
            name_words: column("name_words")?,
            ext_words: column("ext_words")?,
            boost,
            budget: query.budget.clone(),
            candidates: 0,
            doc: 0,
            score: 0.0,
        };
        found.find_from(0);
        Ok(Some(found))
    }

    /// Moves to the first document from `doc` on that has the words in the arrangement.
    fn find_from(&mut self, mut doc: DocId) -> DocId {
        loop {
            doc = self.next_candidate(doc);
            self.doc = doc;
            if doc == TERMINATED {
                return doc;
            }
            self.candidates += 1;
            if self.candidates.is_multiple_of(CANDIDATES_PER_CHECK) && self.budget.must_stop() {
                self.doc = TERMINATED;
                return TERMINATED;
            }
            for word in &mut self.words {
                word.read_positions(doc, &mut self.positions[word.place]);
            }
            if let Some(score) = self.score_of(doc) {
                self.score = score;
                return doc;
            }
            doc += 1;
        }
    }

    /// The first document from `doc` on that has all words.
    fn next_candidate(&mut self, mut doc: DocId) -> DocId {
        loop {
            let start = doc;
            for word in &mut self.words {
                doc = word.seek(doc);
                if doc == TERMINATED {
                    return doc;
                }
                if doc > start {
                    break;
                }
            }
            if doc == start {
                return doc;
            }
        }
    }

    /// The score of the candidate. `None` if its name does not have the arrangement.
    fn score_of(&self, doc: DocId) -> Option<Score> {
        match self.arrangement {
            Arrangement::Phrase(score) => {
                let starts = self.positions.first()?.iter().map(|its| its.start);
                let mut ends = starts.map(|start| phrase_ends(&self.positions, start));
                ends.any(|ends| !ends.is_empty()).then_some(score)
            }
            Arrangement::Near { adjacent, near } => {
                let [first, second] = &self.positions[..] else {
                    return None;
                };
                let mut ends = first.iter().map(|its| its.end);
                let are_neighbors = ends.any(|end| second.iter().any(|its| its.start == end));
                Some(if are_neighbors {
                    adjacent
                } else {
                    (near - distance(first, second)? as Score).max(0.0)
                })
            }
            Arrangement::WholeName { name, stem } => {
                let value = |column: &Option<Column<u64>>| {
                    column.as_ref().and_then(|it| it.first(doc)).unwrap_or(0)
                };
                let words = value(&self.name_words);
                let stem_words = words.saturating_sub(value(&self.ext_words));
                let ends = phrase_ends(&self.positions, 0);
                let is_end = |words: u64| ends.iter().any(|end| u64::from(*end) == words);
                if is_end(words) {
                    Some(name)
                } else {
                    is_end(stem_words).then_some(stem)
                }
            }
        }
    }
}

/// Where the phrases end that begin at the position `start`.
fn phrase_ends(words: &[Vec<Range<u32>>], start: u32) -> Vec<u32> {
    words.iter().fold(vec![start], |ends, word| {
        let next = word.iter().filter(|its| ends.contains(&its.start));
        next.map(|its| its.end).collect()
    })
}

/// The least number of words between two words, in any order.
fn distance(one: &[Range<u32>], other: &[Range<u32>]) -> Option<u32> {
    let pairs = one
        .iter()
        .flat_map(|one| other.iter().map(move |other| (one, other)));
    let between = |(one, other): (&Range<u32>, &Range<u32>)| {
        let start = one.start.max(other.start);
        start.saturating_sub(one.end.min(other.end))
    };
    pairs.map(between).min()
}

impl DocSet for PositionsScorer {
    fn advance(&mut self) -> DocId {
        match self.doc {
            TERMINATED => TERMINATED,
            doc => self.find_from(doc + 1),
        }
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.doc < target {
            self.find_from(target);
        }
        self.doc
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.words.first().map_or(0, WordDocs::size_hint)
    }
}

impl Scorer for PositionsScorer {
    fn score(&mut self) -> Score {
        self.score * self.boost
    }
}

/// The documents with one of the terms that stand for a word.
struct WordDocs {
    /// The place of the word in the query.
    place: usize,
    /// The documents of each term. There is at least one.
    postings: Vec<SegmentPostings>,
}

impl WordDocs {
    fn size_hint(&self) -> u32 {
        let sizes = self.postings.iter().map(DocSet::size_hint);
        sizes.fold(0, u32::saturating_add)
    }

    /// The first document from `target` on. Positions of earlier documents can no longer be read.
    fn seek(&mut self, target: DocId) -> DocId {
        let docs = self.postings.iter_mut().map(|postings| {
            if postings.doc() < target {
                postings.seek(target)
            } else {
                postings.doc()
            }
        });
        docs.min().unwrap_or(TERMINATED)
    }

    /// Reads the positions of the word in a document that [`WordDocs::seek`] found.
    fn read_positions(&mut self, doc: DocId, positions: &mut Vec<Range<u32>>) {
        let mut codes = Vec::new();
        positions.clear();
        for postings in self.postings.iter_mut().filter(|it| it.doc() == doc) {
            postings.positions(&mut codes);
            positions.extend(codes.iter().map(|code| positions_of(*code)));
        }
    }
}

fn positions_of_term(
    index: &InvertedIndexReader,
    term: &Term,
) -> std::io::Result<Option<SegmentPostings>> {
    index.read_postings(term, IndexRecordOption::WithFreqsAndPositions)
}
