//! A query in tantivy's terms.
//!
//! What a query means is said in [`crate::query`]; here it is only translated.

use tantivy::Term as IndexTerm;
use tantivy::query::{BooleanQuery, EmptyQuery, Occur, Query as IndexQuery, RangeQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};

use super::Snapshot;
use super::live_query::LiveQuery;
use super::schema::Fields;
use crate::index::IndexError;
use crate::query::{Condition, Query, Term};
use crate::source::Source;
use crate::sync::interval::{KeyInterval, KeyRange};
use crate::sync::source_state::SourceId;
use crate::sync::stamp::Stamp;

/// A query in tantivy's terms, for one Source.
pub struct Translation<'a> {
    /// The commit that is searched.
    pub snapshot: &'a Snapshot,
    /// The fields of its index.
    pub fields: &'a Fields,
    /// The Source that is searched.
    pub source: &'a Source,
    /// Its number in the index.
    pub id: SourceId,
}

impl Translation<'_> {
    /// The live assets of the Source that the query finds.
    pub fn query(&self, query: &Query) -> Result<BooleanQuery, IndexError> {
        Ok(BooleanQuery::new(vec![
            (Occur::Must, self.live(&KeyInterval::everything())?),
            (Occur::Must, self.condition(&query.condition)?),
        ]))
    }

    fn condition(&self, condition: &Condition) -> Result<Box<dyn IndexQuery>, IndexError> {
        let each = |conditions: &[Condition], occur| {
            let translated = conditions
                .iter()
                .map(|one| Ok((occur, self.condition(one)?)));
            translated.collect::<Result<Vec<_>, IndexError>>()
        };
        let clauses = match condition {
            Condition::Term(term) => return self.term(term),
            Condition::All(none) if none.is_empty() => {
                return self.live(&KeyInterval::everything());
            }
            Condition::All(all) => each(all, Occur::Must)?,
            Condition::Any(any) => each(any, Occur::Should)?,
            Condition::Not(negated) => vec![
                (Occur::Must, self.live(&KeyInterval::everything())?),
                (Occur::MustNot, self.condition(negated)?),
            ],
        };
        Ok(Box::new(BooleanQuery::new(clauses)))
    }

    fn term(&self, term: &Term) -> Result<Box<dyn IndexQuery>, IndexError> {
        Ok(match term {
            Term::Words { words, .. } => all_of(words.iter().map(|word| self.word(word))),
            Term::Ext(extensions) => {
                any_of(extensions.iter().map(|ext| text_term(self.fields.ext, ext)))
            }
            Term::Folder(path) => match self.source.key_of(path) {
                Some(key_prefix) => self.live(&KeyRange::under(key_prefix).interval())?,
                // The root folder has no key of its own.
                None if path == "/" => self.live(&KeyInterval::everything())?,
                None => Box::new(EmptyQuery),
            },
            Term::Size(interval) => {
                let bound = |size: &u64| IndexTerm::from_field_u64(self.fields.size, *size);
                Box::new(RangeQuery::new(
                    interval.lower.as_ref().map(bound),
                    interval.upper.as_ref().map(bound),
                ))
            }
            Term::Modified(interval) => {
                let field = self.fields.last_modified;
                let bound = |stamp: &Stamp| IndexTerm::from_field_i64(field, stamp.as_millis());
                Box::new(RangeQuery::new(
                    interval.lower.as_ref().map(bound),
                    interval.upper.as_ref().map(bound),
                ))
            }
            // The parser does not make these yet.
            _ => Box::new(EmptyQuery),
        })
    }

    /// The live documents of the interval: what every search is confined to.
    fn live(&self, interval: &KeyInterval) -> Result<Box<dyn IndexQuery>, IndexError> {
        Ok(Box::new(LiveQuery::new(self.snapshot, self.id, interval)?))
    }

    /// A word anywhere in the asset path.
    fn word(&self, word: &str) -> Box<dyn IndexQuery> {
        let fields = [self.fields.name, self.fields.folder];
        any_of(fields.into_iter().map(|field| text_term(field, word)))
    }
}

fn text_term(field: Field, text: &str) -> Box<dyn IndexQuery> {
    let term = IndexTerm::from_field_text(field, text);
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn all_of(queries: impl Iterator<Item = Box<dyn IndexQuery>>) -> Box<dyn IndexQuery> {
    Box::new(BooleanQuery::new(
        queries.map(|query| (Occur::Must, query)).collect(),
    ))
}

fn any_of(queries: impl Iterator<Item = Box<dyn IndexQuery>>) -> Box<dyn IndexQuery> {
    Box::new(BooleanQuery::new(
        queries.map(|query| (Occur::Should, query)).collect(),
    ))
}
