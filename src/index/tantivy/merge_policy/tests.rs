//! Merges of damaged segments: they fail, damage nothing else, and are not repeated after each commit.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tantivy::directory::MmapDirectory;
use tantivy::directory::footer::Footer;
use tantivy::{Directory, Index};

use super::*;
use crate::core::replication::checkpoint::Checkpoint;
use crate::index::tantivy::small_index::{SmallIndex, changes};
use crate::index::{Engine, IndexError};

/// Number of segments that the policy merges.
const MERGED: usize = 8;

/// Keys of each segment. The damage must hit data, so a segment must not be too small.
const KEYS_PER_SEGMENT: usize = 200;

struct TestIndex {
    index: SmallIndex,
    commits: usize,
}

impl TestIndex {
    /// An index with one segment less than the policy merges.
    fn new() -> Self {
        let mut index = Self {
            index: SmallIndex::empty(),
            commits: 0,
        };
        for _ in 1..MERGED {
            index.commit();
        }
        index
    }

    fn reopen_after(self, change: impl FnOnce()) -> Self {
        let index = self.index.reopen_after(change);
        Self { index, ..self }
    }

    /// Adds a segment.
    fn commit(&mut self) {
        let number = self.commits;
        self.commits += 1;
        self.write(number, false).unwrap();
    }

    /// Writes the records of the segment of this number.
    fn write(&mut self, number: usize, replaces: bool) -> Result<(), IndexError> {
        let keys = (0..KEYS_PER_SEGMENT).map(|key| format!("{number:03}/{key:04}"));
        let keys: Vec<String> = keys.collect();
        let of_keys: Vec<_> = keys
            .iter()
            .map(|key| (key.as_str(), Some(1), replaces))
            .collect();
        let engine = &mut self.index.engine;
        engine.commit(&changes(&of_keys), &Checkpoint::default())
    }

    /// Waits until the merges that have been started have ended: the writer merges one after the other.
    fn wait_for_merges(&mut self) {
        let health = self.health();
        let writer = self.index.engine.writer.as_mut().unwrap();
        let segments = writer.index().searchable_segment_ids().unwrap();
        let is_healthy = |id: &SegmentId| health.may_merge(&name(id), Instant::now());
        let healthy = segments.into_iter().find(is_healthy);
        // The result does not matter: the segment may have been merged meanwhile.
        let _ = writer
            .merge(&[healthy.expect("only one is damaged")])
            .wait();
    }

    fn health(&self) -> Arc<MergeHealth> {
        self.index.engine.merge_health().unwrap()
    }

    /// The first file with this ending.
    fn file(&self, ending: &str) -> PathBuf {
        self.index.files(ending).swap_remove(0)
    }

    /// The number of segments and documents, after everything is merged that can be.
    fn closed(self) -> (usize, u64) {
        let SmallIndex { folder, engine } = self.index;
        engine.close().unwrap();
        let index = Index::open(MmapDirectory::open(folder.path()).unwrap()).unwrap();
        let metas = index.searchable_segment_metas().unwrap();
        let docs = metas.iter().map(|meta| u64::from(meta.num_docs()));
        (metas.len(), docs.sum())
    }
}

/// Changes bytes of the file in place, because the engine has mapped it into memory.
fn overwrite(path: &Path, range: std::ops::Range<u64>) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    for offset in range {
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[byte[0] ^ 0xa5], offset).unwrap();
    }
}

/// The size of the tables at the end of a file.
const TABLES: u64 = 400;

/// Numbers of bytes between two damaged ones. With some of them tantivy panics, with others it returns errors.
const STEPS: [usize; 4] = [1, 3, 41, 211];

/// Damages every `step`-th byte except in the tables at the end, which tantivy reads to open the file.
fn overwrite_every(step: usize, path: &Path) {
    let data = fs::metadata(path).unwrap().len().checked_sub(TABLES);
    for offset in (step as u64 / 2..data.expect("there is data")).step_by(step) {
        overwrite(path, offset..offset + 1);
    }
}

/// Replaces the checksum in the footer of a file by the right one. The index must be closed: the size may change.
fn correct_checksum(path: &Path) {
    let folder = MmapDirectory::open(path.parent().unwrap()).unwrap();
    let file = folder
        .open_read(Path::new(path.file_name().unwrap()))
        .unwrap();
    let (footer, body) = Footer::extract_footer(file).unwrap();
    let body = body.read_bytes().unwrap().to_vec();
    let (old, new) = (footer.crc.to_string(), crc32(&body).to_string());
    let rest = fs::read(path).unwrap().split_off(body.len());
    let json = String::from_utf8(rest[..rest.len() - 8].to_vec()).unwrap();
    let json = json.replace(&old, &new);
    let length = json.len() as u32;
    let magic = &rest[rest.len() - 4..];
    let parts = [&body, json.as_bytes(), &length.to_le_bytes(), magic];
    fs::write(path, parts.concat()).unwrap();
}

/// The checksum of tantivy: CRC-32 of IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(!0, step)
}

#[test]
fn damaged_file_is_named_and_not_copied_and_the_rest_is_merged() {
    for ending in ["term", "idx", "fast"] {
        let mut index = TestIndex::new();
        let damaged = index.file(ending);
        overwrite(&damaged, 8..10);
        index.commit();
        index.wait_for_merges();
        let problem = index.health().problem().expect("a merge has read it");
        let file = damaged.file_name().unwrap().to_str().unwrap();
        let words = format!("its file {file} is damaged: its checksum");
        assert!(problem.starts_with(&words), "{problem}");
        index.commit();
        assert_eq!(index.health().failures.get(), 1, "{ending}");
        for _ in 0..MERGED {
            index.commit();
        }
        assert_eq!(index.health().failures.get(), 1, "it is not tried again");
        let documents = (index.commits * KEYS_PER_SEGMENT) as u64;
        let (segments, found) = index.closed();
        assert_eq!(found, documents);
        assert!(segments < MERGED, "{segments} segments are left");
    }
}

/// A file can be wrong although its checksum is right. Tantivy then panics, or returns an error.
#[test]
fn merge_that_panics_is_paused_and_the_writer_goes_on() {
    for step in STEPS {
        let index = TestIndex::new();
        let damaged = index.file("term");
        let mut index = index.reopen_after(|| {
            overwrite_every(step, &damaged);
            correct_checksum(&damaged);
        });
        index.commit();
        index.wait_for_merges();
        index.commit();
        let health = index.health();
        assert_eq!(health.failures.get(), 1, "{step}");
        let problem = health.problem().expect("the merge failed");
        assert!(problem.contains("of its segments failed"), "{problem}");
        index.commit();
        index.commit();
        assert_eq!(health.failures.get(), 1, "{step}: it is paused");
        let documents = (index.commits * KEYS_PER_SEGMENT) as u64;
        assert_eq!(index.closed().1, documents);
    }
}

/// Tantivy looks up replaced documents on a thread whose panics end the process.
#[test]
fn commit_that_finds_damage_is_an_error() {
    for step in STEPS {
        let mut index = TestIndex::new();
        overwrite_every(step, &index.file("term"));
        let mut replaced = (0..MERGED - 1).map(|number| index.write(number, true));
        let error = replaced.find_map(Result::err).expect("it is damaged");
        assert!(error.is_damage(), "{step}: {error}");
    }
}
