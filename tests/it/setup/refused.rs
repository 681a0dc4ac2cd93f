//! The printed script where AWS refuses, or would lose events without a word: it stops, and says what to do.
//!
//! AWS is a program that answers as AWS documents it, and writes down what it was asked.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use crate::cli::Cli;
use crate::config::Config;

/// Answers as the AWS CLI does, to who has a queue and a bucket that sends nothing; variables change that.
const AWS: &str = r#"#!/bin/sh
printf '%s\n' "$*" >>"$LOG"
case "$*" in
*put-bucket-notification-configuration*)
    [ -n "${PUT-}" ] || exit 0
    echo "An error occurred (InvalidArgument) when calling PutBucketNotificationConfiguration: $PUT" >&2
    exit 254
    ;;
sts*) echo "${ACCOUNT:-123456789012}" ;;
*get-queue-url*) [ -z "${NEW-}" ] && echo https://sqs/1/q || exit 254 ;;
*create-queue*) echo https://sqs/1/q ;;
*QueueArn*) echo arn:aws:sqs:eu-west-1:123456789012:q ;;
*KmsMasterKeyId*) echo "${KEY:-None}" ;;
*Attributes.*) echo None ;;
*put-rule*) echo arn:aws:events:eu-west-1:123456789012:rule/r ;;
*put-targets*) echo 0 ;;
esac
"#;

/// What a script did.
struct Run {
    output: Output,
    /// What AWS was asked, in order.
    asked: String,
}

impl Run {
    fn said(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    #[track_caller]
    fn assert_failed(&self, words: &[&str]) {
        assert!(!self.output.status.success(), "{:#?}", self.output);
        self.assert_said(words);
    }

    #[track_caller]
    fn assert_said(&self, words: &[&str]) {
        for word in words {
            assert!(self.said().contains(word), "{word}: {:#?}", self.output);
        }
    }

    fn changed(&self) -> bool {
        let is_change = |line: &str| {
            let mut words = line.split(' ');
            words.any(|word| {
                word.starts_with("put-") || word.starts_with("set-") || word.starts_with("create-")
            })
        };
        self.asked.lines().any(is_change)
    }
}

/// Runs the script for a Source with a queue on AWS; `sleep` takes no time.
fn run(through: &str, variables: &[(&str, &str)]) -> Run {
    let cli = Cli::new(&Config::of([]));
    cli.configure_with(
        "data_dir = \"/d\"\n[[source]]\nname = \"a\"\nbucket = \"acme\"\nsubdomain = \"a\"\n\
         region = \"eu-west-1\"\n\
         events = { queue_url = \"https://sqs.eu-west-1.amazonaws.com/123456789012/q\" }\n",
    );
    let print = ["setup", "--print", "aws-cli", "--through", through];
    let folder = cli.folder();
    let script = folder.join("setup.sh");
    fs::write(&script, cli.succeed(&print).stdout).expect("the folder is ours");
    for (name, text) in [("aws", AWS), ("sleep", "#!/bin/sh\n")] {
        let program = folder.join(name);
        fs::write(&program, text).expect("the folder is ours");
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("it is ours");
    }
    let path = std::env::var("PATH").expect("there is one");
    let log = folder.join("log");
    let output = Command::new("sh")
        .arg(&script)
        .env_clear()
        .env("PATH", format!("{}:{path}", folder.display()))
        .env("LOG", &log)
        .envs(variables.iter().copied())
        .output()
        .expect("sh is there");
    Run {
        output,
        asked: fs::read_to_string(&log).expect("AWS was asked"),
    }
}

#[test]
fn nothing_is_made_in_another_account_than_the_queues() {
    for through in ["s3", "eventbridge"] {
        let run = run(through, &[("ACCOUNT", "222222222222")]);
        run.assert_failed(&["123456789012", "222222222222"]);
        assert!(!run.changed(), "{}", run.asked);
    }
}

#[test]
fn a_queue_that_is_there_keeps_its_attributes() {
    let made = run("s3", &[("NEW", "yes")]);
    assert!(made.output.status.success(), "{:#?}", made.output);
    let is_made = |line: &&str| line.contains("create-queue") && line.contains("VisibilityTimeout");
    assert_eq!(
        made.asked.lines().filter(is_made).count(),
        1,
        "{}",
        made.asked
    );
    let there = run("s3", &[]);
    assert!(there.output.status.success(), "{:#?}", there.output);
    for attribute in [
        "VisibilityTimeout",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
    ] {
        assert!(!there.asked.contains(attribute), "{}", there.asked);
    }
}

#[test]
fn a_key_that_nobody_else_can_use_ends_it_and_others_are_told_of() {
    for key in ["alias/aws/sqs", "arn:aws:kms:eu-west-1:1:alias/aws/sqs"] {
        let run = run("eventbridge", &[("KEY", key)]);
        run.assert_failed(&["alias/aws/sqs", "SqsManagedSseEnabled"]);
        assert!(!run.changed(), "{}", run.asked);
    }
    let key = "arn:aws:kms:eu-west-1:1:key/1";
    for (through, service) in [
        ("s3", "s3.amazonaws.com"),
        ("eventbridge", "events.amazonaws.com"),
    ] {
        let run = run(through, &[("KEY", key)]);
        assert!(run.output.status.success(), "{:#?}", run.output);
        let principal = format!(r#""Principal":{{"Service":"{service}"}}"#);
        let actions = r#""Action":["kms:GenerateDataKey","kms:Decrypt"]"#;
        run.assert_said(&[key, &principal, actions]);
    }
}

#[test]
fn what_s3_refuses_is_tried_again_only_where_that_can_help() {
    let tries = |run: &Run| run.asked.matches("put-bucket-notification").count();
    for (refusal, times, said) in [
        (
            "Unable to validate the following destination configurations",
            10,
            "KMS key",
        ),
        (
            "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
            1,
            "--through eventbridge",
        ),
        (
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules",
            1,
            "--through eventbridge",
        ),
        ("Access Denied", 1, "failed to set the notifications"),
    ] {
        let run = run("s3", &[("PUT", refusal)]);
        run.assert_failed(&[refusal, said]);
        assert_eq!(tries(&run), times, "{refusal}: {}", run.asked);
    }
}
