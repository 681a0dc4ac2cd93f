//! A second scan finds additions, changes and removals. If nothing has changed, it writes nothing.

use crate::cli::Counts;
use crate::fixture::{Fixture, SOURCE, numbered};

/// No changes.
const NOTHING: Counts = counts(0, 0, 0);

const fn counts(added: u64, changed: u64, removed: u64) -> Counts {
    Counts {
        added,
        changed,
        removed,
    }
}

/// An indexed bucket of three pages. After the scan, one key is added, two are overwritten and three are
/// deleted.
fn changed_after_a_scan() -> Fixture {
    let fixture = Fixture::with_keys(numbered(0..2500));
    assert_eq!(fixture.cli.reindex(), counts(2500, 0, 0));
    fixture.bucket.put("photos/00500a.jpg", "new");
    fixture.bucket.put("photos/00000.jpg", "other content");
    fixture.bucket.put("photos/01700.jpg", "other content");
    fixture.bucket.delete("photos/00999.jpg");
    fixture.bucket.delete("photos/01000.jpg");
    fixture.bucket.delete("photos/02499.jpg");
    fixture
}

#[test]
fn finds_additions_changes_and_removals_in_one_pass() {
    let fixture = changed_after_a_scan();
    fixture.proxy.clear();
    assert_eq!(fixture.cli.reindex(), counts(1, 2, 3));
    assert_eq!(fixture.proxy.lists().len(), 3, "one request for each page");
    fixture.assert_mirror();
}

#[test]
fn dry_run_counts_changes_without_applying_them() {
    let fixture = changed_after_a_scan();
    let indexed = fixture.cli.keys(SOURCE);
    let files = fixture.cli.segment_files();
    let output = fixture.cli.succeed(&["reindex", "--dry-run"]);
    assert_eq!(output.counts(), counts(1, 2, 3));
    assert_eq!(output.number_before("LIST"), 3);
    assert_eq!(fixture.cli.keys(SOURCE), indexed);
    assert_eq!(fixture.cli.segment_files(), files);
    assert_eq!(
        fixture.cli.reindex(),
        counts(1, 2, 3),
        "nothing was applied"
    );
}

#[test]
fn dry_run_before_the_first_scan_creates_no_index() {
    let fixture = Fixture::with_keys(["a", "b"]);
    let output = fixture.cli.succeed(&["reindex", "--dry-run"]);
    assert_eq!(output.counts(), counts(2, 0, 0));
    assert!(fixture.cli.segment_files().is_empty());
    assert_eq!(fixture.cli.reindex(), counts(2, 0, 0));
}

#[test]
fn unchanged_bucket_causes_no_writes() {
    let fixture = Fixture::with_keys(numbered(0..1500));
    fixture.cli.reindex();
    let files = fixture.cli.segment_files();
    assert!(
        !files.is_empty(),
        "without files, the test would check nothing"
    );
    assert_eq!(fixture.cli.reindex(), NOTHING);
    assert_eq!(fixture.cli.segment_files(), files);
    fixture.assert_mirror();
}

#[test]
fn removed_key_is_found_again_after_another_put() {
    let fixture = Fixture::with_keys(["a.jpg", "b.jpg"]);
    fixture.cli.reindex();
    fixture.bucket.delete("a.jpg");
    assert_eq!(fixture.cli.reindex(), counts(0, 0, 1));
    fixture.bucket.put("a.jpg", "again");
    assert_eq!(fixture.cli.reindex(), counts(1, 0, 0));
    fixture.assert_mirror();
}

#[test]
fn finds_changes_within_one_second() {
    let fixture = Fixture::new();
    for round in 0..5 {
        fixture.bucket.put("a.jpg", format!("content {round}"));
        fixture.cli.reindex();
        fixture.assert_mirror();
    }
}

#[test]
fn works_with_a_wrong_or_missing_server_clock() {
    for seconds in [Some(-7200), Some(7200), None] {
        let fixture = Fixture::with_keys(["a", "b", "c"]);
        fixture.proxy.set_clock(seconds);
        fixture.cli.reindex();
        fixture.bucket.delete("a");
        fixture.bucket.put("b", "other content");
        fixture.bucket.put("d", "new");
        assert_eq!(fixture.cli.reindex(), counts(1, 1, 1), "{seconds:?}");
        fixture.assert_mirror();
    }
}

#[test]
fn new_prefix_replaces_all_assets() {
    let mut fixture = Fixture::with_keys(["one/a", "one/b", "two/a", "two/b/c", "two2/x"]);
    fixture.change_source(|source| source.prefix = Some("one".to_owned()));
    fixture.cli.reindex();
    let under = |folder: &'static str| move |key: &str, _: &_| key.starts_with(folder);
    let (cli, bucket) = (&fixture.cli, &fixture.bucket);
    cli.assert_mirrors_where(SOURCE, bucket, under("one/"));
    fixture.change_source(|source| source.prefix = Some("two/".to_owned()));
    assert_eq!(fixture.cli.reindex(), counts(2, 0, 2));
    let (cli, bucket) = (&fixture.cli, &fixture.bucket);
    cli.assert_mirrors_where(SOURCE, bucket, under("two/"));
    assert_eq!(cli.indexed(SOURCE)["two/b/c"].path, "/b/c");
}
