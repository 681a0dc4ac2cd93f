//! Policies, statement by statement.

use super::super::statement::Admission::{Alone, Refused, WithOthers};
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
fn a_statement_lets_in_whom_it_names() {
    for (case, policy, want) in [
        ("as it should be", statement(|_| ()), Alone),
        ("denies", set("Effect", json!("Deny")), Refused),
        (
            "another action",
            set("Action", json!("sqs:ReceiveMessage")),
            Refused,
        ),
        ("all actions", set("Action", json!(["sqs:*"])), Alone),
        (
            "folded action",
            set("Action", json!(["SQS:SendMessage"])),
            Alone,
        ),
        (
            "another queue",
            set("Resource", json!("arn:aws:sqs:eu-west-1:1:r")),
            Refused,
        ),
        (
            "all queues",
            set("Resource", json!("arn:aws:sqs:*:*:*")),
            Alone,
        ),
        ("no resource", set("Resource", Value::Null), Alone),
        (
            "another service",
            set("Principal", json!({ "Service": "sns.amazonaws.com" })),
            Refused,
        ),
        (
            "many services",
            set("Principal", json!({ "Service": ["x", "s3.amazonaws.com"] })),
            Alone,
        ),
        (
            "an account",
            set("Principal", json!({ "AWS": "111122223333" })),
            Refused,
        ),
        ("everybody", set("Principal", json!("*")), Alone),
        (
            "everybody of AWS",
            set("Principal", json!({ "AWS": "*" })),
            Alone,
        ),
    ] {
        assert_eq!(admission(&policy, QUEUE, &s3()).unwrap(), want, "{case}");
    }
    let none = json!({ "Version": "2012-10-17", "Statement": [] }).to_string();
    assert_eq!(admission(&none, QUEUE, &s3()).unwrap(), Refused);
    assert!(admission("no policy", QUEUE, &s3()).is_err());
}

#[test]
fn a_condition_keeps_others_out_or_ours() {
    let (arn, account) = ("aws:SourceArn", "AWS:SourceAccount");
    for (case, policy, want) in [
        ("none", set("Condition", Value::Null), WithOthers),
        (
            "our bucket",
            condition("ArnEquals", arn, "arn:aws:s3:::photos"),
            Alone,
        ),
        (
            "our buckets",
            condition("StringLike", arn, "arn:aws:s3:::pho*"),
            Alone,
        ),
        (
            "any bucket",
            condition("ArnLike", arn, "arn:aws:s3:*:*:*"),
            WithOthers,
        ),
        (
            "another bucket",
            condition("ArnLike", arn, "arn:aws:s3:*:*:docs"),
            Refused,
        ),
        (
            "literally",
            condition("StringEquals", arn, "arn:aws:s3:*:*:photos"),
            Refused,
        ),
        (
            "our account",
            condition("StringEquals", account, "111122223333"),
            Alone,
        ),
        (
            "another account",
            condition("StringEquals", account, "999922223333"),
            Refused,
        ),
        (
            "if it exists",
            condition("StringEqualsIfExists", account, "111122223333"),
            Alone,
        ),
        (
            "our organisation",
            condition("StringEquals", "aws:SourceOrgID", "o-1"),
            Alone,
        ),
        (
            "unknown key",
            condition("Bool", "aws:SecureTransport", "true"),
            WithOthers,
        ),
        (
            "unknown operator",
            condition("Odd", arn, "arn:aws:s3:::photos"),
            WithOthers,
        ),
    ] {
        assert_eq!(admission(&policy, QUEUE, &s3()).unwrap(), want, "{case}");
    }
    let unknown = Sender {
        account: None,
        ..s3()
    };
    let policy = condition("StringEquals", account, "999922223333");
    assert_eq!(admission(&policy, QUEUE, &unknown).unwrap(), Alone);
}

#[test]
fn a_statement_for_all_is_not_made_better_by_one_for_us() {
    let wide: Value = serde_json::from_str(&set("Condition", Value::Null)).unwrap();
    let narrow: Value = serde_json::from_str(&statement(|_| ())).unwrap();
    let other: Value = serde_json::from_str(&set("Effect", json!("Deny"))).unwrap();
    let [wide, narrow, other] = [wide, narrow, other].map(|it| it["Statement"][0].clone());
    for (statements, want) in [
        (vec![&wide, &narrow], WithOthers),
        (vec![&narrow, &wide], WithOthers),
        (vec![&other, &narrow], Alone),
        (vec![&narrow, &other], Alone),
    ] {
        let policy = json!({ "Statement": statements }).to_string();
        assert_eq!(admission(&policy, QUEUE, &s3()).unwrap(), want);
    }
}

#[test]
fn patterns_have_stars_and_question_marks() {
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
fn a_stranger_is_of_our_partition_and_region() {
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
        let found = admission(&policy, queue, &sender).unwrap();
        assert_eq!(found, WithOthers, "{pattern}");
    }
}
