//! Translates a query into a query of tantivy, for one Source.
//!
//! [`crate::core::query::matches`] defines what a query means. Scores are the constants in [`words`], so they
//! are the same in every segment. They are the same in every commit, too, except that a search for some of several
//! words counts how rare each word is, in powers of two.

use std::cell::Cell;
use std::sync::Arc;

use tantivy::Term as IndexTerm;
use tantivy::query::{
    BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, Occur, Query as IndexQuery,
    TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::Snapshot;
use super::and_not_query::AndNotQuery;
use super::asset_query::AssetQuery;
use super::multi_term_query::MultiTermQueries;
use super::path_filter_query::PathFilterQuery;
use super::ranking_decisions::RankingDecisions;
use super::schema::Fields;
use super::search_budget::SearchBudget;
use crate::core::query::{Condition, Query, Term};
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::source_state::SourceId;
use crate::core::source::SearchSource;
use crate::index::IndexError;

mod filters;
mod names;
mod paths;
mod preferences;
pub mod words;

/// A query, and whether it must match.
type Clause = (Occur, Box<dyn IndexQuery>);

type TranslatedQuery = Result<Box<dyn IndexQuery>, IndexError>;

/// Translates queries for one Source in one commit.
pub struct Translation<'a> {
    /// The commit to search.
    pub snapshot: &'a Snapshot,
    /// The fields of the index.
    pub fields: &'a Fields,
    /// The Source to search.
    pub source: &'a SearchSource,
    /// The id of the Source in the index.
    pub id: SourceId,
    /// The budget of the search. The translated queries check it while they run, and the search checks it
    /// when they are done.
    pub budget: &'a SearchBudget,
    /// The multi-term queries of the search, shared by all its Sources.
    pub multi_term_queries: &'a MultiTermQueries,
    /// What the ranking decides, shared by all Sources of the search.
    decisions: &'a RankingDecisions,
    /// The number of the next decision.
    next_decision: Cell<usize>,
    /// Finds all assets of the Source.
    all_assets: AssetQuery,
}

impl<'a> Translation<'a> {
    /// Creates the translation for a Source and its id in the index.
    pub fn new(
        snapshot: &'a Snapshot,
        fields: &'a Fields,
        (source, id): (&'a SearchSource, SourceId),
        budget: &'a SearchBudget,
        multi_term_queries: &'a MultiTermQueries,
        decisions: &'a RankingDecisions,
    ) -> Result<Self, IndexError> {
        let all_assets = AssetQuery::new(snapshot, id, &KeyInterval::everything())?;
        Ok(Self {
            snapshot,
            fields,
            source,
            id,
            budget,
            multi_term_queries,
            decisions,
            next_decision: Cell::new(0),
            all_assets,
        })
    }

    /// Translates a query. The result finds only assets of the Source.
    pub fn query(&self, query: &Query) -> TranslatedQuery {
        if query.finds_all() {
            return self.all_assets();
        }
        Ok(all_of([
            self.all_assets()?,
            self.condition(&query.condition)?,
        ]))
    }

    fn condition(&self, condition: &Condition) -> TranslatedQuery {
        match condition {
            Condition::Term(term) => self.term(term),
            Condition::All(none) if none.is_empty() => self.all_assets(),
            Condition::All(all) => {
                let each = all.iter().filter_map(|one| self.clause(one).transpose());
                let mut clauses = each.collect::<Result<Vec<_>, _>>()?;
                if clauses.iter().all(|(occur, _)| *occur != Occur::Must) {
                    // Otherwise tantivy would only find what is preferred.
                    clauses.push((Occur::Must, scored(self.all_assets()?, 0.0)));
                }
                Ok(Box::new(BooleanQuery::new(clauses)))
            }
            Condition::Best(any) => {
                let each = any.iter().map(|one| self.condition(one));
                Ok(best_of(each.collect::<Result<Vec<_>, _>>()?))
            }
            Condition::Preferred(_) => Ok(scored(self.all_assets()?, 0.0)),
            Condition::Any(any) => {
                let each = any
                    .iter()
                    .map(|one| Ok((Occur::Should, self.condition(one)?)));
                let clauses = each.collect::<Result<_, IndexError>>()?;
                Ok(Box::new(BooleanQuery::new(clauses)))
            }
            Condition::AtLeast(least, several) => {
                let each = several
                    .iter()
                    .map(|one| Ok((Occur::Should, self.by_rarity(one)?)));
                let clauses = each.collect::<Result<_, IndexError>>()?;
                Ok(Box::new(BooleanQuery::with_minimum_required_clauses(
                    clauses, *least,
                )))
            }
            Condition::Not(one) => {
                let rest = self.all_assets_except(self.condition(one)?)?;
                Ok(scored(rest, 0.0))
            }
        }
    }

    /// The clause for one of several conditions that must all match. `None` if it changes nothing.
    fn clause(&self, one: &Condition) -> Result<Option<Clause>, IndexError> {
        Ok(match one {
            Condition::Preferred(preferred) => {
                let preferred = self.preferred(preferred)?;
                preferred.map(|query| (Occur::Should, query))
            }
            _ => Some((Occur::Must, self.condition(one)?)),
        })
    }

    fn term(&self, term: &Term) -> TranslatedQuery {
        let filter = match term {
            Term::Words { words, mode, field } => return self.words(words, *mode, *field),
            Term::NamePattern(pattern) => return self.name_pattern(pattern),
            Term::Name(name) => self.name(name)?,
            Term::Path(path) => self.path(path),
            Term::PathPattern(pattern) => self.path_pattern(pattern)?,
            Term::Folder(folder) => self.path_prefix(folder)?,
            Term::DirectlyIn(folder) => self.directly_in(folder),
            Term::Ext(extensions) => self.extensions(extensions.iter().map(String::as_str)),
            Term::Type(types) => self.types(types)?,
            Term::Size(interval) => self.sizes(interval)?,
            Term::Modified(interval) => self.times(self.fields.last_modified, interval)?,
            Term::Created(interval) => self.times(self.fields.first_seen, interval)?,
            Term::Storage(classes) => self.storage(classes)?,
            Term::ETag(etag) => self.etag(etag)?,
        };
        Ok(scored(filter, 0.0))
    }

    /// The next decision of the query. All Sources and pages decide the same.
    fn decide(&self, decide: impl FnOnce() -> Result<u8, IndexError>) -> Result<u8, IndexError> {
        let number = self.next_decision.get();
        self.next_decision.set(number + 1);
        self.decisions.get(number, decide)
    }

    /// Finds all assets in the interval.
    fn assets_in(&self, interval: &KeyInterval) -> TranslatedQuery {
        // The documents of the whole Source are looked up only once for all terms.
        Ok(Box::new(if *interval == KeyInterval::everything() {
            self.all_assets.clone()
        } else {
            AssetQuery::new(self.snapshot, self.id, interval)?
        }))
    }

    fn all_assets(&self) -> TranslatedQuery {
        Ok(Box::new(self.all_assets.clone()))
    }

    fn all_assets_except(&self, excluded: Box<dyn IndexQuery>) -> TranslatedQuery {
        Ok(Box::new(AndNotQuery::new(self.all_assets()?, excluded)))
    }

    /// Finds the assets in the interval that all candidate queries find and whose path passes the test.
    fn filter_paths(
        &self,
        interval: &KeyInterval,
        mut candidates: Vec<Box<dyn IndexQuery>>,
        test: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> TranslatedQuery {
        // This avoids reading the paths of other Sources.
        candidates.push(self.assets_in(interval)?);
        Ok(Box::new(PathFilterQuery::new(
            all_of(candidates),
            &self.source.prefix,
            Arc::new(test),
            self.budget.clone(),
        )))
    }
}

fn text_term(field: Field, text: &str) -> Box<dyn IndexQuery> {
    let term = IndexTerm::from_field_text(field, text);
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

/// Finds the same documents, and gives each this score.
fn scored(query: Box<dyn IndexQuery>, score: f32) -> Box<dyn IndexQuery> {
    Box::new(ConstScoreQuery::new(query, score))
}

/// Finds the documents that all queries find, and adds their scores. There must be at least one query.
fn all_of(queries: impl IntoIterator<Item = Box<dyn IndexQuery>>) -> Box<dyn IndexQuery> {
    let queries = queries.into_iter().map(|query| (Occur::Must, query));
    Box::new(BooleanQuery::new(queries.collect()))
}

/// Finds the documents that at least one query finds, with the best score. No queries find nothing.
fn best_of(queries: impl IntoIterator<Item = Box<dyn IndexQuery>>) -> Box<dyn IndexQuery> {
    let queries: Vec<_> = queries.into_iter().collect();
    if queries.is_empty() {
        return Box::new(EmptyQuery);
    }
    Box::new(DisjunctionMaxQuery::new(queries))
}

#[cfg(test)]
mod tests;
