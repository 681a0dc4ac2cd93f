//! Tests `check`: its report for people, its options and its exit code.

use std::collections::BTreeMap;

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::examined::Wired;
use crate::readme;
use crate::s3::Bucket;
use crate::server;

/// A new bucket and a Source of it.
fn source(name: &str) -> (Bucket, Source) {
    let bucket = Bucket::create(server::shared());
    let source = Source::of(name, &bucket, server::shared().endpoint());
    (bucket, source)
}

#[test]
fn reports_each_source_separately() {
    let (_bucket, good) = source("good");
    let (_other, mut bad) = source("bad");
    bad.bucket = "no-such-bucket".to_owned();
    let cli = Cli::new(&Config::of([good, bad]));
    let output = cli.run(&["check"]);
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    let (machine, rest) = output
        .stdout
        .split_once("Source \"good\"\n")
        .expect("the report has this Source");
    let (good, bad) = rest
        .split_once("Source \"bad\"\n")
        .expect("the report has this Source");
    let assert_line = |text: &str, words: &[&str]| {
        let has_words = |line: &str| words.iter().all(|word| line.contains(word));
        assert!(text.lines().any(has_words), "{words:?}: {output:#?}");
    };
    assert_line(machine, &["This machine"]);
    assert_line(machine, &["ok", "index", "no index yet"]);
    assert_line(good, &["ok", "s3:ListBucket", "can be listed"]);
    assert_line(bad, &["FAILED", "bucket", "no-such-bucket"]);
    assert_line(bad, &["Check the name of the bucket"]);
    assert!(!good.contains("FAILED"), "{output:#?}");
}

#[test]
fn examines_only_the_named_source() {
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
    // A disabled Source is examined only if it is named.
    bad.disabled = true;
    cli.configure(&Config::of([good, bad]));
    cli.succeed(&["check"]);
    assert_eq!(
        cli.run(&["check", "--source", "bad"]).status.code(),
        Some(1)
    );
}

#[test]
fn warns_about_rules_that_match_only_at_the_top_level() {
    let (_bucket, source) = source("photos");
    for (rules, is_doubtful) in [("*.jpg", true), ("/*.jpg", false), ("**/*.jpg", false)] {
        let source = source.clone().with_rules(&[rules], &[]);
        let cli = Cli::new(&Config::of([source]));
        for arguments in [&["check"][..], &["check", "--offline"]] {
            let output = cli.succeed(arguments);
            for text in [
                "the rule \"*.jpg\" matches only at the top level",
                "Write \"**/*.jpg\" for all levels, or \"/*.jpg\" to say",
            ] {
                assert_eq!(output.stdout.contains(text), is_doubtful, "{output:#?}");
            }
        }
    }
}

#[test]
fn offline_check_lists_all_mistakes_and_sends_no_request() {
    let (_bucket, mut source) = source("photos");
    // Nobody listens here, so a request would fail.
    source.endpoint = "http://127.0.0.1:1".to_owned();
    let cli = Cli::new(&Config::of([source]));
    let output = cli.succeed(&["check", "--offline"]);
    assert!(output.stdout.contains("Sources photos"), "{output:#?}");
    cli.fail(
        &["check", "--offline", "--source", "photos"],
        &["cannot be used"],
    );
    let good = std::fs::read_to_string(cli.config_file()).expect("it exists");
    let bad = good.replace("scan.attempts = 3", "scan.attempts = 0");
    cli.configure_with(&format!("surprise = 1\n{bad}surprise = 2\n"));
    let output = cli.run(&["check", "--offline"]);
    assert_eq!(output.status.code(), Some(2), "{output:#?}");
    let file = cli.config_file();
    let errors: Vec<&str> = output.stderr.lines().collect();
    let of = |line: usize| format!("error: {}:{line}: ", file.display());
    let last = bad.lines().count() + 2;
    assert_eq!(errors.len(), 3, "{output:#?}");
    assert!(errors[0].starts_with(&of(1)), "{output:#?}");
    assert!(errors[1].contains(": scan.attempts = 0: "), "{output:#?}");
    assert!(errors[2].starts_with(&of(last)), "{output:#?}");
}

#[test]
fn strict_fails_on_warnings() {
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
fn commands_of_a_remedy_name_the_configuration() {
    let wired = Wired::on(server::shared());
    wired.set(server::shared(), "Policy", "");
    let output = wired.cli.succeed(&["check"]);
    let config = wired.cli.config_file();
    let command = format!(
        "asset-indexer --config '{}' setup --print aws-cli",
        config.display()
    );
    let is_printed = output.stdout.lines().any(|line| line.trim() == command);
    assert!(is_printed, "{output:#?}");
}

#[test]
fn reports_whether_the_queue_can_be_reached() {
    let mut wired = Wired::on(server::shared());
    // S3's test event is one of the messages.
    let waiting = |count: u32| format!("about {count} messages waiting, 0 in flight");
    for count in 1..3 {
        let output = wired.cli.succeed(&["check"]);
        assert!(output.stdout.contains(&waiting(count)), "{output:#?}");
        wired.queue.send(&["not read"]);
    }
    let missing = format!("{}-missing", wired.queue.url);
    wired.configure(|config| config.sources[0].queue_url = Some(missing.clone()));
    let output = wired.cli.run(&["check"]);
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    let words = ["FAILED", &missing, "failed to read", "no such queue"];
    assert!(
        words.iter().all(|word| output.stdout.contains(word)),
        "{output:#?}"
    );
}

#[test]
fn printed_commands_fix_the_warnings_about_a_queue() {
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

/// An AWS CLI command that `check` printed.
struct PrintedCommand {
    name: String,
    options: BTreeMap<String, String>,
}

impl PrintedCommand {
    /// Parses a line. `None` if it is not an AWS CLI command.
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
            other => panic!("the tests do not know the command {other}"),
        }
    }
}

#[test]
fn reports_a_subdomain_of_another_source_before_a_reindex() {
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
