//! A query in tantivy's terms, for one Source.
//!
//! What a query means is said in [`crate::core::query::matches`]; here it is only translated. Scores are
//! constants of [`words`], so that they are the same in every segment and commit.

use std::sync::Arc;

use tantivy::Term as IndexTerm;
use tantivy::query::{
    BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, Occur, Query as IndexQuery,
    TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::Snapshot;
use super::expansion::Expansions;
use super::live_query::LiveQuery;
use super::schema::Fields;
use super::verified::Verified;
use super::watch::Watch;
use super::without::Without;
use crate::core::query::{Condition, Query, Term};
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::source_state::SourceId;
use crate::core::source::SearchSource;
use crate::index::IndexError;

mod filters;
mod names;
mod paths;
pub mod words;

type Translated = Result<Box<dyn IndexQuery>, IndexError>;

/// What a query is translated for.
pub struct Translation<'a> {
    /// The commit that is searched.
    pub snapshot: &'a Snapshot,
    /// The fields of its index.
    pub fields: &'a Fields,
    /// The Source that is searched.
    pub source: &'a SearchSource,
    /// Its number in the index.
    pub id: SourceId,
    /// Asked by the search while it runs; whoever runs it asks when it is done.
    pub watch: &'a Watch,
    /// Those of the search, for all its Sources.
    pub expansions: &'a Expansions,
    /// All live assets of the Source.
    everything: LiveQuery,
}

impl<'a> Translation<'a> {
    /// The translation for a Source and its number in the index.
    pub fn new(
        snapshot: &'a Snapshot,
        fields: &'a Fields,
        (source, id): (&'a SearchSource, SourceId),
        watch: &'a Watch,
        expansions: &'a Expansions,
    ) -> Result<Self, IndexError> {
        let everything = LiveQuery::new(snapshot, id, &KeyInterval::everything())?;
        Ok(Self {
            snapshot,
            fields,
            source,
            id,
            watch,
            expansions,
            everything,
        })
    }

    /// The live assets of the Source that the query finds.
    pub fn query(&self, query: &Query) -> Translated {
        match &query.condition {
            // What finds everything has no second condition.
            Condition::All(none) if none.is_empty() => self.everything(),
            condition => Ok(all_of([self.everything()?, self.condition(condition)?])),
        }
    }

    fn condition(&self, condition: &Condition) -> Translated {
        match condition {
            Condition::Term(term) => self.term(term),
            Condition::All(none) if none.is_empty() => self.everything(),
            Condition::All(all) => {
                let each = all.iter().map(|one| self.condition(one));
                Ok(all_of(each.collect::<Result<Vec<_>, _>>()?))
            }
            Condition::Any(any) => {
                let each = any
                    .iter()
                    .map(|one| Ok((Occur::Should, self.condition(one)?)));
                let clauses = each.collect::<Result<_, IndexError>>()?;
                Ok(Box::new(BooleanQuery::new(clauses)))
            }
            Condition::Not(one) => {
                let rest = self.everything_but(self.condition(one)?)?;
                Ok(scored(rest, 0.0))
            }
        }
    }

    fn term(&self, term: &Term) -> Translated {
        let filter = match term {
            Term::Words { words, mode, field } => return self.words(words, *mode, *field),
            Term::NamePattern(pattern) => return self.name_part(pattern),
            Term::Name(name) => self.name(name)?,
            Term::Path(path) => self.path(path),
            Term::PathPattern(pattern) => self.path_glob(pattern)?,
            Term::Folder(folder) => self.beginning_with(folder)?,
            Term::DirectlyIn(folder) => self.level(folder),
            Term::Ext(extensions) => self.extensions(extensions.iter().map(String::as_str)),
            Term::Type(kinds) => self.kinds(kinds)?,
            Term::Size(interval) => self.sizes(interval)?,
            Term::Modified(interval) => self.moments(self.fields.last_modified, interval)?,
            Term::Created(interval) => self.moments(self.fields.first_seen, interval)?,
            Term::Storage(classes) => self.storage(classes)?,
            Term::ETag(etag) => self.etag(etag)?,
        };
        Ok(scored(filter, 0.0))
    }

    /// The live documents of the interval: what every search is confined to.
    fn live(&self, interval: &KeyInterval) -> Translated {
        // Where a Source's documents lie is looked up once, however many terms ask.
        Ok(Box::new(if *interval == KeyInterval::everything() {
            self.everything.clone()
        } else {
            LiveQuery::new(self.snapshot, self.id, interval)?
        }))
    }

    fn everything(&self) -> Translated {
        Ok(Box::new(self.everything.clone()))
    }

    fn everything_but(&self, left_out: Box<dyn IndexQuery>) -> Translated {
        Ok(Box::new(Without::new(self.everything()?, left_out)))
    }

    /// Those live documents of the interval, among the candidates, whose path passes the test.
    fn verified(
        &self,
        interval: &KeyInterval,
        mut candidates: Vec<Box<dyn IndexQuery>>,
        test: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Translated {
        // Of other Sources' documents no path is read.
        candidates.push(self.live(interval)?);
        Ok(Box::new(Verified::new(
            all_of(candidates),
            &self.source.prefix,
            Arc::new(test),
            self.watch.clone(),
        )))
    }
}

fn text_term(field: Field, text: &str) -> Box<dyn IndexQuery> {
    let term = IndexTerm::from_field_text(field, text);
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

/// The same documents, each with this score.
fn scored(query: Box<dyn IndexQuery>, score: f32) -> Box<dyn IndexQuery> {
    Box::new(ConstScoreQuery::new(query, score))
}

/// Scores add up. Not for no queries at all.
fn all_of(queries: impl IntoIterator<Item = Box<dyn IndexQuery>>) -> Box<dyn IndexQuery> {
    let queries = queries.into_iter().map(|query| (Occur::Must, query));
    Box::new(BooleanQuery::new(queries.collect()))
}

/// The best score counts; of no queries at all, nothing.
fn best_of(queries: impl IntoIterator<Item = Box<dyn IndexQuery>>) -> Box<dyn IndexQuery> {
    let queries: Vec<_> = queries.into_iter().collect();
    if queries.is_empty() {
        return Box::new(EmptyQuery);
    }
    Box::new(DisjunctionMaxQuery::new(queries))
}

#[cfg(test)]
mod tests;
