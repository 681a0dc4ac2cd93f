//! The daemon follows a bucket: changes become searchable through events, without another scan.

use crate::fixture::SOURCE;
use crate::live_fixture::{Live, SCANNED, wait_for_keys};
use crate::scan_keys::odd_keys;

/// Minimum size of a part that is not the last one, in bytes.
const PART: usize = 5 << 20;

/// Lets the daemon scan a bucket with a few objects, changes the bucket with `act`, and waits until the index
/// is a mirror of it again, without a second scan.
#[track_caller]
fn follows(prepare: impl FnOnce(&Live), act: impl FnOnce(&Live)) {
    let live = Live::new();
    live.bucket
        .put_keys(["a.jpg", "b.jpg", "folder/c.jpg", "folder/d.png"]);
    prepare(&live);
    let daemon = live.serve();
    live.wait_for_mirror();
    act(&live);
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    live.wait_for_mirror();
    assert_eq!(daemon.count(&["scan started"]), 1, "only events");
    daemon.terminate();
    live.wait_for_mirror();
}

#[test]
fn follows_puts_and_overwrites() {
    follows(
        |_| {},
        |live| {
            live.bucket.put("new.jpg", "new");
            live.bucket.put("a.jpg", "other content");
            live.bucket.put("b.jpg", "one");
            live.bucket.put("b.jpg", "two and");
            live.bucket.put("b.jpg", "three");
            live.bucket.put("empty", "");
        },
    );
}

#[test]
fn follows_deletes_and_puts_after_deletes() {
    follows(
        |_| {},
        |live| {
            live.bucket.delete("a.jpg");
            live.bucket.delete("b.jpg");
            live.bucket.put("b.jpg", "here again");
            live.bucket.put("short-lived", "x");
            live.bucket.delete("short-lived");
            live.bucket.delete("never there");
        },
    );
}

#[test]
fn follows_a_batch_of_deletes() {
    follows(
        |live| live.bucket.put_keys((0..300).map(|n| format!("many/{n}"))),
        |live| {
            let gone = (0..300).filter(|n| n % 3 > 0);
            live.bucket.delete_batch(gone.map(|n| format!("many/{n}")));
        },
    );
}

#[test]
fn follows_copies_and_multipart_uploads() {
    follows(
        |_| {},
        |live| {
            live.bucket.copy("a.jpg", "copy of a.jpg");
            live.bucket.copy("b.jpg", "a.jpg");
            let parts = [vec![b'x'; PART], vec![b'y'; 10]];
            live.bucket.put_multipart("large.bin", &parts);
            live.bucket.put_multipart("b.jpg", &[b"one part".to_vec()]);
        },
    );
}

#[test]
fn follows_odd_keys_byte_for_byte() {
    let keys = odd_keys();
    let (kept, gone) = keys.split_at(keys.len() / 2);
    follows(
        |live| live.bucket.put_keys(gone),
        |live| {
            live.bucket.put_keys(kept);
            live.bucket.delete_many(gone);
        },
    );
}

#[test]
fn follows_versions() {
    follows(
        |live| {
            live.bucket.enable_versioning();
            for content in ["one", "two!", "three"] {
                live.bucket.put("old version goes.jpg", content);
                live.bucket.put("newest version goes.jpg", content);
                live.bucket.put("every version goes.jpg", content);
            }
            live.bucket.put_keys(["hidden.jpg", "back again.jpg"]);
            live.bucket.delete("back again.jpg");
        },
        |live| {
            let bucket = &live.bucket;
            bucket.put("a.jpg", "a version");
            let oldest = |key| bucket.versions(key).pop().expect("it has versions");
            bucket.delete_version("old version goes.jpg", &oldest("old version goes.jpg"));
            let newest = |key| bucket.versions(key).swap_remove(0);
            bucket.delete_version(
                "newest version goes.jpg",
                &newest("newest version goes.jpg"),
            );
            for version in bucket.versions("every version goes.jpg") {
                bucket.delete_version("every version goes.jpg", &version);
            }
            bucket.delete("hidden.jpg");
            bucket.delete_version("back again.jpg", &newest("back again.jpg"));
            let indexed = bucket.list();
            assert!(indexed.contains_key("back again.jpg"), "undeleted");
            assert_eq!(
                indexed["newest version goes.jpg"].size, 4,
                "the previous version"
            );
            assert!(!indexed.contains_key("every version goes.jpg"));
        },
    );
}

#[test]
fn follows_a_delete_marker_that_is_added_and_removed_repeatedly() {
    /// Number of repetitions. Each causes two ambiguous events, so that the key must be looked up.
    const TIMES: usize = 40;
    /// Far fewer than if each event were looked up separately until a page is newer than the event.
    const MAX_LISTS: usize = 6 * 2 * TIMES;
    follows(
        |live| live.bucket.enable_versioning(),
        |live| {
            live.proxy.clear();
            for _ in 0..TIMES {
                live.bucket.delete("a.jpg");
                let marker = live.bucket.versions("a.jpg").swap_remove(0);
                live.bucket.delete_version("a.jpg", &marker);
            }
            assert!(live.bucket.list().contains_key("a.jpg"), "undeleted");
            live.queue.wait_until_empty();
            let lists = live.proxy.lists().len();
            assert!(lists <= MAX_LISTS, "{lists}");
        },
    );
}

#[test]
fn folder_marker_is_not_an_asset_and_replaces_one() {
    let live = Live::new();
    live.bucket.put_keys(["was an asset/", "b.jpg"]);
    let daemon = live.serve();
    wait_for_keys(&live.cli, SOURCE, &["b.jpg", "was an asset/"]);
    live.bucket.put("folder/", "");
    live.bucket.put("not empty/", "x");
    live.bucket.put("was an asset/", "");
    live.bucket.put("c.jpg", "");
    wait_for_keys(&live.cli, SOURCE, &["b.jpg", "c.jpg", "not empty/"]);
    live.queue.wait_until_empty();
    assert_eq!(daemon.count(&SCANNED), 1);
    daemon.terminate();
    wait_for_keys(&live.cli, SOURCE, &["b.jpg", "c.jpg", "not empty/"]);
}

#[test]
fn applies_prefix_and_rules_to_events() {
    let mut live = Live::new();
    live.change_source(|source| {
        source.prefix = Some("photos/".to_owned());
        *source = source.clone().with_rules(&["**/*.jpg"], &["/drafts"]);
    });
    live.bucket
        .put_keys(["photos/a.jpg", "a.jpg", "photos/drafts/a.jpg"]);
    let daemon = live.serve();
    live.bucket.put_keys([
        "b.jpg",
        "photos",
        "photos/b.jpg",
        "photos/b.png",
        "photos2/b.jpg",
        "photos/drafts/b.jpg",
        "photos/drafts2/b.jpg",
        "photos//drafts/b.jpg",
    ]);
    let admitted = [
        "photos//drafts/b.jpg",
        "photos/a.jpg",
        "photos/b.jpg",
        "photos/drafts2/b.jpg",
    ];
    wait_for_keys(&live.cli, SOURCE, &admitted);
    live.bucket
        .delete_many(["a.jpg", "photos/drafts/a.jpg", "photos/a.jpg"]);
    wait_for_keys(&live.cli, SOURCE, &[admitted[0], admitted[2], admitted[3]]);
    live.queue.wait_until_empty();
    assert_eq!(daemon.count(&["scan started"]), 1);
    daemon.terminate();
}
