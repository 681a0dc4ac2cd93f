//! The build script: gives the program the commit that it is built from.
//!
//! The commit is in the variable `ASSET_INDEXER_COMMIT`, for example `0123abc 2026-11-29`, which is what
//! `git log -1 --format='%h %cs'` prints. Without this variable, a release build asks git. A debug build does
//! not, because cargo would then compile the whole program again after each commit. A build without git, for
//! example from an archive, has an unknown commit.

use std::env;
use std::path::Path;
use std::process::Command;

/// The variable with the commit and its date.
const VARIABLE: &str = "ASSET_INDEXER_COMMIT";

/// The text that the program shows if the commit is not known.
const UNKNOWN: &str = "unknown";

/// The files that `git` changes with a commit or a checkout, in all its storage formats.
const CHANGED_BY_COMMITS: [&str; 4] = ["HEAD", "packed-refs", "refs/heads", "reftable"];

fn main() {
    println!("cargo::rerun-if-changed=deploy/build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let found = match env::var(VARIABLE) {
        Ok(text) if !text.is_empty() => {
            let found = commit_and_date(&text);
            if found.is_none() {
                println!(
                    "cargo::error={VARIABLE} is {text:?}, which is not a commit and its date. \
                     Use the output of: git log -1 --format='%h %cs'"
                );
            }
            found
        }
        _ if asks_git() => from_git(),
        _ => None,
    };
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let (commit, date, version) = match found {
        Some((commit, date)) => {
            let version = format!("{version} (commit {commit}, {date})");
            (commit, date, version)
        }
        None => (
            UNKNOWN.to_owned(),
            UNKNOWN.to_owned(),
            format!("{version} (commit {UNKNOWN})"),
        ),
    };
    println!("cargo::rustc-env=ASSET_INDEXER_BUILD_VERSION={version}");
    println!("cargo::rustc-env=ASSET_INDEXER_BUILD_COMMIT={commit}");
    println!("cargo::rustc-env=ASSET_INDEXER_BUILD_DATE={date}");
}

/// Splits `0123abc 2026-11-29`. The commit may have a suffix: `0123abc-modified`.
fn commit_and_date(text: &str) -> Option<(String, String)> {
    let (commit, date) = text.trim().split_once(' ')?;
    let hash = commit.split('-').next()?;
    let is_hash = hash.len() >= 7 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_suffix = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let shape = date.bytes().map(|byte| match byte {
        b'0'..=b'9' => 'd',
        other => other.into(),
    });
    let is_date = shape.eq("dddd-dd-dd".chars());
    (is_hash && commit.bytes().all(is_suffix) && is_date)
        .then(|| (commit.to_owned(), date.to_owned()))
}

/// Only a release build of the program asks git. The search library does not show the commit.
fn asks_git() -> bool {
    env::var("PROFILE").as_deref() == Ok("release")
        && env::var_os("CARGO_FEATURE_PROGRAM").is_some()
}

/// The commit and the date of HEAD. `None` if this folder is not a checkout of its own.
fn from_git() -> Option<(String, String)> {
    // Without this test, git would name the commit of a repository around an unpacked archive.
    if !Path::new(".git").exists() {
        return None;
    }
    for name in CHANGED_BY_COMMITS {
        let path = git(&["rev-parse", "--git-path", name])?;
        // Cargo would run the script each time for a file that does not exist.
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    commit_and_date(&git(&["log", "-1", "--format=%h %cs"])?)
}

/// The output of git, without the end of the line. `None` if it fails or is not installed.
fn git(arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    // A hook of another repository sets these variables.
    command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
    let output = command.args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}
