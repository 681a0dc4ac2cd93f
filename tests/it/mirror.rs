//! Random trees of keys under random rules: what the binary indexes is what a naive model says.
//!
//! The model has its own matcher, for the few forms of patterns that it draws from; it shares
//! nothing with the crate.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config as RunnerConfig, TestRunner};

use crate::fixture::{Fixture, SOURCE};
use crate::s3::Listed;

/// How many trees are drawn; each costs some hundred requests and four runs of the binary.
const CASES: u32 = 24;

/// How many simpler cases are tried when one fails.
const MAX_SHRINKS: u32 = 100;

/// Folders that patterns name, and their neighbours that patterns must not take for them.
const FOLDERS: [&str; 9] = ["a", "b", "ab", "A", "a b", "img", "img2", "imG", ""];

/// Names that patterns for extensions must sort out.
const FILES: [&str; 7] = [
    "x.jpg",
    "y.JPG",
    "z.png",
    ".jpg",
    "jpg",
    "x.jpg.png",
    "new\nline.jpg",
];

/// Names that some step on the way could spoil.
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

/// A pattern, as what it means.
#[derive(Clone, Debug)]
enum Rule {
    /// `dir`: the path itself, and all below it.
    Literal(String),
    /// `dir/**`: all below it.
    Below(String),
    /// `*.ext`: at the top only.
    ExtensionAtTop(&'static str),
    /// `**/*.ext`: anywhere.
    Extension(&'static str),
    /// `im?` with one character for the question mark: the path itself.
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

    /// Whether it matches an asset path, which begins with `/`.
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

/// A tree, the rules it is scanned under, and what is done to it then.
#[derive(Clone, Debug)]
struct Case {
    objects: BTreeMap<String, usize>,
    prefix: Option<&'static str>,
    include: Vec<Rule>,
    exclude: Vec<Rule>,
    folder_markers: bool,
    /// Keys with a new size; `None` deletes.
    mutations: BTreeMap<String, Option<usize>>,
    /// The rules of the last scan.
    later_exclude: Vec<Rule>,
}

impl Case {
    /// Whether the model admits an object of the bucket.
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

    /// Scans, changes, scans, changes the rules, scans; the index must be the model's each time.
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
    // The SDK refuses to put a key of nothing but white space.
    keys.prop_filter("a key that can be put", |key| !key.trim().is_empty())
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
    let strangers = proptest::collection::btree_map(key(), mutation, 0..10);
    let prefix = prop::sample::select(vec![None, None, Some("a"), Some("img")]);
    let lists = (rules(3), rules(2), rules(2));
    (
        objects,
        prefix,
        lists,
        any::<bool>(),
        strangers,
        any::<u64>(),
    )
        .prop_map(
            |(objects, prefix, lists, folder_markers, mut mutations, picked)| {
                // Some of the objects that are there, besides the strangers.
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
fn a_scan_of_a_random_tree_is_what_a_naive_model_says() {
    let config = RunnerConfig {
        cases: CASES,
        max_shrink_iters: MAX_SHRINKS,
        // A failure that is understood becomes a test with a name, not a file of seeds.
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
fn the_model_matches_as_its_patterns_say() {
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
