//! The messages of a queue: every shape, any order, unreadable ones, events of other buckets, and no queue.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::examined::Examined;
use crate::fixture::{SOURCE, numbered};
use crate::live_fixture::{Live, SCANNED, wait_for_keys, wait_for_mirror_of};
use crate::messages::{ENVELOPES, ObjectChange, event_bridge, s3};
use crate::s3::{Bucket, Listed};
use crate::server;
use crate::sqs::{Counts, Sqs};

/// The number of messages in the queue, in flight or not.
fn total(counts: Counts) -> u32 {
    counts.visible + counts.in_flight
}

/// Milliseconds since the epoch.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[test]
fn applies_every_shape_of_message() {
    let live = Live::silent();
    let daemon = live.serve();
    let key = |name: &str| format!("{name}/a b+c%20é//d.jpg");
    let keys = ENVELOPES.map(|(name, _)| key(name));
    live.bucket.put_keys(&keys);
    let send = |listed: &BTreeMap<String, Listed>| {
        let bodies = ENVELOPES.map(|(name, envelope)| {
            let key = key(name);
            let happened = ObjectChange {
                bucket: &live.bucket.name,
                key: &key,
                object: listed.get(&key),
                time: now(),
                sequencer: now() as u64,
            };
            envelope(&happened).to_string()
        });
        live.queue.send(&bodies);
    };
    send(&live.bucket.list());
    live.wait_for_mirror();
    live.bucket.delete_many(&keys);
    send(&live.bucket.list());
    wait_for_keys(&live.cli, SOURCE, &[]);
    live.queue.wait_until_empty();
    assert_eq!(live.quarantined(), 0);
    assert_eq!(daemon.count(&["scan started"]), 1);
    daemon.terminate();
}

#[test]
fn acknowledges_irrelevant_messages_and_quarantines_unreadable_ones() {
    let live = Live::new();
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    let daemon = live.serve();
    let listed = live.bucket.list();
    let created = |bucket: &str, key: &str| {
        s3(&ObjectChange {
            bucket,
            key,
            object: Some(&listed["a.jpg"]),
            time: now(),
            sequencer: now() as u64,
        })
    };
    let changed = |path: &str, value: Value| {
        let mut body = created(&live.bucket.name, "not.jpg");
        *body.pointer_mut(path).expect("it is there") = value;
        body
    };
    let test_event = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"});
    let irrelevant = [
        test_event,
        created("another-bucket", "not.jpg"),
        changed("/Records/0/eventName", json!("ObjectTagging:Put")),
        changed("/Records/0/eventName", json!("ObjectOfTomorrow:Put")),
        json!({"Records": []}),
    ];
    let unreadable = [
        changed("/Records/0/eventVersion", json!("3.0")),
        changed("/Records/0/s3/object/key", json!("%zz")),
        changed("/Records/0/s3/object/key", json!(7)),
        json!({"Records": "none"}),
        json!({"Type": "SubscriptionConfirmation", "Message": "confirm", "TopicArn": "arn"}),
        json!({"source": "aws.ec2", "detail-type": "EC2 Instance", "detail": {}}),
        json!({"order": 1}),
        json!(["rubbish"]),
        json!(null),
    ];
    let bodies = irrelevant.iter().chain(&unreadable);
    let mut bodies: Vec<String> = bodies.map(Value::to_string).collect();
    bodies.push("rubbish".to_owned());
    bodies.push("{\"Records\":[".to_owned());
    let stays = bodies.len() - irrelevant.len();
    live.queue.send(&bodies);
    live.bucket.delete("b.jpg");
    wait_for_keys(&live.cli, SOURCE, &["a.jpg"]);
    live.queue
        .wait_for("acknowledgement of all readable messages", |counts| {
            total(counts) == stays as u32
        });
    daemon.wait_for_times(stays, &["WARN", "message quarantined", "message_id="]);
    assert_eq!(live.quarantined(), stays);
    wait_for_keys(&live.cli, SOURCE, &["a.jpg"]);
    daemon.terminate();
}

#[test]
fn applies_the_events_of_a_fifo_queue_behind_eventbridge() {
    /// More messages of a group than one receive returns: each batch must be acknowledged before the next one comes.
    const EACH: usize = 25;
    let live = Live::with_queue(Sqs::create_fifo(server::shared()));
    let daemon = live.serve();
    let groups = ["a", "b", "c"];
    let keys = groups.map(|group| (0..EACH).map(move |number| format!("{group}/{number}.jpg")));
    live.bucket.put_keys(keys.into_iter().flatten());
    let listed = live.bucket.list();
    for (number, group) in groups.into_iter().enumerate() {
        let of_group = |key: &&String| key.starts_with(group);
        let bodies = listed.keys().filter(of_group).map(|key| {
            let change = ObjectChange {
                bucket: &live.bucket.name,
                key,
                object: listed.get(key),
                time: now(),
                sequencer: number as u64 + 1,
            };
            event_bridge(&change).to_string()
        });
        live.queue.send_to_group(group, &bodies.collect::<Vec<_>>());
    }
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    assert_eq!(daemon.count(&["WARN"]), 0);
    assert_eq!(daemon.count(&["scan started"]), 1);
    daemon.terminate();
}

#[test]
fn reports_events_of_other_buckets_and_of_cloudtrail() {
    let live = Live::new();
    live.bucket.put("a.jpg", "");
    let daemon = live.serve();
    let other_case = live.bucket.name.to_uppercase();
    let listed = live.bucket.list();
    let of_bucket = |bucket: &str| {
        s3(&ObjectChange {
            bucket,
            key: "b.jpg",
            object: Some(&listed["a.jpg"]),
            time: now(),
            sequencer: 1,
        })
        .to_string()
    };
    let cloudtrail = json!({
        "source": "aws.s3", "detail-type": "AWS API Call via CloudTrail",
        "detail": {
            "eventSource": "s3.amazonaws.com", "eventName": "PutObject",
            "requestParameters": { "bucketName": "trailed", "key": "c.jpg" },
        },
    });
    let other = of_bucket(&other_case);
    for body in [
        &other,
        &other,
        &cloudtrail.to_string(),
        &cloudtrail.to_string(),
    ] {
        live.queue.send(&[body]);
    }
    live.queue.wait_until_empty();
    let named = format!("bucket=\"{other_case}\"");
    daemon.wait_for(&["WARN", "events of a bucket", &named]);
    daemon.wait_for(&["WARN", "records of CloudTrail", "bucket=\"trailed\""]);
    let report = live.cli.succeed(&["status", "--json"]).stdout;
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let counts = &report["queues"][0]["counts"];
    assert_eq!(counts["other_buckets"], 2, "{report:#}");
    assert_eq!(counts["cloudtrail"], 2, "{report:#}");
    let text = live.cli.succeed(&["status"]).stdout;
    assert!(
        text.contains(&other_case) && text.contains("in the same case"),
        "{text}"
    );
    assert!(text.contains("CloudTrail"), "{text}");
    let found = Examined::of(&live.cli, &[]);
    let reception = found.finding("queue-reception").to_string();
    assert!(reception.contains(&other_case), "{reception}");
    // One line for each state, not for each event.
    assert_eq!(daemon.count(&["WARN"]), 2);
    assert_eq!(live.quarantined(), 0);
    daemon.terminate();
}

#[test]
fn unreadable_messages_do_not_delay_others() {
    /// The number of messages of each kind.
    const RUBBISH: usize = 300;
    const GOOD: usize = 100;
    let live = Live::new();
    let daemon = live.serve();
    let rubbish: Vec<String> = (0..RUBBISH).map(|n| format!("rubbish {n}")).collect();
    let (first, second) = rubbish.split_at(RUBBISH / 2);
    live.queue.send(first);
    live.bucket.put_keys(numbered(0..GOOD / 2));
    live.queue.send(second);
    live.bucket.put_keys(numbered(GOOD / 2..GOOD));
    live.wait_for_mirror();
    live.queue
        .wait_for("acknowledgement of the readable messages", |counts| {
            total(counts) == RUBBISH as u32
        });
    daemon.wait_for_times(RUBBISH, &["WARN", "quarantine"]);
    assert_eq!(live.quarantined(), RUBBISH);
    assert_eq!(daemon.count(&["scan started"]), 1);
    daemon.terminate();
    assert_eq!(total(live.queue.counts()), RUBBISH as u32);
}

#[test]
fn unreadable_message_reaches_the_dead_letter_queue() {
    let dead = Sqs::create(server::shared());
    let mut live = Live::new();
    live.configure(|config| config.visibility_timeout_seconds = 10);
    let arn = dead.arn();
    let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": "1"}).to_string();
    server::shared().set_queue_attributes(&live.queue.url, &[("RedrivePolicy", &policy)]);
    let daemon = live.serve();
    live.queue.send(&["rubbish"]);
    dead.wait_for("dead letter", |counts| counts.visible == 1);
    assert_eq!(dead.take(1), ["rubbish"]);
    live.queue.wait_until_empty();
    assert_eq!(live.quarantined(), 1);
    daemon.terminate();
}

/// Makes many changes to a few keys, and takes their messages from the queue.
fn take_messages_of_many_changes(bucket: &Bucket, queue: &Sqs) -> Vec<String> {
    let mut count = 0;
    for key in ["a.jpg", "b.jpg", "c.jpg", "new.jpg"] {
        for content in ["", "one", "two!", "three"] {
            bucket.put(key, content);
        }
        bucket.delete(key);
        bucket.put(key, "four, again");
        bucket.put(key, key);
        count += 7;
    }
    for key in ["b.jpg", "new.jpg", "gone before.jpg"] {
        bucket.delete(key);
        count += 1;
    }
    queue.take(count)
}

/// Takes the messages of a bucket from another queue, changes them, and sends them to the daemon's queue.
/// Then the index must be a mirror of the bucket.
#[track_caller]
fn follows_changed_messages(change: impl FnOnce(Vec<String>) -> Vec<String>) {
    let live = Live::silent();
    live.bucket
        .put_keys(["a.jpg", "b.jpg", "c.jpg", "gone before.jpg"]);
    let daemon = live.serve();
    let other_queue = Sqs::create(server::shared());
    live.bucket.notify(&other_queue.arn());
    // S3's test event.
    other_queue.take(1);
    let messages = take_messages_of_many_changes(&live.bucket, &other_queue);
    live.queue.send(&change(messages));
    live.queue.wait_until_empty();
    live.wait_for_mirror();
    assert_eq!(daemon.count(&["scan started"]), 1);
    daemon.terminate();
}

#[test]
fn applies_events_in_reverse_order_and_twice() {
    follows_changed_messages(|mut messages| {
        messages.reverse();
        messages
            .into_iter()
            .flat_map(|body| [body.clone(), body])
            .collect()
    });
}

#[test]
fn applies_all_events_again_after_the_last() {
    follows_changed_messages(|messages| [messages.clone(), messages].concat());
}

#[test]
fn applies_many_records_in_one_message() {
    follows_changed_messages(|messages| {
        let records = |body: &String| {
            let mut body: Value = serde_json::from_str(body).expect("JSON");
            body["Records"].take()
        };
        let all = messages.iter().map(records).rev();
        let all: Vec<Value> = all
            .flat_map(|records| records.as_array().cloned().unwrap())
            .collect();
        assert_eq!(all.len(), messages.len());
        vec![json!({ "Records": all }).to_string()]
    });
}

#[test]
fn several_sources_share_a_queue() {
    let (one, two) = (
        Bucket::create(server::shared()),
        Bucket::create(server::shared()),
    );
    let queue = Sqs::create(server::shared());
    one.notify(&queue.arn());
    two.notify(&queue.arn());
    let source = |name: &str, bucket: &Bucket, prefix: &str| Source {
        queue_url: Some(queue.url.clone()),
        prefix: Some(prefix.to_owned()),
        ..Source::of(name, bucket, server::shared().endpoint())
    };
    let parts = [
        ("photos", &one, "photos/"),
        ("of-2026", &one, "photos/2026/"),
        ("documents", &one, "documents/"),
        ("another", &two, ""),
    ];
    let cli = Cli::new(&Config::of(
        parts.map(|(name, bucket, prefix)| source(name, bucket, prefix)),
    ));
    one.put_keys(["photos/a.jpg", "photos/2026/a.jpg", "documents/a.pdf"]);
    two.put_keys(["photos/a.jpg"]);
    let daemon = cli.serve();
    daemon.wait_for_times(parts.len(), &["scan completed"]);
    one.put_keys(["photos/b.jpg", "photos/2026/b.jpg", "documents/b.pdf", "c"]);
    two.put_keys(["photos/b.jpg", "c"]);
    one.delete("photos/2026/a.jpg");
    two.delete("photos/a.jpg");
    for (name, bucket, prefix) in parts {
        wait_for_mirror_of(&cli, name, bucket, |key, _| key.starts_with(prefix));
    }
    queue.wait_until_empty();
    assert_eq!(daemon.count(&["scan started"]), parts.len());
    daemon.terminate();
}

#[test]
fn starts_receiving_when_the_queue_is_created() {
    let live = Live::with_queue(Sqs::planned(server::shared()));
    live.bucket.put_keys(["a.jpg"]);
    // The Source is scanned and the daemon is ready, although the queue is missing.
    let daemon = live.serve();
    daemon.wait_for(&["ready"]);
    wait_for_keys(&live.cli, SOURCE, &["a.jpg"]);
    assert_eq!(daemon.count(&["receiving"]), 0);
    live.queue.create_planned(server::shared());
    live.bucket.notify(&live.queue.arn());
    live.bucket
        .put("b.jpg", "reported by an event or by the scan");
    // Earlier events may be lost, so the Source is scanned again.
    daemon.wait_for_times(2, &SCANNED);
    live.bucket.put("c.jpg", "reported by an event");
    live.bucket.delete("a.jpg");
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    assert_eq!(daemon.count(&["WARN", "receive failed"]), 1);
    assert_eq!(daemon.count(&["scan started"]), 2);
    daemon.terminate();
}
