//! The daemon follows a bucket: what is done in it is searchable, without another scan.

use crate::fixture::SOURCE;
use crate::live_fixture::{Live, SCANNED, wait_for_keys};
use crate::scan_keys::odd_keys;

/// The least bytes of a part that is not the last.
const PART: usize = 5 << 20;

/// A bucket with a few objects that the daemon has scanned, then something done, then the bucket
/// searched until it is as it should be: by events alone.
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
    assert_eq!(daemon.count(&["scan begins"]), 1, "events alone");
    daemon.terminate();
    live.wait_for_mirror();
}

#[test]
fn puts_and_overwrites() {
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
fn deletes_and_puts_after_deletes() {
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
fn a_batch_of_deletes() {
    follows(
        |live| live.bucket.put_keys((0..300).map(|n| format!("many/{n}"))),
        |live| {
            let gone = (0..300).filter(|n| n % 3 > 0);
            live.bucket.delete_batch(gone.map(|n| format!("many/{n}")));
        },
    );
}

#[test]
fn copies_and_uploads_in_parts() {
    follows(
        |_| {},
        |live| {
            live.bucket.copy("a.jpg", "copy of a.jpg");
            live.bucket.copy("b.jpg", "a.jpg");
            let parts = [vec![b'x'; PART], vec![b'y'; 10]];
            live.bucket.put_in_parts("large.bin", &parts);
            live.bucket.put_in_parts("b.jpg", &[b"one part".to_vec()]);
        },
    );
}

#[test]
fn every_key_comes_back_byte_for_byte() {
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
fn versions_come_and_go() {
    follows(
        |live| {
            live.bucket.keep_versions();
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
            let oldest = |key| bucket.versions(key).pop().expect("there are some");
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
            assert_eq!(indexed["newest version goes.jpg"].size, 4, "the one before");
            assert!(!indexed.contains_key("every version goes.jpg"));
        },
    );
}

#[test]
fn a_delete_marker_that_comes_and_goes_again_and_again() {
    /// How often; each time there are two events that tell only that the key must be looked up.
    const TIMES: usize = 40;
    /// Far below what it would be if each were looked up until a page is newer than all before it.
    const MAX_LISTS: usize = 6 * 2 * TIMES;
    follows(
        |live| live.bucket.keep_versions(),
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
fn folder_markers_are_not_admitted_and_push_assets_out() {
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
fn prefix_and_rules_are_respected() {
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
    assert_eq!(daemon.count(&["scan begins"]), 1);
    daemon.terminate();
}
