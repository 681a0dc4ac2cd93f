//! Suggests names of assets and folders while a person types.
//!
//! All Sources share one index of words, so words are not suggested directly: each suggestion comes from an
//! asset of a searched Source. Only the first matches of each segment are read, so the list may be
//! incomplete.

use std::collections::BTreeSet;
use std::ops::Range;

use tantivy::query::{
    BooleanQuery, EnableScoring, Occur, Query as TantivyQuery, Scorer, TermQuery, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, SegmentReader, Term};

use super::columns::{Columns, read_error};
use super::multi_term_query::MultiTermQueries;
use super::paths::Paths;
use super::ranking_decisions::RankingDecisions;
use super::search_budget::SearchBudget;
use super::source_scope::SearchedSource;
use super::translation::Translation;
use super::{TantivyEngine, failure};
use crate::core::query::request::MAX_SUGGESTIONS;
use crate::core::query::word_match::{WordsTest, forms};
use crate::core::query::words::{spellings, words_with_positions};
use crate::core::query::{
    MatchMode, Query, SuggestRequest, Suggestion, SuggestionKind, file_name, fold_name, query_words,
};
use crate::core::source::SearchSource;
use crate::index::{Deadline, IndexError};

/// Maximum number of matches that are read in a segment to find the names with the fewest words.
const MAX_NAMES_PER_SEGMENT: usize = 4096;

/// Maximum number of paths that are read in a segment to find folders.
const MAX_PATHS_PER_SEGMENT: usize = 32;

/// Number of documents that are read between two checks of the deadline.
const DOCS_PER_CHECK: usize = 4096;

/// Minimum limit of matches for each Source in a segment, even if there are many Sources.
const MIN_MATCHES_PER_SOURCE: usize = 4;

/// The attempted action in error messages.
const SUGGESTING: &str = "find suggestions";

impl TantivyEngine {
    /// Returns names of folders and assets in these Sources. Names with few words come first.
    ///
    /// Two suggestions of the same kind differ in more than case and accents. There may be more matching names.
    pub fn suggest(
        &self,
        scope: &[&SearchSource],
        request: &SuggestRequest,
        deadline: &Deadline,
    ) -> Result<Vec<Suggestion>, IndexError> {
        deadline.check()?;
        let mut words = Vec::new();
        query_words(&request.text, |word, _| words.push(word.to_owned()));
        let mut scope = self.searched_sources(scope);
        // The documents of the Sources are in this order, and they must be read in ascending order.
        scope.sort_by_key(|searched| searched.id);
        let shared_deadline = deadline.clone();
        let search = SuggestionSearch {
            engine: self,
            request,
            words,
            limit: request.limit.min(MAX_SUGGESTIONS),
            deadline,
            budget: SearchBudget::new(move || shared_deadline.is_over()),
            scope,
        };
        if search.words.is_empty() || search.scope.is_empty() {
            return Ok(Vec::new());
        }
        let (folders, names) = (search.folders()?, search.names()?);
        Ok(search.combine(folders, names))
    }
}

/// A running search for suggestions.
struct SuggestionSearch<'a> {
    engine: &'a TantivyEngine,
    request: &'a SuggestRequest,
    words: Vec<String>,
    limit: usize,
    deadline: &'a Deadline,
    budget: SearchBudget,
    scope: Vec<SearchedSource<'a>>,
}

/// The queries that find matches in a field.
enum Weights {
    /// The same query for all Sources. Looking up words takes time, so they share its scorers too.
    Shared(Box<dyn Weight>),
    /// A query for each Source of the scope: [`SuggestRequest::within`] means different keys in each.
    PerSource(Vec<Box<dyn Weight>>),
}

/// A segment, and what finds matches in it.
struct SegmentMatches<'a> {
    columns: &'a Columns,
    reader: &'a SegmentReader,
    weights: &'a Weights,
}

/// A possible suggestion. Candidates are sorted by the number of words, then by the folded text. If the text
/// is the same, the path with the fewest folders comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    words: usize,
    folded: String,
    slashes: usize,
    path: String,
    source: String,
    text: String,
}

impl Candidate {
    fn new(text: &str, path: &str, source: &SearchSource) -> Self {
        let mut words = 0;
        words_with_positions(text, |_, _, positions| words = words.max(positions.end));
        Self {
            words,
            folded: fold_name(text),
            slashes: path.matches('/').count(),
            path: path.to_owned(),
            source: source.name.clone(),
            text: text.to_owned(),
        }
    }

    fn suggestion(self, kind: SuggestionKind) -> Suggestion {
        Suggestion {
            text: self.text,
            kind,
            path: self.path,
            source: self.source,
        }
    }
}

impl SuggestionSearch<'_> {
    /// Joins both lists, folders first. Folders take more than half of the list only if there are not enough
    /// names.
    fn combine(&self, folders: Vec<Candidate>, names: Vec<Candidate>) -> Vec<Suggestion> {
        let half = self.limit.div_ceil(2);
        let free_slots = self.limit.saturating_sub(names.len());
        let folders = folders.into_iter().take(half.max(free_slots));
        let folders = folders.map(|it| it.suggestion(SuggestionKind::Folder));
        let names = names.into_iter();
        let names = names.map(|it| it.suggestion(SuggestionKind::Name));
        folders.chain(names).take(self.limit).collect()
    }

    fn names(&self) -> Result<Vec<Candidate>, IndexError> {
        self.best_candidates(self.engine.fields.name, |segment| {
            let mut found = Vec::new();
            self.each_source(segment, |searched, docs, scorer| {
                self.first_names(searched, docs, segment.reader, scorer, &mut found)
            })?;
            // Names that differ only in case have the same ordinal, but may have different numbers of words.
            found.sort_unstable_by_key(|(words, ord, doc, _)| (*ord, *words, *doc));
            found.dedup_by_key(|(_, ord, _, _)| *ord);
            found.sort_unstable_by_key(|(words, ord, _, _)| (*words, *ord));
            found.truncate(self.limit);
            let candidate = |(_, _, doc, searched): (u64, u64, DocId, &SearchedSource<'_>)| {
                let path = searched.path(segment.columns, doc)?;
                Ok(Candidate::new(file_name(&path), &path, searched.source))
            };
            found.into_iter().map(candidate).collect()
        })
    }

    fn folders(&self) -> Result<Vec<Candidate>, IndexError> {
        self.best_candidates(self.engine.fields.folder, |segment| {
            let mut found = Vec::new();
            self.each_source(segment, |searched, docs, scorer| {
                let SegmentMatches {
                    columns, reader, ..
                } = segment;
                self.first_folders(searched, docs, columns, reader, scorer, &mut found)
            })?;
            Ok(found)
        })
    }

    /// Calls `find` for each segment, with the documents whose `field` contains the words. Returns the best
    /// candidates of all segments, without duplicates.
    fn best_candidates(
        &self,
        field: Field,
        mut find: impl FnMut(&SegmentMatches<'_>) -> Result<Vec<Candidate>, IndexError>,
    ) -> Result<Vec<Candidate>, IndexError> {
        let snapshot = self.engine.snapshot();
        let weights = self.weights(field)?;
        let mut all = Vec::new();
        let readers = snapshot.searcher.segment_readers();
        for (columns, reader) in snapshot.segments.iter().zip(readers) {
            all.extend(find(&SegmentMatches {
                columns,
                reader,
                weights: &weights,
            })?);
            if let Some(error) = self.budget.error() {
                return Err(error.clone());
            }
            self.deadline.check()?;
        }
        all.sort_unstable();
        let mut seen = BTreeSet::new();
        all.retain(|candidate| seen.insert(candidate.folded.clone()));
        all.truncate(self.limit);
        Ok(all)
    }

    /// Calls `read` for each Source with documents in the segment, with their range and a scorer of the matches. The
    /// scorer may find documents of other Sources too.
    fn each_source<'s>(
        &'s self,
        segment: &SegmentMatches<'_>,
        mut read: impl FnMut(
            &'s SearchedSource<'s>,
            Range<DocId>,
            &mut dyn Scorer,
        ) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let scorer = |weight: &dyn Weight| {
            let scorer = weight.scorer(segment.reader, 1.0);
            scorer.map_err(failure::failed_read(SUGGESTING))
        };
        let mut shared: Option<Box<dyn Scorer>> = None;
        for (number, searched) in self.scope.iter().enumerate() {
            let docs = searched.docs_under(segment.columns, &self.request.folder)?;
            if docs.is_empty() {
                continue;
            }
            match segment.weights {
                Weights::Shared(weight) => {
                    let shared = match &mut shared {
                        Some(shared) => shared,
                        none => none.insert(scorer(&**weight)?),
                    };
                    read(searched, docs, &mut **shared)?;
                }
                Weights::PerSource(weights) => {
                    read(searched, docs, &mut *scorer(&*weights[number])?)?;
                }
            }
        }
        Ok(())
    }

    fn weights(&self, field: Field) -> Result<Weights, IndexError> {
        let multi_term_queries = MultiTermQueries::new(&self.budget, self.scope.len());
        if self.request.within == Query::default() {
            let query = BooleanQuery::new(self.word_clauses(field, &multi_term_queries));
            return Ok(Weights::Shared(self.weight(&query)?));
        }
        let decisions = RankingDecisions::of_earlier_page(Vec::new());
        let of_source = |searched: &SearchedSource<'_>| {
            self.deadline.check()?;
            let translation = Translation::new(
                self.engine.snapshot(),
                self.engine.fields(),
                (searched.source, searched.id),
                &self.budget,
                &multi_term_queries,
                &decisions,
            )?;
            let within = translation.query(&self.request.within)?;
            let mut clauses = self.word_clauses(field, &multi_term_queries);
            clauses.push((Occur::Must, within));
            self.weight(&BooleanQuery::new(clauses))
        };
        let each = self.scope.iter().map(of_source);
        Ok(Weights::PerSource(each.collect::<Result<_, _>>()?))
    }

    fn weight(&self, query: &dyn TantivyQuery) -> Result<Box<dyn Weight>, IndexError> {
        let searcher = &self.engine.snapshot().searcher;
        let weight = query.weight(EnableScoring::disabled_from_searcher(searcher));
        weight.map_err(failure::failed_read(SUGGESTING))
    }

    /// The clauses that find documents whose `field` contains all words, the last one as a prefix.
    fn word_clauses(
        &self,
        field: Field,
        multi_term_queries: &MultiTermQueries,
    ) -> Vec<(Occur, Box<dyn TantivyQuery>)> {
        let last = self.words.len().saturating_sub(1);
        let clauses = self.words.iter().enumerate().map(|(index, word)| {
            let mut any: Vec<Box<dyn TantivyQuery>> = Vec::new();
            for spelling in spellings(word) {
                if index == last {
                    any.push(Box::new(multi_term_queries.prefix(field, &spelling)));
                } else {
                    let term = Term::from_field_text(field, &spelling);
                    any.push(Box::new(TermQuery::new(term, IndexRecordOption::Basic)));
                }
            }
            let forms = forms(MatchMode::Prefix, word);
            if !forms.is_empty() {
                let forms: Vec<&str> = forms.iter().map(String::as_str).collect();
                any.push(Box::new(multi_term_queries.one_of(field, &forms)));
            }
            let one: Box<dyn TantivyQuery> = Box::new(BooleanQuery::union(any));
            (Occur::Must, one)
        });
        clauses.collect()
    }

    /// Divides the limit of a segment among the Sources.
    fn limit_per_source(&self, limit: usize) -> usize {
        (limit / self.scope.len()).max(MIN_MATCHES_PER_SOURCE)
    }

    /// Reads the first matches of a Source. For each, it adds the number of words in the name, the ordinal of
    /// the name, the document and the Source to `found`.
    fn first_names<'s>(
        &self,
        searched: &'s SearchedSource<'s>,
        docs: Range<DocId>,
        reader: &SegmentReader,
        scorer: &mut dyn Scorer,
        found: &mut Vec<(u64, u64, DocId, &'s SearchedSource<'s>)>,
    ) -> Result<(), IndexError> {
        let fast = reader.fast_fields();
        let words = fast.column_opt::<u64>("name_words").map_err(read_error())?;
        let names = fast.str("name_folded").map_err(read_error())?;
        let (Some(words), Some(names)) = (words, names) else {
            return Ok(());
        };
        let (mut doc, limit) = (
            seek(scorer, docs.start),
            self.limit_per_source(MAX_NAMES_PER_SEGMENT),
        );
        let (mut matches, mut docs_read) = (0, 0_usize);
        while doc < docs.end && matches < limit {
            docs_read += 1;
            if docs_read.is_multiple_of(DOCS_PER_CHECK) {
                self.deadline.check()?;
            }
            let is_alive = reader
                .alive_bitset()
                .is_none_or(|alive| alive.is_alive(doc));
            if let (true, Some(ord)) = (is_alive, names.ords().first(doc)) {
                matches += 1;
                found.push((words.first(doc).unwrap_or(0), ord, doc, searched));
            }
            doc = scorer.advance();
        }
        Ok(())
    }

    /// Reads the first matches of a Source and adds the folders whose names contain the words to `found`.
    ///
    /// After a match, the remaining assets of the innermost folder found are skipped.
    fn first_folders(
        &self,
        searched: &SearchedSource<'_>,
        docs: Range<DocId>,
        columns: &Columns,
        reader: &SegmentReader,
        scorer: &mut dyn Scorer,
        found: &mut Vec<Candidate>,
    ) -> Result<(), IndexError> {
        let paths = Paths::open(reader, &searched.source.prefix).map_err(read_error())?;
        let Some(mut paths) = paths else {
            return Ok(());
        };
        let (mut doc, limit) = (
            seek(scorer, docs.start),
            self.limit_per_source(MAX_PATHS_PER_SEGMENT),
        );
        let folder_len = self.request.folder.len();
        let test = WordsTest::new(&self.words, MatchMode::Prefix);
        let mut matches = 0;
        while doc < docs.end && matches < limit {
            self.deadline.check()?;
            if !columns.is_alive(doc) {
                doc = scorer.advance();
                continue;
            }
            matches += 1;
            let path = paths.get(doc).map_err(read_error())?;
            let before = found.len();
            // The path is in the folder. The folder itself and those above it are no suggestions.
            for (start, end) in folder_names(path).filter(|(_, end)| *end >= folder_len) {
                let name = &path[start..end];
                if test.matches(name) {
                    found.push(Candidate::new(name, &path[..=end], searched.source));
                }
            }
            doc = match found[before..].last() {
                // All assets below the last folder are in the same folders.
                Some(last) => {
                    let end = searched.docs_under(columns, &last.path)?.end;
                    seek(scorer, end.max(doc + 1))
                }
                None => scorer.advance(),
            };
        }
        Ok(())
    }
}

/// Returns where the folder names of a path start and end, the outermost folder first.
fn folder_names(path: &str) -> impl Iterator<Item = (usize, usize)> {
    let slashes = path.match_indices('/').map(|(at, _)| at);
    slashes.clone().map(|at| at + 1).zip(slashes.skip(1))
}

/// Moves to the first document at or after `target`.
fn seek(scorer: &mut dyn Scorer, target: DocId) -> DocId {
    if scorer.doc() < target {
        scorer.seek(target)
    } else {
        scorer.doc()
    }
}

#[cfg(test)]
mod tests;
