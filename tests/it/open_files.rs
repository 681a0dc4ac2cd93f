//! The limit of open files: commands that write an index raise it, and refuse to start below the minimum.

use std::process::Command;

use crate::cli::BINARY;
use crate::fixture::{Fixture, numbered};

/// The binary with a limit of open files. `scope` is `-S` for the soft limit, or empty for both limits.
fn limited(scope: &str, files: u32) -> Command {
    let limited = format!("ulimit {scope} -n {files}; exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limited, "sh", BINARY]);
    command
}

#[test]
fn refuses_to_write_an_index_with_too_few_files() {
    let fixture = Fixture::with_keys(["a.jpg"]);
    for arguments in [&["serve"][..], &["reindex"], &["index", "rebuild"]] {
        let mut command = fixture.cli.command(limited("", 24));
        let output = command.args(arguments).output().expect("sh runs");
        assert_eq!(output.status.code(), Some(1), "{output:#?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        for words in [
            "limit of open files",
            "is 24",
            "at least 256",
            "LimitNOFILE",
        ] {
            assert!(stderr.contains(words), "{stderr}");
        }
    }
    assert!(!fixture.cli.data_dir().exists(), "nothing was written");
}

#[test]
fn raises_a_low_soft_limit() {
    let fixture = Fixture::with_keys(numbered(0..1500));
    let mut command = fixture.cli.command(limited("-S", 24));
    let output = command.arg("reindex").output().expect("sh runs");
    assert!(output.status.success(), "{output:#?}");
    fixture.assert_mirror();
}

#[test]
fn minimum_is_enough_for_many_commits_and_merges() {
    let mut fixture = Fixture::with_keys(numbered(0..1500));
    let reindex = |fixture: &Fixture| {
        let mut command = fixture.cli.command(limited("", 256));
        let output = command.arg("reindex").output().expect("sh runs");
        assert!(output.status.success(), "{output:#?}");
        fixture.assert_mirror();
    };
    reindex(&fixture);
    // Each run adds a segment, so the later ones merge.
    for run in 0..6 {
        fixture.bucket.put_keys([format!("run/{run}.jpg")]);
        reindex(&fixture);
    }
    fixture.change_source(|source| source.exclude = vec!["run".to_owned()]);
    let mut command = fixture.cli.command(limited("", 256));
    let output = command.args(["reindex", "--rebuild"]).output();
    let output = output.expect("sh runs");
    assert!(output.status.success(), "{output:#?}");
    assert_eq!(fixture.cli.keys(crate::fixture::SOURCE).len(), 1500);
}
