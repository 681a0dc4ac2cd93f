//! Runs a search on one commit. A single pass counts the matches, collects the hits of the page and counts
//! the facets.
//!
//! `translation` turns the query into a query of tantivy. `ranking` sorts the hits.

use tantivy::query::{EnableScoring, Scorer, Weight};
use tantivy::{DocId, Score, SegmentReader, TERMINATED};

use super::columns::Columns;
use super::facets::{Facets, OpenSegment, SegmentFacets};
use super::hits::hit;
use super::merge::{PlacedDoc, Stream, merge};
use super::multi_term_query::MultiTermQueries;
use super::ranking::{BLOCK, Rank, RankValues, Ranked, SeveralKeys, TopDocs};
use super::ranking_decisions::RankingDecisions;
use super::search_budget::SearchBudget;
use super::source_scope::SearchedSource;
use super::translation::Translation;
use super::{TantivyEngine, failure};
use crate::core::query::{
    Count, FacetBy, Highlighter, Page, Position, Request, Sort, SortBy, Total,
};
use crate::core::source::SearchSource;
use crate::index::{Deadline, IndexError};

/// Number of blocks that are read between two checks of the deadline: 4,096 documents.
const BLOCKS_PER_CHECK: usize = 4096 / BLOCK;

/// The attempted action in error messages.
const SEARCHING: &str = "search the index";

impl TantivyEngine {
    /// Returns a page of the assets in these Sources that the query finds.
    ///
    /// A Source has no assets if the index does not know it, or if its records are from another bucket or
    /// folder. The total counts the assets of all pages.
    pub fn search(
        &self,
        scope: &[&SearchSource],
        request: &Request,
        deadline: &Deadline,
    ) -> Result<Page, IndexError> {
        let Some(before) = &request.before else {
            return self.search_forward(scope, request, deadline);
        };
        // The page before a position is the page after it in the opposite order.
        let request = Request {
            sort: request.sort.reversed(),
            after: Some(before.clone()),
            before: None,
            ..request.clone()
        };
        let mut page = self.search_forward(scope, &request, deadline)?;
        page.hits.reverse();
        std::mem::swap(&mut page.prev, &mut page.next);
        Ok(page)
    }

    fn search_forward(
        &self,
        scope: &[&SearchSource],
        request: &Request,
        deadline: &Deadline,
    ) -> Result<Page, IndexError> {
        deadline.check()?;
        let shared_deadline = deadline.clone();
        let search = Search {
            engine: self,
            request,
            deadline,
            budget: SearchBudget::new(move || shared_deadline.is_over()),
            scope: self.searched_sources(scope),
            decisions: RankingDecisions::of_earlier_page(
                request
                    .after
                    .as_ref()
                    .map_or_else(Vec::new, |it| it.ranking.clone()),
            ),
        };
        match request.sort.keys() {
            [] | [_] => search.page::<u64>(),
            _ => search.page::<SeveralKeys>(),
        }
    }
}

/// A running search.
struct Search<'a> {
    engine: &'a TantivyEngine,
    request: &'a Request,
    deadline: &'a Deadline,
    budget: SearchBudget,
    scope: Vec<SearchedSource<'a>>,
    decisions: RankingDecisions,
}

/// The number of matches so far.
struct MatchCount {
    total: u64,
    /// False if some matches were not counted.
    is_exact: bool,
}

/// Some matching documents in ascending order, with their scores.
struct Block {
    docs: [DocId; BLOCK],
    scores: [Score; BLOCK],
    len: usize,
}

impl Search<'_> {
    fn page<R: Rank>(&self) -> Result<Page, IndexError> {
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
            let mut counts = SegmentFacets::open(reader, self.facets_to_count())?;
            for (searched, weight) in self.scope.iter().zip(&weights) {
                // A Source without documents in this segment is skipped, because looking up words would still
                // take time.
                if searched.docs(columns)?.is_empty() {
                    continue;
                }
                if self.is_counted() {
                    let segment = OpenSegment { reader, columns };
                    let cache = &self.engine.facet_cache;
                    let by = &self.request.facets;
                    let counted = cache.count(segment, searched, by, self.deadline)?;
                    matches.total += counted.total;
                    facets.counts.add(&counted.facets);
                }
                counts.enter_source(searched, columns, reader)?;
                let start = self.start::<R>(&values, searched, columns)?;
                let mut top_docs = TopDocs::new(self.needed_hits(), start, self.request.sort);
                let mut scorer = weight
                    .scorer(reader, 1.0)
                    .map_err(failure::failed_read(SEARCHING))?;
                self.collect_segment(
                    &mut *scorer,
                    reader,
                    &values,
                    &mut top_docs,
                    &mut counts,
                    &mut matches,
                )?;
                streams.push(Stream {
                    searched: *searched,
                    columns,
                    first: top_docs.into_sorted(),
                });
            }
            counts.add_to(&mut facets.counts)?;
        }
        self.finish(streams, facets, matches)
    }

    /// Translates the query for each Source, because the same query means different keys in each Source.
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
                &self.decisions,
            )?;
            let query = translation.query(&self.request.query)?;
            query
                .weight(scoring)
                .map_err(failure::failed_read(SEARCHING))
        };
        self.scope.iter().map(weight).collect()
    }

    fn is_scored(&self) -> bool {
        self.request.sort.has(SortBy::Relevance)
    }

    /// Number of hits to collect: one more than the page needs, to see whether there is a next page.
    fn needed_hits(&self) -> usize {
        self.request.limit.saturating_add(1)
    }

    fn start<R: Rank>(
        &self,
        values: &RankValues,
        searched: &SearchedSource<'_>,
        columns: &Columns,
    ) -> Result<Ranked<R>, IndexError> {
        match &self.request.after {
            Some(position) => values.first_after(position, searched, columns),
            None => Ok((R::FIRST, 0)),
        }
    }

    /// Reads all matches of a Source in a segment.
    fn collect_segment<R: Rank>(
        &self,
        scorer: &mut dyn Scorer,
        reader: &SegmentReader,
        values: &RankValues,
        top_docs: &mut TopDocs<R>,
        counts: &mut SegmentFacets<'_>,
        matches: &mut MatchCount,
    ) -> Result<(), IndexError> {
        let mut block = Block::new();
        let mut ranks = [R::FIRST; BLOCK];
        for number in 1.. {
            if number % BLOCKS_PER_CHECK == 0 {
                self.deadline.check()?;
            }
            if !block.read(scorer, self.is_scored()) {
                break;
            }
            block.drop_deleted(reader);
            values.read(block.docs(), &block.scores, &mut ranks);
            top_docs.offer(block.docs(), &ranks);
            if !self.is_counted() {
                counts.count(block.docs())?;
                matches.total += block.len as u64;
            }
            if self.can_stop_counting(matches) && scorer.doc() != TERMINATED {
                if top_docs.is_full() {
                    matches.is_exact &= self.is_counted();
                    break;
                }
                if scorer.doc() < top_docs.first_doc() {
                    matches.is_exact &= self.is_counted();
                    scorer.seek(top_docs.first_doc());
                }
            }
        }
        // A document set cannot report that it stopped early.
        if let Some(error) = self.budget.error() {
            return Err(error.clone());
        }
        self.deadline.check()
    }

    /// Whether counting may stop: the count is high enough, and the remaining matches are not needed to find
    /// the hits.
    fn can_stop_counting(&self, matches: &MatchCount) -> bool {
        let is_enough = match self.request.count {
            _ if self.is_counted() => true,
            Count::Exact => false,
            Count::UpTo(enough) => self.request.facets.is_empty() && matches.total >= enough,
        };
        is_enough && self.is_in_order()
    }

    /// Whether the documents of a segment are in the sort order of the search.
    fn is_in_order(&self) -> bool {
        let sort = self.request.sort;
        // All assets are equally relevant if there is nothing to find.
        let is_unranked = self.request.query.finds_all() && sort == Sort::by(SortBy::Relevance);
        sort == Sort::default() || is_unranked
    }

    /// The facets that are counted while the matches are read.
    fn facets_to_count(&self) -> &[FacetBy] {
        if self.is_counted() {
            &[]
        } else {
            &self.request.facets
        }
    }

    /// Whether the numbers of all matches are in the cache, because the search finds all assets.
    fn is_counted(&self) -> bool {
        let needs_all = self.request.count == Count::Exact || !self.request.facets.is_empty();
        needs_all && self.request.query.finds_all()
    }

    fn finish<R: Rank>(
        &self,
        streams: Vec<Stream<'_, R>>,
        facets: Facets<'_>,
        matches: MatchCount,
    ) -> Result<Page, IndexError> {
        let request = self.request;
        let mut placed_docs = merge(streams, request.sort, self.needed_hits(), self.deadline)?;
        let has_more = placed_docs.len() > request.limit;
        placed_docs.truncate(request.limit);
        let highlighter = Highlighter::new(&request.query);
        let mut hits = Vec::with_capacity(placed_docs.len());
        for placed in &placed_docs {
            let path = &placed.position.path;
            let mut hit = hit(&placed.searched, placed.columns, placed.doc, path)?;
            if request.highlights {
                hit.highlights = Some(highlighter.highlights(path));
            }
            hits.push(hit);
        }
        let ranking = self.decisions.made();
        let position = |placed: &PlacedDoc<'_>| Position {
            ranking: ranking.clone(),
            ..placed.position.clone()
        };
        let (first, last) = (placed_docs.first(), placed_docs.last());
        Ok(Page {
            hits,
            total: matches.total(request.count),
            next: last.filter(|_| has_more).map(position),
            prev: first.filter(|_| request.after.is_some()).map(position),
            facets: facets.finish(),
            interpretation: None,
        })
    }
}

impl MatchCount {
    fn total(&self, count: Count) -> Total {
        let value = match count {
            // The number of matches counted beyond the limit depends on chance, so it is not shown.
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

    /// Reads the next documents. Returns false if there are none.
    fn read(&mut self, scorer: &mut dyn Scorer, is_scored: bool) -> bool {
        if !is_scored {
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
        for index in 0..self.len {
            if alive.is_alive(self.docs[index]) {
                self.docs[kept] = self.docs[index];
                self.scores[kept] = self.scores[index];
                kept += 1;
            }
        }
        self.len = kept;
    }
}

#[cfg(test)]
mod tests;
