//! Tests the findings about queue policies.

mod statement;

use serde_json::{Value, json};

use super::*;
use crate::doctor::Verdict;

const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:q";

/// A policy with one statement that lets S3 send, after `change`.
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

fn set(element: &str, value: Value) -> String {
    statement(|statement| statement[element] = value)
}

#[test]
fn rates_the_policy_by_the_route_of_the_events() {
    let topic = "arn:aws:sns:eu-west-1:111122223333:t";
    let indirect = |topics: &[&str], event_bridge| Route::Indirect {
        topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
        event_bridge,
    };
    let direct = Route::Direct;
    let (topics, bridge) = (indirect(&[topic], false), indirect(&[], true));
    let both = indirect(&[topic], true);
    let for_s3 = statement(|_| ());
    let for_all = set("Condition", Value::Null);
    let for_sns = statement(|statement| {
        statement["Principal"] = json!({ "Service": "sns.amazonaws.com" });
        statement["Condition"] = json!({ "ArnEquals": { "aws:SourceArn": topic } });
    });
    let for_topics = for_sns.replace(topic, "arn:aws:sns:*:*:*");
    let for_rules = for_all.replace("s3.", "events.");
    let for_our_rules = statement(|statement| {
        statement["Principal"] = json!({ "Service": "events.amazonaws.com" });
        let rules = "arn:aws:events:eu-west-1:111122223333:rule/*";
        statement["Condition"] = json!({ "ArnLike": { "aws:SourceArn": rules } });
    });
    let mut for_two: Value = serde_json::from_str(&for_s3).unwrap();
    let rules: Value = serde_json::from_str(&for_rules).unwrap();
    let statements = for_two["Statement"].as_array_mut().unwrap();
    statements.push(rules["Statement"][0].clone());
    let for_two = for_two.to_string();
    for (policy, route, is_on_aws, verdict, text) in [
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
            "any AWS account",
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
            Some(&bridge),
            true,
            Verdict::Warning,
            "any AWS account",
        ),
        // The topic may belong to another consumer.
        (Some(&for_our_rules), Some(&both), true, Verdict::Ok, ""),
        (Some(&for_sns), Some(&both), true, Verdict::Ok, ""),
        (
            Some(&for_s3),
            Some(&both),
            true,
            Verdict::Warning,
            "sns.amazonaws.com or events.amazonaws.com",
        ),
        (
            Some(&"{".to_owned()),
            Some(&direct),
            true,
            Verdict::Warning,
            "cannot read",
        ),
    ] {
        let bucket = SendingBucket {
            bucket_arn: "arn:aws:s3:::photos",
            account: None,
            is_on_aws,
        };
        let finding = judge(policy.map(String::as_str), QUEUE, &bucket, route);
        assert_eq!(
            finding.verdict, verdict,
            "{policy:?} {route:?}: {finding:?}"
        );
        assert!(finding.what.contains(text), "{finding:?}");
        assert_eq!(
            finding.remedy.is_none(),
            verdict == Verdict::Ok,
            "{finding:?}"
        );
    }
}

#[test]
fn remedy_keeps_the_route_of_the_events() {
    let judged = |topics: &[&str], event_bridge| {
        let bucket = SendingBucket {
            bucket_arn: "arn:aws:s3:::photos",
            account: None,
            is_on_aws: true,
        };
        let route = Route::Indirect {
            topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
            event_bridge,
        };
        judge(None, QUEUE, &bucket, Some(&route)).remedy.unwrap()
    };
    let by_topic = judged(&["arn:t"], false);
    assert!(by_topic.text.contains("is the topic"), "{by_topic:?}");
    for remedy in [by_topic, judged(&["arn:t"], true), judged(&[], true)] {
        let command = remedy.commands.join("");
        assert!(command.ends_with("--through eventbridge"), "{command}");
    }
}

#[test]
fn remedy_removes_the_unrestricted_statement() {
    let bucket = SendingBucket {
        bucket_arn: "arn:aws:s3:::photos",
        account: None,
        is_on_aws: true,
    };
    let for_all = set("Condition", Value::Null);
    let finding = judge(Some(&for_all), QUEUE, &bucket, Some(&Route::Direct));
    let remedy = finding.remedy.unwrap();
    assert!(remedy.text.contains("Remove the statement"), "{remedy:?}");
}
