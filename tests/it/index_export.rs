//! `index export`: every record as a line of JSON, into a pipe or a file that is whole or not there.

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

/// The lines by their keys.
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
fn what_is_exported_is_what_search_finds() {
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
    let none = fixture.cli.run(&["index", "export", "--source", "nobody"]);
    assert_eq!(none.status.code(), Some(2), "{none:#?}");
    assert!(none.stderr.contains(SOURCE), "{none:#?}");
    assert_eq!(export(&fixture.cli, &["--source", SOURCE]), exported);
}

#[test]
fn tombstones_are_exported_where_they_are_asked_for() {
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
fn a_file_is_there_when_everything_is_in_it() {
    let fixture = Fixture::with_keys(numbered(0..10));
    fixture.cli.reindex();
    let file = fixture.cli.folder().join("assets.jsonl");
    let path = file.to_str().expect("UTF-8");
    fs::write(&file, "the one before").expect("ours");
    // One that was killed has left this.
    let partial = fixture.cli.folder().join("assets.jsonl.partial");
    fs::write(&partial, "x".repeat(100_000)).expect("ours");
    let output = fixture.cli.succeed(&["index", "export", "--output", path]);
    assert!(output.stdout.contains("10 records"), "{output:#?}");
    let text = fs::read_to_string(&file).expect("it is there");
    assert_eq!(lines(&text), export(&fixture.cli, &[]));
    assert!(!partial.exists());
    let folder = fixture.cli.folder().to_str().expect("UTF-8");
    for (place, words) in [
        (folder, "is not a regular file"),
        ("/nowhere/a.jsonl", "failed to create"),
    ] {
        let arguments = ["index", "export", "--output", place];
        fixture.cli.fail(&arguments, &[words]);
    }
    assert_eq!(fs::read_to_string(&file).expect("it stays"), text);
}

#[test]
fn nothing_is_written_into_the_data_directory() {
    let fixture = Fixture::with_keys(numbered(0..10));
    fixture.cli.reindex();
    let data_dir = fixture.cli.data_dir();
    let current = fs::read(data_dir.join("CURRENT")).expect("there is an index");
    let link = fixture.cli.folder().join("link");
    symlink(&data_dir, &link).expect("ours");
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
        fs::read(data_dir.join("CURRENT")).expect("it stays"),
        current
    );
    assert!(!data_dir.join("assets.jsonl").exists());
    assert_eq!(export(&fixture.cli, &[]).len(), 10);
}

#[test]
fn what_is_in_the_way_and_no_file_is_not_written() {
    let fixture = Fixture::with_keys(numbered(0..10));
    fixture.cli.reindex();
    let file = fixture.cli.folder().join("assets.jsonl");
    let partial = fixture.cli.folder().join("assets.jsonl.partial");
    let precious = fixture.cli.folder().join("precious");
    fs::write(&precious, "precious").expect("ours");
    let arguments = ["index", "export", "--output", file.to_str().expect("UTF-8")];
    let refused = || {
        let words = ["assets.jsonl.partial", "is not a regular file", "remove it"];
        fixture.cli.fail(&arguments, &words);
        assert!(!file.exists());
    };
    symlink(&precious, &partial).expect("ours");
    refused();
    assert_eq!(fs::read_to_string(&precious).expect("ours"), "precious");
    fs::remove_file(&partial).expect("ours");
    let made = Command::new("mkfifo").arg(&partial).status();
    assert!(made.expect("mkfifo is there").success());
    // A pipe without a reader cannot be opened so, and one with a reader can.
    refused();
    let reader = File::options().read(true).write(true).open(&partial);
    refused();
    drop(reader.expect("ours"));
    fs::remove_file(&partial).expect("ours");
    fixture.cli.succeed(&arguments);
}

#[test]
fn a_file_that_cannot_be_written_to_its_end_is_not_there() {
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
        .expect("sh is there");
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("failed to write the lines"), "{said}");
    let left = fs::read_dir(fixture.cli.folder()).expect("it is there");
    let left = left.filter(|entry| {
        let name = entry.as_ref().expect("readable").file_name();
        name.to_string_lossy().contains("jsonl")
    });
    assert_eq!(left.count(), 0);
}

/// Starts an export of more than a pipe holds, and reads the first line.
fn begun(fixture: &Fixture) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut command = fixture.cli.command(Command::new(BINARY));
    command.args(["index", "export"]);
    let mut export = command.spawn().expect("cargo built it");
    let mut lines = BufReader::new(export.stdout.take().expect("piped")).lines();
    lines.next().expect("a line").expect("text");
    (export, lines)
}

#[test]
fn a_reader_that_goes_and_a_signal_end_it_cleanly() {
    let fixture = Fixture::with_keys(numbered(0..3000));
    fixture.cli.reindex();
    for (signal, code) in [(None, 0), (Some("-INT"), 130), (Some("-TERM"), 130)] {
        let (export, lines) = begun(&fixture);
        // It waits for its reader, who has stopped reading, or goes.
        let _unread = match signal {
            None => {
                drop(lines);
                None
            }
            Some(signal) => {
                let id = export.id().to_string();
                let sent = Command::new("kill").args([signal, &id]).status();
                assert!(sent.expect("kill is there").success());
                Some(lines)
            }
        };
        let output = export.wait_with_output().expect("our own child");
        assert_eq!(output.status.code(), Some(code), "{output:#?}");
        assert!(output.stderr.is_empty(), "{output:#?}");
    }
}

#[test]
fn an_export_is_of_one_commit_while_a_daemon_writes() {
    let live = Live::new();
    live.bucket.put_keys(numbered(0..100));
    let daemon = live.serve();
    for number in 0..10 {
        // There is one more before there is one less.
        live.bucket.put(&format!("new/{number}.jpg"), "new");
        live.bucket.delete(&format!("photos/{number:05}.jpg"));
        let count = export(&live.cli, &[]).len();
        assert!((98..=102).contains(&count), "{count}");
    }
    live.wait_for_mirror();
    assert_eq!(export(&live.cli, &[]).len(), 100);
    daemon.terminate();
}
