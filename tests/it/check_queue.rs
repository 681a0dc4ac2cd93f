//! `check` on queues that are set up wrongly, and on buckets that send too little or elsewhere.

use serde_json::json;

use crate::config::Source;
use crate::examined::{EVENTS, Wired};
use crate::server;
use crate::sqs::Sqs;

#[test]
fn a_source_that_is_wired_well_has_nothing_wrong() {
    let examined = Wired::on(server::shared()).examine();
    examined.assert_well();
    let events = examined.finding("first-event");
    assert!(
        events.to_string().contains("no daemon has followed"),
        "{events:#}"
    );
}

#[test]
fn each_attribute_of_the_queue_is_blamed_alone() {
    let server = server::shared();
    let wired = Wired::on(server);
    let good = wired.policy(&wired.bucket.name);
    let for_all = {
        let mut policy: serde_json::Value = serde_json::from_str(&good).expect("JSON");
        policy["Statement"][0]["Condition"] = json!({});
        policy.to_string()
    };
    let (few, enough) = (wired.redrive("4"), wired.redrive("10"));
    let other = wired.policy("somebody-elses-bucket");
    let days = (4 * 24 * 60 * 60).to_string();
    for (name, bad, good, subject, words) in [
        (
            "MessageRetentionPeriod",
            "345599",
            &*days,
            "queue-retention",
            "lost",
        ),
        (
            "MaximumMessageSize",
            "65535",
            "1048576",
            "queue-message-size",
            "65,535 bytes",
        ),
        (
            "RedrivePolicy",
            "",
            &*enough,
            "dead-letters",
            "redrive policy",
        ),
        (
            "RedrivePolicy",
            &*few,
            &*enough,
            "dead-letters",
            "after 4 receives",
        ),
        ("Policy", "", &*good, "queue-policy", "no policy"),
        (
            "Policy",
            &*other,
            &*good,
            "queue-policy",
            "no statement lets s3.amazonaws.com",
        ),
        ("Policy", &*for_all, &*good, "queue-policy", "aws:SourceArn"),
    ] {
        wired.set(server, name, bad);
        wired.examine().assert_bad(subject, "warning", &[words]);
        wired.set(server, name, good);
    }
    wired.set(server, "KmsMasterKeyId", "alias/aws/sqs");
    let words = ["S3 cannot use", "SqsManagedSseEnabled"];
    wired
        .examine()
        .assert_bad("queue-encryption", "failure", &words);
    wired.set(server, "KmsMasterKeyId", "");
    server.set_queue_attributes(&wired.dead.url, &[("MessageRetentionPeriod", "345599")]);
    let words = ["when it was first sent", "set-queue-attributes"];
    wired
        .examine()
        .assert_bad("dead-letters", "warning", &words);
    wired.dead.remove();
    wired
        .examine()
        .assert_bad("dead-letters", "warning", &["no such queue"]);
}

#[test]
fn a_fifo_queue_is_refused() {
    let server = server::shared();
    let url = server.create_queue_with("check.fifo", &[("FifoQueue", "true")]);
    let mut wired = Wired::on(server);
    wired.configure(|config| config.sources[0].queue_url = Some(url));
    let found = wired.examine();
    assert_eq!(found.exit_code, Some(1));
    assert!(found.bad().contains(&("queue", "failure")), "{found:#?}");
    assert!(
        found.finding("queue").to_string().contains("FIFO"),
        "{found:#?}"
    );
}

#[test]
fn notifications_have_to_be_those_that_the_source_needs() {
    let server = server::shared();
    let wired = Wired::on(server);
    let (ours, other) = (wired.queue.arn(), Sqs::create(server));
    let elsewhere = other.arn();
    for (queue, events, filters, verdict, words) in [
        (&ours, &EVENTS[..], &[("prefix", "photos/")][..], None, ""),
        (
            &ours,
            &EVENTS,
            &[("prefix", "docs/")],
            Some("failure"),
            "docs/",
        ),
        (
            &ours,
            &EVENTS,
            &[("prefix", "photos/2024/")],
            Some("failure"),
            "photos/2024/",
        ),
        (
            &ours,
            &EVENTS,
            &[("suffix", ".jpg")],
            Some("failure"),
            "the rules admit others",
        ),
        (
            &ours,
            &EVENTS[1..],
            &[],
            Some("failure"),
            "s3:ObjectCreated:*",
        ),
        (
            &ours,
            &EVENTS[..1],
            &[],
            Some("failure"),
            "s3:ObjectRemoved:*",
        ),
        (
            &ours,
            &EVENTS[..2],
            &[],
            Some("warning"),
            "s3:LifecycleExpiration:*",
        ),
        (&elsewhere, &EVENTS, &[], Some("failure"), &*elsewhere),
    ] {
        wired.bucket.notify_of(queue, events, filters);
        let examined = wired.examine();
        match verdict {
            None => examined.assert_well(),
            Some(verdict) => {
                let words = [words, "setup --print aws-cli"];
                examined.assert_bad("notifications", verdict, &words);
            }
        }
    }
    let by_rules = Wired::with(server, |source: &mut Source| {
        source.include = vec!["**/*.jpg".to_owned()];
    });
    let jpg = [("suffix", ".jpg")];
    by_rules
        .bucket
        .notify_of(&by_rules.queue.arn(), &EVENTS, &jpg);
    by_rules.examine().assert_well();
}

#[test]
fn what_goes_to_event_bridge_is_followed_no_further() {
    let server = server::shared();
    let wired = Wired::on(server);
    wired.bucket.notify_event_bridge();
    let examined = wired.examine();
    let notifications = examined.finding("notifications").to_string();
    assert!(
        notifications.contains("cannot be followed further"),
        "{notifications}"
    );
    // The policy lets S3 send, which does not send now.
    let words = ["events.amazonaws.com"];
    examined.assert_bad("queue-policy", "warning", &words);
}

#[test]
fn a_bucket_that_sends_nothing_is_a_failure_until_events_have_come() {
    let wired = Wired::on(server::shared());
    let daemon = wired.cli.serve();
    daemon.wait_for(&["scan complete"]);
    wired.queue.wait_until_empty();
    daemon.terminate();
    let examined = wired.examine();
    examined.assert_well();
    let events = examined.finding("first-event");
    assert!(
        events.to_string().contains("events have come"),
        "{events:#}"
    );
    let other = Sqs::create(server::shared());
    wired.bucket.notify_of(&other.arn(), &EVENTS, &[]);
    let words = ["another sends them"];
    wired
        .examine()
        .assert_bad("notifications", "warning", &words);
}
