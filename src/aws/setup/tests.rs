//! The planned queues, and the events that reach them.

mod location;

use super::plan::SetupError;
use super::*;
use crate::aws::iam::Partitions;
use crate::core::source::{Credentials, Events, Source};

fn source(name: &str, bucket: &str, prefix: &str, queue_url: Option<&str>) -> Source {
    Source {
        prefix: prefix.to_owned(),
        region: Some("eu-west-1".to_owned()),
        events: queue_url.map(|url| Events {
            queue_url: url.to_owned(),
            region: None,
            credentials: Credentials::default(),
        }),
        ..Source::new(name, bucket, name)
    }
}

fn aws(queue: &str) -> String {
    format!("https://sqs.eu-west-1.amazonaws.com/123456789012/{queue}")
}

fn plan_for(sources: &[Source], event_path: EventPath) -> Result<SetupPlan, SetupError> {
    let all: Vec<&Source> = sources.iter().collect();
    SetupPlan::of(&all, &all, event_path, 30, &Partitions::default())
}

/// A queue, its Sources, and the prefixes of each bucket.
type Shape = (String, Vec<String>, Vec<(String, Vec<String>)>);

fn shape(plan: &SetupPlan) -> Vec<Shape> {
    let bucket = |bucket: &PlannedBucket| (bucket.name.clone(), notification_prefixes(bucket));
    let queue = |queue: &PlannedQueue| {
        let buckets = queue.buckets.iter().map(bucket).collect();
        (queue.name.clone(), queue.sources.clone(), buckets)
    };
    plan.queues.iter().map(queue).collect()
}

fn owned<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).into()
}

#[test]
fn each_bucket_has_a_queue_and_sources_can_share_it() {
    let shared = aws("shared");
    let sources = [
        source("a.1", "one", "x/", None),
        source("b", "two", "y/", Some(&shared)),
        source("c", "one", "x/z/", None),
        source("d", "three", "", Some(&shared)),
        source("e", "two", "w/", None),
    ];
    let plan = plan_for(&sources, EventPath::S3).unwrap();
    let expected = [
        (
            "asset-indexer-a-1".to_owned(),
            owned(["a.1", "c"]),
            vec![("one".to_owned(), owned(["x/"]))],
        ),
        (
            "shared".to_owned(),
            owned(["b", "d", "e"]),
            vec![
                ("two".to_owned(), owned(["w/", "y/"])),
                ("three".to_owned(), owned([""])),
            ],
        ),
    ];
    assert_eq!(shape(&plan), expected);
    assert_eq!(plan.regions(), ["eu-west-1"]);
}

#[test]
fn plans_a_queue_for_all_sources_that_share_it() {
    let sources = [
        source("a", "one", "x/", None),
        source("b", "one", "y/", None),
        source("c", "two", "", None),
    ];
    let all: Vec<&Source> = sources.iter().collect();
    let plan = SetupPlan::of(&all[1..2], &all, EventPath::S3, 30, &Partitions::default()).unwrap();
    let prefixes = owned(["x/", "y/"]);
    assert_eq!(
        shape(&plan),
        [(
            "asset-indexer-a".to_owned(),
            owned(["a", "b"]),
            vec![("one".to_owned(), prefixes)]
        )]
    );
}

#[test]
fn notification_prefix_ends_before_an_encoded_character() {
    for (prefixes, want) in [
        (&["photos/2024/"][..], &["photos/2024/"][..]),
        (&["a b/"], &["a"]),
        (&["a b/", "a/"], &["a"]),
        (&["a=1/", "b/"], &["a", "b/"]),
        (&["é/", "b/"], &[""]),
        (&["100%/"], &["100"]),
        (&["a_b-c.d/"], &["a_b-c.d/"]),
    ] {
        let sources: Vec<Source> = prefixes
            .iter()
            .map(|prefix| source(prefix, "one", prefix, Some("http://q/1/q")))
            .collect();
        let plan = plan_for(&sources, EventPath::S3).unwrap();
        assert_eq!(
            notification_prefixes(&plan.queues[0].buckets[0]),
            want,
            "{prefixes:?}"
        );
    }
}

#[test]
fn eventbridge_compares_the_key_itself() {
    let sources = [
        source("a", "one", "a \"b\"/", None),
        source("b", "one", "é/", None),
    ];
    let of = |sources: &[Source]| {
        let plan = plan_for(sources, EventPath::EventBridge).unwrap();
        event_pattern(&plan.queues[0].buckets[0])
    };
    let begin = r#"{"source":["aws.s3"],"detail-type":["Object Created","Object Deleted"],"detail":{"bucket":{"name":["one"]}"#;
    assert_eq!(
        of(&sources),
        format!(r#"{begin},"object":{{"key":[{{"prefix":"a \"b\"/"}},{{"prefix":"é/"}}]}}}}}}"#)
    );
    let whole = [source("a", "one", "", None), source("b", "one", "b/", None)];
    assert_eq!(of(&whole), format!("{begin}}}}}"));
}

#[test]
fn explains_impossible_setups() {
    let (one, other) = (aws("one"), aws("other"));
    let overlap = [
        source("a", "b", "x/", Some(&one)),
        source("c", "b", "x/y/", Some(&other)),
    ];
    assert!(plan_for(&overlap, EventPath::EventBridge).is_ok());
    let disjoint = [
        source("a", "b", "x/", Some(&one)),
        source("c", "b", "y/", Some(&other)),
    ];
    assert!(plan_for(&disjoint, EventPath::S3).is_ok());
    let fifo = [source("a", "b", "", Some(&aws("q.fifo")))];
    let elsewhere = Source {
        region: Some("us-east-1".to_owned()),
        ..source("a", "b", "", Some(&one))
    };
    let access_point = [source("a", "point-1-s3alias", "", Some(&one))];
    for (sources, want) in [
        (&overlap[..], "--through eventbridge"),
        (&fifo, "standard queue"),
        (&access_point, "the bucket's own name"),
        (
            &[elsewhere],
            "is in eu-west-1, but bucket \"b\" is in us-east-1",
        ),
    ] {
        let error = plan_for(sources, EventPath::S3).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
}

#[test]
fn plans_all_notifications_of_a_bucket() {
    let (one, other) = (aws("one"), aws("other"));
    let sources = [
        source("a", "b", "x/", Some(&one)),
        source("c", "b", "y/", Some(&other)),
        source("d", "b2", "", Some(&other)),
        source("e", "b3", "", None),
    ];
    let of_first = |sources: &[Source]| {
        let all: Vec<&Source> = sources.iter().collect();
        let plan = SetupPlan::of(&all[..1], &all, EventPath::S3, 30, &Partitions::default());
        plan.map(|plan| terraform::print(&plan))
    };
    let text = of_first(&sources).unwrap();
    let (_, of_bucket) = text
        .split_once("\"aws_s3_bucket_notification\" \"b\"")
        .unwrap();
    let (of_bucket, _) = of_bucket.split_once("\n}\n").unwrap();
    for part in [
        "filter_prefix = \"x/\"",
        "filter_prefix = \"y/\"",
        "aws_sqs_queue_policy.one, aws_sqs_queue_policy.other",
    ] {
        assert!(of_bucket.contains(part), "{part}: {of_bucket}");
    }
    assert!(
        text.contains("\"b2\"") && !text.contains("\"b3\""),
        "{text}"
    );
    let overlap = [
        source("a", "b", "x/", Some(&one)),
        source("c", "b", "x/y/", Some(&other)),
    ];
    let error = of_first(&overlap).unwrap_err().to_string();
    assert!(error.contains("same events of bucket \"b\""), "{error}");
}

#[test]
fn too_many_prefixes_become_their_common_prefix() {
    let of = |count: usize, folder: &str| {
        let name = |number| format!("s{number}");
        let prefix = |number| format!("customers/{folder}-{number:02}/assets/");
        let sources = (0..count).map(|number| source(&name(number), "one", &prefix(number), None));
        let sources: Vec<Source> = sources.collect();
        let bucket = |event_path| {
            plan_for(&sources, event_path)
                .unwrap()
                .queues
                .remove(0)
                .buckets
                .remove(0)
        };
        (bucket(EventPath::S3), bucket(EventPath::EventBridge))
    };
    let (few, _) = of(30, "acme");
    assert_eq!(notification_prefixes(&few).len(), 30);
    let (many, _) = of(34, "acme");
    assert_eq!(notification_prefixes(&many), ["customers/acme-"]);

    let (_, few) = of(30, "acme");
    assert_eq!(event_prefixes(&few).unwrap().len(), 30);
    // Terraform encodes some characters with more characters.
    for (count, folder) in [(60, "acme"), (40, "a&b&c")] {
        let (_, many) = of(count, folder);
        let shared = format!("customers/{folder}-");
        assert_eq!(event_prefixes(&many).unwrap(), [shared], "{folder}");
        assert!(event_pattern(&many).len() < 2048);
    }
    let endless = source("a", "one", &"\u{1}".repeat(500), None);
    let plan = plan_for(&[endless], EventPath::EventBridge).unwrap();
    assert_eq!(event_prefixes(&plan.queues[0].buckets[0]), None);
}

#[test]
fn partition_follows_the_environment_or_is_said_to_be_assumed() {
    let unknown = Source {
        region: None,
        ..source("a", "one", "", None)
    };
    let all = [&unknown];
    let printed = |partitions: &Partitions| {
        let plan = SetupPlan::of(&all, &all, EventPath::S3, 30, partitions).unwrap();
        [script::print(&plan), terraform::print(&plan)]
    };
    let mut partitions = Partitions::default();
    for text in printed(&partitions) {
        assert!(text.contains("arn:aws:s3:::one"), "{text}");
        assert!(
            text.contains("# The ARN of bucket one assumes the partition aws,"),
            "{text}"
        );
    }
    partitions.set_environment_region(&unknown, "cn-north-1".to_owned());
    for text in printed(&partitions) {
        assert!(text.contains("arn:aws-cn:s3:::one"), "{text}");
        assert!(!text.contains("assumes"), "{text}");
    }
}
