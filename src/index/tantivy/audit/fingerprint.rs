//! A fingerprint of a set of (document, value) pairs that does not depend on the order of the pairs.
//!
//! The audit compares the stored columns and inverted indexes with the values that the keys and records
//! yield, but reads them in different orders: columns by document, inverted indexes by term. Fingerprints
//! compare them without holding either in memory. The hash of each pair is added to the sum of its range of
//! documents, so a difference also shows the range of documents that it is in.

use std::ops::Range;

use tantivy::DocId;
use xxhash_rust::xxh3::xxh3_64;

/// Maximum number of document ranges with separate sums.
const MAX_RANGES: u64 = 1024;

/// The fingerprint of one set of pairs in one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    /// One sum for each range of documents.
    sums: Vec<u64>,
    max_doc: u64,
}

impl Fingerprint {
    /// The fingerprint of the empty set in a segment of `max_doc` documents.
    pub(super) fn new(max_doc: DocId) -> Self {
        let max_doc = u64::from(max_doc).max(1);
        Self {
            sums: vec![0; MAX_RANGES.min(max_doc) as usize],
            max_doc,
        }
    }

    /// Adds a pair. `value` is a number, or the [`hash`] of a value.
    pub(super) fn add(&mut self, doc: DocId, value: u64) {
        let ranges = self.sums.len() as u64;
        let range = u64::from(doc) * ranges / self.max_doc;
        let sum = &mut self.sums[range as usize];
        *sum = sum.wrapping_add(mix(value ^ mix(u64::from(doc))));
    }

    /// Returns the first range of documents in which the sets differ. Both sets must be from the same
    /// segment.
    pub(super) fn difference(&self, other: &Self) -> Option<Range<DocId>> {
        let sums = self.sums.iter().zip(&other.sums);
        let range = sums.into_iter().position(|(ours, theirs)| ours != theirs)? as u64;
        let ranges = self.sums.len() as u64;
        let start = |range: u64| (range * self.max_doc).div_ceil(ranges) as DocId;
        Some(start(range)..start(range + 1))
    }
}

/// Hashes a text, a key or a term.
pub(super) fn hash(value: &[u8]) -> u64 {
    xxh3_64(value)
}

/// Mixes the bits of a number (the finalizer of SplitMix64).
fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depends_on_every_pair_and_not_on_their_order() {
        for max_doc in [1, 2, 1023, 1024, 5_000_000] {
            let docs = [0, max_doc / 2, max_doc - 1];
            let (mut ours, mut theirs) = (Fingerprint::new(max_doc), Fingerprint::new(max_doc));
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
                let range = ours.difference(&other).unwrap();
                assert!(range.contains(&doc), "{range:?} of {max_doc}: {doc}");
                assert!(range.len() <= 1 + max_doc as usize / 1024);
            }
        }
    }

    #[test]
    fn detects_swapped_values() {
        let (mut ours, mut theirs) = (Fingerprint::new(2), Fingerprint::new(2));
        for (doc, value) in [(0, 1), (1, 2)] {
            ours.add(doc, value);
            theirs.add(1 - doc, value);
        }
        assert!(ours.difference(&theirs).is_some());
    }
}
