//! Tests the region of a bucket: it is detected if not configured, and corrected if configured wrong.
//!
//! Like AWS, the server responds with 301 and the region in a header to requests for another region.

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::fixture::SOURCE;
use crate::http_client::send;
use crate::proxy::{Action, Proxy, Request};
use crate::s3::Bucket;
use crate::server;

/// The region of the buckets in these tests.
const REGION: &str = "eu-west-1";

/// Maximum number of listings that start before the first one is answered: a scan begins with at most this many ranges.
const MOST_FIRST_LISTS: usize = 1;

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
fn asks_for_a_role_in_the_region_of_the_environment() {
    let region = "cn-north-1";
    for variable in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE"] {
        let (bucket, sts) = (
            Bucket::create(server::shared()),
            Proxy::start(server::shared().address()),
        );
        // The request is enough: what it answers does not matter.
        let denied = Action::Error(403, "AccessDenied");
        sts.fault(usize::MAX, |_: &Request| true, denied);
        let source = Source {
            region: None,
            ..Source::of(SOURCE, &bucket, server::shared().endpoint())
        };
        let mut config = Config::of([source]);
        config.attempts = 1;
        let mut cli = Cli::new(&Config::of([]));
        let toml = config.to_toml(&cli.data_dir());
        let role = "arn:aws-cn:iam::000000000000:role/reader";
        cli.configure_with(&format!(
            "{toml}credentials = {{ role_arn = \"{role}\" }}\n"
        ));
        let profile = cli.folder().join("aws-config");
        std::fs::write(&profile, format!("[default]\nregion = {region}\n")).unwrap();
        let value = match variable {
            "AWS_CONFIG_FILE" => profile.to_str().unwrap(),
            _ => region,
        };
        cli.set_environment(variable, value);
        cli.set_environment("AWS_ENDPOINT_URL_STS", &sts.endpoint());
        cli.fail(&["reindex"], &[role]);
        let requests = sts.requests();
        assert!(!requests.is_empty(), "{variable}");
        let signed = |request: &Request| request.region.as_deref() == Some(region);
        assert!(requests.iter().all(signed), "{variable}: {requests:?}");
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
fn wrong_region_is_corrected_once_and_check_warns() {
    let (bucket, proxy, mut cli) = bucket_in_region(Some("us-east-1"));
    cli.reindex();
    cli.assert_mirrors(SOURCE, &bucket);
    let lists = proxy.lists();
    let regions = lists.iter().map(|list| list.region.as_deref());
    let (first, others) = (regions.clone().next(), regions.skip(1));
    assert_eq!(first, Some(Some("us-east-1")));
    assert!(others.clone().count() >= 1 && others.clone().all(|it| it == Some(REGION)));
    let wrong = lists
        .iter()
        .filter(|list| list.region.as_deref() == Some("us-east-1"));
    assert!(
        wrong.count() <= MOST_FIRST_LISTS,
        "the right region is remembered: {lists:#?}"
    );
    // Some stores name the region only in the error of a listing.
    let head = |request: &Request| request.method == "HEAD";
    for action in [None, Some(Action::Error(400, ""))] {
        proxy.clear();
        if let Some(action) = action {
            proxy.fault(usize::MAX, head, action);
        }
        let output = cli.succeed(&["check"]);
        let words = ["configured region us-east-1, but the bucket is in eu-west-1"];
        assert!(output.stdout.contains(words[0]), "{output:#?}");
    }
    // The environment does not replace the configured region.
    cli.set_environment("AWS_REGION", REGION);
    proxy.clear();
    cli.reindex();
    assert_eq!(proxy.lists()[0].region.as_deref(), Some("us-east-1"));
}

#[test]
fn previews_are_signed_for_the_right_region() {
    let bucket = Bucket::create_in(REGION, server::shared());
    bucket.put_keys(["a.jpg"]);
    let mut config = Config::of([Source::of(SOURCE, &bucket, server::shared().endpoint())]);
    config.listen = "127.0.0.1:0".to_owned();
    let cli = Cli::new(&config);
    cli.reindex();
    let daemon = cli.serve();
    let address = daemon.field(&["serving HTTP"], "address");
    let page = send(&address, "GET", "/v1/search?previews=true", &[]).text();
    assert!(page.contains(&format!("%2F{REGION}%2Fs3%2F")), "{page}");
    daemon.terminate();
}

#[test]
fn endpoint_of_another_region_is_an_error_after_one_retry() {
    let (_bucket, proxy, cli) = bucket_in_region(Some("us-east-1"));
    let moved = Action::ErrorWith(
        301,
        "PermanentRedirect",
        "x-amz-bucket-region",
        "ap-south-1",
    );
    proxy.fault(usize::MAX, |request| request.list.is_some(), moved);
    cli.fail(
        &["reindex"],
        &["another region", "ap-south-1", "endpoint_url", SOURCE],
    );
    for region in ["us-east-1", "ap-south-1"] {
        let lists = proxy.lists().into_iter();
        let lists = lists.filter(|list| list.region.as_deref() == Some(region));
        assert_eq!(lists.count(), 1, "{region}");
    }
}

#[test]
fn check_asks_for_the_region_in_the_region_of_the_environment() {
    let (_bucket, proxy, mut cli) = bucket_in_region(None);
    cli.set_environment("AWS_REGION", "cn-north-1");
    cli.succeed(&["check"]);
    let first = proxy.requests().remove(0);
    assert_eq!(
        (&*first.method, first.region.as_deref()),
        ("HEAD", Some("cn-north-1"))
    );
}
