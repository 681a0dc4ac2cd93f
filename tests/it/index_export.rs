//! `index export`: writes each record as a line of JSON, to standard output or to a file. The file gets its
//! name only when it is complete.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Lines};
use std::os::unix::fs::symlink;
use std::process::{Child, ChildStdout, Command};

use serde_json::Value;

use crate::cli::{BINARY, Cli};
use crate::fixture::{Fixture, SOURCE, numbered};
use crate::live_fixture::Live;
use crate::scan_keys::odd_keys;

/// Parses an export. Returns its lines by key.
fn lines(text: &str) -> BTreeMap<String, Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    let with_key = |line: Value| (line["key"].as_str().expect("a key").to_owned(), line);
    text.lines().map(parse).map(with_key).collect()
}

fn export(cli: &Cli, options: &[&str]) -> BTreeMap<String, Value> {
    let arguments = [&["index", "export"], options].concat();
    lines(&cli.succeed(&arguments).stdout)
}

#[test]
fn exports_the_assets_that_search_finds() {
    let fixture = Fixture::with_keys(odd_keys());
    fixture
        .cli
        .fail(&["index", "export"], &["there is no index"]);
    fixture.cli.reindex();
    let exported = export(&fixture.cli, &[]);
    let indexed = fixture.cli.indexed(SOURCE);
    assert!(exported.keys().eq(indexed.keys()));
    for (key, hit) in &indexed {
        let line = &exported[key];
        for (name, value) in [
            ("source", &hit.source),
            ("path", &hit.path),
            ("last_modified", &hit.last_modified),
            ("etag", &hit.etag),
            ("first_seen", &hit.first_seen),
            ("storage_class", &hit.storage_class),
        ] {
            assert_eq!(line[name], value.as_str(), "{key:?}");
        }
        assert_eq!(line["size"], hit.size);
    }
    let unknown = fixture.cli.run(&["index", "export", "--source", "unknown"]);
    assert_eq!(unknown.status.code(), Some(2), "{unknown:#?}");
    assert!(unknown.stderr.contains(SOURCE), "{unknown:#?}");
    assert_eq!(export(&fixture.cli, &["--source", SOURCE]), exported);
}

#[test]
fn exports_tombstones_only_on_request() {
    let live = Live::new();
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    let daemon = live.serve();
    live.bucket.delete("a.jpg");
    live.wait_for_mirror();
    assert!(export(&live.cli, &[]).keys().eq(["b.jpg"]));
    let all = export(&live.cli, &["--tombstones"]);
    assert!(all.keys().eq(["a.jpg", "b.jpg"]));
    assert!(all["a.jpg"]["removed_in_scan"].is_u64(), "{all:#?}");
    assert!(all["a.jpg"]["sequencer"].is_string(), "{all:#?}");
    assert_eq!(all["a.jpg"].get("size"), None);
    daemon.terminate();
}

#[test]
fn replaces_the_file_only_by_a_complete_one() {
    let fixture = Fixture::with_keys(numbered(0..10));
    fixture.cli.reindex();
    let file = fixture.cli.folder().join("assets.jsonl");
    let path = file.to_str().expect("UTF-8");
    fs::write(&file, "the previous export").expect("the folder is ours");
    // A killed export has left this file.
    let partial = fixture.cli.folder().join("assets.jsonl.partial");
    fs::write(&partial, "x".repeat(100_000)).expect("the folder is ours");
    let output = fixture.cli.succeed(&["index", "export", "--output", path]);
    assert!(output.stdout.contains("10 records"), "{output:#?}");
    let text = fs::read_to_string(&file).expect("the file exists");
    assert_eq!(lines(&text), export(&fixture.cli, &[]));
    assert!(!partial.exists());
    let folder = fixture.cli.folder().to_str().expect("UTF-8");
    for (path, words) in [
        (folder, "is not a regular file"),
        ("/nowhere/a.jsonl", "failed to create"),
    ] {
        let arguments = ["index", "export", "--output", path];
        fixture.cli.fail(&arguments, &[words]);
    }
    assert_eq!(fs::read_to_string(&file).expect("the file exists"), text);
}

#[test]
fn refuses_to_write_into_the_data_directory() {
    let fixture = Fixture::with_keys(numbered(0..10));
    fixture.cli.reindex();
    let data_dir = fixture.cli.data_dir();
    let current = fs::read(data_dir.join("CURRENT")).expect("there is an index");
    let link = fixture.cli.folder().join("link");
    symlink(&data_dir, &link).expect("the folder is ours");
    let generation = fixture.cli.generation().trim().to_owned();
    for file in [
        data_dir.join("CURRENT"),
        data_dir.join("assets.jsonl"),
        data_dir.join(generation).join("meta.json"),
        link.join("CURRENT"),
        link.join("../data/CURRENT"),
    ] {
        let path = file.to_str().expect("UTF-8");
        let refused = fixture.cli.run(&["index", "export", "--output", path]);
        assert_eq!(refused.status.code(), Some(2), "{refused:#?}");
        let words = "is in the data directory";
        assert!(refused.stderr.contains(words), "{refused:#?}");
    }
    assert_eq!(
        fs::read(data_dir.join("CURRENT")).expect("the file exists"),
        current
    );
    assert!(!data_dir.join("assets.jsonl").exists());
    assert_eq!(export(&fixture.cli, &[]).len(), 10);
}

#[test]
fn refuses_a_partial_file_that_is_not_a_regular_file() {
    let fixture = Fixture::with_keys(numbered(0..10));
    fixture.cli.reindex();
    let file = fixture.cli.folder().join("assets.jsonl");
    let partial = fixture.cli.folder().join("assets.jsonl.partial");
    let precious = fixture.cli.folder().join("precious");
    fs::write(&precious, "precious").expect("the folder is ours");
    let arguments = ["index", "export", "--output", file.to_str().expect("UTF-8")];
    let refused = || {
        let words = ["assets.jsonl.partial", "is not a regular file", "remove it"];
        fixture.cli.fail(&arguments, &words);
        assert!(!file.exists());
    };
    symlink(&precious, &partial).expect("the folder is ours");
    refused();
    assert_eq!(
        fs::read_to_string(&precious).expect("the folder is ours"),
        "precious"
    );
    fs::remove_file(&partial).expect("the folder is ours");
    let made = Command::new("mkfifo").arg(&partial).status();
    assert!(made.expect("mkfifo is installed").success());
    // Without a reader, the pipe cannot be opened for writing. With a reader it can, and is refused too.
    refused();
    let reader = File::options().read(true).write(true).open(&partial);
    refused();
    drop(reader.expect("the pipe exists"));
    fs::remove_file(&partial).expect("the folder is ours");
    fixture.cli.succeed(&arguments);
}

#[test]
fn failed_export_leaves_no_file() {
    let fixture = Fixture::with_keys(numbered(0..2000));
    fixture.cli.reindex();
    let file = fixture.cli.folder().join("assets.jsonl");
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", limited, "sh", BINARY]);
    let mut command = fixture.cli.command(command);
    let output = command
        .args(["index", "export", "--output"])
        .arg(&file)
        .output()
        .expect("sh runs");
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("failed to write the lines"), "{stderr}");
    let left = fs::read_dir(fixture.cli.folder()).expect("the folder exists");
    let left = left.filter(|entry| {
        let name = entry.as_ref().expect("readable").file_name();
        name.to_string_lossy().contains("jsonl")
    });
    assert_eq!(left.count(), 0);
}

/// Starts an export that does not fit into the buffer of a pipe, and reads the first line.
fn start_export(fixture: &Fixture) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut command = fixture.cli.command(Command::new(BINARY));
    command.args(["index", "export"]);
    let mut export = command.spawn().expect("cargo built it");
    let mut lines = BufReader::new(export.stdout.take().expect("piped")).lines();
    lines.next().expect("a line").expect("text");
    (export, lines)
}

#[test]
fn closed_pipe_and_signals_end_the_export_without_messages() {
    let fixture = Fixture::with_keys(numbered(0..3000));
    fixture.cli.reindex();
    for (signal, code) in [(None, 0), (Some("-INT"), 130), (Some("-TERM"), 130)] {
        let (export, lines) = start_export(&fixture);
        // The export waits because the pipe is full. Close the pipe, or send a signal.
        let _unread = match signal {
            None => {
                drop(lines);
                None
            }
            Some(signal) => {
                let id = export.id().to_string();
                let sent = Command::new("kill").args([signal, &id]).status();
                assert!(sent.expect("kill is installed").success());
                Some(lines)
            }
        };
        let output = export.wait_with_output().expect("our own child");
        assert_eq!(output.status.code(), Some(code), "{output:#?}");
        assert!(output.stderr.is_empty(), "{output:#?}");
    }
}

#[test]
fn exports_one_commit_while_a_daemon_writes() {
    let live = Live::new();
    live.bucket.put_keys(numbered(0..100));
    let daemon = live.serve();
    for number in 0..10 {
        // Add a key before removing one.
        live.bucket.put(&format!("new/{number}.jpg"), "new");
        live.bucket.delete(&format!("photos/{number:05}.jpg"));
        let count = export(&live.cli, &[]).len();
        assert!((98..=102).contains(&count), "{count}");
    }
    live.wait_for_mirror();
    assert_eq!(export(&live.cli, &[]).len(), 100);
    daemon.terminate();
}
