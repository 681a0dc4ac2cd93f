//! A tantivy query for the documents of many keys at once.
//!
//! A commit deletes all documents that it replaces with one such query. With one query for each key, every
//! segment would apply its deletes one by one, which is several times slower.

use tantivy::query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError, Term};

use super::identity::KeyHash;
use super::schema::Fields;

/// Finds the documents of many keys by the hashes of the keys.
#[derive(Clone, Debug)]
pub struct KeysQuery {
    kh: Field,
    hashes: std::sync::Arc<[KeyHash]>,
}

impl KeysQuery {
    /// A query for the documents with one of these hashes.
    pub fn new(fields: &Fields, mut hashes: Vec<KeyHash>) -> Self {
        // A term dictionary is twice as fast if terms are looked up in order.
        hashes.sort_unstable();
        Self {
            kh: fields.kh,
            hashes: hashes.into(),
        }
    }

    /// Returns the documents of one segment in ascending order.
    fn docs(&self, segment: &SegmentReader) -> tantivy::Result<Vec<DocId>> {
        let mut docs = Vec::new();
        find(segment, self.kh, &self.hashes, |_, doc| docs.push(doc))?;
        docs.sort_unstable();
        Ok(docs)
    }
}

/// Finds the documents of a segment with one of the hashes, deleted documents included. It calls `each` with
/// the index of the hash in `hashes` and the document.
pub fn find(
    segment: &SegmentReader,
    kh: Field,
    hashes: &[KeyHash],
    mut each: impl FnMut(usize, DocId),
) -> tantivy::Result<()> {
    let index = segment.inverted_index(kh)?;
    let Some(high) = segment.fast_fields().column_opt::<u64>("kh2")? else {
        return Ok(());
    };
    for (index_of_hash, hash) in hashes.iter().enumerate() {
        let term = Term::from_field_u64(kh, hash.low);
        let Some(mut found) = index.read_postings(&term, IndexRecordOption::Basic)? else {
            continue;
        };
        while found.doc() != TERMINATED {
            if high.first(found.doc()) == Some(hash.high) {
                each(index_of_hash, found.doc());
            }
            found.advance();
        }
    }
    Ok(())
}

impl Query for KeysQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for KeysQuery {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let docs = SortedDocs::new(self.docs(segment)?);
        Ok(Box::new(ConstScorer::new(docs, boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Err(TantivyError::InvalidArgument(
            "a query for keys has no score to explain".to_owned(),
        ))
    }
}

/// A list of documents in ascending order.
pub struct SortedDocs {
    docs: Vec<DocId>,
    next: usize,
}

impl SortedDocs {
    /// `docs` must be in ascending order, without duplicates.
    pub fn new(docs: Vec<DocId>) -> Self {
        Self { docs, next: 0 }
    }
}

impl DocSet for SortedDocs {
    fn advance(&mut self) -> DocId {
        self.next += 1;
        self.doc()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        let rest = self.docs.get(self.next..).unwrap_or_default();
        self.next += rest.partition_point(|doc| *doc < target);
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.docs.get(self.next).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        self.docs.len() as u32
    }
}
