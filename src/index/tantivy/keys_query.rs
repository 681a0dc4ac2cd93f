//! A tantivy query for the documents of many keys at once.
//!
//! A commit deletes what it replaces with one such query. One query a key would make each segment
//! go through its deletes one by one, which is several times slower.

use tantivy::query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError, Term};

use super::identity::KeyHash;
use super::schema::Fields;

/// Finds the documents with one of the hashes.
#[derive(Clone, Debug)]
pub struct KeysQuery {
    kh: Field,
    hashes: std::sync::Arc<[KeyHash]>,
}

impl KeysQuery {
    /// The documents of these hashes.
    pub fn new(fields: &Fields, mut hashes: Vec<KeyHash>) -> Self {
        // Sorted look-ups go through a term dictionary twice as fast as random ones.
        hashes.sort_unstable();
        Self {
            kh: fields.kh,
            hashes: hashes.into(),
        }
    }

    /// The documents of one segment, ascending.
    fn docs(&self, segment: &SegmentReader) -> tantivy::Result<Vec<DocId>> {
        let mut docs = Vec::new();
        find(segment, self.kh, &self.hashes, |_, doc| docs.push(doc))?;
        docs.sort_unstable();
        Ok(docs)
    }
}

/// Hands the documents of a segment, deleted ones too, with the places of their hashes to `each`.
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
    for (place, hash) in hashes.iter().enumerate() {
        let term = Term::from_field_u64(kh, hash.low);
        let Some(mut found) = index.read_postings(&term, IndexRecordOption::Basic)? else {
            continue;
        };
        while found.doc() != TERMINATED {
            if high.first(found.doc()) == Some(hash.high) {
                each(place, found.doc());
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
            "a look-up of keys has no score to explain".to_owned(),
        ))
    }
}

/// A list of documents, ascending.
pub struct SortedDocs {
    docs: Vec<DocId>,
    next: usize,
}

impl SortedDocs {
    /// The set of these documents.
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
