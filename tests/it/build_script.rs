//! The build script: from which commit a build is, with git, without git, and with the variable.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::cli::Cli;
use crate::config::Config;

const VARIABLE: &str = "ASSET_INDEXER_COMMIT";

/// The compiled build script.
fn script() -> &'static Path {
    static SCRIPT: OnceLock<PathBuf> = OnceLock::new();
    SCRIPT.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/build.rs");
        let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("build_script");
        let mut rustc = Command::new("rustc");
        rustc.args(["--edition", "2024", source, "-o"]).arg(&binary);
        assert!(rustc.status().is_ok_and(|status| status.success()));
        binary
    })
}

/// Runs git in a folder, without the settings of the developer. Returns its output.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_COMMITTER_DATE", "2026-03-01T12:00:00Z");
    git.args(["-c", "user.name=a", "-c", "user.email=a@localhost"]);
    let output = git.current_dir(folder).args(arguments).output();
    let output = output.expect("git is installed");
    assert!(output.status.success(), "{arguments:?}: {output:#?}");
    String::from_utf8(output.stdout).expect("text")
}

/// A git repository with one commit.
fn repository() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    git(folder.path(), &["init", "--quiet"]);
    git(
        folder.path(),
        &["commit", "--quiet", "--allow-empty", "--message=a"],
    );
    folder
}

/// What the script tells cargo.
struct Told {
    /// The variables for the program.
    variables: BTreeMap<String, String>,
    /// The files whose changes run the script again.
    watched: Vec<String>,
    error: Option<String>,
}

impl Told {
    fn commit(&self) -> &str {
        &self.variables["ASSET_INDEXER_BUILD_COMMIT"]
    }

    fn version(&self) -> &str {
        &self.variables["ASSET_INDEXER_BUILD_VERSION"]
    }
}

/// Runs the script in a folder, with this profile and value of the variable.
fn run(folder: &Path, profile: &str, commit: Option<&str>) -> Told {
    let mut command = Command::new(script());
    command
        .current_dir(folder)
        .env_remove(VARIABLE)
        .env("PROFILE", profile)
        .env("CARGO_FEATURE_PROGRAM", "1")
        .env("CARGO_PKG_VERSION", "1.2.3");
    command.envs(commit.map(|commit| (VARIABLE, commit)));
    let output = command.output().expect("rustc compiled it");
    assert!(output.status.success(), "{output:#?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let values = |prefix: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let variables = values("cargo::rustc-env=");
    let variables = variables.iter().filter_map(|line| line.split_once('='));
    Told {
        variables: variables.map(|(k, v)| (k.into(), v.into())).collect(),
        watched: values("cargo::rerun-if-changed="),
        error: values("cargo::error=").pop(),
    }
}

#[test]
fn release_build_names_the_commit_of_the_checkout() {
    let folder = repository();
    let told = run(folder.path(), "release", None);
    let commit = git(folder.path(), &["rev-parse", "--short", "HEAD"]);
    assert_eq!(told.commit(), commit.trim());
    let version = format!("1.2.3 (commit {}, 2026-03-01)", commit.trim());
    assert_eq!(told.version(), version);
    assert_eq!(told.variables["ASSET_INDEXER_BUILD_DATE"], "2026-03-01");
    // Cargo runs the script each time if one of these does not exist.
    for path in &told.watched[1..] {
        assert!(folder.path().join(path).exists(), "{path}");
    }
    let watched = |name: &str| told.watched.iter().any(|path| path == name);
    assert!(
        watched(".git/HEAD") && watched(".git/refs/heads"),
        "{:?}",
        told.watched
    );
}

#[test]
fn debug_build_does_not_depend_on_the_commit() {
    let folder = repository();
    let told = run(folder.path(), "debug", None);
    assert_eq!(told.version(), "1.2.3 (commit unknown)");
    assert_eq!(told.commit(), "unknown");
    assert_eq!(told.watched, ["deploy/build.rs"]);
}

#[test]
fn archive_in_another_repository_has_no_commit() {
    let folder = repository();
    let archive = folder.path().join("archive");
    fs::create_dir(&archive).expect("the folder is ours");
    assert_eq!(run(&archive, "release", None).commit(), "unknown");
}

#[test]
fn variable_names_the_commit_of_any_build() {
    let folder = repository();
    for (profile, commit) in [
        ("release", "0123abc-modified"),
        ("debug", "0123456789abcdef0123456789abcdef01234567"),
    ] {
        let told = run(
            folder.path(),
            profile,
            Some(&format!("{commit} 2026-11-29")),
        );
        assert_eq!(told.commit(), commit);
        let version = format!("1.2.3 (commit {commit}, 2026-11-29)");
        assert_eq!(told.version(), version);
        assert_eq!(told.error, None);
    }
    for wrong in [
        "main",
        "0123abc",
        "0123abc today",
        "0123ab\u{e9} 2026-11-29",
    ] {
        let error = run(folder.path(), "debug", Some(wrong)).error;
        let error = error.unwrap_or_else(|| panic!("{wrong} is accepted"));
        assert!(error.contains("git log -1 --format='%h %cs'"), "{error}");
    }
}

#[test]
fn program_shows_version_and_commit() {
    let shown = Cli::new(&Config::of([])).succeed(&["--version"]).stdout;
    let version = concat!("asset-indexer ", env!("CARGO_PKG_VERSION"), " (commit ");
    assert!(shown.starts_with(version), "{shown}");
}
