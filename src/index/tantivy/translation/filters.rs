//! What is no text of the path: extension and type, size, moments, storage class, ETag.

use std::ops::Bound;

use tantivy::Term as IndexTerm;
use tantivy::query::{EmptyQuery, ExistsQuery, Query as IndexQuery, RangeQuery};
use tantivy::schema::Field;

use super::{TranslatedQuery, Translation, all_of, best_of, text_term};
use crate::core::query::{AssetType, Interval};
use crate::core::replication::object::{ETag, StorageClass};
use crate::core::replication::timestamp::Timestamp;
use crate::index::tantivy::and_not_query::AndNotQuery;

/// More extensions than these are read at once where several Sources ask for them.
const FEW_EXTENSIONS: usize = 8;

impl Translation<'_> {
    pub(super) fn extensions<'e>(
        &self,
        extensions: impl Iterator<Item = &'e str>,
    ) -> Box<dyn IndexQuery> {
        let each: Vec<&str> = extensions.collect();
        if each.len() > FEW_EXTENSIONS && self.multi_term_queries.are_shared() {
            return Box::new(self.multi_term_queries.one_of(self.fields.ext, &each));
        }
        best_of(each.iter().map(|ext| text_term(self.fields.ext, ext)))
    }

    pub(super) fn kinds(&self, kinds: &[AssetType]) -> TranslatedQuery {
        let exts = |kinds: &mut dyn Iterator<Item = AssetType>| {
            let each: Vec<_> = kinds.flat_map(|kind| kind.extensions()).copied().collect();
            self.extensions(each.into_iter())
        };
        if !kinds.contains(&AssetType::Other) {
            return Ok(exts(&mut kinds.iter().copied()));
        }
        // Other is what has none of the extensions of the rest.
        let mut rest = AssetType::ALL
            .into_iter()
            .filter(|kind| !kinds.contains(kind));
        self.all_assets_except(exts(&mut rest))
    }

    /// The standard class is the absence of a name.
    pub(super) fn storage(&self, classes: &[String]) -> TranslatedQuery {
        let field = self.fields.storage_class;
        let mut ways = Vec::with_capacity(classes.len());
        for class in classes {
            ways.push(match StorageClass::from_name(class) {
                StorageClass::Named(name) => text_term(field, &name),
                StorageClass::Standard if *class == StorageClass::Standard.name() => {
                    let exists = ExistsQuery::new("storage_class".to_owned(), false);
                    self.all_assets_except(Box::new(exists))?
                }
                StorageClass::Standard => Box::new(EmptyQuery),
            });
        }
        Ok(best_of(ways))
    }

    pub(super) fn etag(&self, etag: &str) -> TranslatedQuery {
        let as_written = |read: &ETag| read.to_text() == etag;
        Ok(match ETag::parse(etag).filter(as_written) {
            None => Box::new(EmptyQuery),
            Some(ETag::Other(text)) => {
                exactly(IndexTerm::from_field_text(self.fields.etag_other, &text))
            }
            Some(ETag::Hex { bits, parts }) => {
                let half = |field, half| exactly(IndexTerm::from_field_u64(field, half));
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
        let bound = |stamp: &Timestamp| IndexTerm::from_field_i64(field, stamp.as_millis());
        self.range(
            interval.lower.as_ref().map(bound),
            interval.upper.as_ref().map(bound),
        )
    }

    fn range(&self, lower: Bound<IndexTerm>, upper: Bound<IndexTerm>) -> TranslatedQuery {
        match (&lower, &upper) {
            // Of no bounds tantivy cannot tell the field.
            (Bound::Unbounded, Bound::Unbounded) => self.all_assets(),
            _ => Ok(Box::new(RangeQuery::new(lower, upper))),
        }
    }
}

/// The documents whose column has the term's value.
fn exactly(term: IndexTerm) -> Box<dyn IndexQuery> {
    Box::new(RangeQuery::new(
        Bound::Included(term.clone()),
        Bound::Included(term),
    ))
}
