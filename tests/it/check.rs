//! `check`: what works and what does not, in words, with an exit code.

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::s3::Bucket;
use crate::server;

/// A Source of a bucket of its own.
fn source(name: &str) -> (Bucket, Source) {
    let bucket = Bucket::create(server::shared());
    let source = Source::of(name, &bucket, server::shared().endpoint());
    (bucket, source)
}

/// The configuration of one Source with a queue.
fn with_queue(source: &Source, cli: &Cli, queue_url: &str) -> String {
    let toml = Config::of([source.clone()]).to_toml(&cli.data_dir());
    format!("{toml}events = {{ queue_url = \"{queue_url}\" }}\n")
}

#[test]
fn each_source_is_told_of_by_itself() {
    let (_bucket, good) = source("good");
    let (_other, mut bad) = source("bad");
    bad.bucket = "no-such-bucket".to_owned();
    let cli = Cli::new(&Config::of([good, bad]));
    let output = cli.run(&["check"]);
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    let line = |words: &[&str]| {
        let holds = |line: &&str| words.iter().all(|word| line.contains(word));
        assert!(
            output.stdout.lines().any(|l| holds(&l)),
            "{words:?}: {output:#?}"
        );
    };
    line(&["ok", "good", "can be listed"]);
    line(&[
        "FAILED",
        "bad",
        "no-such-bucket",
        "check the name of the bucket",
    ]);
}

#[test]
fn a_queue_is_reached_or_it_is_said_why_not() {
    let (_bucket, source) = source("queued");
    let server = server::shared();
    let queue_url = server.create_queue("check-events");
    let cli = Cli::new(&Config::of([source.clone()]));
    cli.configure_with(&with_queue(&source, &cli, &queue_url));
    let output = cli.succeed(&["check"]);
    assert!(
        output.stdout.contains("about 0 messages wait"),
        "{output:#?}"
    );
    let missing = format!("{queue_url}-missing");
    cli.configure_with(&with_queue(&source, &cli, &missing));
    let output = cli.run(&["check"]);
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    let said = ["FAILED", &missing, "GetQueueAttributes"];
    assert!(
        said.iter().all(|word| output.stdout.contains(word)),
        "{output:#?}"
    );
}

#[test]
fn a_binding_that_cannot_be_is_found_before_a_reindex() {
    let (bucket, first) = source("one");
    bucket.put_keys(["a"]);
    let cli = Cli::new(&Config::of([first.clone()]));
    cli.reindex();
    let renamed = Source {
        name: "two".to_owned(),
        ..first
    };
    cli.configure(&Config::of([renamed]));
    let output = cli.run(&["check"]);
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    assert!(
        output.stdout.contains("bound to Source \"one\""),
        "{output:#?}"
    );
}
