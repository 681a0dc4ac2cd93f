//! An index of an older schema version: every command refuses it and names the remedy. A killed rebuild loses
//! nothing, and the next rebuild completes.

use std::fs;
use std::process::Command;

use crate::cli::{BINARY, Cli};
use crate::fixture::{Fixture, SOURCE, numbered};
use crate::proxy::nth_list;
use crate::schema::write_version_1;

/// When the only asset of the old index was first seen, in milliseconds.
const FIRST_SEEN: i64 = 1_000_000_000_000;
const FIRST_SEEN_TEXT: &str = "2001-09-09T01:46:40Z";

/// Words in every refusal.
const WORDS: [&str; 2] = ["schema version 1", "--rebuild"];

/// A bucket of two pages, and an index of version 1 that contains one of its keys.
fn with_version_1() -> Fixture {
    let fixture = Fixture::with_keys(numbered(0..1500));
    write_version_1(&fixture, "photos/00007.jpg", FIRST_SEEN);
    fixture
}

/// Checks that every command that needs the index refuses the old one, and says what to do.
#[track_caller]
fn assert_refused(cli: &Cli) {
    for command in [
        &["search"][..],
        &["reindex"],
        &["reindex", "--dry-run"],
        &["serve"],
        &["explain", SOURCE, "photos/00007.jpg"],
        &["check"],
        &["index", "verify"],
        &["index", "compact"],
    ] {
        let output = cli.run(command);
        let code = if command[0] == "search" { 2 } else { 1 };
        assert_eq!(output.status.code(), Some(code), "{command:?}: {output:#?}");
        let text = output.stdout + &output.stderr;
        for word in WORDS {
            assert!(text.contains(word), "{command:?}: no {word:?} in {text}");
        }
    }
}

#[test]
fn commands_refuse_an_old_index_and_name_the_remedy() {
    let mut fixture = with_version_1();
    assert_refused(&fixture.cli);
    let info = fixture.cli.succeed(&["index", "info"]).stdout;
    for words in [
        "version 1, and this program needs 3",
        "index rebuild",
        "1 asset,",
    ] {
        assert!(info.contains(words), "{words}: {info}");
    }
    let exported = fixture.cli.succeed(&["index", "export"]).stdout;
    assert_eq!(exported.lines().count(), 1);
    assert!(exported.contains(FIRST_SEEN_TEXT), "{exported}");
    // The read-only server waits for the rebuild, and logs the reason.
    fixture.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    let reader = fixture
        .cli
        .watch(Command::new(BINARY), &["serve", "--read-only"]);
    reader.wait_for(&WORDS);
}

#[test]
fn killed_rebuilds_lose_nothing_and_the_next_completes() {
    let fixture = with_version_1();
    for round in 0..2 {
        fixture.proxy.clear();
        // When the second page is requested, the first one may be committed or not. Both must work.
        let gate = fixture.proxy.hold(nth_list(1 + round));
        let mut rebuild = fixture.cli.start(&["index", "rebuild"]);
        gate.wait_until_reached();
        rebuild.kill();
        gate.open();
        assert_eq!(fixture.cli.generation(), "assets-v1-000001\n");
        assert_refused(&fixture.cli);
        let info = fixture.cli.succeed(&["index", "info"]).stdout;
        assert!(info.contains("others      assets-v3-000002"), "{info}");
    }
    fixture.cli.succeed(&["index", "rebuild"]);
    fixture.assert_mirror();
    let indexed = fixture.cli.indexed(SOURCE);
    assert_eq!(indexed["photos/00007.jpg"].first_seen, FIRST_SEEN_TEXT);
    fixture.cli.succeed(&["index", "verify"]);
    let left = fs::read_dir(fixture.cli.data_dir()).expect("the folder exists");
    let names = left.map(|entry| entry.expect("readable").file_name());
    let generations = names.filter(|name| name.to_string_lossy().starts_with("assets-"));
    assert_eq!(generations.count(), 1);
}
