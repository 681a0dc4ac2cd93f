//! Queues that are set up wrongly, one attribute at a time.

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

fn shell() -> Shell {
    Shell::at(
        "https://sqs.eu-west-1.amazonaws.com/111122223333/q",
        "eu-west-1",
    )
}

fn find(info: &QueueInfo, dead: &Result<QueueAttributes, QueueError>) -> Vec<Finding> {
    let shell = shell();
    let around = Surroundings {
        region: "eu-west-1",
        bucket_region: Some("eu-west-1"),
        visibility: Duration::from_secs(90),
        dead_letters: Some(dead),
        dead_letters_shell: Some(&shell),
        senders: &["s3.amazonaws.com"],
        evidence: Evidence::default(),
    };
    judge(info, &around, &shell)
}

#[test]
fn a_queue_that_is_set_up_well_is_ok_in_all() {
    let findings = find(&good(), &dead_letters(14));
    let said: Vec<_> = findings
        .iter()
        .map(|it| (it.verdict, it.what.as_str()))
        .collect();
    let moved = format!("moved to {DEAD} after 10 receives");
    assert_eq!(
        said,
        [
            (
                Verdict::Ok,
                "it can be reached; about 1,234 messages wait, 5 are in flight (region eu-west-1)"
            ),
            (Verdict::Ok, "a message is kept for 4 days"),
            (
                Verdict::Ok,
                "the daemon asks for its own of 90 seconds; the queue's, 30 seconds, is for others"
            ),
            (Verdict::Ok, "messages of up to 65,536 bytes are taken"),
            (Verdict::Ok, moved.as_str()),
        ]
    );
}

#[test]
fn each_attribute_is_blamed_alone() {
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
        (|it| it.is_fifo = true, Subject::Queue, failure, ""),
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
fn the_dead_letter_queue_is_looked_at_as_far_as_it_can_be() {
    use QueueErrorKind::{AccessDenied, NoSuchQueue};
    for (dead, verdict, said) in [
        (dead_letters(14), Verdict::Ok, "after 10 receives"),
        (dead_letters(4), Verdict::Ok, "after 10 receives"),
        (dead_letters(3), Verdict::Warning, "3 days"),
        (
            no_dead_letters(NoSuchQueue),
            Verdict::Warning,
            "no such queue",
        ),
        (no_dead_letters(AccessDenied), Verdict::Ok, "cannot be seen"),
    ] {
        let findings = find(&good(), &dead);
        let found = findings
            .iter()
            .find(|it| it.subject == Subject::DeadLetters);
        let found = found.unwrap();
        assert_eq!(found.verdict, verdict, "{found:?}");
        assert!(found.what.contains(said), "{found:?}");
    }
}

#[test]
fn a_queue_in_another_region_than_the_bucket_gets_nothing_directly() {
    for (bucket, verdict) in [
        (Some("eu-west-1"), Verdict::Ok),
        (None, Verdict::Ok),
        (Some("us-east-1"), Verdict::Warning),
    ] {
        let around = Surroundings {
            region: "eu-west-1",
            bucket_region: bucket,
            visibility: Duration::ZERO,
            dead_letters: None,
            dead_letters_shell: None,
            senders: &[],
            evidence: Evidence::default(),
        };
        let findings = judge(&good(), &around, &shell());
        assert_eq!(findings[0].verdict, verdict, "{bucket:?}");
    }
}

#[test]
fn a_key_that_events_came_by_is_a_good_one() {
    let encrypted = QueueInfo {
        kms_key: Some("arn:aws:kms:eu-west-1:1:key/1".into()),
        ..good()
    };
    let around = Surroundings {
        region: "eu-west-1",
        bucket_region: None,
        visibility: Duration::ZERO,
        dead_letters: None,
        dead_letters_shell: None,
        senders: &[],
        evidence: Evidence {
            followed: true,
            seen: true,
        },
    };
    let findings = judge(&encrypted, &around, &shell());
    assert!(
        findings.iter().all(|it| it.verdict == Verdict::Ok),
        "{findings:?}"
    );
}

#[test]
fn durations_are_said_in_their_largest_whole_unit() {
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
fn the_key_is_to_be_open_to_whoever_sends() {
    let encrypted = QueueInfo {
        kms_key: Some("arn:aws:kms:eu-west-1:1:key/1".into()),
        ..good()
    };
    let around = Surroundings {
        region: "eu-west-1",
        bucket_region: None,
        visibility: Duration::ZERO,
        dead_letters: None,
        dead_letters_shell: None,
        senders: &["sns.amazonaws.com", "events.amazonaws.com"],
        evidence: Evidence::default(),
    };
    let findings = judge(&encrypted, &around, &shell());
    let found = findings
        .iter()
        .find(|it| it.subject == Subject::QueueEncryption);
    let remedy = &found.unwrap().remedy.as_ref().unwrap().text;
    let said = "lets sns.amazonaws.com or events.amazonaws.com do kms:GenerateDataKey";
    assert!(remedy.contains(said), "{remedy}");
}
