//! Tests the region of a bucket: it is detected if not configured, and named in the error if configured
//! wrong.
//!
//! Like AWS, the server responds with 301 and the region in a header to requests for another region.

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::fixture::SOURCE;
use crate::proxy::{Action, Proxy, Request};
use crate::s3::Bucket;
use crate::server;

/// The region of the buckets in these tests.
const REGION: &str = "eu-west-1";

/// A bucket in [`REGION`], a proxy in front of it, and the binary with a Source in the configured region.
fn bucket_in_region(configured: Option<&str>) -> (Bucket, Proxy, Cli) {
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
fn uses_the_configured_region() {
    let (bucket, proxy, cli) = bucket_in_region(Some(REGION));
    cli.reindex();
    cli.assert_mirrors(SOURCE, &bucket);
    let signed = |request: &Request| request.region.as_deref() == Some(REGION);
    assert!(proxy.lists().iter().all(signed));
}

#[test]
fn detects_the_region_if_it_is_not_configured() {
    let (bucket, proxy, cli) = bucket_in_region(None);
    cli.succeed(&["check"]);
    cli.reindex();
    cli.assert_mirrors(SOURCE, &bucket);
    let signed = |request: &Request| request.region.as_deref() == Some(REGION);
    assert!(proxy.lists().iter().all(signed));
}

#[test]
fn asks_for_the_region_of_a_bucket_in_the_region_of_the_environment() {
    let other = "ap-south-1";
    for variable in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE"] {
        let (bucket, proxy, mut cli) = bucket_in_region(None);
        let profile = cli.folder().join("aws-config");
        std::fs::write(&profile, format!("[default]\nregion = {other}\n")).unwrap();
        let value = match variable {
            "AWS_CONFIG_FILE" => profile.to_str().unwrap(),
            _ => other,
        };
        cli.set_environment(variable, value);
        cli.reindex();
        cli.assert_mirrors(SOURCE, &bucket);
        let first = proxy.requests().remove(0);
        assert_eq!(
            (&*first.method, first.region.as_deref()),
            ("HEAD", Some(other)),
            "{variable}"
        );
        let signed = |request: &Request| request.region.as_deref() == Some(REGION);
        assert!(proxy.lists().iter().all(signed), "{variable}");
    }
}

#[test]
fn detects_the_region_by_location_if_head_bucket_is_denied() {
    let (bucket, proxy, cli) = bucket_in_region(None);
    let head = |request: &Request| request.method == "HEAD";
    let denied = Action::Error(403, "AccessDenied");
    proxy.fault(usize::MAX, head, denied);
    cli.reindex();
    cli.assert_mirrors(SOURCE, &bucket);
}

#[test]
fn error_of_a_wrong_region_names_the_right_one() {
    let (_bucket, proxy, cli) = bucket_in_region(Some("us-east-1"));
    cli.fail(&["reindex"], &["region", REGION, SOURCE]);
    assert!(
        proxy.lists().len() <= 1,
        "the error is permanent, so it is not retried"
    );
}
