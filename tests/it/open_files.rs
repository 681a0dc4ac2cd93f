//! The limit of open files: commands that write an index raise it, and refuse to start below the minimum.

use std::process::Command;

use crate::cli::BINARY;
use crate::fixture::{Fixture, numbered};
use crate::live_disk::set_limit;
use crate::live_fixture::Live;

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

#[test]
fn daemon_catches_up_after_it_could_open_no_file() {
    let mut live = Live::silent();
    live.configure(|config| config.visibility_timeout_seconds = 10);
    live.bucket.put_keys(["a.jpg", "gone.jpg"]);
    let daemon = live.serve();
    live.bucket.notify(&live.queue.arn());
    live.queue.wait_until_empty();
    // The daemon keeps what it has open, such as the connection to the queue.
    set_limit(&daemon, "--nofile=1:");
    live.bucket.put("new.jpg", "new");
    live.bucket.delete("gone.jpg");
    daemon.wait_for(&["ERROR", "the index failed", "no message is acknowledged"]);
    set_limit(&daemon, "--nofile=4096:");
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    assert_eq!(daemon.count(&["scan started"]), 1, "events suffice");
    daemon.terminate();
}
