//! A scan that is killed goes on where its last commit left it; one that is held keeps others out.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cli::Running;
use crate::fixture::{Fixture, SOURCE, numbered};
use crate::proxy::{Gate, Request, nth_list};

/// How long the first pages may take to become visible to a search.
const COMMIT_DEADLINE: Duration = Duration::from_secs(60);

/// How many pages the bucket of these tests has.
const PAGES: usize = 5;

/// A first scan of a bucket of [`PAGES`] pages that stands before its last page, the pages before
/// the last two committed.
fn held_before_the_last_page() -> (Fixture, Running, Gate) {
    let mut fixture = Fixture::with_keys(numbered(0..PAGES * 1000));
    fixture.configure(|config| config.commit_documents = 1000);
    let gate = fixture.proxy.hold(nth_list(PAGES));
    let scan = fixture.cli.start(&["reindex"]);
    gate.wait_until_reached();
    wait_for_keys(&fixture, (PAGES - 2) * 1000);
    (fixture, scan, gate)
}

/// Asks the index until it holds that many keys: the only way to see a commit from outside.
fn wait_for_keys(fixture: &Fixture, count: usize) {
    let deadline = Instant::now() + COMMIT_DEADLINE;
    while fixture.cli.keys(SOURCE).len() < count {
        assert!(Instant::now() < deadline, "{count} keys were not committed");
    }
}

#[test]
fn a_killed_scan_is_resumed_and_ends_with_a_mirror() {
    let (fixture, mut scan, gate) = held_before_the_last_page();
    scan.kill();
    gate.open();
    fixture.proxy.clear();
    fixture.cli.reindex();
    fixture.assert_mirror();
    let lists = fixture.proxy.lists();
    assert!(lists.len() <= 2, "{PAGES} are a full scan: {lists:#?}");
    let after = lists[0].get("start-after").expect("resumed by key");
    let earliest = numbered(2999..3000).next().expect("one");
    assert!(after >= earliest.as_str(), "{after}");
}

#[test]
fn an_interrupted_scan_ends_in_good_order_and_commits_what_it_has() {
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
fn what_a_resumed_scan_passed_over_is_found_by_the_next() {
    let (fixture, mut scan, gate) = held_before_the_last_page();
    scan.kill();
    gate.open();
    let early = ["photos/00001.jpg", "photos/01001.jpg"];
    fixture.bucket.delete_many(early);
    fixture.bucket.put("photos/00002.jpg", "other content");
    fixture.bucket.put("a/first.jpg", "before all others");
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
fn changed_rules_void_what_a_killed_scan_had_done() {
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
fn a_scan_that_is_killed_before_every_page_ends_with_a_mirror() {
    let mut fixture = Fixture::with_keys(numbered(0..PAGES * 1000));
    fixture.configure(|config| config.commit_documents = 1000);
    // A run that is resumed asks for its first page at least, so each of these is killed.
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
fn a_failed_scan_is_resumed() {
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
fn a_second_writer_is_kept_out_and_told_by_whom() {
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
fn a_lock_that_a_killed_process_left_is_no_obstacle() {
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
fn a_sweep_that_was_killed_before_its_commit_is_done_again() {
    let mut fixture = Fixture::with_keys((0..10).map(|number| format!("{number}.jpg")));
    fixture.cli.reindex();
    let live = fixture.cli.data_dir().join("assets-v2-000001");
    let before = fixture.cli.folder().join("before");
    copy_files(&live, &before);
    fixture.change_source(|source| source.exclude = vec!["/0.jpg".to_owned()]);
    fixture.cli.reindex();
    let of_deletes = file_names(&live)
        .into_iter()
        .find(|name| name.ends_with(".del"));
    let of_deletes = of_deletes.expect("a sweep deletes");
    // What a kill between the file of deletes and the commit leaves.
    copy_files(&before, &live);
    let managed = live.join(".managed.json");
    let names = fs::read_to_string(&managed).unwrap();
    fs::write(
        &managed,
        names.replacen('[', &format!("[\"{of_deletes}\","), 1),
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
