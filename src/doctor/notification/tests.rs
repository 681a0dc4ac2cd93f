//! Tests with notifications that miss events or send them elsewhere.

use super::super::finding::Verdict;
use super::*;
use crate::core::source::rules::{RuleSelection, Rules};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:1:q";
const ALL: [&str; 3] = [
    "s3:ObjectCreated:*",
    "s3:ObjectRemoved:*",
    "s3:LifecycleExpiration:*",
];

fn rule(
    target: NotificationTarget,
    events: &[&str],
    prefix: &str,
    suffix: &str,
) -> NotificationRule {
    NotificationRule {
        target,
        events: events.iter().map(|&event| event.to_owned()).collect(),
        prefix: prefix.to_owned(),
        suffix: suffix.to_owned(),
    }
}

fn to_queue(events: &[&str], prefix: &str, suffix: &str) -> NotificationRule {
    rule(
        NotificationTarget::Queue(QUEUE.into()),
        events,
        prefix,
        suffix,
    )
}

fn source(include: &[&str]) -> Source {
    let paths = || include.iter().map(|&rule| rule.to_owned()).collect();
    let include = (!include.is_empty()).then(|| RuleSelection::Paths(paths()));
    Source {
        prefix: "photos/".into(),
        rules: Rules::new(include, None, false).unwrap(),
        ..Source::new("photos", "bucket", "acme")
    }
}

/// Checks the finding for a Source on AWS.
#[track_caller]
fn check(include: &[&str], rules: Vec<NotificationRule>, bridge: bool, want: Verdict, text: &str) {
    let notifications = NotificationConfiguration {
        rules,
        event_bridge: bridge,
    };
    let finding = judge(
        &source(include),
        &notifications,
        QUEUE,
        EventHistory::default(),
    );
    assert_eq!(finding.verdict, want, "{finding:?}");
    assert!(finding.what.contains(text), "{finding:?}");
    assert_eq!(finding.remedy.is_none(), want == Verdict::Ok, "{finding:?}");
}

#[test]
fn filters_must_cover_the_prefix_of_the_source() {
    let covering = |prefix| vec![to_queue(&ALL, prefix, "")];
    check(&[], covering(""), false, Verdict::Ok, "to the queue");
    check(&[], covering("photos/"), false, Verdict::Ok, "to the queue");
    check(&[], covering("pho"), false, Verdict::Ok, "to the queue");
    let text = "s3:LifecycleExpiration:* sent only for keys under \"photos/2024/\"";
    check(&[], covering("photos/2024/"), false, Verdict::Failure, text);
    check(&[], covering("docs/"), false, Verdict::Failure, "\"docs/\"");
    // The rules admit nothing else.
    check(
        &["/2024/"],
        covering("photos/2024/"),
        false,
        Verdict::Ok,
        "",
    );
    let both = vec![
        to_queue(&ALL, "photos/2024/", ""),
        to_queue(&ALL, "photos/2025/", ""),
    ];
    check(&["/2024/", "/2025/"], both, false, Verdict::Ok, "");
}

#[test]
fn each_kind_of_event_must_be_sent() {
    let sending = |events: &[&str]| vec![to_queue(events, "", "")];
    let created = ["Put", "Post", "Copy", "CompleteMultipartUpload"];
    let created = created.map(|kind| format!("s3:ObjectCreated:{kind}"));
    let one_by_one: Vec<&str> = created.iter().map(String::as_str).collect();
    let one_by_one = [&one_by_one[..], &ALL[1..]].concat();
    for (events, verdict, text) in [
        (&ALL[..], Verdict::Ok, ""),
        (&one_by_one, Verdict::Ok, ""),
        (&["s3:*"], Verdict::Ok, ""),
        (&ALL[1..], Verdict::Failure, "s3:ObjectCreated:* not sent"),
        (
            &one_by_one[1..],
            Verdict::Failure,
            "s3:ObjectCreated:Put not sent",
        ),
        (
            &["s3:ObjectCreated:*", "s3:LifecycleExpiration:*"],
            Verdict::Failure,
            "s3:ObjectRemoved:*",
        ),
        (&ALL[..2], Verdict::Warning, "s3:LifecycleExpiration:*"),
        (&[], Verdict::Failure, "s3:ObjectCreated:*"),
    ] {
        check(&[], sending(events), false, verdict, text);
    }
    let split = ALL.map(|event| to_queue(&[event], "", "")).to_vec();
    check(&[], split, false, Verdict::Ok, "");
}

#[test]
fn suffix_filter_fails_unless_the_rules_require_the_suffix() {
    let jpg = || vec![to_queue(&ALL, "", ".jpg")];
    let both = || vec![to_queue(&ALL, "", ".jpg"), to_queue(&ALL, "", ".png")];
    check(
        &[],
        jpg(),
        false,
        Verdict::Failure,
        "only for keys that end in \".jpg\"",
    );
    check(&["**/*.jpg"], jpg(), false, Verdict::Ok, "");
    check(
        &["**/*.jpg", "**/*.png"],
        jpg(),
        false,
        Verdict::Failure,
        "end in \".jpg\"",
    );
    check(&["**/*.jpg", "**/*.png"], both(), false, Verdict::Ok, "");
    check(
        &["**/*.{jpg,png}"],
        both(),
        false,
        Verdict::Failure,
        "only for keys that end in",
    );
    // Each include rule has its own folder and suffix.
    let split = || {
        vec![
            to_queue(&ALL, "photos/a/", ".jpg"),
            to_queue(&ALL, "photos/b/", ".png"),
        ]
    };
    let rules = ["/a/*.jpg", "/b/*.png"];
    check(&rules, split(), false, Verdict::Ok, "");
    let rules = ["/a/*.jpg", "/b/*.jpg"];
    check(&rules, split(), false, Verdict::Failure, "end in \".png\"");
    // A rule without glob characters also admits everything below its path.
    check(
        &["/a.jpg"],
        jpg(),
        false,
        Verdict::Failure,
        "only for keys that end in",
    );
    let ignoring_case = Source {
        rules: Rules::new(Some(RuleSelection::Paths(vec!["*.jpg".into()])), None, true).unwrap(),
        ..source(&[])
    };
    let notifications = NotificationConfiguration {
        rules: jpg(),
        event_bridge: false,
    };
    let finding = judge(
        &ignoring_case,
        &notifications,
        QUEUE,
        EventHistory::default(),
    );
    assert_eq!(finding.verdict, Verdict::Failure, "{finding:?}");
}

#[test]
fn events_take_one_of_three_routes() {
    let topic = || NotificationTarget::Topic("arn:t".into());
    let by_topic = |events| vec![rule(topic(), events, "", "")];
    let lambda = rule(NotificationTarget::Function("arn:f".into()), &ALL, "", "");
    let other = rule(NotificationTarget::Queue("arn:other".into()), &ALL, "", "");
    check(&[], by_topic(&ALL), false, Verdict::Ok, "SNS (arn:t)");
    check(
        &[],
        by_topic(&ALL[1..]),
        false,
        Verdict::Failure,
        "ObjectCreated",
    );
    check(&[], vec![], true, Verdict::Ok, "EventBridge");
    check(
        &[],
        vec![lambda.clone(), other.clone()],
        true,
        Verdict::Ok,
        "EventBridge",
    );
    check(
        &[],
        vec![],
        false,
        Verdict::Failure,
        "the bucket sends no events",
    );
    check(
        &[],
        vec![lambda, other],
        false,
        Verdict::Failure,
        "elsewhere (arn:f, arn:other)",
    );
    // The topic may belong to another consumer.
    let bridged = || by_topic(&ALL[1..]);
    check(&[], bridged(), true, Verdict::Ok, "EventBridge");
    // The missing events may arrive by another route.
    let both = vec![to_queue(&ALL[1..], "", ""), by_topic(&ALL).remove(0)];
    check(&[], both, false, Verdict::Warning, "ObjectCreated");
    check(
        &[],
        vec![to_queue(&ALL[1..], "", "")],
        true,
        Verdict::Warning,
        "ObjectCreated",
    );
}

#[test]
fn filters_are_url_encoded_only_on_aws() {
    let of = |prefix: &str, endpoint_url: Option<&str>| {
        let notifications = NotificationConfiguration {
            rules: vec![to_queue(&ALL, prefix, "")],
            event_bridge: false,
        };
        let source = Source {
            prefix: "a b/".into(),
            endpoint_url: endpoint_url.map(str::to_owned),
            ..source(&[])
        };
        judge(&source, &notifications, QUEUE, EventHistory::default())
    };
    let (store, on_aws) = (
        Some("http://127.0.0.1:1"),
        Some("https://s3.dualstack.eu-west-1.amazonaws.com"),
    );
    for (prefix, endpoint_url, verdict) in [
        ("a+b/", None, Verdict::Ok),
        ("a%20b/", on_aws, Verdict::Ok),
        ("a b/", None, Verdict::Failure),
        ("a b/", on_aws, Verdict::Failure),
        ("a b/", store, Verdict::Ok),
        ("a+b/", store, Verdict::Failure),
    ] {
        let finding = of(prefix, endpoint_url);
        assert_eq!(finding.verdict, verdict, "{prefix} {endpoint_url:?}");
    }
    let text = of("a b/", None).what;
    assert!(text.contains("write a space as +"), "{text}");
    let jpg = vec![to_queue(&ALL, "", "%20b.jpg")];
    check(&["**/* b.jpg"], jpg, false, Verdict::Ok, "");
    let raw = vec![to_queue(&ALL, "", " b.jpg")];
    check(
        &["**/* b.jpg"],
        raw,
        false,
        Verdict::Failure,
        "a space as +",
    );
}

#[test]
fn remedy_keeps_events_that_go_through_a_topic() {
    let topic = rule(NotificationTarget::Topic("arn:t".into()), &ALL[1..], "", "");
    for (rules, command) in [
        (vec![topic], "--through eventbridge"),
        (vec![to_queue(&ALL[1..], "", "")], "--print aws-cli"),
        (vec![], "--print aws-cli"),
    ] {
        let notifications = NotificationConfiguration {
            rules,
            event_bridge: false,
        };
        let finding = judge(&source(&[]), &notifications, QUEUE, EventHistory::default());
        let commands = finding.remedy.unwrap().commands;
        assert!(commands[0].ends_with(command), "{commands:?}");
    }
}

#[test]
fn is_only_a_warning_if_events_have_arrived_another_way() {
    let event_received = EventHistory {
        queue_followed: true,
        event_received: true,
    };
    let finding = judge(
        &source(&[]),
        &NotificationConfiguration::default(),
        QUEUE,
        event_received,
    );
    assert_eq!(finding.verdict, Verdict::Warning, "{finding:?}");
}

#[test]
fn missing_event_is_a_warning_only_after_a_daemon_followed_the_queue() {
    for (queue_followed, event_received, verdict) in [
        (false, false, Verdict::Ok),
        (true, false, Verdict::Warning),
        (true, true, Verdict::Ok),
        (false, true, Verdict::Ok),
    ] {
        let finding = first_event(EventHistory {
            queue_followed,
            event_received,
        });
        assert_eq!(
            finding.verdict, verdict,
            "{queue_followed} {event_received}"
        );
    }
}
