//! Fingerprints: whether two sets of (document, value) are the same, whatever order they come in.
//!
//! A column is read by document and an inverted index by term; both are compared with what the keys
//! yield, without either being held in memory. Each pair is hashed and added up, by stretches of
//! documents, so that a difference also tells where it is.

use std::ops::Range;

use tantivy::DocId;
use xxhash_rust::xxh3::xxh3_64;

/// Into so many stretches the documents of a segment are cut.
const STRETCHES: u64 = 1024;

/// The sums of one set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Print {
    sums: Vec<u64>,
    max_doc: u64,
}

impl Print {
    /// The empty set, of a segment with so many documents.
    pub(super) fn new(max_doc: DocId) -> Self {
        let max_doc = u64::from(max_doc).max(1);
        Self {
            sums: vec![0; STRETCHES.min(max_doc) as usize],
            max_doc,
        }
    }

    /// Adds a value, by its hash, of a document.
    pub(super) fn add(&mut self, doc: DocId, value: u64) {
        let stretches = self.sums.len() as u64;
        let stretch = u64::from(doc) * stretches / self.max_doc;
        let sum = &mut self.sums[stretch as usize];
        *sum = sum.wrapping_add(mixed(value ^ mixed(u64::from(doc))));
    }

    /// The first stretch of documents that differs from the other, which is of the same segment.
    pub(super) fn difference(&self, other: &Self) -> Option<Range<DocId>> {
        let sums = self.sums.iter().zip(&other.sums);
        let place = sums.into_iter().position(|(ours, theirs)| ours != theirs)? as u64;
        let stretches = self.sums.len() as u64;
        let begin = |stretch: u64| (stretch * self.max_doc).div_ceil(stretches) as DocId;
        Some(begin(place)..begin(place + 1))
    }
}

/// The hash of a text, a key or a term.
pub(super) fn hash(value: &[u8]) -> u64 {
    xxh3_64(value)
}

/// Spreads the bits of a number over all of it (the finalizer of SplitMix64).
fn mixed(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_does_not_count_and_every_pair_does() {
        for max_doc in [1, 2, 1023, 1024, 5_000_000] {
            let docs = [0, max_doc / 2, max_doc - 1];
            let (mut ours, mut theirs) = (Print::new(max_doc), Print::new(max_doc));
            for doc in docs {
                ours.add(doc, 7);
                ours.add(doc, 8);
            }
            for doc in docs.into_iter().rev() {
                theirs.add(doc, 8);
                theirs.add(doc, 7);
            }
            assert_eq!(ours.difference(&theirs), None);
            for doc in docs {
                let mut other = theirs.clone();
                other.add(doc, 9);
                let stretch = ours.difference(&other).unwrap();
                assert!(stretch.contains(&doc), "{stretch:?} of {max_doc}: {doc}");
                assert!(stretch.len() <= 1 + max_doc as usize / 1024);
            }
        }
    }

    #[test]
    fn values_that_change_places_are_seen() {
        let (mut ours, mut theirs) = (Print::new(2), Print::new(2));
        for (doc, value) in [(0, 1), (1, 2)] {
            ours.add(doc, value);
            theirs.add(1 - doc, value);
        }
        assert!(ours.difference(&theirs).is_some());
    }
}
