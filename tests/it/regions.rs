//! The Region of a bucket: found where it is not configured, named where it is configured wrongly.
//!
//! The server insists on a bucket's Region as AWS does (301 with the Region in a header).

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::fixture::SOURCE;
use crate::proxy::{Action, Proxy, Request};
use crate::s3::Bucket;
use crate::server;

/// The Region that the buckets of these tests lie in.
const REGION: &str = "eu-west-1";

/// A bucket in [`REGION`], a proxy before it, and the binary with a Source of that region.
fn bucket_far_away(configured: Option<&str>) -> (Bucket, Proxy, Cli) {
    let bucket = Bucket::create_in(REGION, server::shared());
    bucket.put_keys(["a", "b"]);
    let proxy = Proxy::start(server::shared().address());
    let source = Source {
        region: configured.map(str::to_owned),
        ..Source::of(SOURCE, &bucket, proxy.endpoint())
    };
    let cli = Cli::new(&Config::of([source]));
    (bucket, proxy, cli)
}

#[test]
fn the_configured_region_is_used() {
    let (bucket, proxy, cli) = bucket_far_away(Some(REGION));
    cli.reindex();
    cli.assert_mirrors(SOURCE, &bucket);
    let signed = |request: &Request| request.region.as_deref() == Some(REGION);
    assert!(proxy.lists().iter().all(signed));
}

#[test]
fn the_region_is_found_where_it_is_not_configured() {
    let (bucket, proxy, cli) = bucket_far_away(None);
    cli.succeed(&["check"]);
    cli.reindex();
    cli.assert_mirrors(SOURCE, &bucket);
    let signed = |request: &Request| request.region.as_deref() == Some(REGION);
    assert!(proxy.lists().iter().all(signed));
}

#[test]
fn the_region_is_found_by_the_location_where_head_bucket_is_denied() {
    let (bucket, proxy, cli) = bucket_far_away(None);
    let head = |request: &Request| request.method == "HEAD";
    let denied = Action::Error(403, "AccessDenied");
    proxy.fault(usize::MAX, head, denied);
    cli.reindex();
    cli.assert_mirrors(SOURCE, &bucket);
}

#[test]
fn a_wrong_region_is_refused_with_the_right_one() {
    let (_bucket, proxy, cli) = bucket_far_away(Some("us-east-1"));
    cli.fail(&["reindex"], &["region", REGION, SOURCE]);
    assert!(proxy.lists().len() <= 1, "permanent: no retries");
}
