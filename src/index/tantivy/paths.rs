//! The asset paths of one segment's documents, read forward.
//!
//! A segment is sorted by key, so the keys of near documents lie in the same blocks of the key
//! dictionary. Reading each by itself would decompress its block anew.

use std::io;
use std::ops::Range;

use tantivy::columnar::BytesColumn;
use tantivy::{DocId, SegmentReader};

use super::columns::{Bounds, docs_between};
use super::identity;
use super::schema::UKEY;

/// Documents that are less apart than this are near each other: reading them together pays.
const NEAR: DocId = 32;

/// So many paths are read at once at the most, where documents are near each other: some six blocks.
const MAX_READ_AHEAD: DocId = 1_024;

/// The paths of a segment, as one Source has them.
pub struct Paths {
    ukeys: BytesColumn,
    max_doc: DocId,
    /// The Source's prefix.
    prefix: String,
    /// The documents whose paths are in `text`, one behind the other.
    loaded: Range<DocId>,
    text: String,
    ends: Vec<usize>,
}

impl Paths {
    /// The paths of a segment; `None` where it has no documents.
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

    /// The path of a document: `/` and its key without the prefix; empty where the key is none of
    /// the Source's.
    pub fn of(&mut self, doc: DocId) -> io::Result<&str> {
        if !self.loaded.contains(&doc) {
            self.read_from(doc)?;
        }
        let place = (doc - self.loaded.start) as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        Ok(&self.text[start..self.ends[place]])
    }

    /// The documents from this one on whose paths are held, which is read if it is not.
    pub fn loaded_from(&mut self, doc: DocId) -> io::Result<Range<DocId>> {
        self.of(doc)?;
        Ok(doc..self.loaded.end)
    }

    /// The documents of the segment whose ukeys lie between the bounds.
    pub fn docs(&self, bounds: &Bounds) -> io::Result<Range<DocId>> {
        docs_between(&self.ukeys, self.max_doc, bounds)
    }

    fn read_from(&mut self, doc: DocId) -> io::Result<()> {
        // The next to be asked for is likely as far from this one as this one is from the last.
        let is_near = doc >= self.loaded.end && doc - self.loaded.end < NEAR;
        let wanted = if is_near {
            (self.loaded.len() as DocId * 4).clamp(2 * NEAR, MAX_READ_AHEAD)
        } else {
            1
        };
        let docs = doc..self.max_doc.min(doc + wanted).max(doc + 1);
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
