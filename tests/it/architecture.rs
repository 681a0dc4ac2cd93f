//! Holds the layout that the crate documentation describes: imports run one way, and each foreign
//! crate is named in its room alone. Reads the source as text.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the lowest level up. A room imports only rooms of lower levels, and itself.
const LEVELS: [&[&str]; 9] = [
    &["core"],
    &["config", "aws", "concurrency"],
    &["index"],
    &["observe", "search"],
    &["serve"],
    &["ingest", "doctor"],
    &["daemon"],
    &["cli"],
    &["lib", "main"],
];

/// Which parts of `core` each part of it must not import.
const FORBIDDEN_IN_CORE: [(&str, &[&str]); 4] = [
    (
        "core/counters",
        &["human", "query", "replication", "source"],
    ),
    (
        "core/human",
        &["counters", "query", "replication", "source"],
    ),
    ("core/replication", &["query", "source"]),
    ("core/source", &["query"]),
];

/// Modules that compute only from their arguments: no I/O, no clock, no environment.
const PURE: [&str; 3] = ["core", "aws/iam", "aws/setup"];

/// What a pure room must not name.
const IMPURE: [&str; 13] = [
    "tokio",
    "aws_config",
    "aws_credential",
    "aws_sdk",
    "aws_smithy",
    "aws_types",
    "tantivy::",
    "std::env",
    "std::fs",
    "std::net",
    "async ",
    "Instant",
    "SystemTime",
];

/// Beginnings of foreign names, and where they may stand.
const FOREIGN: [(&str, &[&str]); 14] = [
    ("aws_config", &["aws"]),
    ("aws_credential", &["aws"]),
    ("aws_sdk", &["aws"]),
    ("aws_smithy", &["aws"]),
    ("aws_types", &["aws"]),
    ("tantivy::", &["index/tantivy"]),
    ("tantivy_", &["index/tantivy"]),
    ("axum", &["serve/http"]),
    ("hyper::", &["serve/http"]),
    ("hyper_util", &["serve/http", "observe/telemetry/otlp"]),
    ("opentelemetry", &["observe/telemetry/otlp"]),
    ("prometheus_client", &["serve/http/metrics"]),
    ("anyhow", &["cli"]),
    ("indicatif", &["cli"]),
];

/// One file of the library: its path below `src`, without the ending, and its lines of code.
struct File {
    path: String,
    code: Vec<String>,
}

impl File {
    fn room(&self) -> &str {
        self.path.split('/').next().expect("split yields one part")
    }

    fn is_test(&self) -> bool {
        self.path
            .split('/')
            .any(|part| part == "tests" || part == "model")
    }

    fn is_in(&self, place: &str) -> bool {
        self.path == place || self.path.starts_with(&format!("{place}/"))
    }
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file is text");
        let below = path.strip_prefix(&root).expect("it was found there");
        let path = below.with_extension("").to_str().expect("UTF-8").to_owned();
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        let code = text
            .lines()
            .take_while(|line| !line.starts_with("#[cfg(test)]"));
        let code = code.filter(is_code).map(str::to_owned).collect();
        File { path, code }
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the sources can be read").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            paths.push(path);
        }
    }
}

fn level(room: &str) -> usize {
    let found = LEVELS.iter().position(|rooms| rooms.contains(&room));
    found.unwrap_or_else(|| panic!("the room {room} has no level: give it one"))
}

/// The rooms that a line names as `crate::room`.
fn named_rooms(line: &str) -> impl Iterator<Item = &str> {
    names_after("crate::", line)
}

/// The names that follow `prefix` in a line.
fn names_after<'a>(prefix: &'a str, line: &'a str) -> impl Iterator<Item = &'a str> {
    line.split(prefix).skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

#[test]
fn imports_run_one_way() {
    let mut seen = 0;
    for file in files() {
        for line in &file.code {
            for named in named_rooms(line).filter(|named| !named.is_empty()) {
                seen += 1;
                let below = level(named) < level(file.room());
                assert!(
                    below || named == file.room(),
                    "{} names {named}, which is not below it: {line}",
                    file.path
                );
            }
        }
    }
    assert!(seen > 100, "only {seen} imports were found");
}

#[test]
fn imports_inside_core_run_one_way() {
    let mut seen = 0;
    for file in files().iter().filter(|file| file.is_in("core")) {
        let forbidden = FORBIDDEN_IN_CORE.iter().find(|(part, _)| file.is_in(part));
        for line in &file.code {
            assert!(
                !line.contains("crate::core::{"),
                "{} names several parts of core at once, which this test does not read: {line}",
                file.path
            );
            for named in names_after("crate::core::", line) {
                seen += 1;
                let is_forbidden = forbidden.is_some_and(|(_, parts)| parts.contains(&named));
                assert!(!is_forbidden, "{} names {named}: {line}", file.path);
            }
        }
    }
    assert!(seen > 20, "only {seen} imports were found");
}

#[test]
fn pure_rooms_stay_pure() {
    // Their tests may read files.
    let is_pure = |file: &&File| PURE.iter().any(|pure| file.is_in(pure)) && !file.is_test();
    for file in files().iter().filter(is_pure) {
        for line in &file.code {
            for impure in IMPURE {
                assert!(
                    !line.contains(impure),
                    "{} names {impure}: {line}",
                    file.path
                );
            }
        }
    }
}

#[test]
fn each_foreign_crate_stays_in_its_room() {
    for file in files().iter().filter(|file| !file.is_test()) {
        for (foreign, places) in FOREIGN {
            if places.iter().any(|place| file.is_in(place)) {
                continue;
            }
            for line in &file.code {
                // The room of that name is ours.
                let line = line.replace("index::tantivy::", "");
                let line = line.replace("super::tantivy::", "");
                assert!(
                    !line.contains(foreign),
                    "{} names {foreign}: {line}",
                    file.path
                );
            }
        }
    }
}

#[test]
fn every_module_opens_with_a_sentence() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join("src"), &mut paths);
    collect(&root.join("tests"), &mut paths);
    for path in paths {
        let text = fs::read_to_string(&path).expect("a source file is text");
        assert!(
            text.starts_with("//! ") || path.ends_with("src/lib.rs"),
            "{} opens without a sentence",
            path.display()
        );
    }
}
