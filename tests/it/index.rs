//! Reads the index with the binary's own `search`, and compares it with the bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cli::{Cli, Output};
use crate::s3::{Bucket, Listed};

/// Maximum number of keys of each kind that a failed comparison shows.
const MAX_SHOWN: usize = 5;

/// One line of `search --json`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hit {
    pub source: String,
    pub key: String,
    pub path: String,
    pub name: String,
    pub ext: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
    pub content_type: String,
    pub size: u64,
    /// RFC 3339.
    pub last_modified: String,
    pub etag: String,
    pub first_seen: String,
    pub storage_class: String,
    pub url: String,
}

impl Hit {
    /// The object as a listing would return it.
    pub fn listed(&self) -> Listed {
        let modified: jiff::Timestamp = self.last_modified.parse().expect("RFC 3339");
        Listed {
            size: self.size,
            etag: self.etag.clone(),
            last_modified: modified.as_millisecond(),
            storage_class: self.storage_class.clone(),
        }
    }
}

impl Cli {
    /// The hits of a query, in the order of the output.
    pub fn search(&self, query: &str, options: &[&str]) -> Vec<Hit> {
        let arguments = [&["search", query, "--json"], options].concat();
        let output = self.find(&arguments);
        let hit = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        output.stdout.lines().map(hit).collect()
    }

    /// Runs `search`, which may find nothing.
    pub fn find<A: AsRef<str>>(&self, arguments: &[A]) -> Output {
        let output = self.run(arguments);
        let code = if output.stdout.is_empty() { 1 } else { 0 };
        assert_eq!(output.status.code(), Some(code), "{output:#?}");
        output
    }

    /// All assets of a Source in the index, by key.
    pub fn indexed(&self, source: &str) -> BTreeMap<String, Hit> {
        let options = ["--source", source, "--limit", "all", "--sort", "path"];
        let hits = self.search("", &options);
        let count = hits.len();
        let by_key: BTreeMap<_, _> = hits.into_iter().map(|hit| (hit.key.clone(), hit)).collect();
        assert_eq!(by_key.len(), count, "a key is in the index twice");
        assert!(by_key.values().all(|hit| hit.source == source));
        by_key
    }

    /// The keys of a Source in the index.
    pub fn keys(&self, source: &str) -> BTreeSet<String> {
        self.indexed(source).into_keys().collect()
    }

    /// Checks that the index contains exactly the objects of the bucket, with the same keys byte for byte.
    #[track_caller]
    pub fn assert_mirrors(&self, source: &str, bucket: &Bucket) {
        self.assert_mirrors_where(source, bucket, |_, _| true);
    }

    /// Checks that the index contains exactly the admitted objects of the bucket.
    #[track_caller]
    pub fn assert_mirrors_where(
        &self,
        source: &str,
        bucket: &Bucket,
        admitted: impl Fn(&str, &Listed) -> bool,
    ) {
        let mut expected = bucket.list();
        expected.retain(|key, object| admitted(key, object));
        self.assert_contains_exactly(source, &expected);
    }

    /// Checks that the index contains exactly these objects.
    #[track_caller]
    pub fn assert_contains_exactly(&self, source: &str, expected: &BTreeMap<String, Listed>) {
        let indexed = self.indexed(source);
        let missing = expected.keys().filter(|key| !indexed.contains_key(*key));
        let unexpected = indexed.keys().filter(|key| !expected.contains_key(*key));
        let different = expected.iter().filter_map(|(key, object)| {
            let found = indexed.get(key)?.listed();
            (found != *object).then_some((key, object, found))
        });
        let missing: Vec<_> = missing.take(MAX_SHOWN).collect();
        let unexpected: Vec<_> = unexpected.take(MAX_SHOWN).collect();
        let different: Vec<_> = different.take(MAX_SHOWN).collect();
        assert!(
            missing.is_empty() && unexpected.is_empty() && different.is_empty(),
            "not a mirror: {} in the bucket, {} in the index\nmissing: {missing:#?}\nnot in the \
             bucket: {unexpected:#?}\nin bucket and index, but different: {different:#?}",
            expected.len(),
            indexed.len()
        );
    }

    /// The files with documents and removals, of all generations. New documents and
    /// removals create new files.
    pub fn segment_files(&self) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        collect_files(&self.data_dir(), &mut files);
        let extensions = ["term", "idx", "fast", "store", "del"];
        files.retain(|file| {
            let extension = file.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| extensions.contains(&extension))
        });
        files
    }
}

fn collect_files(folder: &Path, files: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect_files(&path, files);
        } else {
            files.insert(path);
        }
    }
}
