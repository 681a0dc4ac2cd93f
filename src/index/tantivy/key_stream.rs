//! Streams the keys of a segment in ascending order, from any key on.
//!
//! It reads the same dictionary as tantivy's own stream, but with one decompressor for each thread. Tantivy makes a new
//! one for each block of about 70 keys. On a virtual machine this costs about a third of the decompression: the
//! constructor executes `cpuid`, which the hypervisor has to answer.
//!
//! The dictionary is a sequence of blocks. A block begins with its length in four bytes and a byte that says whether it
//! is compressed. It holds, for each key, how many bytes of the key before it are kept, how many are added, and the
//! added bytes. A block with a length of 0 ends the sequence. Tantivy is pinned to a minor release (see `Cargo.toml`),
//! and a test compares this stream with tantivy's.

use std::cell::RefCell;
use std::io;
use std::ops::Bound;

use tantivy::directory::OwnedBytes;
use tantivy_sstable::{Dictionary, VoidSSTable};
use zstd::bulk::Decompressor;
use zstd::zstd_safe::get_frame_content_size;

/// Maximum size of a decompressed block in bytes. Tantivy ends a block after 4,000 bytes, and a ukey has at most 1,026
/// bytes.
const MAX_BLOCK: usize = 1 << 20;

/// The first byte of a key if more than 15 bytes are kept or added. Both counts follow as numbers of variable length.
const LONG: u8 = 1;

thread_local! {
    /// Made on first use. It takes about 100 KB.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// A position in the keys of a segment.
pub(super) struct KeyStream {
    /// The blocks after the current one.
    blocks: OwnedBytes,
    /// The current block, decompressed, and how much of it is read.
    block: Vec<u8>,
    read: usize,
    key: Vec<u8>,
    ordinal: u64,
}

impl KeyStream {
    /// A stream that is at the first key within the bound. `None` if there is no such key.
    pub(super) fn from(
        dictionary: &Dictionary<VoidSSTable>,
        lower: &Bound<Vec<u8>>,
    ) -> io::Result<Option<Self>> {
        let (key, is_included) = match lower {
            Bound::Included(key) => (&key[..], true),
            Bound::Excluded(key) => (&key[..], false),
            Bound::Unbounded => (&[][..], true),
        };
        let Some(first) = dictionary.sstable_index.get_block_with_key(key) else {
            return Ok(None);
        };
        let blocks = dictionary.sstable_slice.slice_from(first.byte_range.start);
        let mut stream = Self {
            blocks: blocks.read_bytes()?,
            block: Vec::new(),
            read: 0,
            key: Vec::new(),
            ordinal: first.first_ordinal,
        };
        let mut found = stream.read_key()?;
        while found && (*stream.key < *key || !is_included && *stream.key == *key) {
            found = stream.advance()?;
        }
        Ok(found.then_some(stream))
    }

    /// Moves to the next key. Returns `false` at the end.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.ordinal += 1;
        self.read_key()
    }

    /// The current key.
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The ordinal of the current key in the dictionary.
    pub(super) fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// Reads a key. Returns `false` at the end.
    fn read_key(&mut self) -> io::Result<bool> {
        if self.read == self.block.len() && !self.read_block()? {
            return Ok(false);
        }
        let (kept, added) = match self.read_byte()? {
            LONG => (self.read_number()?, self.read_number()?),
            counts => (usize::from(counts & 15), usize::from(counts >> 4)),
        };
        let end = self.read.checked_add(added).ok_or_else(damaged)?;
        let suffix = self.block.get(self.read..end).ok_or_else(damaged)?;
        if kept > self.key.len() {
            return Err(damaged());
        }
        self.key.truncate(kept);
        self.key.extend_from_slice(suffix);
        self.read = end;
        Ok(true)
    }

    fn read_byte(&mut self) -> io::Result<u8> {
        let byte = *self.block.get(self.read).ok_or_else(damaged)?;
        self.read += 1;
        Ok(byte)
    }

    /// Reads a number in groups of seven bits, lowest first. All but the last byte have their highest bit set.
    fn read_number(&mut self) -> io::Result<usize> {
        let mut number = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.read_byte()?;
            number |= usize::from(byte & 127) << shift;
            if byte < 128 {
                return Ok(number);
            }
        }
        Err(damaged())
    }

    /// Reads the next block. Returns `false` after the last one.
    fn read_block(&mut self) -> io::Result<bool> {
        self.block.clear();
        self.read = 0;
        if self.blocks.is_empty() {
            return Ok(false);
        }
        let head = self.blocks.get(..4).and_then(|head| head.try_into().ok());
        let len = u32::from_le_bytes(head.ok_or_else(damaged)?) as usize;
        if len <= 1 {
            self.blocks = OwnedBytes::empty();
            return Ok(false);
        }
        let is_compressed = *self.blocks.get(4).ok_or_else(damaged)? == 1;
        let content = self.blocks.get(5..4 + len).ok_or_else(damaged)?;
        if is_compressed {
            decompress(content, &mut self.block)?;
        } else {
            self.block.extend_from_slice(content);
        }
        self.blocks.advance(4 + len);
        Ok(true)
    }
}

/// Decompresses a block into an empty buffer.
fn decompress(content: &[u8], block: &mut Vec<u8>) -> io::Result<()> {
    let size = get_frame_content_size(content).ok().flatten();
    let size = size.map_or(MAX_BLOCK, |size| {
        usize::try_from(size).unwrap_or(usize::MAX)
    });
    if size > MAX_BLOCK {
        return Err(damaged());
    }
    block.reserve(size);
    DECOMPRESSOR.with_borrow_mut(|decompressor| {
        let decompressor = match decompressor {
            Some(decompressor) => decompressor,
            None => decompressor.insert(Decompressor::new()?),
        };
        decompressor.decompress_to_buffer(content, block).map(drop)
    })
}

fn damaged() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the keys of a segment are damaged",
    )
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use tantivy_sstable::SSTable;

    use super::*;

    /// A dictionary of these keys, which must be in ascending order.
    fn dictionary(keys: &[Vec<u8>]) -> Dictionary<VoidSSTable> {
        let mut writer = VoidSSTable::writer(Vec::new());
        for key in keys {
            writer.insert(key, &()).unwrap();
        }
        Dictionary::from_bytes(OwnedBytes::new(writer.finish().unwrap())).unwrap()
    }

    fn read(dictionary: &Dictionary<VoidSSTable>, lower: &Bound<Vec<u8>>) -> Vec<(u64, Vec<u8>)> {
        let mut keys = Vec::new();
        let mut stream = KeyStream::from(dictionary, lower).unwrap();
        while let Some(it) = &mut stream {
            keys.push((it.ordinal(), it.key().to_vec()));
            if !it.advance().unwrap() {
                break;
            }
        }
        keys
    }

    /// Keys with common and with long parts, and parts that do not compress.
    fn random_keys(rng: &mut Rng, count: usize) -> Vec<Vec<u8>> {
        let mut keys = std::collections::BTreeSet::new();
        while keys.len() < count {
            let folder = format!("folder-{:03}/{}", rng.u8(..9), "x".repeat(rng.usize(..40)));
            let mut key = folder.into_bytes();
            let len = [0, 3, 20, 900][rng.usize(..4)];
            key.extend((0..rng.usize(..=len)).map(|_| rng.u8(..)));
            keys.insert(key);
        }
        keys.into_iter().collect()
    }

    #[test]
    fn streams_the_same_keys_as_tantivy() {
        let rng = &mut Rng::with_seed(7);
        for count in [0, 1, 2, 50, 3_000] {
            let keys = random_keys(rng, count);
            let dictionary = dictionary(&keys);
            let all: Vec<(u64, Vec<u8>)> = (0..).zip(keys.clone()).collect();
            assert_eq!(read(&dictionary, &Bound::Unbounded), all);
            for _ in 0..100 {
                let mut key = match rng.usize(..=count) {
                    index if index < count => keys[index].clone(),
                    _ => vec![rng.u8(..)],
                };
                if rng.bool() {
                    key.push(rng.u8(..));
                }
                for lower in [Bound::Included(key.clone()), Bound::Excluded(key.clone())] {
                    let range = match &lower {
                        Bound::Included(key) => dictionary.range().ge(key),
                        _ => dictionary.range().gt(&key),
                    };
                    let mut theirs = range.into_stream().unwrap();
                    let ours = read(&dictionary, &lower);
                    for (ordinal, key) in &ours {
                        assert!(theirs.advance());
                        assert_eq!((theirs.term_ord(), theirs.key()), (*ordinal, &key[..]));
                    }
                    assert!(!theirs.advance());
                }
            }
        }
    }

    #[test]
    fn damaged_blocks_are_errors() {
        let rng = &mut Rng::with_seed(8);
        let keys = random_keys(rng, 400);
        let whole = dictionary(&keys).sstable_slice.read_bytes().unwrap();
        let mut errors = 0;
        for _ in 0..2_000 {
            let mut bytes = whole.to_vec();
            let at = rng.usize(..bytes.len());
            bytes[at] ^= 1 << rng.u8(..8);
            bytes.truncate(rng.usize(at..=bytes.len()));
            let mut stream = KeyStream {
                blocks: OwnedBytes::new(bytes),
                block: Vec::new(),
                read: 0,
                key: Vec::new(),
                ordinal: 0,
            };
            let mut result = stream.read_key();
            while let Ok(true) = result {
                result = stream.advance();
            }
            errors += usize::from(result.is_err());
        }
        assert!(errors > 1_000, "{errors}");
    }
}
