//! Answers a search from one commit: counts what the query finds, keeps the first of it, and takes
//! the facets, all in one pass.
//!
//! What the query means to tantivy is said in `translation`; what a place in the order is, in `ranking`.

use tantivy::query::{EnableScoring, Scorer, Weight};
use tantivy::{DocId, Score, SegmentReader, TERMINATED};

use super::columns::Columns;
use super::facets::{Facets, SegmentFacets};
use super::hits::hit;
use super::merge::{Stream, merge};
use super::multi_term_query::MultiTermQueries;
use super::ranking::{BLOCK, RankValues, Ranked, TopDocs};
use super::search_budget::SearchBudget;
use super::source_scope::SearchedSource;
use super::translation::Translation;
use super::{TantivyEngine, failure};
use crate::core::query::{Count, Page, Request, SortBy, Total, highlights};
use crate::core::source::SearchSource;
use crate::index::{Deadline, IndexError};

/// So many blocks are looked at between two looks at the deadline: 4,096 documents.
const BLOCKS_PER_CHECK: usize = 4096 / BLOCK;

/// What fails where tantivy cannot read.
const SEARCHING: &str = "search the index";

/// The place in front of every document.
const BEFORE_ALL: Ranked = (0, 0);

impl TantivyEngine {
    /// A page of the assets of these Sources that the query finds.
    ///
    /// A Source that the index does not know, or whose records there are of another bucket or folder,
    /// has no assets. The total counts the assets of all pages.
    pub fn search(
        &self,
        scope: &[&SearchSource],
        request: &Request,
        deadline: &Deadline,
    ) -> Result<Page, IndexError> {
        deadline.check()?;
        let until = deadline.clone();
        let search = Search {
            engine: self,
            request,
            deadline,
            budget: SearchBudget::new(move || until.is_over()),
            scope: self.searched_sources(scope),
        };
        search.page()
    }
}

/// A search under way.
struct Search<'a> {
    engine: &'a TantivyEngine,
    request: &'a Request,
    deadline: &'a Deadline,
    budget: SearchBudget,
    scope: Vec<SearchedSource<'a>>,
}

/// What was counted so far.
struct MatchCount {
    total: u64,
    /// Whether all was.
    is_exact: bool,
}

/// Some documents that match, ascending, with their scores.
struct Block {
    docs: [DocId; BLOCK],
    scores: [Score; BLOCK],
    len: usize,
}

impl Search<'_> {
    fn page(&self) -> Result<Page, IndexError> {
        let weights = self.weights()?;
        let snapshot = self.engine.snapshot();
        let mut facets = Facets::new(&self.request.facets);
        let mut streams = Vec::new();
        let mut matches = MatchCount {
            total: 0,
            is_exact: true,
        };
        let readers = snapshot.searcher.segment_readers();
        for (columns, reader) in snapshot.segments.iter().zip(readers) {
            let values = RankValues::open(reader, self.request.sort)?;
            let mut counts = SegmentFacets::open(reader, &facets)?;
            for (searched, weight) in self.scope.iter().zip(&weights) {
                // To ask the index of words for nothing costs as much as for all.
                if searched.docs(columns)?.is_empty() {
                    continue;
                }
                counts.enter_source(searched, columns, reader)?;
                let mut first =
                    TopDocs::new(self.needed_hits(), self.start(&values, searched, columns)?);
                let mut scorer = weight
                    .scorer(reader, 1.0)
                    .map_err(failure::failed_read(SEARCHING))?;
                self.collect_segment(
                    &mut *scorer,
                    reader,
                    &values,
                    &mut first,
                    &mut counts,
                    &mut matches,
                )?;
                streams.push(Stream {
                    searched: *searched,
                    columns,
                    first: first.into_sorted(),
                });
            }
            counts.add_to(&mut facets)?;
        }
        self.finish(streams, facets, matches)
    }

    /// One for each Source: a query means other keys in each.
    fn weights(&self) -> Result<Vec<Box<dyn Weight>>, IndexError> {
        let searcher = &self.engine.snapshot().searcher;
        let scoring = if self.is_scored() {
            EnableScoring::enabled_from_searcher(searcher)
        } else {
            EnableScoring::disabled_from_searcher(searcher)
        };
        let multi_term_queries = MultiTermQueries::new(&self.budget, self.scope.len());
        let weight = |searched: &SearchedSource<'_>| {
            self.deadline.check()?;
            let translation = Translation::new(
                self.engine.snapshot(),
                self.engine.fields(),
                (searched.source, searched.id),
                &self.budget,
                &multi_term_queries,
            )?;
            let query = translation.query(&self.request.query)?;
            query
                .weight(scoring)
                .map_err(failure::failed_read(SEARCHING))
        };
        self.scope.iter().map(weight).collect()
    }

    fn is_scored(&self) -> bool {
        self.request.sort.by == SortBy::Relevance
    }

    /// One more than the page has tells whether there is a next page.
    fn needed_hits(&self) -> usize {
        self.request.limit.saturating_add(1)
    }

    fn start(
        &self,
        values: &RankValues,
        searched: &SearchedSource<'_>,
        columns: &Columns,
    ) -> Result<Ranked, IndexError> {
        match &self.request.after {
            Some(position) => values.first_after(position, searched, columns),
            None => Ok(BEFORE_ALL),
        }
    }

    /// Goes through what a Source has of the query in a segment.
    fn collect_segment(
        &self,
        scorer: &mut dyn Scorer,
        reader: &SegmentReader,
        values: &RankValues,
        first: &mut TopDocs,
        counts: &mut SegmentFacets<'_>,
        matches: &mut MatchCount,
    ) -> Result<(), IndexError> {
        let mut block = Block::new();
        let mut ranked = [0; BLOCK];
        for number in 1.. {
            if number % BLOCKS_PER_CHECK == 0 {
                self.deadline.check()?;
            }
            if !block.read(scorer, self.is_scored()) {
                break;
            }
            block.drop_deleted(reader);
            values.of(block.docs(), &block.scores, &mut ranked);
            first.offer(block.docs(), &ranked);
            counts.count(block.docs())?;
            matches.total += block.len as u64;
            if self.can_stop_counting(matches) && scorer.doc() != TERMINATED {
                if first.is_full() {
                    matches.is_exact = false;
                    break;
                }
                if scorer.doc() < first.first_doc() {
                    matches.is_exact = false;
                    scorer.seek(first.first_doc());
                }
            }
        }
        // A set of documents cannot say that it ended too early.
        if let Some(fault) = self.budget.error() {
            return Err(fault.clone());
        }
        self.deadline.check()
    }

    /// Whether the count may end, and the hits that are left can be told from the others unseen.
    fn can_stop_counting(&self, matches: &MatchCount) -> bool {
        let sort = self.request.sort;
        let is_in_order = sort.by == SortBy::Path && !sort.descending;
        match self.request.count {
            Count::Exact => false,
            Count::UpTo(enough) => {
                is_in_order && self.request.facets.is_empty() && matches.total >= enough
            }
        }
    }

    fn finish(
        &self,
        streams: Vec<Stream<'_>>,
        facets: Facets<'_>,
        matches: MatchCount,
    ) -> Result<Page, IndexError> {
        let request = self.request;
        let mut placed = merge(streams, request.sort, self.needed_hits(), self.deadline)?;
        let has_more = placed.len() > request.limit;
        placed.truncate(request.limit);
        let mut hits = Vec::with_capacity(placed.len());
        for place in &placed {
            let path = &place.position.path;
            let mut hit = hit(&place.searched, place.columns, place.doc, path)?;
            if request.highlights {
                hit.highlights = Some(highlights(&request.query, path));
            }
            hits.push(hit);
        }
        let last = placed.pop().map(|place| place.position);
        Ok(Page {
            hits,
            total: matches.total(request.count),
            next: last.filter(|_| has_more),
            facets: facets.finish(),
        })
    }
}

impl MatchCount {
    fn total(&self, count: Count) -> Total {
        let value = match count {
            // How far beyond it was counted is chance.
            Count::UpTo(enough) if !self.is_exact => self.total.min(enough),
            _ => self.total,
        };
        Total {
            value,
            exact: self.is_exact,
        }
    }
}

impl Block {
    fn new() -> Self {
        Self {
            docs: [0; BLOCK],
            scores: [0.0; BLOCK],
            len: 0,
        }
    }

    fn docs(&self) -> &[DocId] {
        &self.docs[..self.len]
    }

    /// Reads the next documents; whether there are any.
    fn read(&mut self, scorer: &mut dyn Scorer, scored: bool) -> bool {
        if !scored {
            self.len = scorer.fill_buffer(&mut self.docs);
            return self.len > 0;
        }
        self.len = 0;
        while self.len < BLOCK && scorer.doc() != TERMINATED {
            self.docs[self.len] = scorer.doc();
            self.scores[self.len] = scorer.score();
            self.len += 1;
            scorer.advance();
        }
        self.len > 0
    }

    fn drop_deleted(&mut self, reader: &SegmentReader) {
        let Some(alive) = reader.alive_bitset() else {
            return;
        };
        let mut kept = 0;
        for place in 0..self.len {
            if alive.is_alive(self.docs[place]) {
                self.docs[kept] = self.docs[place];
                self.scores[kept] = self.scores[place];
                kept += 1;
            }
        }
        self.len = kept;
    }
}

#[cfg(test)]
mod tests;
