//! The commands `index info` and `index verify`, also while a daemon is running.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::{Cli, Output};
use crate::fixture::{Fixture, SOURCE, numbered};
use crate::live_fixture::Live;

/// The JSON output of a command.
fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:#?}"))
}

/// The segment files with this extension in the current generation.
fn files_of(cli: &Cli, ending: &str) -> Vec<PathBuf> {
    let files = cli.segment_files().into_iter();
    let has_ending = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == ending)
    };
    files.filter(has_ending).collect()
}

/// Flips one bit inside a file. Returns the name of the file.
fn flip(file: &Path) -> String {
    let mut bytes = fs::read(file).unwrap();
    let index = bytes.len() / 3;
    bytes[index] ^= 4;
    fs::write(file, bytes).unwrap();
    file.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn info_shows_sources_segments_and_disk_space() {
    let fixture = Fixture::with_keys(numbered(0..30));
    fixture.cli.fail(&["index", "info"], &["there is no index"]);
    fixture.cli.reindex();
    fixture.bucket.delete_many(numbered(0..10));
    fixture.cli.reindex();
    let info = json(&fixture.cli.succeed(&["index", "info", "--json"]));
    assert_eq!(info["generation"], fixture.cli.generation().trim_end());
    assert_eq!(info["schema_version"], 3);
    assert_eq!(info["program"], env!("CARGO_PKG_VERSION"));
    assert_eq!(info["writer"], Value::Null);
    let source = &info["sources"][0];
    assert_eq!(source["name"], SOURCE);
    assert_eq!(
        (&source["assets"], &source["tombstones"]),
        (&20.into(), &0.into())
    );
    assert!(source["complete_as_of"].is_string() && source["running"].is_null());
    let documents = info["segments"].as_array().unwrap().iter();
    let documents = documents.map(|segment| segment["documents"].as_u64().unwrap());
    assert_eq!(documents.sum::<u64>(), 20);
    assert!(info["bytes"].as_u64().unwrap() > 1000);
    assert!(info["free_bytes"].as_u64().unwrap() > 0);
    let text = fixture.cli.succeed(&["index", "info"]).stdout;
    assert!(text.contains("20 assets, 0 tombstones"), "{text}");
}

#[test]
fn info_does_not_call_the_index_in_use_another_one_if_current_is_lost() {
    let fixture = Fixture::with_keys(numbered(0..3));
    fixture.cli.reindex();
    let info = || json(&fixture.cli.succeed(&["index", "info", "--json"]));
    let before = info();
    fs::remove_file(fixture.cli.data_dir().join("CURRENT")).unwrap();
    let after = info();
    for key in ["generation", "schema_version", "other_generations"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    assert_eq!(after["other_generations"], Value::Array(Vec::new()));
}

#[test]
fn info_and_verify_work_while_a_daemon_writes() {
    let live = Live::new();
    live.bucket.put_keys(numbered(0..200));
    let daemon = live.serve();
    let info = json(&live.cli.succeed(&["index", "info", "--json"]));
    let writer = format!("process {}", daemon.id());
    assert_eq!(info["writer"], writer.as_str());
    for number in 0..20 {
        live.bucket.put(&format!("new/{number}.jpg"), "new");
        live.bucket.delete(&format!("photos/{number:05}.jpg"));
        let verified = live.cli.succeed(&["index", "verify"]);
        assert!(verified.stdout.contains(": sound: "), "{verified:#?}");
    }
    live.wait_for_mirror();
    let audit = json(&live.cli.succeed(&["index", "verify", "--json"]));
    assert_eq!(audit["assets"], 200);
    assert_eq!(audit["tombstones"], 20);
    daemon.terminate();
}

#[test]
fn verify_names_damaged_file_and_rebuild_repairs_it() {
    for ending in ["fast", "term", "idx"] {
        let fixture = Fixture::with_keys(numbered(0..50));
        fixture.cli.reindex();
        let name = flip(&files_of(&fixture.cli, ending)[0]);
        let words = [&name, "checksum", "index rebuild"];
        let output = fixture.cli.fail(&["index", "verify"], &words);
        assert_eq!(output.status.code(), Some(1), "{output:#?}");
        assert!(output.stdout.contains("DAMAGED, 1 problem"), "{output:#?}");
        assert!(!output.stderr.contains("panicked"), "{output:#?}");
        let output = fixture.cli.run(&["index", "verify", "--json"]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(json(&output)["problems"][0]["file"], name.as_str());
        // Other readers may fail. `info` shows what it can read, and a rebuild repairs the index.
        fixture.cli.succeed(&["index", "info"]);
        let rebuilt = fixture.cli.succeed(&["index", "rebuild"]);
        // The records are in the columns.
        let warning = "a part of the previous index is damaged";
        assert_eq!(rebuilt.stderr.contains(warning), ending == "fast");
        fixture.cli.succeed(&["index", "verify"]);
        fixture.assert_mirror();
    }
}

#[test]
fn rebuild_keeps_first_seen_times_of_readable_records() {
    let fixture = Fixture::with_keys(["a.jpg"]);
    fixture.cli.reindex();
    let sound = fixture.cli.segment_files();
    fixture.bucket.put_keys(["b.jpg"]);
    fixture.cli.reindex();
    let before = fixture.cli.indexed(SOURCE);
    let second = files_of(&fixture.cli, "fast");
    let second = second.iter().find(|file| !sound.contains(*file));
    flip(second.expect("the second scan made a segment"));
    fixture.cli.succeed(&["index", "rebuild"]);
    let after = fixture.cli.indexed(SOURCE);
    assert_eq!(after["a.jpg"].first_seen, before["a.jpg"].first_seen);
    assert!(after["b.jpg"].first_seen > before["b.jpg"].first_seen);
}

#[test]
fn index_that_cannot_be_opened_is_reported_as_damaged() {
    let fixture = Fixture::with_keys(["a.jpg"]);
    fixture.cli.reindex();
    let live = fixture
        .cli
        .data_dir()
        .join(fixture.cli.generation().trim_end());
    fs::write(live.join("meta.json"), "{").unwrap();
    for command in ["info", "verify"] {
        fixture
            .cli
            .fail(&["index", command], &["damaged", "--rebuild"]);
    }
}
