//! Tests the log formats, and changing the log filter of a running daemon.

use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::cli::BINARY;
use crate::fixture::SOURCE;
use crate::live_fixture::Live;

/// Time to wait for a journal entry.
const DEADLINE: Duration = Duration::from_secs(60);

/// Runs a command with a fake journal that only this process sees: its socket is in the folder `$1`, and
/// `JOURNAL_STREAM` names standard error.
const IN_A_JOURNAL: &str = r#"
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/journal
mount --bind "$1" /run/systemd/journal
shift
JOURNAL_STREAM=$(stat -L -c %d:%i /dev/stderr) exec "$@"
"#;

#[test]
fn daemon_without_a_terminal_logs_json() {
    let mut live = Live::silent();
    live.bucket.put_keys(["a.jpg"]);
    live.cli.set_environment("ASSET_INDEXER_LOG_FORMAT", "auto");
    let daemon = live.cli.serve();
    daemon.wait_for(&["scan completed"]);
    for line in daemon.terminate() {
        let entry: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        assert!(
            entry["timestamp"].is_string() && entry["message"].is_string(),
            "{line}"
        );
        let is_ours = entry["target"]
            .as_str()
            .is_some_and(|it| it.starts_with("asset_indexer"));
        assert!(is_ours && entry["level"] == "INFO", "{line}");
        if entry["message"] == "scan completed" {
            assert_eq!(
                (&entry["source"], &entry["listed"]),
                (&SOURCE.into(), &1.into())
            );
        }
    }
}

#[test]
fn command_without_a_terminal_logs_text() {
    let mut live = Live::silent();
    live.cli
        .set_environment("ASSET_INDEXER_LOG", "asset_indexer=debug");
    live.cli.set_environment("ASSET_INDEXER_LOG_FORMAT", "auto");
    let log = live.cli.succeed(&["reindex"]).stderr;
    assert!(
        log.contains("DEBUG ") && log.contains("committed documents="),
        "{log}"
    );
    for words in [
        "waiting until the index has merged its segments",
        "the index has merged its segments seconds=",
    ] {
        assert!(log.contains(words), "{log}");
    }
    let log = live
        .cli
        .succeed(&["reindex", "--log-format", "json"])
        .stderr;
    let first = log.lines().next().expect("the command logs");
    assert!(serde_json::from_str::<Value>(first).is_ok(), "{log}");
}

#[test]
fn changes_the_log_filter_of_a_running_daemon() {
    let mut live = Live::new();
    live.change_source(|source| source.exclude = vec!["**/*.png".to_owned()]);
    live.bucket.put_keys(["a.jpg"]);
    let daemon = live.serve();
    let log = |arguments: &[&str]| {
        let all: Vec<&str> = ["log"].iter().chain(arguments).copied().collect();
        live.cli.succeed(&all).stdout
    };
    assert_eq!(log(&[]), "error,asset_indexer=info\n");
    assert_eq!(daemon.count(&["DEBUG"]), 0);
    let output = log(&["asset_indexer=debug"]);
    assert_eq!(
        output,
        "asset_indexer=debug (the daemon started with error,asset_indexer=info)\n"
    );
    daemon.wait_for(&[
        "INFO",
        "log filter changed",
        "filter=\"asset_indexer=debug\"",
    ]);
    live.bucket.put("b.jpg", "logged");
    daemon.wait_for(&["DEBUG", "committed", "documents="]);
    let handled = |key: &str, event: &str, outcome: &str| {
        daemon.wait_for(&[
            "DEBUG",
            "event handled source=\"assets\"",
            &format!("key={key:?} event=\"{event}:"),
            &format!("outcome=\"{outcome}"),
            "looked_up=false",
        ]);
    };
    handled("b.jpg", "ObjectCreated", "written");
    live.bucket.put("b.png", "no asset");
    handled("b.png", "ObjectCreated", "not admitted");
    live.bucket.delete("b.jpg");
    handled("b.jpg", "ObjectRemoved", "written");
    // A refused filter changes nothing.
    live.cli.fail(
        &["log", "loud"],
        &[
            "the daemon reports",
            "\"loud\" is not a level",
            "Use for example",
        ],
    );
    live.cli.fail(&["log", ""], &["it is empty"]);
    assert_eq!(log(&["--reset"]), "error,asset_indexer=info\n");
    daemon.wait_for(&["log filter changed", "before=\"asset_indexer=debug\""]);
    let before = daemon.count(&["DEBUG"]);
    live.bucket.put("c.jpg", "not logged");
    live.wait_for_mirror_where(|key, _| !key.ends_with(".png"));
    assert_eq!(daemon.count(&["DEBUG"]), before);
    daemon.terminate();
    live.cli.fail(&["log"], &["no daemon answers"]);
}

#[test]
fn refuses_to_start_with_an_invalid_filter() {
    let mut live = Live::silent();
    live.cli.set_environment("ASSET_INDEXER_LOG", "debgu");
    let output = live.cli.run(&["serve"]);
    assert_eq!(output.status.code(), Some(2), "{output:#?}");
    output.assert_failed_with(&[
        "ASSET_INDEXER_LOG: invalid log filter \"debgu\"",
        "is not a level",
    ]);
    live.cli.set_environment("ASSET_INDEXER_LOG", "");
    live.cli.succeed(&["reindex", "--log-format", "text"]);
    live.cli
        .fail(&["reindex", "--log-format", "xml"], &["xml", "journald"]);
}

#[test]
fn writes_entries_with_fields_to_the_journal() {
    if !may_mount() {
        // Write to standard error directly: the test harness hides the output of tests that pass.
        let reason = "skipped: logs to the journal: this user cannot mount a fake journal";
        writeln!(std::io::stderr(), "{reason}").unwrap();
        return;
    }
    let mut live = Live::silent();
    let folder = live.cli.folder().join("journal");
    std::fs::create_dir(&folder).unwrap();
    let journal = UnixDatagram::bind(folder.join("socket")).unwrap();
    journal.set_read_timeout(Some(DEADLINE)).unwrap();
    live.bucket.put_keys(["a.jpg"]);
    live.cli.set_environment("ASSET_INDEXER_LOG_FORMAT", "auto");
    live.cli
        .set_environment("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", IN_A_JOURNAL, "sh"])
        .arg(&folder)
        .arg(BINARY);
    let daemon = live.cli.watch(command, &["serve"]);
    let mut entry = vec![0; 1 << 20];
    loop {
        let length = journal.recv(&mut entry).expect("an entry arrives");
        let text = String::from_utf8_lossy(&entry[..length]);
        if !text.contains("scan completed") {
            continue;
        }
        for field in [
            "MESSAGE\n",
            "PRIORITY\n\u{1}\0\0\0\0\0\0\x006\n",
            "SYSLOG_IDENTIFIER\n\u{d}\0\0\0\0\0\0\0asset-indexer\n",
            "ASSET_INDEXER_SOURCE\n\u{6}\0\0\0\0\0\0\0assets\n",
            "ASSET_INDEXER_LISTED\n\u{1}\0\0\0\0\0\0\x001\n",
            "scan completed source=assets listed=1",
        ] {
            assert!(text.contains(field), "{field:?} is not in {text:?}");
        }
        break;
    }
    let lines = daemon.terminate();
    assert_eq!(lines, Vec::<String>::new(), "all entries go to the journal");
}

/// Whether this user can create mounts.
pub fn may_mount() -> bool {
    let result = Command::new("unshare")
        .args(["--mount", "mount", "-t", "tmpfs", "none", "/run"])
        .output();
    result.is_ok_and(|output| output.status.success())
}
