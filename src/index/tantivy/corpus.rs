//! An index of random assets beside what it should hold, for tests that compare the two.
//!
//! Three Sources are searched; a fourth, and what a Source held in another bucket, must never be seen.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::TantivyEngine;
use crate::core::query::{Asset, SortBy};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::object::{ETag, Object, StorageClass};
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::{SourceId, SourceIdentity};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::SearchSource;
use crate::index::{Change, Changes, Engine};

/// Names and prefixes of the Sources, in the order of their numbers.
const SOURCES: [(&str, &str); 5] = [
    ("middle", ""),
    ("zoo", "p/"),
    ("hidden", ""),
    ("aard", ""),
    ("moved", ""),
];

/// How many of them are searched: those that are not `hidden` and `moved`.
pub const SEARCHED: [&str; 3] = ["aard", "middle", "zoo"];

/// Folders and names: many the same, some in an order of their own when a `/` follows.
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

/// An asset as it should be found.
#[derive(Clone, Debug)]
pub struct ExpectedAsset {
    /// Of the Source.
    pub source: &'static str,
    /// The asset path.
    pub path: String,
    /// What S3 says of it.
    pub object: Object,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

impl ExpectedAsset {
    /// As a query looks at it.
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

/// The index and what it should hold.
pub struct Corpus {
    /// The index.
    pub engine: TantivyEngine,
    /// The Sources of [`SEARCHED`] in another order.
    pub sources: Vec<SearchSource>,
    all: Vec<(SearchSource, SourceId, &'static str)>,
    checkpoint: Checkpoint,
    /// Live and removed ones.
    records: BTreeMap<(SourceId, String), Option<ExpectedAsset>>,
}

impl Corpus {
    /// An empty index of these Sources.
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

    /// An index of some random commits.
    pub fn random(rng: &mut Rng, commits: usize, changes: usize) -> Self {
        let mut corpus = Self::empty();
        for _ in 0..commits {
            corpus.commit_random(rng, changes);
        }
        corpus
    }

    /// The Sources, one of which has nothing to show.
    pub fn scope(&self) -> Vec<&SearchSource> {
        self.sources.iter().collect()
    }

    /// The Source of a name.
    pub fn source(&self, name: &str) -> &SearchSource {
        self.sources.iter().find(|it| it.name == name).unwrap()
    }

    /// What there is in the Sources of [`SEARCHED`].
    pub fn expected(&self) -> Vec<ExpectedAsset> {
        let live = self.records.values().flatten();
        let shown = live.filter(|known| SEARCHED.contains(&known.source));
        shown.cloned().collect()
    }

    /// Random changes in all Sources, some of paths that have a record.
    pub fn commit_random(&mut self, rng: &mut Rng, changes: usize) {
        let mut commit = Vec::new();
        for _ in 0..changes {
            let record = self.records.keys().nth(rng.usize(0..=self.records.len()));
            let (source, path) = match record.filter(|_| rng.u8(0..4) == 0) {
                Some((id, key)) => {
                    let place = self.all.iter().position(|(_, its, _)| its == id).unwrap();
                    let path = self.all[place].0.asset_path(key).unwrap();
                    (place, path)
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

    /// Puts objects or takes them away, with a tombstone or without.
    fn commit(&mut self, changes: Vec<(usize, String, Option<Object>, bool)>) {
        let mut commit = Changes::new();
        for (place, path, object, leaves_tombstone) in changes {
            let (source, id, name) = &self.all[place];
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
            let place = (*id, key);
            let known = object.map(|object| ExpectedAsset {
                source: name,
                path,
                object,
                first_seen,
            });
            let had = match &record {
                Some(_) => self.records.insert(place.clone(), known).is_some(),
                None => self.records.remove(&place).is_some(),
            };
            let before: Option<&Change> = commit.get(&place);
            let replaces = before.map_or(had, |change| change.replaces);
            commit.insert(place, Change { record, replaces });
        }
        self.engine.commit(&commit, &self.checkpoint).unwrap();
    }

    /// Puts empty objects into the Source `middle`.
    pub fn put(&mut self, paths: impl IntoIterator<Item = String>) {
        let changes = paths
            .into_iter()
            .map(|path| (0, path, Some(object(0, 0)), false));
        self.commit(changes.collect());
    }

    /// Takes assets of the Source `middle` away, every other one with a tombstone.
    pub fn remove(&mut self, paths: impl IntoIterator<Item = String>) {
        let paths = paths.into_iter().enumerate();
        let changes = paths.map(|(place, path)| (0, path, None, place % 2 == 0));
        self.commit(changes.collect());
    }
}

/// A path of a few segments that many others have as well.
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

/// Every order.
pub const ORDERS: [SortBy; 6] = [
    SortBy::Relevance,
    SortBy::Name,
    SortBy::Path,
    SortBy::Modified,
    SortBy::Size,
    SortBy::Created,
];
