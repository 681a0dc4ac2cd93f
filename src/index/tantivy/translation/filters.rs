//! Translates filters: extension, type, size, times, storage class and ETag.

use std::ops::Bound;

use tantivy::Term as IndexTerm;
use tantivy::query::{EmptyQuery, ExistsQuery, Query as IndexQuery, RangeQuery};
use tantivy::schema::Field;

use super::{TranslatedQuery, Translation, all_of, best_of, text_term};
use crate::core::query::{AssetType, Interval};
use crate::core::replication::object::{ETag, StorageClass};
use crate::core::replication::timestamp::Timestamp;
use crate::index::tantivy::and_not_query::AndNotQuery;

/// Maximum number of extensions with a query each. If several Sources are searched, more extensions than
/// this become one query whose results the Sources share.
const MAX_SEPARATE_EXTENSIONS: usize = 8;

impl Translation<'_> {
    pub(super) fn extensions<'e>(
        &self,
        extensions: impl Iterator<Item = &'e str>,
    ) -> Box<dyn IndexQuery> {
        let each: Vec<&str> = extensions.collect();
        if each.len() > MAX_SEPARATE_EXTENSIONS && self.multi_term_queries.are_shared() {
            return Box::new(self.multi_term_queries.one_of(self.fields.ext, &each));
        }
        best_of(each.iter().map(|ext| text_term(self.fields.ext, ext)))
    }

    pub(super) fn types(&self, types: &[AssetType]) -> TranslatedQuery {
        let exts = |types: &mut dyn Iterator<Item = AssetType>| {
            let each: Vec<_> = types.flat_map(|it| it.extensions()).copied().collect();
            self.extensions(each.into_iter())
        };
        if !types.contains(&AssetType::Other) {
            return Ok(exts(&mut types.iter().copied()));
        }
        // The type Other is everything without an extension of the other types.
        let mut rest = AssetType::ALL.into_iter().filter(|it| !types.contains(it));
        self.all_assets_except(exts(&mut rest))
    }

    /// The index has no value for the storage class STANDARD.
    pub(super) fn storage(&self, classes: &[String]) -> TranslatedQuery {
        let field = self.fields.storage_class;
        let mut alternatives = Vec::with_capacity(classes.len());
        for class in classes {
            alternatives.push(match StorageClass::from_name(class) {
                StorageClass::Named(name) => text_term(field, &name),
                StorageClass::Standard if *class == StorageClass::Standard.name() => {
                    let exists = ExistsQuery::new("storage_class".to_owned(), false);
                    self.all_assets_except(Box::new(exists))?
                }
                StorageClass::Standard => Box::new(EmptyQuery),
            });
        }
        Ok(best_of(alternatives))
    }

    pub(super) fn etag(&self, etag: &str) -> TranslatedQuery {
        let as_written = |read: &ETag| read.to_text() == etag;
        Ok(match ETag::parse(etag).filter(as_written) {
            None => Box::new(EmptyQuery),
            Some(ETag::Other(text)) => {
                equals(IndexTerm::from_field_text(self.fields.etag_other, &text))
            }
            Some(ETag::Hex { bits, parts }) => {
                let half = |field, half| equals(IndexTerm::from_field_u64(field, half));
                let halves = all_of([
                    half(self.fields.etag_high, (bits >> 64) as u64),
                    half(self.fields.etag_low, bits as u64),
                ]);
                if parts > 0 {
                    let parts = half(self.fields.etag_parts, u64::from(parts));
                    return Ok(all_of([halves, parts]));
                }
                let exists = ExistsQuery::new("etag_parts".to_owned(), false);
                Box::new(AndNotQuery::new(halves, Box::new(exists)))
            }
        })
    }

    pub(super) fn sizes(&self, interval: &Interval<u64>) -> TranslatedQuery {
        let bound = |size: &u64| IndexTerm::from_field_u64(self.fields.size, *size);
        self.range(
            interval.lower.as_ref().map(bound),
            interval.upper.as_ref().map(bound),
        )
    }

    pub(super) fn times(&self, field: Field, interval: &Interval<Timestamp>) -> TranslatedQuery {
        let bound = |time: &Timestamp| IndexTerm::from_field_i64(field, time.as_millis());
        self.range(
            interval.lower.as_ref().map(bound),
            interval.upper.as_ref().map(bound),
        )
    }

    fn range(&self, lower: Bound<IndexTerm>, upper: Bound<IndexTerm>) -> TranslatedQuery {
        match (&lower, &upper) {
            // Tantivy takes the field from a bound, so it needs at least one.
            (Bound::Unbounded, Bound::Unbounded) => self.all_assets(),
            _ => Ok(Box::new(RangeQuery::new(lower, upper))),
        }
    }
}

/// Finds the documents whose column has the value of the term.
fn equals(term: IndexTerm) -> Box<dyn IndexQuery> {
    Box::new(RangeQuery::new(
        Bound::Included(term.clone()),
        Bound::Included(term),
    ))
}
