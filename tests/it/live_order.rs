//! Events whose order or key misleads: quick writes of MinIO, forged sequencers, and keys with equal hashes.

use serde_json::{Value, json};

use crate::fixture::SOURCE;
use crate::live_fixture::{Live, wait_for_keys};
use crate::messages::{ObjectChange, s3};
use crate::s3::Listed;

/// Milliseconds since the epoch.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// The event of a change of this key.
fn event(live: &Live, key: &str, object: Option<&Listed>, time: i64, sequencer: u64) -> Value {
    s3(&ObjectChange {
        bucket: &live.bucket.name,
        key,
        object,
        time,
        sequencer,
    })
}

fn with(mut event: Value, path: &str, value: Value) -> String {
    *event.pointer_mut(path).expect("it is there") = value;
    event.to_string()
}

#[test]
fn quick_writes_of_minio_with_swapped_sequencers_end_right() {
    let live = Live::silent();
    let daemon = live.serve();
    let keys = ["written", "removed"];
    for key in keys {
        live.bucket.put(key, "first");
    }
    let first = live.bucket.list();
    live.bucket.put("written", "the second text");
    live.bucket.delete("removed");
    let second = live.bucket.list();
    // MinIO takes the sequencer before the write takes effect, so the first write can have the higher one.
    let time = now();
    let minio = |event| with(event, "/Records/0/eventSource", json!("minio:s3"));
    for key in keys {
        let events = [
            event(&live, key, first.get(key), time, 2),
            event(&live, key, second.get(key), time, 1),
        ];
        live.queue.send(&events.map(minio));
    }
    live.queue.wait_until_empty();
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn put_right_after_the_scan_that_ends_a_forged_sequencer_is_applied() {
    let live = Live::silent();
    let daemon = live.serve();
    live.bucket.put("a.jpg", "first");
    let first = live.bucket.list();
    let forged = event(&live, "a.jpg", first.get("a.jpg"), now(), 1);
    let sequencer = json!("f".repeat(64));
    live.queue
        .send(&[with(forged, "/Records/0/s3/object/sequencer", sequencer)]);
    wait_for_keys(&live.cli, SOURCE, &["a.jpg"]);
    // The store's clock moves on, so that the scan is later than the event.
    let later = 30;
    live.proxy.set_clock(Some(later));
    live.cli.reindex();
    live.bucket.put("a.jpg", "the second text");
    let second = live.bucket.list();
    let genuine = event(
        &live,
        "a.jpg",
        second.get("a.jpg"),
        now() + later * 1_000,
        1,
    );
    live.queue.send(&[genuine.to_string()]);
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    daemon.terminate();
}

/// Keys that all have the same hash in Source number 0.
fn colliding_keys() -> Vec<String> {
    let letters = ('a'..='z').zip(('a'..='z').rev());
    let key = |(rising, falling)| {
        let [first, second, third] = [185, 248, 140].map(|count| "k".repeat(count));
        format!("evil/{first}{rising}aa\u{4df3}g\u{1f}{second}{falling}aa\u{c1}:&L{third}.jpg")
    };
    letters.map(key).collect()
}

#[test]
fn event_of_one_of_several_keys_with_equal_hashes_leaves_the_others() {
    let live = Live::silent();
    let keys = colliding_keys();
    live.bucket.put_keys(&keys);
    let daemon = live.serve();
    live.wait_for_mirror();
    live.bucket.delete(&keys[3]);
    live.bucket.put(&keys[7], "the second text");
    let listed = live.bucket.list();
    for key in [&keys[3], &keys[7]] {
        let event = event(&live, key, listed.get(key), now(), 1);
        live.queue.send(&[event.to_string()]);
    }
    live.queue.wait_until_empty();
    live.wait_for_mirror();
    assert_eq!(live.cli.search("evil", &["--limit", "all"]).len(), 25);
    live.cli.reindex();
    live.wait_for_mirror();
    daemon.terminate();
}
