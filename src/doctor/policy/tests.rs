//! Policies, statement by statement.

use super::Admission::{Alone, Refused, WithOthers};
use serde_json::json;

use super::*;
use crate::doctor::Verdict;

const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:q";

fn s3() -> Sender {
    Sender {
        service: S3,
        source_arn: Some("arn:aws:s3:::photos".into()),
        account: Some("111122223333".into()),
    }
}

/// A policy of one statement that lets S3 send, changed.
fn statement(change: impl FnOnce(&mut Value)) -> String {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": { "Service": "s3.amazonaws.com" },
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        "Condition": {
            "ArnLike": { "aws:SourceArn": "arn:aws:s3:*:*:photos" },
            "StringEquals": { "aws:SourceAccount": "111122223333" },
        },
    });
    change(&mut statement);
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

fn set(part: &str, value: Value) -> String {
    statement(|statement| statement[part] = value)
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
fn what_is_found_depends_on_the_way_that_events_take() {
    let topic = "arn:aws:sns:eu-west-1:111122223333:t";
    let (direct, topics) = (Route::Direct, Route::Topics(vec![topic.to_owned()]));
    let for_s3 = statement(|_| ());
    let for_all = set("Condition", Value::Null);
    let for_sns = statement(|statement| {
        statement["Principal"] = json!({ "Service": "sns.amazonaws.com" });
        statement["Condition"] = json!({ "ArnEquals": { "aws:SourceArn": topic } });
    });
    let for_topics = for_sns.replace(topic, "arn:aws:sns:*:*:*");
    let for_rules = for_all.replace("s3.", "events.");
    let mut for_two: Value = serde_json::from_str(&for_s3).unwrap();
    let rules: Value = serde_json::from_str(&for_rules).unwrap();
    let statements = for_two["Statement"].as_array_mut().unwrap();
    statements.push(rules["Statement"][0].clone());
    let for_two = for_two.to_string();
    for (policy, route, is_on_aws, verdict, said) in [
        (
            Some(&for_two),
            Some(&direct),
            true,
            Verdict::Warning,
            "it lets events.amazonaws.com send",
        ),
        (None, Some(&direct), true, Verdict::Failure, "no policy"),
        (None, Some(&direct), false, Verdict::Warning, "no policy"),
        (
            None,
            None,
            true,
            Verdict::Warning,
            "s3.amazonaws.com or sns.amazonaws.com or events",
        ),
        (Some(&for_s3), Some(&direct), true, Verdict::Ok, ""),
        (Some(&for_s3), None, true, Verdict::Ok, ""),
        (
            Some(&for_s3),
            Some(&topics),
            true,
            Verdict::Warning,
            "sns.amazonaws.com",
        ),
        (Some(&for_sns), Some(&topics), true, Verdict::Ok, ""),
        (
            Some(&for_sns),
            Some(&direct),
            true,
            Verdict::Failure,
            "arn:aws:s3:::photos",
        ),
        (
            Some(&for_topics),
            Some(&topics),
            true,
            Verdict::Warning,
            "strangers",
        ),
        (
            Some(&for_all),
            Some(&direct),
            true,
            Verdict::Warning,
            "aws:SourceArn",
        ),
        (
            Some(&for_rules),
            Some(&Route::EventBridge),
            true,
            Verdict::Warning,
            "strangers",
        ),
        (
            Some(&"{".to_owned()),
            Some(&direct),
            true,
            Verdict::Warning,
            "cannot be read",
        ),
    ] {
        let origin = Origin {
            bucket_arn: "arn:aws:s3:::photos",
            account: None,
            is_on_aws,
        };
        let finding = judge(policy.map(String::as_str), QUEUE, &origin, route);
        assert_eq!(
            finding.verdict, verdict,
            "{policy:?} {route:?}: {finding:?}"
        );
        assert!(finding.what.contains(said), "{finding:?}");
        assert_eq!(
            finding.remedy.is_none(),
            verdict == Verdict::Ok,
            "{finding:?}"
        );
    }
}
