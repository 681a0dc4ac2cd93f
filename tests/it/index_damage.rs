//! An index whose files are not as they were written: everything says so and what to do, and nothing panics
//! its way out or makes it look sound.
//!
//! How the damage itself is found is tested with `index verify`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::cli::{BINARY, Cli};
use crate::fixture::{Fixture, numbered};
use crate::http_client::send;

/// Garbles the largest file of this ending: bits here and there, behind each other so many bytes.
fn garble(cli: &Cli, ending: &str, step: usize) {
    let files = cli.segment_files().into_iter();
    let size = |path: &PathBuf| fs::metadata(path).unwrap().len();
    let file = files
        .filter(|path| path.extension().is_some_and(|it| it == ending))
        .max_by_key(size)
        .expect("each segment has one");
    let mut bytes = fs::read(&file).unwrap();
    // The footer would tell at once.
    let end = bytes.len().saturating_sub(120);
    for place in (step / 2..end).step_by(step) {
        bytes[place] ^= 1 << (place % 8);
    }
    fs::write(file, bytes).unwrap();
}

fn indexed() -> Fixture {
    let fixture = Fixture::with_keys(numbered(0..1500));
    fixture.cli.reindex();
    fixture
}

/// Damages of different weight, in the columns that everything reads.
const STEPS: [usize; 4] = [3, 41, 211, 997];

#[test]
fn each_command_says_that_the_index_is_damaged_and_none_panics_its_way_out() {
    let commands: [&[&str]; 5] = [
        &["search", "photos", "--limit", "all"],
        &["search", "", "--facets", "ext,folder,month"],
        &["index", "export"],
        &["index", "compact"],
        &["reindex"],
    ];
    let mut told = 0;
    for step in STEPS {
        let fixture = indexed();
        garble(&fixture.cli, "fast", step);
        for command in commands {
            let output = fixture.cli.run(command);
            let code = output.status.code();
            let is_told = output.stderr.contains("the index is damaged");
            assert!(
                code == Some(0) || (code == Some(1) && is_told),
                "{step}, {command:?}: {output:#?}"
            );
            told += usize::from(is_told);
        }
        fixture
            .cli
            .fail(&["index", "verify"], &["checksum", "index rebuild"]);
        fixture.cli.succeed(&["index", "rebuild"]);
        fixture.assert_mirror();
    }
    assert!(told > STEPS.len(), "only {told} have met it");
}

#[test]
fn a_compaction_does_not_make_damage_look_sound() {
    let fixture = indexed();
    fixture.bucket.put("another segment.jpg", "x");
    fixture.cli.reindex();
    garble(&fixture.cli, "fast", 4000);
    fixture.cli.fail(&["index", "verify"], &["checksum"]);
    fixture
        .cli
        .fail(&["index", "compact"], &["checksum", "rebuild"]);
    fixture.cli.fail(&["index", "verify"], &["checksum"]);
}

#[test]
fn a_daemon_ends_with_the_command_that_repairs_it() {
    let fixture = indexed();
    garble(&fixture.cli, "fast", 3);
    let mut daemon = fixture.cli.serve();
    let ended = daemon.wait_for_end();
    assert_eq!(ended.code(), Some(1));
    daemon.wait_for(&["the index is damaged", "reindex --rebuild"]);
}

#[test]
fn what_answers_from_a_damaged_index_is_not_ready_and_is_still_watched() {
    for step in STEPS {
        let mut fixture = indexed();
        garble(&fixture.cli, "fast", step);
        fixture.configure(|config| config.listen = "127.0.0.1:0".to_owned());
        let reader = fixture
            .cli
            .watch(Command::new(BINARY), &["serve", "--read-only"]);
        let address = reader.field(&["serving searches"], "address");
        let mut was_met = false;
        for path in [
            "/v1/search?q=photos&facets=ext,folder,month,size",
            "/v1/folders?path=/&source=assets",
            "/v1/suggest?q=00",
            "/metrics",
        ] {
            let answer = send(&address, "GET", path, &[]);
            let text = answer.text();
            let is_refused = answer.status == 500 && text.contains("index_failed");
            assert!(answer.status == 200 || is_refused, "{step}, {path}: {text}");
            assert!(path != "/metrics" || answer.status == 200, "{text}");
            was_met |= is_refused;
        }
        let ready = send(&address, "GET", "/readyz", &[]);
        assert!(ready.status == 503 || !was_met, "{step}: {}", ready.text());
        reader.kill();
    }
}
