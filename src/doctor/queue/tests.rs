//! Tests with queues that have one wrong attribute.

use super::super::finding::Verdict;
use super::*;
use crate::aws::queue::{QueueOperation, RedrivePolicy};

const DEAD: &str = "arn:aws:sqs:eu-west-1:111122223333:dead";

fn good() -> QueueInfo {
    QueueInfo {
        attributes: QueueAttributes {
            visible: 1234,
            in_flight: 5,
            delayed: 0,
            retention: Duration::from_secs(4 * DAY),
            visibility: Duration::from_secs(30),
            max_message_bytes: MAX_EVENT_BYTES,
            redrive: Some(RedrivePolicy {
                dead_letter_arn: DEAD.into(),
                max_receive_count: 10,
            }),
            arn: "arn:aws:sqs:eu-west-1:111122223333:q".into(),
            created: None,
        },
        policy: None,
        kms_key: None,
        is_fifo: false,
    }
}

fn dead_letters(days: u64) -> Result<QueueAttributes, QueueError> {
    Ok(QueueAttributes {
        retention: Duration::from_secs(days * DAY),
        ..good().attributes
    })
}

fn no_dead_letters(kind: QueueErrorKind) -> Result<QueueAttributes, QueueError> {
    Err(QueueError::new(QueueOperation::Attributes, "", kind, ""))
}

fn commands() -> QueueCommands {
    QueueCommands::for_url(
        "https://sqs.eu-west-1.amazonaws.com/111122223333/q",
        "eu-west-1",
    )
}

fn find(info: &QueueInfo, dead: &Result<QueueAttributes, QueueError>) -> Vec<Finding> {
    let commands = commands();
    let context = QueueContext {
        region: "eu-west-1",
        bucket_region: Some("eu-west-1"),
        visibility: Duration::from_secs(90),
        dead_letters: Some(dead),
        dead_letter_commands: Some(&commands),
        senders: &["s3.amazonaws.com"],
        history: EventHistory::default(),
    };
    judge(info, &context, &commands)
}

#[test]
fn well_configured_queue_has_only_ok_findings() {
    let findings = find(&good(), &dead_letters(14));
    let text: Vec<_> = findings
        .iter()
        .map(|it| (it.verdict, it.what.as_str()))
        .collect();
    let moved = format!("messages are moved to {DEAD} after 10 receives");
    assert_eq!(
        text,
        [
            (
                Verdict::Ok,
                "can be reached: about 1,234 messages waiting, 5 in flight (region eu-west-1)"
            ),
            (Verdict::Ok, "messages are kept for 4 days"),
            (
                Verdict::Ok,
                "the daemon requests 90 seconds for each message; the queue's own timeout of 30 seconds applies \
                 to other consumers"
            ),
            (Verdict::Ok, "messages of up to 65,536 bytes are accepted"),
            (Verdict::Ok, moved.as_str()),
        ]
    );
}

#[test]
fn each_wrong_attribute_has_its_own_finding() {
    type Change = fn(&mut QueueInfo);
    let (warning, failure) = (Verdict::Warning, Verdict::Failure);
    let cases: [(Change, Subject, Verdict, &str); 8] = [
        (
            |it| it.attributes.retention = Duration::from_secs(4 * DAY - 60),
            Subject::QueueRetention,
            warning,
            "MessageRetentionPeriod",
        ),
        (
            |it| it.attributes.max_message_bytes = MAX_EVENT_BYTES - 1,
            Subject::QueueMessageSize,
            warning,
            "\"MaximumMessageSize\":\"65536\"",
        ),
        (
            |it| it.attributes.redrive = None,
            Subject::DeadLetters,
            warning,
            "create-queue",
        ),
        (
            |it| it.attributes.redrive.as_mut().unwrap().max_receive_count = 4,
            Subject::DeadLetters,
            warning,
            "\\\"maxReceiveCount\\\":\\\"10\\\"",
        ),
        (
            |it| it.attributes.retention = Duration::from_secs(15 * DAY),
            Subject::DeadLetters,
            warning,
            "MessageRetentionPeriod",
        ),
        (|it| it.is_fifo = true, Subject::Queue, warning, ""),
        (
            |it| it.kms_key = Some("alias/aws/sqs".into()),
            Subject::QueueEncryption,
            failure,
            "SqsManagedSseEnabled",
        ),
        (
            |it| it.kms_key = Some("arn:aws:kms:eu-west-1:1:key/1".into()),
            Subject::QueueEncryption,
            warning,
            "",
        ),
    ];
    for (change, subject, verdict, command) in cases {
        let mut info = good();
        change(&mut info);
        let findings = find(&info, &dead_letters(14));
        let bad = findings.iter().filter(|it| it.verdict != Verdict::Ok);
        let [bad] = bad.collect::<Vec<_>>()[..] else {
            panic!("{subject:?}: {findings:?}");
        };
        assert_eq!((bad.subject, bad.verdict), (subject, verdict));
        let remedy = bad.remedy.as_ref().unwrap();
        assert!(remedy.commands.join("\n").contains(command), "{remedy:?}");
    }
}

#[test]
fn rates_the_dead_letter_queue_if_it_can_be_read() {
    use QueueErrorKind::{AccessDenied, NoSuchQueue};
    for (dead, verdict, text) in [
        (dead_letters(14), Verdict::Ok, "after 10 receives"),
        (dead_letters(4), Verdict::Ok, "after 10 receives"),
        (dead_letters(3), Verdict::Warning, "3 days"),
        (
            no_dead_letters(NoSuchQueue),
            Verdict::Warning,
            "no such queue",
        ),
        (no_dead_letters(AccessDenied), Verdict::Ok, "cannot be read"),
    ] {
        let findings = find(&good(), &dead);
        let found = findings
            .iter()
            .find(|it| it.subject == Subject::DeadLetters);
        let found = found.unwrap();
        assert_eq!(found.verdict, verdict, "{found:?}");
        assert!(found.what.contains(text), "{found:?}");
    }
}

#[test]
fn queue_in_another_region_than_the_bucket_is_a_warning() {
    for (bucket, verdict) in [
        (Some("eu-west-1"), Verdict::Ok),
        (None, Verdict::Ok),
        (Some("us-east-1"), Verdict::Warning),
    ] {
        let context = QueueContext {
            region: "eu-west-1",
            bucket_region: bucket,
            visibility: Duration::ZERO,
            dead_letters: None,
            dead_letter_commands: None,
            senders: &[],
            history: EventHistory::default(),
        };
        let findings = judge(&good(), &context, &commands());
        assert_eq!(findings[0].verdict, verdict, "{bucket:?}");
    }
}

#[test]
fn kms_key_is_ok_once_events_have_arrived() {
    let encrypted = QueueInfo {
        kms_key: Some("arn:aws:kms:eu-west-1:1:key/1".into()),
        ..good()
    };
    let context = QueueContext {
        region: "eu-west-1",
        bucket_region: None,
        visibility: Duration::ZERO,
        dead_letters: None,
        dead_letter_commands: None,
        senders: &[],
        history: EventHistory {
            queue_followed: true,
            event_received: true,
        },
    };
    let findings = judge(&encrypted, &context, &commands());
    assert!(
        findings.iter().all(|it| it.verdict == Verdict::Ok),
        "{findings:?}"
    );
}

#[test]
fn formats_durations_in_the_largest_whole_unit() {
    for (seconds, want) in [
        (0, "0 seconds"),
        (1, "1 second"),
        (90, "90 seconds"),
        (120, "2 minutes"),
        (3600, "1 hour"),
        (4 * DAY, "4 days"),
        (4 * DAY + 60, "5761 minutes"),
    ] {
        assert_eq!(duration(Duration::from_secs(seconds)), want);
    }
}

#[test]
fn kms_remedy_names_the_senders() {
    let encrypted = QueueInfo {
        kms_key: Some("arn:aws:kms:eu-west-1:1:key/1".into()),
        ..good()
    };
    let context = QueueContext {
        region: "eu-west-1",
        bucket_region: None,
        visibility: Duration::ZERO,
        dead_letters: None,
        dead_letter_commands: None,
        senders: &["sns.amazonaws.com", "events.amazonaws.com"],
        history: EventHistory::default(),
    };
    let findings = judge(&encrypted, &context, &commands());
    let found = findings
        .iter()
        .find(|it| it.subject == Subject::QueueEncryption);
    let remedy = &found.unwrap().remedy.as_ref().unwrap().text;
    let text = "kms:Decrypt for sns.amazonaws.com or events.amazonaws.com";
    assert!(remedy.contains(text), "{remedy}");
}
