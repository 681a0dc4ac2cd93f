//! In which Region, account and store queues and buckets are.

use super::*;

fn at(name: &str, bucket: &str, region: &str, queue_url: &str) -> Source {
    Source {
        region: Some(region.to_owned()),
        ..source(name, bucket, "", Some(queue_url))
    }
}

#[test]
fn queues_of_one_name_are_told_apart_by_region_and_account() {
    let url = |region: &str, account: &str| {
        format!("https://sqs.{region}.amazonaws.com/{account}/assets")
    };
    let sources = [
        at("a", "one", "eu-west-1", &url("eu-west-1", "111111111111")),
        at("b", "two", "us-east-1", &url("us-east-1", "111111111111")),
        at("c", "three", "eu-west-1", &url("eu-west-1", "222222222222")),
        at("d", "four", "eu-west-1", &url("eu-west-1", "111111111111")),
    ];
    let plan = wire(&sources, EventPath::S3).unwrap();
    let queues = plan.queues.iter().map(|queue| {
        let place = (queue.region.as_deref(), queue.account.as_deref());
        (place, queue.source_list())
    });
    let (west, east) = (Some("eu-west-1"), Some("us-east-1"));
    let (first, second) = (Some("111111111111"), Some("222222222222"));
    assert_eq!(
        queues.collect::<Vec<_>>(),
        [
            ((west, first), "Sources a, d".to_owned()),
            ((east, first), "Source b".to_owned()),
            ((west, second), "Source c".to_owned()),
        ]
    );
    assert_eq!(plan.regions(), ["eu-west-1", "us-east-1"]);
    assert_eq!(plan.accounts(), ["111111111111", "222222222222"]);
    let script = script::print(&plan);
    assert_eq!(script.matches("\nuse_account '111111111111'").count(), 2);
    assert_eq!(script.matches("\nuse_account '222222222222'").count(), 1);
}

#[test]
fn a_queue_that_another_source_follows_already_is_not_made_twice() {
    let sources = [
        source("a", "one", "", None),
        source("b", "two", "", Some(&aws("asset-indexer-a"))),
    ];
    let plan = wire(&sources, EventPath::S3).unwrap();
    assert_eq!(plan.queues.len(), 1, "{plan:?}");
    let elsewhere = [
        sources[0].clone(),
        at(
            "b",
            "two",
            "us-east-1",
            "https://sqs.us-east-1.amazonaws.com/123456789012/asset-indexer-a",
        ),
    ];
    assert_eq!(wire(&elsewhere, EventPath::S3).unwrap().queues.len(), 2);
}

#[test]
fn event_bridge_is_that_of_the_buckets_account() {
    let owned = |account: &str, queue_url: Option<&str>| Source {
        expected_bucket_owner: Some(account.to_owned()),
        ..source("a", "one", "", queue_url)
    };
    let queue = aws("q");
    let (ours, theirs) = ("123456789012", "210987654321");
    let abroad = [owned(theirs, Some(&queue))];
    assert!(wire(&abroad, EventPath::S3).is_ok());
    let error = wire(&abroad, EventPath::EventBridge)
        .unwrap_err()
        .to_string();
    for part in [ours, theirs, "--through s3"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(wire(&[owned(ours, Some(&queue))], EventPath::EventBridge).is_ok());
    // One that is to be made is made there.
    let new = wire(&[owned(theirs, None)], EventPath::EventBridge).unwrap();
    assert_eq!(new.queues[0].account.as_deref(), Some(theirs));
    let direct = wire(&[owned(theirs, None)], EventPath::S3).unwrap();
    assert_eq!(direct.queues[0].account, None);
}

#[test]
fn any_source_of_a_bucket_tells_whose_it_is() {
    let queue = aws("q");
    let sources = [
        source("a", "one", "x/", Some(&queue)),
        Source {
            expected_bucket_owner: Some("210987654321".to_owned()),
            ..source("b", "one", "y/", None)
        },
    ];
    let plan = wire(&sources, EventPath::S3).unwrap();
    assert_eq!(
        plan.queues[0].buckets[0].owner.as_deref(),
        Some("210987654321")
    );
    assert!(!plan.needs_account());
}

#[test]
fn an_address_of_aws_is_no_other_store() {
    let with = |name: &str, url: &str, queue_url: Option<&str>| Source {
        endpoint_url: Some(url.to_owned()),
        ..source(name, "one", &format!("{name}/"), queue_url)
    };
    let queue = aws("q");
    let dual = "https://s3.dualstack.eu-west-1.amazonaws.com";
    let vpc = "https://bucket.vpce-0f-1a.s3.eu-west-1.vpce.amazonaws.com";
    let sources = [
        with("a", dual, None),
        source("b", "one", "b/", Some(&queue)),
        with("c", vpc, None),
    ];
    let plan = wire(&sources, EventPath::S3).unwrap();
    assert_eq!(plan.queues.len(), 1, "{plan:?}");
    let new = wire(&sources[..1], EventPath::S3).unwrap();
    let script = script::print(&new);
    assert!(!script.contains("dualstack"), "{script}");
    let minio = wire(&[with("a", "http://minio:9000", None)], EventPath::S3).unwrap();
    assert!(script::print(&minio).contains("sqs_at='http://minio:9000'"));
}
