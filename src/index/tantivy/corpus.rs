//! A random index together with its expected contents, for tests that compare the two.
//!
//! Tests search three Sources. Searches must never return the assets of a fourth Source, or the assets that a
//! fifth Source had in another bucket.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::TantivyEngine;
use crate::core::query::Asset;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::object::{ETag, Object, StorageClass};
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::{SourceId, SourceIdentity};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::SearchSource;
use crate::index::{Change, Changes, Engine};

/// Names and prefixes of the Sources, in the order of their ids.
const SOURCES: [(&str, &str); 5] = [
    ("middle", ""),
    ("zoo", "p/"),
    ("hidden", ""),
    ("aard", ""),
    ("moved", ""),
];

/// The Sources whose assets searches return: all except `hidden` and `moved`.
pub const SEARCHED: [&str; 3] = ["aard", "middle", "zoo"];

/// Folder and file names. Some are equal if case is ignored. Some sort differently when a `/` follows.
const SEGMENTS: [&str; 14] = [
    "a",
    "A",
    "a-b",
    "",
    "2024",
    "2024-01",
    "x y",
    "é",
    "E",
    "summer",
    "Summer Sale",
    "\n",
    "b.jpg",
    "写真",
];

const ENDINGS: [&str; 8] = ["", ".jpg", ".JPG", ".png", ".mp4", ".tar.gz", ".none", "/"];

/// An asset that searches must be able to find.
#[derive(Clone, Debug)]
pub struct ExpectedAsset {
    /// The name of its Source.
    pub source: &'static str,
    /// The asset path.
    pub path: String,
    /// The object in S3.
    pub object: Object,
    /// When the index first saw it.
    pub first_seen: Timestamp,
}

impl ExpectedAsset {
    /// The asset in the form that queries match against.
    pub fn asset(&self) -> Asset<'_> {
        Asset {
            path: &self.path,
            size: self.object.size,
            last_modified: self.object.last_modified,
            first_seen: Some(self.first_seen),
            storage_class: self.object.storage_class.name(),
            etag: None,
        }
    }
}

/// An index and its expected contents.
pub struct Corpus {
    /// The index.
    pub engine: TantivyEngine,
    /// The Sources that tests search: all except `hidden`, in an order that is not sorted by name.
    pub sources: Vec<SearchSource>,
    all: Vec<(SearchSource, SourceId, &'static str)>,
    checkpoint: Checkpoint,
    /// All records: an asset, or `None` for a tombstone.
    records: BTreeMap<(SourceId, String), Option<ExpectedAsset>>,
}

impl Corpus {
    /// Creates an empty index of all Sources.
    pub fn empty() -> Self {
        let mut checkpoint = Checkpoint::default();
        let mut all = Vec::new();
        for (name, prefix) in SOURCES {
            let mut source = SearchSource::new(name, "aws/bucket", prefix, name);
            let identity = SourceIdentity {
                name,
                subdomain: name,
                origin: &source.origin,
                prefix,
                scope: "",
            };
            let (id, _) = checkpoint.register(&identity).unwrap();
            if name == "moved" {
                source.origin = "aws/another".to_owned();
            }
            all.push((source, id, name));
        }
        let sources = all.iter().map(|(source, _, _)| source.clone());
        Self {
            engine: TantivyEngine::in_memory().unwrap(),
            sources: sources.filter(|source| source.name != "hidden").collect(),
            all,
            checkpoint,
            records: BTreeMap::new(),
        }
    }

    /// Creates an index with `commits` commits of random changes.
    pub fn random(rng: &mut Rng, commits: usize, changes: usize) -> Self {
        let mut corpus = Self::empty();
        for _ in 0..commits {
            corpus.commit_random(rng, changes);
        }
        corpus
    }

    /// The Sources that tests search. One of them, `moved`, must yield no assets.
    pub fn scope(&self) -> Vec<&SearchSource> {
        self.sources.iter().collect()
    }

    /// The Source with this name.
    pub fn source(&self, name: &str) -> &SearchSource {
        self.sources.iter().find(|it| it.name == name).unwrap()
    }

    /// The expected assets of the Sources in [`SEARCHED`].
    pub fn expected(&self) -> Vec<ExpectedAsset> {
        let live = self.records.values().flatten();
        let searched = live.filter(|asset| SEARCHED.contains(&asset.source));
        searched.cloned().collect()
    }

    /// Commits random changes in all Sources. Some paths already have a record.
    pub fn commit_random(&mut self, rng: &mut Rng, changes: usize) {
        let mut commit = Vec::new();
        for _ in 0..changes {
            let record = self.records.keys().nth(rng.usize(0..=self.records.len()));
            let (source, path) = match record.filter(|_| rng.u8(0..4) == 0) {
                Some((id, key)) => {
                    let index = self.all.iter().position(|(_, it, _)| it == id).unwrap();
                    let path = self.all[index].0.asset_path(key).unwrap();
                    (index, path)
                }
                None => (rng.usize(0..SOURCES.len()), random_path(rng)),
            };
            let object = match rng.u8(0..6) {
                0 => None,
                _ => Some(random_object(rng)),
            };
            commit.push((source, path, object, rng.bool()));
        }
        self.commit(commit);
    }

    /// Commits changes: the index of a Source in `all`, an asset path, the new object if any, and whether a
    /// removal leaves a tombstone.
    fn commit(&mut self, changes: Vec<(usize, String, Option<Object>, bool)>) {
        let mut commit = Changes::new();
        for (index, path, object, leaves_tombstone) in changes {
            let (source, id, name) = &self.all[index];
            let Some(key) = source.key_of(&path) else {
                continue;
            };
            let first_seen = object.as_ref().map_or(Timestamp::from_millis(0), |object| {
                Timestamp::from_millis(object.size as i64 % 3)
            });
            let content = match object.clone() {
                Some(object) => Some(RecordContent::Live { object, first_seen }),
                None => leaves_tombstone.then_some(RecordContent::Removed { scan: 1 }),
            };
            let record = content.map(|content| Record {
                content,
                event_time: None,
                sequencer: None,
                listed_at: None,
            });
            let id_and_key = (*id, key);
            let asset = object.map(|object| ExpectedAsset {
                source: name,
                path,
                object,
                first_seen,
            });
            let had_record = match &record {
                Some(_) => self.records.insert(id_and_key.clone(), asset).is_some(),
                None => self.records.remove(&id_and_key).is_some(),
            };
            let earlier: Option<&Change> = commit.get(&id_and_key);
            let replaces = earlier.map_or(had_record, |change| change.replaces);
            commit.insert(id_and_key, Change { record, replaces });
        }
        self.engine.commit(&commit, &self.checkpoint).unwrap();
    }

    /// Adds empty objects to the Source `middle`.
    pub fn put(&mut self, paths: impl IntoIterator<Item = String>) {
        let changes = paths
            .into_iter()
            .map(|path| (0, path, Some(object(0, 0)), false));
        self.commit(changes.collect());
    }

    /// Removes assets of the Source `middle`. Every other removal leaves a tombstone.
    pub fn remove(&mut self, paths: impl IntoIterator<Item = String>) {
        let paths = paths.into_iter().enumerate();
        let changes = paths.map(|(index, path)| (0, path, None, index % 2 == 0));
        self.commit(changes.collect());
    }
}

/// Returns a random path of a few segments. Paths share many segments.
pub fn random_path(rng: &mut Rng) -> String {
    let mut path = "/".to_owned();
    for _ in 0..rng.usize(0..4) {
        path.push_str(SEGMENTS[rng.usize(..SEGMENTS.len())]);
        path.push('/');
    }
    path.push_str(SEGMENTS[rng.usize(..SEGMENTS.len())]);
    path.push_str(ENDINGS[rng.usize(..ENDINGS.len())]);
    path
}

fn random_object(rng: &mut Rng) -> Object {
    let size = [0, 1, 9_999, 10_000, 500_000, 3_000_000_000][rng.usize(..6)];
    let months = [0, 1, 1, 1, 27, 674, -800];
    let millis = months[rng.usize(..months.len())] * 31 * 86_400_000 + rng.i64(0..3);
    let mut object = object(size, millis);
    object.storage_class =
        StorageClass::from_name(["STANDARD", "STANDARD", "GLACIER", "MADE_UP"][rng.usize(..4)]);
    object
}

fn object(size: u64, millis: i64) -> Object {
    Object {
        size,
        etag: ETag::parse("0123456789abcdef0123456789abcdef"),
        last_modified: Timestamp::from_millis(millis),
        storage_class: StorageClass::Standard,
    }
}
