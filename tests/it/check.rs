//! `check`: what works and what does not, in words, with an exit code.

use std::collections::BTreeMap;

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::readme;
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

/// The binary with a Source whose events come to that queue.
fn cli_with_queue(queue_url: &str) -> (Bucket, Cli) {
    let (bucket, source) = source("queued");
    let cli = Cli::new(&Config::of([source.clone()]));
    cli.configure_with(&with_queue(&source, &cli, queue_url));
    (bucket, cli)
}

#[test]
fn a_queue_is_reached_or_it_is_said_why_not() {
    let server = server::shared();
    let queue_url = server.create_queue("check-events");
    let (_bucket, cli) = cli_with_queue(&queue_url);
    let waiting = |count: u32| format!("about {count} messages wait, 0 are in flight");
    for count in 0..3 {
        let output = cli.succeed(&["check"]);
        assert!(output.stdout.contains(&waiting(count)), "{output:#?}");
        server.send_message(&queue_url, "not looked at");
    }
    let missing = format!("{queue_url}-missing");
    let (_bucket, cli) = cli_with_queue(&missing);
    let output = cli.run(&["check"]);
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    let said = ["FAILED", &missing, "failed to read", "no such queue"];
    assert!(
        said.iter().all(|word| output.stdout.contains(word)),
        "{output:#?}"
    );
}

#[test]
fn a_queue_that_loses_messages_is_warned_of_until_the_printed_commands_are_run() {
    let server = server::shared();
    let queue_url = server.create_queue_with("check-losing", &[("MaximumMessageSize", "65535")]);
    let (_bucket, cli) = cli_with_queue(&queue_url);
    let output = cli.succeed(&["check"]);
    let warnings: Vec<_> = output.stdout.lines().collect();
    let warned = |words: [&str; 2]| {
        let holds =
            |line: &&&str| line.starts_with("warning ") && words.iter().all(|w| line.contains(w));
        assert_eq!(
            warnings.iter().filter(holds).count(),
            1,
            "{words:?}: {output:#?}"
        );
    };
    warned(["\"queued\", queue", "redrive policy"]);
    warned(["\"queued\", queue", "65,535 bytes"]);
    let commands: Vec<_> = warnings
        .iter()
        .filter_map(|line| PrintedCommand::of(line))
        .collect();
    let names: Vec<_> = commands.iter().map(|command| &*command.name).collect();
    assert_eq!(
        names,
        [
            "create-queue",
            "set-queue-attributes",
            "set-queue-attributes"
        ]
    );
    for command in &commands {
        command.run();
    }
    let output = cli.succeed(&["check"]);
    assert!(!output.stdout.contains("warning"), "{output:#?}");
}

/// A command of the AWS CLI as `check` prints it.
struct PrintedCommand {
    name: String,
    options: BTreeMap<String, String>,
}

impl PrintedCommand {
    /// Reads a line; `None` for one that is no such command.
    fn of(line: &str) -> Option<Self> {
        let mut words = readme::words(line.trim().strip_prefix("aws sqs ")?).into_iter();
        let name = words.next().expect("a command");
        let mut options = BTreeMap::new();
        while let Some(option) = words.next() {
            options.insert(option, words.next().expect("every option has a value"));
        }
        Some(Self { name, options })
    }

    /// Does what the AWS CLI would do.
    fn run(&self) {
        let server = server::shared();
        assert_eq!(self.options["--region"], "us-east-1");
        let port = server.address().port();
        assert_eq!(
            self.options["--endpoint-url"],
            format!("http://localhost:{port}")
        );
        let attributes: BTreeMap<String, String> =
            serde_json::from_str(&self.options["--attributes"]).expect("JSON");
        let attributes: Vec<(&str, &str)> = attributes
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        match &*self.name {
            "create-queue" => {
                server.create_queue_with(&self.options["--queue-name"], &attributes);
            }
            "set-queue-attributes" => {
                server.set_queue_attributes(&self.options["--queue-url"], &attributes);
            }
            other => panic!("{other} is no command of these tests"),
        }
    }
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
