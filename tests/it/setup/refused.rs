//! Tests the printed script with an AWS that refuses requests or would lose events: the script stops and says
//! what to do.
//!
//! A fake `aws` program answers as AWS documents it, and logs its arguments.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use crate::cli::Cli;
use crate::config::Config;

/// The fake AWS CLI. By default the queue exists, and the bucket has no notifications. Variables change the
/// answers.
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

/// The result of a run of the script.
struct Run {
    output: Output,
    /// The calls of the AWS CLI, one a line.
    calls: String,
}

impl Run {
    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    #[track_caller]
    fn assert_failed(&self, words: &[&str]) {
        assert!(!self.output.status.success(), "{:#?}", self.output);
        self.assert_stderr(words);
    }

    #[track_caller]
    fn assert_stderr(&self, words: &[&str]) {
        for word in words {
            assert!(self.stderr().contains(word), "{word}: {:#?}", self.output);
        }
    }

    /// Whether a call changed something.
    fn changed(&self) -> bool {
        let is_change = |line: &str| {
            let mut words = line.split(' ');
            words.any(|word| {
                word.starts_with("put-") || word.starts_with("set-") || word.starts_with("create-")
            })
        };
        self.calls.lines().any(is_change)
    }
}

/// Runs the script for a Source with a queue on AWS. A fake `sleep` returns immediately.
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
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("the file is ours");
    }
    let path = std::env::var("PATH").expect("PATH is set");
    let log = folder.join("log");
    let output = Command::new("sh")
        .arg(&script)
        .env_clear()
        .env("PATH", format!("{}:{path}", folder.display()))
        .env("LOG", &log)
        .envs(variables.iter().copied())
        .output()
        .expect("sh runs");
    Run {
        output,
        calls: fs::read_to_string(&log).expect("the script called the AWS CLI"),
    }
}

#[test]
fn refuses_to_run_in_another_account_than_the_queue() {
    for through in ["s3", "eventbridge"] {
        let run = run(through, &[("ACCOUNT", "222222222222")]);
        run.assert_failed(&["123456789012", "222222222222"]);
        assert!(!run.changed(), "{}", run.calls);
    }
}

#[test]
fn existing_queue_keeps_its_attributes() {
    let new = run("s3", &[("NEW", "yes")]);
    assert!(new.output.status.success(), "{:#?}", new.output);
    let creates = |line: &&str| line.contains("create-queue") && line.contains("VisibilityTimeout");
    assert_eq!(
        new.calls.lines().filter(creates).count(),
        1,
        "{}",
        new.calls
    );
    let existing = run("s3", &[]);
    assert!(existing.output.status.success(), "{:#?}", existing.output);
    for attribute in [
        "VisibilityTimeout",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
    ] {
        assert!(!existing.calls.contains(attribute), "{}", existing.calls);
    }
}

#[test]
fn stops_at_the_kms_key_of_aws_and_prints_the_permissions_for_other_keys() {
    for key in ["alias/aws/sqs", "arn:aws:kms:eu-west-1:1:alias/aws/sqs"] {
        let run = run("eventbridge", &[("KEY", key)]);
        run.assert_failed(&["alias/aws/sqs", "SqsManagedSseEnabled"]);
        assert!(!run.changed(), "{}", run.calls);
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
        run.assert_stderr(&[key, &principal, actions]);
    }
}

#[test]
fn retries_only_errors_of_s3_that_can_go_away() {
    let tries = |run: &Run| run.calls.matches("put-bucket-notification").count();
    for (refusal, times, advice) in [
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
        run.assert_failed(&[refusal, advice]);
        assert_eq!(tries(&run), times, "{refusal}: {}", run.calls);
    }
}
