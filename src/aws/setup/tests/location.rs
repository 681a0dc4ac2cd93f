//! The region, account and store of queues and buckets.

use super::*;

fn at(name: &str, bucket: &str, region: &str, queue_url: &str) -> Source {
    Source {
        region: Some(region.to_owned()),
        ..source(name, bucket, "", Some(queue_url))
    }
}

#[test]
fn region_and_account_distinguish_queues_with_the_same_name() {
    let url = |region: &str, account: &str| {
        format!("https://sqs.{region}.amazonaws.com/{account}/assets")
    };
    let sources = [
        at("a", "one", "eu-west-1", &url("eu-west-1", "111111111111")),
        at("b", "two", "us-east-1", &url("us-east-1", "111111111111")),
        at("c", "three", "eu-west-1", &url("eu-west-1", "222222222222")),
        at("d", "four", "eu-west-1", &url("eu-west-1", "111111111111")),
    ];
    let plan = plan_for(&sources, EventPath::S3).unwrap();
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
    assert_eq!(
        script.matches("\nrequire_account '111111111111'").count(),
        2
    );
    assert_eq!(
        script.matches("\nrequire_account '222222222222'").count(),
        1
    );
}

#[test]
fn reuses_the_queue_of_another_source() {
    let sources = [
        source("a", "one", "", None),
        source("b", "two", "", Some(&aws("asset-indexer-a"))),
    ];
    let plan = plan_for(&sources, EventPath::S3).unwrap();
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
    assert_eq!(plan_for(&elsewhere, EventPath::S3).unwrap().queues.len(), 2);
}

#[test]
fn eventbridge_needs_the_account_of_the_bucket() {
    let owned = |account: &str, queue_url: Option<&str>| Source {
        expected_bucket_owner: Some(account.to_owned()),
        ..source("a", "one", "", queue_url)
    };
    let queue = aws("q");
    let (ours, theirs) = ("123456789012", "210987654321");
    let abroad = [owned(theirs, Some(&queue))];
    assert!(plan_for(&abroad, EventPath::S3).is_ok());
    let error = plan_for(&abroad, EventPath::EventBridge)
        .unwrap_err()
        .to_string();
    for part in [ours, theirs, "--through s3"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(plan_for(&[owned(ours, Some(&queue))], EventPath::EventBridge).is_ok());
    // A new queue is created in that account.
    let new = plan_for(&[owned(theirs, None)], EventPath::EventBridge).unwrap();
    assert_eq!(new.queues[0].account.as_deref(), Some(theirs));
    let direct = plan_for(&[owned(theirs, None)], EventPath::S3).unwrap();
    assert_eq!(direct.queues[0].account, None);
}

#[test]
fn any_source_can_name_the_owner_of_its_bucket() {
    let queue = aws("q");
    let sources = [
        source("a", "one", "x/", Some(&queue)),
        Source {
            expected_bucket_owner: Some("210987654321".to_owned()),
            ..source("b", "one", "y/", None)
        },
    ];
    let plan = plan_for(&sources, EventPath::S3).unwrap();
    assert_eq!(
        plan.queues[0].buckets[0].owner.as_deref(),
        Some("210987654321")
    );
    assert!(!plan.needs_account());
}

#[test]
fn endpoint_of_aws_is_not_another_store() {
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
    let plan = plan_for(&sources, EventPath::S3).unwrap();
    assert_eq!(plan.queues.len(), 1, "{plan:?}");
    let new = plan_for(&sources[..1], EventPath::S3).unwrap();
    let script = script::print(&new);
    assert!(!script.contains("dualstack"), "{script}");
    let minio = plan_for(&[with("a", "http://minio:9000", None)], EventPath::S3).unwrap();
    assert!(script::print(&minio).contains("sqs_url='http://minio:9000'"));
}
