//! Tests the findings of `check` about queues and event notifications.

use serde_json::json;

use crate::config::Source;
use crate::examined::{EVENTS, Wired};
use crate::server;
use crate::sqs::Sqs;

#[test]
fn well_configured_source_has_only_ok_findings() {
    let examined = Wired::on(server::shared()).examine();
    examined.assert_well();
    let events = examined.finding("first-event");
    assert!(
        events.to_string().contains("no daemon has received"),
        "{events:#}"
    );
}

#[test]
fn each_wrong_attribute_of_the_queue_has_its_own_finding() {
    let server = server::shared();
    let wired = Wired::on(server);
    let good = wired.policy(&wired.bucket.name);
    let for_all = {
        let mut policy: serde_json::Value = serde_json::from_str(&good).expect("JSON");
        policy["Statement"][0]["Condition"] = json!({});
        policy.to_string()
    };
    let (few, enough) = (wired.redrive("4"), wired.redrive("10"));
    let other = wired.policy("another-bucket");
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
    let words = ["after it was first sent", "set-queue-attributes"];
    wired
        .examine()
        .assert_bad("dead-letters", "warning", &words);
    wired.dead.remove();
    wired
        .examine()
        .assert_bad("dead-letters", "warning", &["no such queue"]);
}

#[test]
fn warns_about_a_fifo_queue() {
    let server = server::shared();
    let url = server.create_queue_with("check.fifo", &[("FifoQueue", "true")]);
    let mut wired = Wired::on(server);
    wired.configure(|config| config.sources[0].queue_url = Some(url));
    let found = wired.examine();
    assert!(found.bad().contains(&("queue", "warning")), "{found:#?}");
    assert!(
        found.report.to_string().contains("only EventBridge can"),
        "{found:#?}"
    );
}

#[test]
fn notifications_must_send_all_events_that_the_source_needs() {
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
            "the rules admit other keys",
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
        wired.bucket.notify_events(queue, events, filters);
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
        .notify_events(&by_rules.queue.arn(), &EVENTS, &jpg);
    by_rules.examine().assert_well();
}

#[test]
fn does_not_check_event_bridge_rules() {
    let server = server::shared();
    let wired = Wired::on(server);
    wired.bucket.notify_event_bridge();
    let examined = wired.examine();
    let notifications = examined.finding("notifications").to_string();
    assert!(
        notifications.contains("its rules are not checked"),
        "{notifications}"
    );
    // The policy lets S3 send, but now EventBridge sends.
    let words = ["events.amazonaws.com"];
    examined.assert_bad("queue-policy", "warning", &words);
}

#[test]
fn missing_notification_is_a_warning_once_events_have_arrived() {
    let wired = Wired::on(server::shared());
    let daemon = wired.cli.serve();
    daemon.wait_for(&["scan completed"]);
    wired.queue.wait_until_empty();
    daemon.terminate();
    let examined = wired.examine();
    examined.assert_well();
    let events = examined.finding("first-event");
    assert!(
        events.to_string().contains("events have arrived"),
        "{events:#}"
    );
    let other = Sqs::create(server::shared());
    wired.bucket.notify_events(&other.arn(), &EVENTS, &[]);
    let words = ["something else sends them"];
    wired
        .examine()
        .assert_bad("notifications", "warning", &words);
}
