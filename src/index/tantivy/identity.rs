//! The identity of a key in the index: its *ukey* (the Source's id and the key), and the hash of the ukey.

use std::ops::Bound;

use xxhash_rust::xxh3::xxh3_128;

use crate::core::replication::interval::KeyInterval;
use crate::core::replication::source_state::SourceId;
use crate::index::bounds_within;

/// Number of bytes before the key in a ukey.
const ID_BYTES: usize = 2;

/// Returns the ukey: the Source's id, two bytes big-endian, then the key. The index is sorted by it.
pub fn ukey(source: SourceId, key: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ID_BYTES + key.len());
    bytes.extend_from_slice(&source.0.to_be_bytes());
    bytes.extend_from_slice(key.as_bytes());
    bytes
}

/// Returns the key of a ukey. `None` if the bytes are not a valid ukey.
pub fn key_of(ukey: &[u8]) -> Option<&str> {
    std::str::from_utf8(ukey.get(ID_BYTES..)?).ok()
}

/// Returns the Source of a ukey. `None` if the bytes are too short.
pub fn source_of(ukey: &[u8]) -> Option<SourceId> {
    let id = ukey.first_chunk::<ID_BYTES>()?;
    Some(SourceId(u16::from_be_bytes(*id)))
}

/// Hashes a ukey: XXH3 with 128 bits and seed 0, whose output never changes.
/// <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>
pub fn hash(ukey: &[u8]) -> KeyHash {
    let hash = xxh3_128(ukey);
    KeyHash {
        low: hash as u64,
        high: (hash >> 64) as u64,
    }
}

/// The hash of a ukey. A look-up searches for `low`, and compares `high` and then the ukey at each hit: people can
/// compute keys with equal hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyHash {
    /// The lower 64 bits.
    pub low: u64,
    /// The upper 64 bits.
    pub high: u64,
}

/// A key to look up: its ukey, and the hash by which candidates are found. It sorts by hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HashedKey {
    /// The hash of the ukey.
    pub hash: KeyHash,
    /// The ukey.
    pub ukey: Vec<u8>,
}

impl HashedKey {
    /// The key of a Source.
    pub fn new(source: SourceId, key: &str) -> Self {
        let ukey = ukey(source, key);
        Self {
            hash: hash(&ukey),
            ukey,
        }
    }
}

/// Returns the bounds of the ukeys of an interval of one Source.
pub fn ukey_bounds(source: SourceId, interval: &KeyInterval) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    bounds_within(source, interval, ukey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ukeys_sort_by_source_and_then_by_key() {
        let mut sorted = [
            ukey(SourceId(256), ""),
            ukey(SourceId(1), "b"),
            ukey(SourceId(0), "z"),
            ukey(SourceId(1), "a/"),
        ];
        sorted.sort();
        let keys: Vec<&str> = sorted.iter().map(|ukey| key_of(ukey).unwrap()).collect();
        assert_eq!(keys, ["z", "a/", "b", ""]);
        let sources = sorted.iter().map(|ukey| source_of(ukey).unwrap().0);
        assert_eq!(sources.collect::<Vec<_>>(), [0, 1, 1, 256]);
    }

    #[test]
    fn hash_of_a_key_never_changes() {
        assert_eq!(
            hash(&ukey(SourceId(1), "photos/a.jpg")),
            KeyHash {
                low: 11_728_070_555_232_950_545,
                high: 5_066_946_891_631_037_278
            }
        );
    }
}
