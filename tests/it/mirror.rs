//! Compares the index with a naive model for random trees of keys and random rules.
//!
//! The model has its own matcher for the few kinds of patterns that it uses. It shares no code with the
//! crate.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config as RunnerConfig, TestRunner};

use crate::fixture::{Fixture, SOURCE};
use crate::s3::Listed;

/// Number of random cases. Each takes a few hundred requests and four runs of the binary.
const CASES: u32 = 24;

/// Number of simpler cases to try after a failure.
const MAX_SHRINKS: u32 = 100;

/// Folders that patterns name, and similar folders that patterns must not match.
const FOLDERS: [&str; 9] = ["a", "b", "ab", "A", "a b", "img", "img2", "imG", ""];

/// File names for patterns with extensions.
const FILES: [&str; 7] = [
    "x.jpg",
    "y.JPG",
    "z.png",
    ".jpg",
    "jpg",
    "x.jpg.png",
    "new\nline.jpg",
];

/// Names that some step could damage, for example in encoding or as a pattern.
const ODD: [&str; 12] = [
    "a+b",
    "%",
    "%20",
    ".",
    "..",
    "\u{1F600}",
    "\u{1}",
    "r\r.jpg",
    "\n",
    "&<>\"'",
    "[x]",
    "{y}",
];

/// A pattern and its meaning.
#[derive(Clone, Debug)]
enum Rule {
    /// `dir`: the path itself and everything below it.
    Literal(String),
    /// `dir/**`: everything below the folder.
    Below(String),
    /// `*.ext`: only files in the top folder.
    ExtensionAtTop(&'static str),
    /// `**/*.ext`: files in any folder.
    Extension(&'static str),
    /// `im?`: a path with one character in place of the question mark.
    OneCharacter(&'static str),
}

impl Rule {
    fn pattern(&self) -> String {
        match self {
            Self::Literal(folder) => folder.clone(),
            Self::Below(folder) => format!("{folder}/**"),
            Self::ExtensionAtTop(extension) => format!("*.{extension}"),
            Self::Extension(extension) => format!("**/*.{extension}"),
            Self::OneCharacter(start) => format!("{start}?"),
        }
    }

    /// Whether the pattern matches an asset path, which begins with `/`.
    fn matches(&self, path: &str) -> bool {
        let path = path.strip_prefix('/').expect("an asset path");
        let ends_with = |text: &str, extension: &str| text.ends_with(&format!(".{extension}"));
        match self {
            Self::Literal(folder) => path == folder || path.starts_with(&format!("{folder}/")),
            Self::Below(folder) => path.starts_with(&format!("{folder}/")),
            Self::ExtensionAtTop(extension) => !path.contains('/') && ends_with(path, extension),
            Self::Extension(extension) => ends_with(path, extension),
            Self::OneCharacter(start) => path.strip_prefix(start).is_some_and(|rest| {
                let mut characters = rest.chars();
                characters.next().is_some_and(|c| c != '/') && characters.next().is_none()
            }),
        }
    }
}

/// A tree of objects, the rules of the scans, and the changes between them.
#[derive(Clone, Debug)]
struct Case {
    objects: BTreeMap<String, usize>,
    prefix: Option<&'static str>,
    include: Vec<Rule>,
    exclude: Vec<Rule>,
    folder_markers: bool,
    /// New sizes of keys; `None` deletes the key.
    mutations: BTreeMap<String, Option<usize>>,
    /// The rules of the last scan.
    later_exclude: Vec<Rule>,
}

impl Case {
    /// Whether the model admits an object.
    fn admits(&self, exclude: &[Rule], key: &str, object: &Listed) -> bool {
        let folder = self
            .prefix
            .map_or(String::new(), |prefix| format!("{prefix}/"));
        let Some(rest) = key.strip_prefix(&folder) else {
            return false;
        };
        let path = format!("/{rest}");
        let matched = |rules: &[Rule]| rules.iter().any(|rule| rule.matches(&path));
        let is_marker = object.size == 0 && key.ends_with('/');
        (self.folder_markers || !is_marker)
            && (self.include.is_empty() || matched(&self.include))
            && !matched(exclude)
    }

    /// Scans the tree, again after the changes, and again with other rules. Each time the index must match
    /// the model.
    fn check(&self) {
        let mut fixture = Fixture::new();
        let bodies = |(key, size): (&String, &usize)| (key.clone(), vec![b'x'; *size]);
        fixture.bucket.put_many(self.objects.iter().map(bodies));
        self.scan(&mut fixture, &self.exclude);
        for (key, size) in &self.mutations {
            match size {
                Some(size) => fixture.bucket.put(key, vec![b'y'; *size]),
                None => fixture.bucket.delete(key),
            }
        }
        self.scan(&mut fixture, &self.exclude);
        self.scan(&mut fixture, &self.later_exclude);
    }

    fn scan(&self, fixture: &mut Fixture, exclude: &[Rule]) {
        let patterns = |rules: &[Rule]| rules.iter().map(Rule::pattern).collect();
        fixture.change_source(|source| {
            source.prefix = self.prefix.map(str::to_owned);
            source.folder_markers = self.folder_markers;
            source.include = patterns(&self.include);
            source.exclude = patterns(exclude);
        });
        fixture.cli.reindex();
        let admitted = |key: &str, object: &Listed| self.admits(exclude, key, object);
        let (cli, bucket) = (&fixture.cli, &fixture.bucket);
        cli.assert_mirrors_where(SOURCE, bucket, admitted);
    }
}

fn key() -> impl Strategy<Value = String> {
    let one_of = |names: &'static [&str]| prop::sample::select(names);
    let segment = prop_oneof![4 => one_of(&FOLDERS), 2 => one_of(&FILES), 1 => one_of(&ODD)];
    let segments = proptest::collection::vec(segment, 1..5);
    let keys = segments.prop_map(|segments| segments.join("/"));
    // The SDK refuses to put a key that consists only of whitespace.
    keys.prop_filter("the key can be put", |key| !key.trim().is_empty())
}

fn rule() -> impl Strategy<Value = Rule> {
    let folder = || prop::sample::select(vec!["a", "b", "ab", "a b", "img", "a/b", "a/img"]);
    let extension = || prop::sample::select(vec!["jpg", "png", "JPG"]);
    prop_oneof![
        folder().prop_map(|folder| Rule::Literal(folder.to_owned())),
        folder().prop_map(|folder| Rule::Below(folder.to_owned())),
        extension().prop_map(Rule::ExtensionAtTop),
        extension().prop_map(Rule::Extension),
        prop::sample::select(vec!["im", "a", "img"]).prop_map(Rule::OneCharacter),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let rules = |most| proptest::collection::vec(rule(), 0..=most);
    let objects = proptest::collection::btree_map(key(), 0..3_usize, 0..60);
    let mutation = prop_oneof![Just(None), (0..4_usize).prop_map(Some)];
    let new_keys = proptest::collection::btree_map(key(), mutation, 0..10);
    let prefix = prop::sample::select(vec![None, None, Some("a"), Some("img")]);
    let lists = (rules(3), rules(2), rules(2));
    (
        objects,
        prefix,
        lists,
        any::<bool>(),
        new_keys,
        any::<u64>(),
    )
        .prop_map(
            |(objects, prefix, lists, folder_markers, mut mutations, picked)| {
                // Change some of the existing objects too.
                for (number, key) in objects.keys().enumerate() {
                    if picked >> (number % 64) & 1 == 1 {
                        let size = (number % 3 > 0).then_some(number % 5);
                        mutations.insert(key.clone(), size);
                    }
                }
                let (include, exclude, later_exclude) = lists;
                Case {
                    objects,
                    prefix,
                    include,
                    exclude,
                    folder_markers,
                    mutations,
                    later_exclude,
                }
            },
        )
}

#[test]
fn scans_of_random_trees_match_the_model() {
    let config = RunnerConfig {
        cases: CASES,
        max_shrink_iters: MAX_SHRINKS,
        // Do not store seeds: a failure becomes a named test once it is understood.
        failure_persistence: None,
        ..RunnerConfig::default()
    };
    let checked = TestRunner::new(config).run(&case(), |case| {
        case.check();
        Ok(())
    });
    checked.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn model_matches_patterns() {
    let below = |folder: &str| Rule::Below(folder.to_owned());
    let literal = |path: &str| Rule::Literal(path.to_owned());
    for (rule, path, expected) in [
        (literal("img"), "/img", true),
        (literal("img"), "/img/a", true),
        (literal("img"), "/img2", false),
        (literal("img"), "//img", false),
        (below("img"), "/img", false),
        (below("img"), "/img/", true),
        (below("img"), "/a/img/b", false),
        (Rule::ExtensionAtTop("jpg"), "/x.jpg", true),
        (Rule::ExtensionAtTop("jpg"), "/a/x.jpg", false),
        (Rule::Extension("jpg"), "/x.jpg", true),
        (Rule::Extension("jpg"), "/a//.jpg", true),
        (Rule::Extension("jpg"), "/a.JPG", false),
        (Rule::OneCharacter("im"), "/img", true),
        (Rule::OneCharacter("im"), "/im/", false),
        (Rule::OneCharacter("im"), "/img/a", false),
    ] {
        assert_eq!(rule.matches(path), expected, "{rule:?} on {path:?}");
    }
}
