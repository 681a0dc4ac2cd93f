//! `reindex --rebuild`: builds a new index next to the current one, and makes it current when it is complete.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::Source;
use crate::fixture::{Fixture, SOURCE, numbered};
use crate::proxy::{Action, lists_from, nth_list};
use crate::s3::Bucket;
use crate::server;

/// A bucket of two pages that has changed since it was indexed.
fn changed() -> Fixture {
    let fixture = Fixture::with_keys(numbered(0..1500));
    fixture.cli.reindex();
    fixture.bucket.delete_many(numbered(10..20));
    fixture.bucket.put("photos/00500.jpg", "other content");
    fixture.proxy.clear();
    fixture
}

#[test]
fn rebuild_creates_a_mirror() {
    let fixture = changed();
    let output = fixture.cli.succeed(&["reindex", "--rebuild"]);
    assert_eq!(output.counts().added, 1490);
    fixture.assert_mirror();
    let counts = fixture.cli.reindex();
    assert_eq!((counts.added, counts.changed, counts.removed), (0, 0, 0));
}

#[test]
fn index_rebuild_prints_json() {
    let fixture = Fixture::with_keys(["a.jpg", "b.jpg"]);
    let output = fixture.cli.succeed(&["index", "rebuild", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&output.stdout).expect("one object");
    assert_eq!(report["mode"], "rebuild");
    assert_eq!(report["sources"][0]["added"], 2);
}

#[test]
fn rebuild_keeps_first_seen_times() {
    let fixture = Fixture::with_keys(["old.jpg", "changed.jpg", "gone.jpg"]);
    fixture.cli.reindex();
    let before = fixture.cli.indexed(SOURCE);
    fixture.bucket.put("changed.jpg", "other content");
    fixture.bucket.delete("gone.jpg");
    fixture.cli.reindex();
    fixture.bucket.put_keys(["gone.jpg", "new.jpg"]);
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    let after = fixture.cli.indexed(SOURCE);
    for key in ["old.jpg", "changed.jpg"] {
        assert_eq!(after[key].first_seen, before[key].first_seen, "{key}");
    }
    for key in ["gone.jpg", "new.jpg"] {
        let first_seen = |hit: &crate::index::Hit| -> jiff::Timestamp {
            hit.first_seen.parse().expect("RFC 3339")
        };
        assert!(
            first_seen(&after[key]) > first_seen(&before["old.jpg"]),
            "{key}"
        );
    }
}

#[test]
fn rebuild_keeps_the_records_of_a_disabled_source() {
    let mut fixture = Fixture::with_keys(numbered(0..5000));
    fixture.cli.reindex();
    let before = fixture.cli.indexed(SOURCE);
    let bucket = Bucket::create(server::shared());
    let other = Source::of("other", &bucket, server::shared().endpoint());
    fixture.configure(|config| {
        config.sources[0].disabled = true;
        config.sources.push(other);
    });
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    fixture.configure(|config| config.sources[0].disabled = false);
    fixture.bucket.delete("photos/00000.jpg");
    let counts = fixture.cli.reindex();
    assert_eq!((counts.added, counts.changed, counts.removed), (0, 0, 1));
    let after = fixture.cli.indexed(SOURCE);
    let key = "photos/04999.jpg";
    assert_eq!(after[key].first_seen, before[key].first_seen);
}

#[test]
fn rebuild_without_an_index_is_a_first_scan() {
    let fixture = Fixture::with_keys(["a", "b"]);
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    fixture.assert_mirror();
}

#[test]
fn searches_use_the_old_index_until_the_new_one_is_complete() {
    let fixture = changed();
    let old = fixture.cli.keys(SOURCE);
    let gate = fixture.proxy.hold(nth_list(2));
    let rebuild = fixture.cli.start(&["reindex", "--rebuild"]);
    gate.wait_until_reached();
    assert_eq!(fixture.cli.keys(SOURCE), old);
    gate.open();
    let output = rebuild.wait();
    assert!(output.status.success(), "{output:#?}");
    fixture.assert_mirror();
}

#[test]
fn failed_rebuild_keeps_the_old_index() {
    let fixture = changed();
    let old = fixture.cli.keys(SOURCE);
    let denied = Action::Error(403, "AccessDenied");
    fixture.proxy.fault(usize::MAX, lists_from(2), denied);
    let arguments = ["reindex", "--rebuild"];
    fixture.cli.fail(&arguments, &["denied", SOURCE]);
    assert_eq!(fixture.cli.keys(SOURCE), old);
    fixture.proxy.clear();
    fixture.cli.succeed(&arguments);
    fixture.assert_mirror();
}

#[test]
fn killed_rebuild_keeps_the_old_index() {
    let fixture = changed();
    let old = fixture.cli.keys(SOURCE);
    let gate = fixture.proxy.hold(nth_list(2));
    let mut rebuild = fixture.cli.start(&["reindex", "--rebuild"]);
    gate.wait_until_reached();
    rebuild.kill();
    gate.open();
    assert_eq!(fixture.cli.keys(SOURCE), old);
    fixture.cli.reindex();
    fixture.assert_mirror();
}

#[test]
fn rebuilds_leave_no_files_behind() {
    let fixture = changed();
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    let files = fixture.cli.segment_files().len();
    for _ in 0..3 {
        fixture.cli.succeed(&["reindex", "--rebuild"]);
    }
    assert!(fixture.cli.segment_files().len() <= files);
    fixture.assert_mirror();
}

#[test]
fn incomplete_rebuild_that_lacks_a_subdomain_is_not_resumed() {
    let mut fixture = changed();
    let gate = fixture.proxy.hold(nth_list(2));
    let mut rebuild = fixture.cli.start(&["reindex", "--rebuild"]);
    gate.wait_until_reached();
    rebuild.kill();
    gate.open();
    fixture.change_source(|source| source.subdomain = "later".to_owned());
    fixture.cli.reindex();
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    fixture.change_source(|source| source.name = "thief".to_owned());
    fixture.cli.fail(&["reindex"], &["later", SOURCE]);
}

/// Damages a data directory. The second argument is the folder of its current generation.
type Damage<'a> = &'a dyn Fn(&Path, &Path);

#[test]
fn rebuild_repairs_an_index_that_other_commands_refuse() {
    let column = |generation: &Path| {
        let is_column = |path: &PathBuf| path.extension().is_some_and(|end| end == "fast");
        let mut files = fs::read_dir(generation)
            .unwrap()
            .map(|file| file.unwrap().path());
        files.find(is_column).unwrap()
    };
    let damages: [Damage; 9] = [
        &|data, _| fs::write(data.join("CURRENT"), "../../etc").unwrap(),
        &|data, _| fs::write(data.join("CURRENT"), b"\xFF\xFE\0").unwrap(),
        &|_, generation| fs::write(generation.join("meta.json"), b"\xFF\xFE\0").unwrap(),
        &|_, generation| fs::remove_dir_all(generation).unwrap(),
        &|_, generation| fs::write(column(generation), "").unwrap(),
        &|_, generation| fs::write(column(generation), "not tantivy's").unwrap(),
        &|_, generation| fs::write(generation.join("meta.json"), "{\"index_settings\": {").unwrap(),
        &|_, generation| fs::remove_file(generation.join("meta.json")).unwrap(),
        &|_, generation| fs::remove_file(column(generation)).unwrap(),
    ];
    for (number, damage) in damages.iter().enumerate() {
        let fixture = Fixture::with_keys(["a.jpg"]);
        fixture.cli.reindex();
        let data = fixture.cli.data_dir();
        let name = fs::read_to_string(data.join("CURRENT")).unwrap();
        damage(&data, &data.join(name.trim()));
        for (command, code) in [("search", 2), ("reindex", 1)] {
            let output = fixture.cli.fail(&[command], &["reindex --rebuild"]);
            assert_eq!(output.status.code(), Some(code), "{number}: {output:#?}");
        }
        fixture.cli.succeed(&["reindex", "--rebuild"]);
        fixture.assert_mirror();
    }
}

#[test]
fn uses_the_complete_generation_if_current_is_lost() {
    for command in [&["reindex"][..], &["reindex", "--rebuild"]] {
        let fixture = Fixture::with_keys(["a.jpg", "b.jpg"]);
        fixture.cli.reindex();
        let before = fixture.cli.indexed(SOURCE);
        // The incomplete generation of a failed rebuild must not be used instead.
        let denied = Action::Error(403, "AccessDenied");
        fixture.proxy.fault(usize::MAX, lists_from(1), denied);
        fixture.cli.fail(&["reindex", "--rebuild"], &["denied"]);
        fixture.proxy.clear();
        for content in [None, Some("")] {
            let current = fixture.cli.data_dir().join("CURRENT");
            match content {
                None => fs::remove_file(&current).unwrap(),
                // `reindex` without `--rebuild` refuses an empty file, like any other damage.
                Some(_) if command.len() == 1 => continue,
                Some(text) => fs::write(&current, text).unwrap(),
            }
            let output = fixture.cli.succeed(command);
            assert!(output.stderr.contains("is lost"), "{output:#?}");
            let after = fixture.cli.indexed(SOURCE);
            for key in ["a.jpg", "b.jpg"] {
                assert_eq!(after[key].first_seen, before[key].first_seen, "{key}");
            }
        }
    }
}

/// Like [`changed`], with a rebuild that has committed its first page and failed at the second one.
fn with_incomplete_rebuild() -> Fixture {
    let fixture = changed();
    let denied = Action::Error(403, "AccessDenied");
    fixture.proxy.fault(usize::MAX, lists_from(2), denied);
    fixture.cli.fail(&["reindex", "--rebuild"], &["denied"]);
    fixture.proxy.clear();
    fixture
}

#[test]
fn failed_rebuild_is_resumed() {
    let fixture = with_incomplete_rebuild();
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    assert_eq!(fixture.proxy.lists().len(), 1);
    fixture.assert_mirror();
}

#[test]
fn resumed_rebuild_does_not_restore_keys_removed_meanwhile() {
    let fixture = with_incomplete_rebuild();
    fixture.bucket.delete("photos/00001.jpg");
    fixture.bucket.put("photos/00000a.jpg", "new");
    fixture.cli.reindex();
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    fixture.assert_mirror();
}

#[test]
fn rebuild_starts_from_scratch_if_the_incomplete_one_is_damaged() {
    let fixture = with_incomplete_rebuild();
    let data = fixture.cli.data_dir();
    let files = fs::read_dir(data.join("assets-v3-000002")).unwrap();
    for file in files.map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|end| end == "fast") {
            fs::remove_file(file).unwrap();
        }
    }
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    fixture.assert_mirror();
}
