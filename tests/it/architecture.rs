//! Checks the layout that `src/README.md` describes: imports run one way, and each foreign crate is named only
//! in its rooms. Reads the source as text.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the lowest level up. A room imports only rooms of lower levels, and itself.
const LEVELS: [&[&str]; 11] = [
    &["core", "atomic_file"],
    &["secrets"],
    &["config", "aws", "concurrency"],
    &["managed"],
    &["index"],
    &["observe", "search"],
    &["serve"],
    &["ingest", "doctor"],
    &["daemon"],
    &["cli"],
    &["lib", "main"],
];

/// Parts of `core`, and the other parts of `core` that each must not import.
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

/// Names that must not occur in a pure module.
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

/// Prefixes of names of foreign crates, and the modules that may use them.
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
    ("hyper_util", &["serve/http"]),
    ("opentelemetry", &["observe/telemetry/otlp"]),
    ("prometheus_client", &["serve/http/metrics"]),
    ("anyhow", &["cli"]),
    ("indicatif", &["cli"]),
];

/// A source file: its path in `src` without the extension, and its lines of code before the tests, without
/// comments.
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

    fn is_in(&self, module: &str) -> bool {
        self.path == module || self.path.starts_with(&format!("{module}/"))
    }
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file is text");
        let relative = path.strip_prefix(&root).expect("the file is in src");
        let path = relative
            .with_extension("")
            .to_str()
            .expect("UTF-8")
            .to_owned();
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
    for entry in fs::read_dir(folder).expect("the folder exists") {
        let path = entry.expect("the sources can be read").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn level(room: &str) -> usize {
    let found = LEVELS.iter().position(|rooms| rooms.contains(&room));
    found.unwrap_or_else(|| panic!("the room {room} has no level: add it to LEVELS"))
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
                let is_lower = level(named) < level(file.room());
                assert!(
                    is_lower || named == file.room(),
                    "{} names {named}, which is not on a lower level: {line}",
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
                "{} names several parts of core at once, which this test does not support: {line}",
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
fn pure_modules_name_nothing_impure() {
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
fn foreign_crates_are_named_only_in_their_rooms() {
    for file in files().iter().filter(|file| !file.is_test()) {
        for (foreign, modules) in FOREIGN {
            if modules.iter().any(|module| file.is_in(module)) {
                continue;
            }
            for line in &file.code {
                // This module is ours, in spite of its name.
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
fn every_module_starts_with_a_doc_comment() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join("src"), &mut paths);
    collect(&root.join("tests"), &mut paths);
    for path in paths {
        let text = fs::read_to_string(&path).expect("a source file is text");
        assert!(
            text.starts_with("//! ") || path.ends_with("src/lib.rs"),
            "{} does not start with a doc comment",
            path.display()
        );
    }
}
