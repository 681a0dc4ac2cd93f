//! Which queues there are to be, and what reaches them.

use super::*;
use crate::source::Source;
use crate::source::{Credentials, Events};

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

fn wire(sources: &[Source], through: Through) -> Result<Wiring, WiringError> {
    let all: Vec<&Source> = sources.iter().collect();
    Wiring::of(&all, &all, through, 30)
}

/// Queue, Sources, and the prefixes of each bucket.
type Shape = (String, Vec<String>, Vec<(String, Vec<String>)>);

fn shape(wiring: &Wiring) -> Vec<Shape> {
    let bucket = |bucket: &Bucket| (bucket.name.clone(), notification_prefixes(bucket));
    let queue = |queue: &Queue| {
        let buckets = queue.buckets.iter().map(bucket).collect();
        (queue.name.clone(), queue.sources.clone(), buckets)
    };
    wiring.queues.iter().map(queue).collect()
}

fn owned<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).into()
}

#[test]
fn each_bucket_has_a_queue_and_sources_may_share_one() {
    let shared = aws("shared");
    let sources = [
        source("a.1", "one", "x/", None),
        source("b", "two", "y/", Some(&shared)),
        source("c", "one", "x/z/", None),
        source("d", "three", "", Some(&shared)),
        source("e", "two", "w/", None),
    ];
    let wiring = wire(&sources, Through::S3).unwrap();
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
    assert_eq!(shape(&wiring), expected);
    assert_eq!(wiring.regions(), ["eu-west-1"]);
}

#[test]
fn a_queue_is_set_up_for_all_that_share_it_whichever_is_chosen() {
    let sources = [
        source("a", "one", "x/", None),
        source("b", "one", "y/", None),
        source("c", "two", "", None),
    ];
    let all: Vec<&Source> = sources.iter().collect();
    let wiring = Wiring::of(&all[1..2], &all, Through::S3, 30).unwrap();
    let prefixes = owned(["x/", "y/"]);
    assert_eq!(
        shape(&wiring),
        [(
            "asset-indexer-a".to_owned(),
            owned(["a", "b"]),
            vec![("one".to_owned(), prefixes)]
        )]
    );
}

#[test]
fn a_notification_ends_before_what_s3_would_compare_encoded() {
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
        let wiring = wire(&sources, Through::S3).unwrap();
        assert_eq!(
            notification_prefixes(&wiring.queues[0].buckets[0]),
            want,
            "{prefixes:?}"
        );
    }
}

#[test]
fn event_bridge_compares_the_key_itself() {
    let sources = [
        source("a", "one", "a \"b\"/", None),
        source("b", "one", "é/", None),
    ];
    let of = |sources: &[Source]| {
        let wiring = wire(sources, Through::EventBridge).unwrap();
        event_pattern(&wiring.queues[0].buckets[0])
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
fn what_cannot_be_is_refused_with_what_to_do() {
    let (one, other) = (aws("one"), aws("other"));
    let overlap = [
        source("a", "b", "x/", Some(&one)),
        source("c", "b", "x/y/", Some(&other)),
    ];
    assert!(wire(&overlap, Through::EventBridge).is_ok());
    let beside = [
        source("a", "b", "x/", Some(&one)),
        source("c", "b", "y/", Some(&other)),
    ];
    assert!(wire(&beside, Through::S3).is_ok());
    let fifo = [source("a", "b", "", Some(&aws("q.fifo")))];
    let elsewhere = Source {
        region: Some("us-east-1".to_owned()),
        ..source("a", "b", "", Some(&one))
    };
    for (sources, want) in [
        (&overlap[..], "--through eventbridge"),
        (&fifo, "standard queue"),
        (
            &[elsewhere],
            "is in eu-west-1 and bucket \"b\" in us-east-1",
        ),
    ] {
        let error = wire(sources, Through::S3).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
}
