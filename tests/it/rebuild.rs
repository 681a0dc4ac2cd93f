//! `reindex --rebuild`: a new index beside the live one, and a swap when it is complete.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::Source;
use crate::fixture::{Fixture, SOURCE, numbered};
use crate::proxy::{Action, lists_from, nth_list};
use crate::s3::Bucket;
use crate::server;

/// An indexed bucket of two pages that has changed since.
fn changed() -> Fixture {
    let fixture = Fixture::with_keys(numbered(0..1500));
    fixture.cli.reindex();
    fixture.bucket.delete_many(numbered(10..20));
    fixture.bucket.put("photos/00500.jpg", "other content");
    fixture.proxy.clear();
    fixture
}

#[test]
fn a_rebuild_gives_a_mirror() {
    let fixture = changed();
    let output = fixture.cli.succeed(&["reindex", "--rebuild"]);
    assert_eq!(output.counts().added, 1490);
    fixture.assert_mirror();
    let counts = fixture.cli.reindex();
    assert_eq!((counts.added, counts.changed, counts.removed), (0, 0, 0));
}

#[test]
fn a_rebuild_forgets_nothing_of_since_when_an_asset_is_there() {
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
fn a_rebuild_keeps_the_records_of_a_source_that_is_disabled() {
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
fn a_rebuild_where_there_is_no_index_is_a_first_scan() {
    let fixture = Fixture::with_keys(["a", "b"]);
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    fixture.assert_mirror();
}

#[test]
fn the_old_index_answers_until_the_new_one_is_complete() {
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
fn a_rebuild_that_fails_leaves_the_old_index() {
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
fn a_rebuild_that_is_killed_leaves_the_old_index() {
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
fn rebuilds_leave_nothing_behind() {
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
fn a_half_built_index_that_knows_a_subdomain_less_is_not_gone_on_with() {
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

/// Does some harm to a data folder, whose live generation is the second argument.
type Damage<'a> = &'a dyn Fn(&Path, &Path);

#[test]
fn a_rebuild_repairs_what_every_other_command_refuses() {
    let column = |live: &Path| {
        let is_column = |path: &PathBuf| path.extension().is_some_and(|end| end == "fast");
        let mut files = fs::read_dir(live).unwrap().map(|file| file.unwrap().path());
        files.find(is_column).unwrap()
    };
    let damages: [Damage; 9] = [
        &|data, _| fs::write(data.join("CURRENT"), "../../etc").unwrap(),
        &|data, _| fs::write(data.join("CURRENT"), b"\xFF\xFE\0").unwrap(),
        &|_, live| fs::write(live.join("meta.json"), b"\xFF\xFE\0").unwrap(),
        &|_, live| fs::remove_dir_all(live).unwrap(),
        &|_, live| fs::write(column(live), "").unwrap(),
        &|_, live| fs::write(column(live), "not tantivy's").unwrap(),
        &|_, live| fs::write(live.join("meta.json"), "{\"index_settings\": {").unwrap(),
        &|_, live| fs::remove_file(live.join("meta.json")).unwrap(),
        &|_, live| fs::remove_file(column(live)).unwrap(),
    ];
    for (number, damage) in damages.iter().enumerate() {
        let fixture = Fixture::with_keys(["a.jpg"]);
        fixture.cli.reindex();
        let data = fixture.cli.data_dir();
        let name = fs::read_to_string(data.join("CURRENT")).unwrap();
        damage(&data, &data.join(name.trim()));
        for command in [&["search"][..], &["reindex"]] {
            let output = fixture.cli.fail(command, &["reindex --rebuild"]);
            assert_eq!(output.status.code(), Some(1), "{number}: {output:#?}");
        }
        fixture.cli.succeed(&["reindex", "--rebuild"]);
        fixture.assert_mirror();
    }
}

#[test]
fn an_index_whose_pointer_is_lost_is_gone_on_with() {
    for command in [&["reindex"][..], &["reindex", "--rebuild"]] {
        let fixture = Fixture::with_keys(["a.jpg", "b.jpg"]);
        fixture.cli.reindex();
        let before = fixture.cli.indexed(SOURCE);
        // A rebuild that did not end lies beside it, and is not taken for it.
        let denied = Action::Error(403, "AccessDenied");
        fixture.proxy.fault(usize::MAX, lists_from(1), denied);
        fixture.cli.fail(&["reindex", "--rebuild"], &["denied"]);
        fixture.proxy.clear();
        for pointer in [None, Some("")] {
            let current = fixture.cli.data_dir().join("CURRENT");
            match pointer {
                None => fs::remove_file(&current).unwrap(),
                // In place it is refused, as every other damage.
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

/// As [`changed`], with a rebuild that has committed its first page and failed on the second.
fn half_built() -> Fixture {
    let fixture = changed();
    let denied = Action::Error(403, "AccessDenied");
    fixture.proxy.fault(usize::MAX, lists_from(2), denied);
    fixture.cli.fail(&["reindex", "--rebuild"], &["denied"]);
    fixture.proxy.clear();
    fixture
}

#[test]
fn a_rebuild_goes_on_where_it_ended() {
    let fixture = half_built();
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    assert_eq!(fixture.proxy.lists().len(), 1);
    fixture.assert_mirror();
}

#[test]
fn a_rebuild_never_brings_back_what_the_live_index_has_seen_go_since() {
    let fixture = half_built();
    fixture.bucket.delete("photos/00001.jpg");
    fixture.bucket.put("photos/00000a.jpg", "new");
    fixture.cli.reindex();
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    fixture.assert_mirror();
}

#[test]
fn a_half_built_index_that_is_damaged_is_built_anew() {
    let fixture = half_built();
    let data = fixture.cli.data_dir();
    let half = fs::read_dir(data.join("assets-v2-000002")).unwrap();
    for file in half.map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|end| end == "fast") {
            fs::remove_file(file).unwrap();
        }
    }
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    fixture.assert_mirror();
}
