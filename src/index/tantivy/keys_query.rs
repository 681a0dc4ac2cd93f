//! A tantivy query for the documents of many keys at once.
//!
//! A commit deletes all documents that it replaces with one such query. With one query for each key, every
//! segment would apply its deletes one by one, which is several times slower.
//!
//! The hash of a key only finds candidates. Two keys can have the same hash, and people can compute such keys.
//! Every candidate is therefore compared with the key itself.

use tantivy::columnar::Column;
use tantivy::error::DataCorruption;
use tantivy::query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError, Term};

use super::failure::read_during_commit;
use super::identity::HashedKey;
use super::schema::{Fields, UKEY};

/// Finds the documents of many keys.
#[derive(Clone, Debug)]
pub struct KeysQuery {
    kh: Field,
    keys: std::sync::Arc<[HashedKey]>,
}

impl KeysQuery {
    /// A query for the documents of these keys.
    pub fn new(fields: &Fields, mut keys: Vec<HashedKey>) -> Self {
        // A term dictionary is twice as fast if terms are looked up in order.
        keys.sort_unstable();
        Self {
            kh: fields.kh,
            keys: keys.into(),
        }
    }

    /// Returns the documents of one segment in ascending order.
    fn docs(&self, segment: &SegmentReader) -> tantivy::Result<Vec<DocId>> {
        let mut docs = Vec::new();
        find(segment, self.kh, &self.keys, |_, doc| docs.push(doc))?;
        Ok(docs)
    }
}

/// Finds the documents of these keys in a segment, deleted documents included. It calls `each` with the index of
/// the key in `keys` and the document, ascending by document.
///
/// It opens columns, which takes longer than to find one key. [`find_candidates`] does not.
pub(super) fn find(
    segment: &SegmentReader,
    kh: Field,
    keys: &[HashedKey],
    mut each: impl FnMut(usize, DocId),
) -> tantivy::Result<()> {
    let Some(high) = segment.fast_fields().column_opt::<u64>("kh2")? else {
        return Ok(());
    };
    let candidates = find_candidates(segment, kh, &high, keys)?;
    let Some(ukeys) = segment.fast_fields().bytes(UKEY)? else {
        return Ok(());
    };
    let ords: Vec<u64> = candidates.iter().map(|(doc, _)| u64::from(*doc)).collect();
    let mut read = candidates.iter();
    let dictionary = ukeys.dictionary();
    let are_all_found = dictionary.sorted_ords_to_term_cb(&ords, |ukey| {
        if let Some((doc, index)) = read.next()
            && keys[*index].ukey == ukey
        {
            each(*index, *doc);
        }
    })?;
    if are_all_found {
        Ok(())
    } else {
        let why = "a document has no key".to_owned();
        Err(TantivyError::DataCorruption(DataCorruption::comment_only(
            why,
        )))
    }
}

/// Finds the documents of a segment whose keys have the hash of one of these keys, deleted documents included. Returns
/// each document with the index of the key, ascending by document.
///
/// `high` is the column of the upper halves of the hashes.
pub fn find_candidates(
    segment: &SegmentReader,
    kh: Field,
    high: &Column<u64>,
    keys: &[HashedKey],
) -> tantivy::Result<Vec<(DocId, usize)>> {
    let mut candidates = Vec::new();
    let index = segment.inverted_index(kh)?;
    for (index_of_key, key) in keys.iter().enumerate() {
        let term = Term::from_field_u64(kh, key.hash.low);
        let Some(mut found) = index.read_postings(&term, IndexRecordOption::Basic)? else {
            continue;
        };
        while found.doc() != TERMINATED {
            if high.first(found.doc()) == Some(key.hash.high) {
                candidates.push((found.doc(), index_of_key));
            }
            found.advance();
        }
    }
    candidates.sort_unstable();
    Ok(candidates)
}

impl Query for KeysQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for KeysQuery {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let docs = SortedDocs::new(read_during_commit(|| self.docs(segment))?);
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
