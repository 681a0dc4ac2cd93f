//! A killed scan resumes after its last commit. A running scan keeps other writers out.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cli::Running;
use crate::fixture::{Fixture, SOURCE, numbered};
use crate::proxy::{Gate, Request, nth_list};

/// Maximum time until the first pages are visible to a search.
const COMMIT_DEADLINE: Duration = Duration::from_secs(60);

/// Number of pages of the bucket.
const PAGES: usize = 5;

/// A first scan of a bucket of [`PAGES`] pages that waits for its last page. All pages before the last two
/// are committed.
fn held_before_the_last_page() -> (Fixture, Running, Gate) {
    let mut fixture = Fixture::with_keys(numbered(0..PAGES * 1000));
    fixture.configure(|config| config.commit_documents = 1000);
    let gate = fixture.proxy.hold(nth_list(PAGES));
    let scan = fixture.cli.start(&["reindex"]);
    gate.wait_until_reached();
    wait_for_keys(&fixture, (PAGES - 2) * 1000);
    (fixture, scan, gate)
}

/// Searches until the index contains this number of keys.
fn wait_for_keys(fixture: &Fixture, count: usize) {
    let deadline = Instant::now() + COMMIT_DEADLINE;
    while fixture.cli.keys(SOURCE).len() < count {
        assert!(Instant::now() < deadline, "{count} keys were not committed");
    }
}

#[test]
fn killed_scan_is_resumed_and_ends_with_a_mirror() {
    let (fixture, mut scan, gate) = held_before_the_last_page();
    scan.kill();
    gate.open();
    fixture.proxy.clear();
    fixture.cli.reindex();
    fixture.assert_mirror();
    let lists = fixture.proxy.lists();
    assert!(
        lists.len() <= 2,
        "a full scan takes {PAGES} requests: {lists:#?}"
    );
    let after = lists[0]
        .get("start-after")
        .expect("the scan resumes after a key");
    let earliest = numbered(2999..3000).next().expect("the range is not empty");
    assert!(after >= earliest.as_str(), "{after}");
}

#[test]
fn interrupted_scan_commits_its_pages_and_is_resumed() {
    for signal in ["INT", "TERM"] {
        let (fixture, scan, gate) = held_before_the_last_page();
        scan.signal(signal);
        let output = scan.wait();
        gate.open();
        assert_eq!(output.status.code(), Some(130), "{output:#?}");
        assert!(output.stdout.contains("interrupted"), "{output:#?}");
        assert_eq!(fixture.cli.keys(SOURCE).len(), (PAGES - 1) * 1000);
        fixture.proxy.clear();
        fixture.cli.reindex();
        fixture.assert_mirror();
        assert_eq!(fixture.proxy.lists().len(), 1);
    }
}

#[test]
fn changes_that_a_resumed_scan_skips_are_found_by_the_next() {
    let (fixture, mut scan, gate) = held_before_the_last_page();
    scan.kill();
    gate.open();
    let early = ["photos/00001.jpg", "photos/01001.jpg"];
    fixture.bucket.delete_many(early);
    fixture.bucket.put("photos/00002.jpg", "other content");
    fixture.bucket.put("a/first.jpg", "before all other keys");
    fixture.cli.reindex();
    fixture.cli.reindex();
    fixture.assert_mirror();
}

#[test]
fn fresh_does_not_resume() {
    let (fixture, mut scan, gate) = held_before_the_last_page();
    scan.kill();
    gate.open();
    fixture.proxy.clear();
    fixture.bucket.delete("photos/00001.jpg");
    let output = fixture.cli.succeed(&["reindex", "--fresh"]);
    assert_eq!(output.counts().removed, 1);
    fixture.assert_mirror();
    assert_eq!(fixture.proxy.lists().len(), PAGES);
}

#[test]
fn changed_rules_restart_a_killed_scan() {
    let (mut fixture, mut scan, gate) = held_before_the_last_page();
    scan.kill();
    gate.open();
    fixture.proxy.clear();
    let rules: (&[&str], &[&str]) = (&[], &["**/0?000.jpg"]);
    fixture.change_source(|source| *source = source.clone().with_rules(rules.0, rules.1));
    fixture.cli.reindex();
    let admitted = |key: &str, _: &_| !key.ends_with("000.jpg");
    let (cli, bucket) = (&fixture.cli, &fixture.bucket);
    cli.assert_mirrors_where(SOURCE, bucket, admitted);
    assert_eq!(fixture.proxy.lists().len(), PAGES);
}

#[test]
fn scan_killed_before_every_page_ends_with_a_mirror() {
    let mut fixture = Fixture::with_keys(numbered(0..PAGES * 1000));
    fixture.configure(|config| config.commit_documents = 1000);
    // A resumed run requests at least one page, so each of these runs is killed.
    for _ in 0..PAGES {
        fixture.proxy.clear();
        let gate = fixture.proxy.hold(nth_list(1));
        let mut scan = fixture.cli.start(&["reindex"]);
        gate.wait_until_reached();
        scan.kill();
        gate.open();
    }
    fixture.cli.reindex();
    fixture.assert_mirror();
}

#[test]
fn failed_scan_is_resumed() {
    let mut fixture = Fixture::with_keys(numbered(0..PAGES * 1000));
    fixture.configure(|config| config.commit_documents = 1000);
    let denied = crate::proxy::Action::Error(403, "AccessDenied");
    fixture.proxy.fault(1, nth_list(PAGES), denied);
    fixture.cli.fail(&["reindex"], &[SOURCE]);
    fixture.proxy.clear();
    fixture.cli.reindex();
    fixture.assert_mirror();
    let resumed = |request: &Request| request.get("start-after").is_some();
    let lists = fixture.proxy.lists();
    assert!(lists.len() == 1 && resumed(&lists[0]), "{lists:#?}");
}

#[test]
fn second_writer_is_refused_and_names_the_first() {
    let fixture = Fixture::with_keys(["a"]);
    let gate = fixture.proxy.hold(nth_list(1));
    let first = fixture.cli.start(&["reindex"]);
    gate.wait_until_reached();
    let holder = first.id().to_string();
    fixture.cli.fail(&["reindex"], &[&holder]);
    fixture.cli.fail(&["reindex", "--rebuild"], &[&holder]);
    gate.open();
    let output = first.wait();
    assert!(output.status.success(), "{output:#?}");
    fixture.assert_mirror();
}

#[test]
fn lock_of_a_killed_process_blocks_no_other() {
    let fixture = Fixture::with_keys(["a"]);
    let gate = fixture.proxy.hold(nth_list(1));
    let mut first = fixture.cli.start(&["reindex"]);
    gate.wait_until_reached();
    first.kill();
    gate.open();
    assert_eq!(fixture.cli.reindex().added, 1);
    fixture.assert_mirror();
}

#[test]
fn sweep_killed_before_its_commit_is_repeated() {
    let mut fixture = Fixture::with_keys((0..10).map(|number| format!("{number}.jpg")));
    fixture.cli.reindex();
    let generation = fixture.cli.data_dir().join("assets-v3-000001");
    let before = fixture.cli.folder().join("before");
    copy_files(&generation, &before);
    fixture.change_source(|source| source.exclude = vec!["/0.jpg".to_owned()]);
    fixture.cli.reindex();
    let deletes_file = file_names(&generation)
        .into_iter()
        .find(|name| name.ends_with(".del"));
    let deletes_file = deletes_file.expect("the sweep removes a record");
    // Restore the files as a kill between writing this file and the commit leaves them.
    copy_files(&before, &generation);
    let managed = generation.join(".managed.json");
    let names = fs::read_to_string(&managed).unwrap();
    fs::write(
        &managed,
        names.replacen('[', &format!("[\"{deletes_file}\","), 1),
    )
    .unwrap();
    fixture.cli.reindex();
    assert_eq!(fixture.cli.keys(SOURCE).len(), 9);
}

fn file_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    entries.map(|entry| name(entry.unwrap())).collect()
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in file_names(from) {
        fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}
