//! `check`: what works and what does not, in words, with an exit code.

use std::collections::BTreeMap;

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::examined::Wired;
use crate::readme;
use crate::s3::Bucket;
use crate::server;

/// A Source of a bucket of its own.
fn source(name: &str) -> (Bucket, Source) {
    let bucket = Bucket::create(server::shared());
    let source = Source::of(name, &bucket, server::shared().endpoint());
    (bucket, source)
}

#[test]
fn each_source_is_told_of_by_itself() {
    let (_bucket, good) = source("good");
    let (_other, mut bad) = source("bad");
    bad.bucket = "no-such-bucket".to_owned();
    let cli = Cli::new(&Config::of([good, bad]));
    let output = cli.run(&["check"]);
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    let (machine, rest) = output
        .stdout
        .split_once("Source \"good\"\n")
        .expect("it is told of");
    let (of_good, of_bad) = rest.split_once("Source \"bad\"\n").expect("it is told of");
    let holds = |text: &str, words: &[&str]| {
        let holds = |line: &str| words.iter().all(|word| line.contains(word));
        assert!(text.lines().any(holds), "{words:?}: {output:#?}");
    };
    holds(machine, &["This machine"]);
    holds(machine, &["ok", "index", "there is none yet"]);
    holds(of_good, &["ok", "s3:ListBucket", "can be listed"]);
    holds(of_bad, &["FAILED", "bucket", "no-such-bucket"]);
    holds(of_bad, &["Check the name of the bucket"]);
    assert!(!of_good.contains("FAILED"), "{output:#?}");
}

#[test]
fn one_source_can_be_examined_by_itself() {
    let (_bucket, good) = source("good");
    let (_other, mut bad) = source("bad");
    bad.bucket = "no-such-bucket".to_owned();
    let cli = Cli::new(&Config::of([good.clone(), bad.clone()]));
    let output = cli.succeed(&["check", "--source", "good"]);
    assert!(!output.stdout.contains("\"bad\""), "{output:#?}");
    assert_eq!(
        cli.run(&["check", "--source", "bad"]).status.code(),
        Some(1)
    );
    let output = cli.fail(&["check", "--source", "ugly"], &["\"ugly\""]);
    assert_eq!(output.status.code(), Some(2));
    // One that is disabled is asked for by its name alone.
    bad.disabled = true;
    cli.configure(&Config::of([good, bad]));
    cli.succeed(&["check"]);
    assert_eq!(
        cli.run(&["check", "--source", "bad"]).status.code(),
        Some(1)
    );
}

#[test]
fn warnings_count_where_it_is_strict() {
    let wired = Wired::on(server::shared());
    wired.cli.succeed(&["check", "--strict"]);
    wired.set(server::shared(), "MaximumMessageSize", "65535");
    wired.cli.succeed(&["check"]);
    let output = wired.cli.run(&["check", "--strict"]);
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    assert!(
        output.stdout.contains("0 failures, 1 warning,"),
        "{output:#?}"
    );
}

#[test]
fn the_commands_of_a_remedy_name_the_configuration() {
    let wired = Wired::on(server::shared());
    wired.set(server::shared(), "Policy", "");
    let output = wired.cli.succeed(&["check"]);
    let config = wired.cli.config_file();
    let command = format!(
        "asset-indexer --config '{}' setup --print aws-cli",
        config.display()
    );
    let is_alone = output.stdout.lines().any(|line| line.trim() == command);
    assert!(is_alone, "{output:#?}");
}

#[test]
fn a_queue_is_reached_or_it_is_said_why_not() {
    let mut wired = Wired::on(server::shared());
    // S3's test event is among them.
    let waiting = |count: u32| format!("about {count} messages wait, 0 are in flight");
    for count in 1..3 {
        let output = wired.cli.succeed(&["check"]);
        assert!(output.stdout.contains(&waiting(count)), "{output:#?}");
        wired.queue.send(&["not looked at"]);
    }
    let missing = format!("{}-missing", wired.queue.url);
    wired.configure(|config| config.sources[0].queue_url = Some(missing.clone()));
    let output = wired.cli.run(&["check"]);
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
    let wired = Wired::on(server);
    wired.set(server, "MaximumMessageSize", "65535");
    wired.set(server, "RedrivePolicy", "");
    let output = wired.cli.succeed(&["check"]);
    let lines: Vec<_> = output.stdout.lines().collect();
    let warned = |words: [&str; 2]| {
        let holds = |line: &&&str| {
            line.starts_with("  warning  ") && words.iter().all(|word| line.contains(word))
        };
        let count = lines.iter().filter(holds).count();
        assert_eq!(count, 1, "{words:?}: {output:#?}");
    };
    warned(["dead-letters", "redrive policy"]);
    warned(["queue-message-size", "65,535 bytes"]);
    let commands: Vec<_> = lines
        .iter()
        .filter_map(|line| PrintedCommand::of(line))
        .collect();
    let names: Vec<_> = commands.iter().map(|command| &*command.name).collect();
    assert_eq!(
        names,
        [
            "set-queue-attributes",
            "create-queue",
            "set-queue-attributes"
        ]
    );
    for command in &commands {
        command.run();
    }
    let output = wired.cli.succeed(&["check"]);
    assert!(
        output.stdout.contains("0 failures, 0 warnings"),
        "{output:#?}"
    );
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
        assert_eq!(self.options["--endpoint-url"], server.endpoint());
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
