//! Several Sources in one index. Their assets, failures and subdomains stay separate.

use serde_json::{Value, json};

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::s3::Bucket;
use crate::server;

/// A bucket with these keys, and a Source with this name for it.
fn source(name: &str, keys: &[&str]) -> (Bucket, Source) {
    let bucket = Bucket::create(server::shared());
    bucket.put_keys(keys);
    let source = Source::of(name, &bucket, server::shared().endpoint());
    (bucket, source)
}

#[test]
fn equal_keys_of_two_sources_stay_separate() {
    let (one, first) = source("one", &["a.jpg", "b.jpg"]);
    let (two, second) = source("two", &["a.jpg", "c.jpg"]);
    two.put("a.jpg", "other content");
    let cli = Cli::new(&Config::of([first, second]));
    assert_eq!(cli.reindex().added, 4);
    cli.assert_mirrors("one", &one);
    cli.assert_mirrors("two", &two);
    one.delete("a.jpg");
    assert_eq!(cli.reindex().removed, 1);
    cli.assert_mirrors("one", &one);
    cli.assert_mirrors("two", &two);
    assert_eq!(cli.search("", &["--limit", "all"]).len(), 3);
}

#[test]
fn only_the_named_sources_are_scanned() {
    let (_one, first) = source("one", &["a.jpg"]);
    let (two, second) = source("two", &["b.jpg"]);
    let cli = Cli::new(&Config::of([first, second]));
    cli.succeed(&["reindex", "--source", "two"]);
    cli.assert_mirrors("two", &two);
    assert!(cli.keys("one").is_empty());
    cli.fail(&["reindex", "--source", "three"], &["three", "one", "two"]);
}

#[test]
fn failure_of_one_source_does_not_stop_the_others() {
    let (_, mut broken) = source("broken", &[]);
    broken.bucket = "no-such-bucket".to_owned();
    let (one, first) = source("one", &["a.jpg"]);
    let (two, second) = source("two", &["b.jpg"]);
    let cli = Cli::new(&Config::of([first, broken, second]));
    cli.fail(&["reindex"], &["broken", "no-such-bucket"]);
    cli.assert_mirrors("one", &one);
    cli.assert_mirrors("two", &two);
}

#[test]
fn subdomain_must_be_unique_in_the_configuration() {
    let (_one, first) = source("one", &["a.jpg"]);
    let (_two, mut second) = source("two", &["b.jpg"]);
    second.subdomain = first.subdomain.clone();
    let subdomain = first.subdomain.clone();
    let cli = Cli::new(&Config::of([first, second]));
    cli.fail(&["reindex"], &["subdomain", &subdomain, "one", "two"]);
}

#[test]
fn subdomain_stays_reserved_for_its_source() {
    let (one, first) = source("one", &["a.jpg"]);
    let (_two, mut second) = source("two", &["b.jpg"]);
    second.subdomain = first.subdomain.clone();
    let cli = Cli::new(&Config::of([first.clone()]));
    cli.reindex();
    cli.configure(&Config::of([second.clone()]));
    cli.fail(&["reindex"], &["subdomain", &first.subdomain]);
    cli.fail(&["reindex", "--rebuild"], &["subdomain", &first.subdomain]);
    cli.configure(&Config::of([first]));
    cli.reindex();
    cli.assert_mirrors("one", &one);
}

#[test]
fn assets_of_the_former_bucket_are_found_until_the_new_one_is_listed() {
    let (_one, first) = source("one", &["a.jpg", "both.jpg"]);
    let (two, second) = source("one", &["b.jpg", "both.jpg"]);
    let cli = Cli::new(&Config::of([first.clone()]));
    cli.reindex();
    let before = cli.indexed("one");
    assert_eq!(before.len(), 2);
    let moved = Source {
        subdomain: first.subdomain,
        ..second
    };
    cli.configure(&Config::of([moved]));
    // The hits are as they were under the former configuration.
    assert_eq!(cli.indexed("one"), before);
    let counts = cli.reindex();
    assert_eq!((counts.added, counts.removed), (2, 2));
    cli.assert_mirrors("one", &two);
}

#[test]
fn scans_many_sources_in_one_run() {
    let names: Vec<_> = (0..10).map(|number| format!("source-{number}")).collect();
    let made = names.iter().map(|name| source(name, &[name, "shared.jpg"]));
    let (buckets, sources): (Vec<_>, Vec<_>) = made.unzip();
    let cli = Cli::new(&Config::of(sources));
    assert_eq!(cli.reindex().added, 20);
    for (name, bucket) in names.iter().zip(&buckets) {
        cli.assert_mirrors(name, bucket);
    }
}

#[test]
fn small_sources_share_commits() {
    let bucket = Bucket::create(server::shared());
    let names: Vec<_> = (0..30).map(|number| format!("s{number:02}")).collect();
    bucket.put_keys(names.iter().map(|name| format!("{name}/a.jpg")));
    let sources = names.iter().map(|name| Source {
        prefix: Some(format!("{name}/")),
        ..Source::of(name, &bucket, server::shared().endpoint())
    });
    let mut cli = Cli::new(&Config {
        event_commit_interval_ms: 10_000,
        ..Config::of(sources.collect::<Vec<_>>())
    });
    cli.set_environment("ASSET_INDEXER_LOG", "asset_indexer::index=debug");
    for expected in [30, 0] {
        let output = cli.succeed(&["reindex"]);
        assert_eq!(output.counts().added, expected);
        let lines = output.stderr.lines();
        let commits = lines.filter(|line| line.contains(" committed")).count();
        assert!((1..=8).contains(&commits), "{commits} commits: {output:#?}");
    }
    assert_eq!(cli.search("", &["--limit", "all"]).len(), 30);
}

#[test]
fn result_of_a_reindex_is_also_json() {
    let (_, mut broken) = source("broken", &[]);
    broken.bucket = "no-such-bucket".to_owned();
    let (one, first) = source("one", &["a.jpg", "b.jpg"]);
    let cli = Cli::new(&Config::of([first, broken]));
    let report = |arguments: &[&str], code: i32| {
        let output = cli.run(&[&["reindex", "--json"], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{output:#?}");
        let report: Value = serde_json::from_str(&output.stdout).expect("JSON");
        (report, output.stderr)
    };
    let (result, errors) = report(&[], 1);
    assert_eq!(result["mode"], "in_place");
    assert_eq!(result["lost_records"], 0);
    assert_eq!(result["unconfigured"], json!([]));
    let sources = &result["sources"];
    let failed = &sources[1];
    assert_eq!(
        (&failed["source"], &failed["result"]),
        (&json!("broken"), &json!("failed"))
    );
    assert!(
        failed["error"].to_string().contains("no-such-bucket"),
        "{result}"
    );
    assert!(errors.contains("error: Source \"broken\""), "{errors}");
    let complete = &sources[0];
    assert_eq!(complete["result"], "complete");
    assert!(
        complete["as_of"].is_string() && complete["seconds"].is_f64(),
        "{result}"
    );
    for (name, count) in [
        ("listed", 2),
        ("admitted", 2),
        ("added", 2),
        ("removed", 0),
        ("list_requests", 1),
    ] {
        assert_eq!(complete[name], count, "{name}: {result}");
    }
    one.delete("a.jpg");
    let (result, _) = report(&["--dry-run", "--source", "one"], 0);
    assert_eq!(
        (&result["mode"], &result["sources"][0]["removed"]),
        (&json!("dry_run"), &json!(1))
    );
}
