//! Reads the asset paths of the documents in one segment.
//!
//! A segment is sorted by key, so documents that are close to each other have their keys in the same block
//! of the key dictionary. Several paths are therefore read together: reading a single path decompresses its
//! whole block.

use std::io;
use std::ops::Range;

use tantivy::columnar::BytesColumn;
use tantivy::{DocId, SegmentReader};

use super::columns::{Bounds, docs_between};
use super::identity;
use super::schema::UKEY;

/// Documents that are closer to each other than this are read together.
const NEAR: DocId = 32;

/// Maximum number of paths that are read at once: about six blocks.
const MAX_READ_AHEAD: DocId = 1_024;

/// The asset paths of one Source's documents in a segment.
pub struct Paths {
    ukeys: BytesColumn,
    max_doc: DocId,
    /// The Source's prefix.
    prefix: String,
    /// The documents whose paths are in `text`.
    loaded: Range<DocId>,
    /// The paths, one after another.
    text: String,
    /// Where each path ends in `text`.
    ends: Vec<usize>,
}

impl Paths {
    /// Opens the paths of a segment. Returns `None` if the segment has no documents.
    pub fn open(segment: &SegmentReader, prefix: &str) -> tantivy::Result<Option<Self>> {
        let ukeys = segment.fast_fields().bytes(UKEY)?;
        Ok(ukeys.map(|ukeys| Self {
            ukeys,
            max_doc: segment.max_doc(),
            prefix: prefix.to_owned(),
            loaded: 0..0,
            text: String::new(),
            ends: Vec::new(),
        }))
    }

    /// Returns the path of a document: `/` and its key without the prefix. The path is empty if the key does
    /// not start with the prefix.
    pub fn get(&mut self, doc: DocId) -> io::Result<&str> {
        if !self.loaded.contains(&doc) {
            self.read_from(doc)?;
        }
        let index = (doc - self.loaded.start) as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Ok(&self.text[start..self.ends[index]])
    }

    /// Returns the documents, from `doc` on, whose paths are loaded. Loads the path of `doc` if necessary.
    pub fn loaded_from(&mut self, doc: DocId) -> io::Result<Range<DocId>> {
        self.get(doc)?;
        Ok(doc..self.loaded.end)
    }

    /// Returns the documents of the segment whose ukeys are between the bounds.
    pub fn docs(&self, bounds: &Bounds) -> io::Result<Range<DocId>> {
        docs_between(&self.ukeys, self.max_doc, bounds)
    }

    fn read_from(&mut self, doc: DocId) -> io::Result<()> {
        // The next document is probably as far away as the last one was.
        let is_near = doc >= self.loaded.end && doc - self.loaded.end < NEAR;
        let count = if is_near {
            (self.loaded.len() as DocId * 4).clamp(2 * NEAR, MAX_READ_AHEAD)
        } else {
            1
        };
        let docs = doc..self.max_doc.min(doc + count).max(doc + 1);
        self.text.clear();
        self.ends.clear();
        let (text, ends, prefix) = (&mut self.text, &mut self.ends, &self.prefix);
        let ords: Vec<u64> = docs.clone().map(u64::from).collect();
        let found = self
            .ukeys
            .dictionary()
            .sorted_ords_to_term_cb(&ords, |ukey| {
                let key = identity::key_of(ukey).and_then(|key| key.strip_prefix(prefix.as_str()));
                if let Some(key) = key {
                    text.push('/');
                    text.push_str(key);
                }
                ends.push(text.len());
            })?;
        if !found {
            let why = format!("document {doc} has no key");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.loaded = docs;
        Ok(())
    }
}
