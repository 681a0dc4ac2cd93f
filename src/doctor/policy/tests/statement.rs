//! Tests the evaluation of single statements.

use super::super::statement::SendAccess::{Denied, Restricted, Unrestricted};
use super::super::statement::matches;
use super::*;

fn s3() -> Sender {
    Sender {
        service: S3,
        source_arn: Some("arn:aws:s3:::photos".into()),
        account: Some("111122223333".into()),
    }
}

fn condition(operator: &str, key: &str, value: &str) -> String {
    set("Condition", json!({ operator: { key: value } }))
}

#[test]
fn statement_allows_the_senders_that_it_names() {
    for (case, policy, want) in [
        ("complete", statement(|_| ()), Restricted),
        ("denies", set("Effect", json!("Deny")), Denied),
        (
            "another action",
            set("Action", json!("sqs:ReceiveMessage")),
            Denied,
        ),
        ("all actions", set("Action", json!(["sqs:*"])), Restricted),
        (
            "action in other case",
            set("Action", json!(["SQS:SendMessage"])),
            Restricted,
        ),
        (
            "another queue",
            set("Resource", json!("arn:aws:sqs:eu-west-1:1:r")),
            Denied,
        ),
        (
            "all queues",
            set("Resource", json!("arn:aws:sqs:*:*:*")),
            Restricted,
        ),
        ("no resource", set("Resource", Value::Null), Restricted),
        (
            "another service",
            set("Principal", json!({ "Service": "sns.amazonaws.com" })),
            Denied,
        ),
        (
            "many services",
            set("Principal", json!({ "Service": ["x", "s3.amazonaws.com"] })),
            Restricted,
        ),
        (
            "an account",
            set("Principal", json!({ "AWS": "111122223333" })),
            Denied,
        ),
        ("everyone", set("Principal", json!("*")), Restricted),
        (
            "every AWS account",
            set("Principal", json!({ "AWS": "*" })),
            Restricted,
        ),
    ] {
        assert_eq!(send_access(&policy, QUEUE, &s3()).unwrap(), want, "{case}");
    }
    let none = json!({ "Version": "2012-10-17", "Statement": [] }).to_string();
    assert_eq!(send_access(&none, QUEUE, &s3()).unwrap(), Denied);
    assert!(send_access("no policy", QUEUE, &s3()).is_err());
}

#[test]
fn condition_restricts_or_denies_access() {
    let (arn, account) = ("aws:SourceArn", "AWS:SourceAccount");
    for (case, policy, want) in [
        ("none", set("Condition", Value::Null), Unrestricted),
        (
            "our bucket",
            condition("ArnEquals", arn, "arn:aws:s3:::photos"),
            Restricted,
        ),
        (
            "our buckets",
            condition("StringLike", arn, "arn:aws:s3:::pho*"),
            Restricted,
        ),
        (
            "any bucket",
            condition("ArnLike", arn, "arn:aws:s3:*:*:*"),
            Unrestricted,
        ),
        (
            "another bucket",
            condition("ArnLike", arn, "arn:aws:s3:*:*:docs"),
            Denied,
        ),
        (
            "stars in StringEquals",
            condition("StringEquals", arn, "arn:aws:s3:*:*:photos"),
            Denied,
        ),
        (
            "our account",
            condition("StringEquals", account, "111122223333"),
            Restricted,
        ),
        (
            "another account",
            condition("StringEquals", account, "999922223333"),
            Denied,
        ),
        (
            "if it exists",
            condition("StringEqualsIfExists", account, "111122223333"),
            Restricted,
        ),
        (
            "our organization",
            condition("StringEquals", "aws:SourceOrgID", "o-1"),
            Restricted,
        ),
        (
            "unknown key",
            condition("Bool", "aws:SecureTransport", "true"),
            Unrestricted,
        ),
        (
            "unknown operator",
            condition("Odd", arn, "arn:aws:s3:::photos"),
            Unrestricted,
        ),
    ] {
        assert_eq!(send_access(&policy, QUEUE, &s3()).unwrap(), want, "{case}");
    }
    let unknown = Sender {
        account: None,
        ..s3()
    };
    let policy = condition("StringEquals", account, "999922223333");
    assert_eq!(send_access(&policy, QUEUE, &unknown).unwrap(), Restricted);
}

#[test]
fn unrestricted_statement_wins_over_a_restricted_one() {
    let wide: Value = serde_json::from_str(&set("Condition", Value::Null)).unwrap();
    let narrow: Value = serde_json::from_str(&statement(|_| ())).unwrap();
    let other: Value = serde_json::from_str(&set("Effect", json!("Deny"))).unwrap();
    let [wide, narrow, other] = [wide, narrow, other].map(|it| it["Statement"][0].clone());
    for (statements, want) in [
        (vec![&wide, &narrow], Unrestricted),
        (vec![&narrow, &wide], Unrestricted),
        (vec![&other, &narrow], Restricted),
        (vec![&narrow, &other], Restricted),
    ] {
        let policy = json!({ "Statement": statements }).to_string();
        assert_eq!(send_access(&policy, QUEUE, &s3()).unwrap(), want);
    }
}

#[test]
fn patterns_match_stars_and_question_marks() {
    for (pattern, text, want) in [
        ("", "", true),
        ("*", "", true),
        ("a*c", "abcbc", true),
        ("a*c", "abcb", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("**b", "aab", true),
        ("a", "ab", false),
        ("ü?", "üé", true),
    ] {
        assert_eq!(matches(pattern, text), want, "{pattern} {text}");
    }
}

#[test]
fn foreign_sender_has_our_partition_and_region() {
    let in_china = QUEUE.replace("aws:sqs:eu-west-1", "aws-cn:sqs:cn-north-1");
    let of_china = Sender {
        source_arn: Some("arn:aws-cn:s3:::photos".into()),
        ..s3()
    };
    let topic = Sender {
        service: SNS,
        source_arn: Some("arn:aws:sns:eu-west-1:111122223333:t".into()),
        account: None,
    };
    let rule = Sender {
        service: EVENT_BRIDGE,
        source_arn: None,
        account: None,
    };
    for (queue, sender, pattern) in [
        (in_china.as_str(), of_china, "arn:aws-cn:s3:::*"),
        (QUEUE, topic, "arn:aws:sns:eu-west-1:*:*"),
        (QUEUE, rule, "arn:aws:events:eu-west-1:*:rule/*"),
    ] {
        let policy = statement(|statement| {
            statement["Principal"] = json!({ "Service": sender.service });
            statement["Resource"] = json!("*");
            statement["Condition"] = json!({ "ArnLike": { "aws:SourceArn": pattern } });
        });
        let found = send_access(&policy, queue, &sender).unwrap();
        assert_eq!(found, Unrestricted, "{pattern}");
    }
}
