//! Tests the printed script on a server: it keeps what exists, and afterwards the daemon receives events.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::live_fixture::wait_for_keys;
use crate::s3::Bucket;
use crate::server::{self, tool};

/// Runs a script as root, with the AWS CLI of the tests. Its environment names no server, so all its requests go to
/// the server of the configuration.
#[track_caller]
fn run_script(cli: &Cli, script: &str) -> String {
    let path = cli.folder().join("setup.sh");
    fs::write(&path, script).expect("the folder is ours");
    let aws = tool("aws");
    let folder = aws
        .parent()
        .expect("the AWS CLI is in a folder")
        .display()
        .to_string();
    let inherited = std::env::var("PATH").expect("PATH is set");
    let output = Command::new("sh")
        .arg(&path)
        .env_clear()
        .env("PATH", format!("{folder}:{inherited}"))
        .env("HOME", cli.folder())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .output()
        .expect("sh runs");
    assert!(output.status.success(), "{output:#?}");
    String::from_utf8(output.stdout).expect("the output is text")
}

/// Calls the AWS CLI as root on the server that checks permissions, and returns its answer.
#[track_caller]
fn aws(arguments: &[&str]) -> Value {
    let output = Command::new(tool("aws"))
        .args(arguments)
        .args(["--endpoint-url", &server::shared_with_rights().endpoint()])
        .args(["--region", "eu-west-1", "--output", "json"])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .output()
        .expect("the AWS CLI runs");
    assert!(output.status.success(), "{output:#?}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn s3api(arguments: &[&str]) -> Value {
    aws(&[&["s3api"], arguments].concat())
}

fn notifications(bucket: &Bucket) -> Value {
    s3api(&[
        "get-bucket-notification-configuration",
        "--bucket",
        &bucket.name,
    ])
}

fn policy(queue_url: &str) -> Value {
    let get = ["sqs", "get-queue-attributes", "--queue-url", queue_url];
    let attributes = aws(&[&get[..], &["--attribute-names", "Policy"]].concat());
    let policy = attributes["Attributes"]["Policy"].as_str();
    serde_json::from_str(policy.expect("the queue has a policy")).expect("JSON")
}

/// Creates a queue for another program and returns its ARN.
fn create_other_queue(name: &str) -> String {
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*" }] });
    let attributes = json!({ "Policy": policy.to_string() }).to_string();
    let create = ["sqs", "create-queue", "--queue-name", name, "--attributes"];
    let created = aws(&[&create[..], &[&attributes]].concat());
    let url = created["QueueUrl"].as_str().expect("a queue has a URL");
    let get = ["sqs", "get-queue-attributes", "--queue-url", url];
    let attributes = aws(&[&get[..], &["--attribute-names", "QueueArn"]].concat());
    let arn = attributes["Attributes"]["QueueArn"].as_str();
    arn.expect("a queue has an ARN").to_owned()
}

/// The line for the configuration at the end of the output of a script.
fn events_line(printed: &str) -> &str {
    let line = printed.lines().last().expect("the script prints something");
    assert!(line.starts_with("events = { queue_url = "), "{line}");
    line
}

/// A bucket and a Source without a queue, on the server that checks permissions.
fn without_queue(name: &str, prefix: &str) -> (Bucket, Source) {
    let server = server::shared_with_rights();
    let bucket = Bucket::create_in("eu-west-1", server);
    let source = Source {
        prefix: Some(prefix.to_owned()),
        region: None,
        ..Source::of(name, &bucket, server.endpoint())
    };
    (bucket, source)
}

#[test]
fn script_keeps_existing_settings_and_sends_events() {
    let server = server::shared_with_rights();
    let (bucket, source) = without_queue("wired", "photos & more");
    let cli = Cli::new(&Config::of([source.clone()]));
    let script = cli.succeed(&["setup", "--print", "aws-cli"]).stdout;
    let printed = run_script(&cli, &script);
    let url = format!("{}/000000000000/asset-indexer-wired", server.endpoint());

    // A second run keeps the settings of other programs and adds nothing twice.
    let (ours, policy) = (notifications(&bucket), policy(&url));
    let theirs = json!({ "Sid": "Theirs", "Effect": "Allow", "Principal": "*",
        "Action": "sqs:GetQueueUrl", "Resource": "*" });
    let mut with_theirs = policy.clone();
    let statements = with_theirs["Statement"].as_array_mut();
    statements.expect("a list").insert(0, theirs);
    let attributes = json!({ "Policy": with_theirs.to_string() }).to_string();
    aws(&[
        &[
            "sqs",
            "set-queue-attributes",
            "--queue-url",
            &url,
            "--attributes",
        ][..],
        &[&attributes],
    ]
    .concat());
    let mut all = ours.clone();
    all["EventBridgeConfiguration"] = json!({});
    let mut other = ours["QueueConfigurations"][0].clone();
    other["Id"] = json!("theirs");
    other["QueueArn"] = json!(create_other_queue("theirs"));
    other["Filter"]["Key"]["FilterRules"][0]["Value"] = json!("elsewhere/");
    // Notifications to the same queue that were set by hand. Their events overlap with ours.
    let by_hand = |id: &str, events: &[&str]| {
        let mut configuration = ours["QueueConfigurations"][0].clone();
        configuration["Id"] = json!(id);
        configuration["Events"] = json!(events);
        configuration
    };
    let class = "s3:LifecycleTransition";
    let configurations = all["QueueConfigurations"].as_array_mut();
    let configurations = configurations.expect("a list");
    configurations.insert(0, other.clone());
    configurations.push(by_hand("class", &["s3:ObjectCreated:Put", class]));
    configurations.push(by_hand("removals", &["s3:ObjectRemoved:*"]));
    let expected = json!([
        other,
        by_hand("class", &[class]),
        ours["QueueConfigurations"][0]
    ]);
    let put = [
        "put-bucket-notification-configuration",
        "--bucket",
        &bucket.name,
    ];
    s3api(
        &[
            &put[..],
            &["--notification-configuration", &all.to_string()],
        ]
        .concat(),
    );
    assert_eq!(run_script(&cli, &script), printed);
    assert_eq!(self::policy(&url), with_theirs);
    all["QueueConfigurations"] = expected;
    assert_eq!(notifications(&bucket), all);
    assert_eq!(
        policy["Statement"][0]["Condition"],
        json!({
            "ArnEquals": { "aws:SourceArn": [format!("arn:aws:s3:::{}", bucket.name)] },
            "StringEquals": { "aws:SourceAccount": ["000000000000"] },
        })
    );
    assert_eq!(
        ours["QueueConfigurations"][0]["Filter"]["Key"]["FilterRules"][0]["Value"],
        "photos"
    );
    follow(
        &cli,
        &source,
        &bucket,
        events_line(&printed),
        "photos & more/a b.jpg",
    );
}

#[test]
fn script_sends_events_through_event_bridge() {
    let (bucket, source) = without_queue("bridged", "it's \"$x\"");
    let cli = Cli::new(&Config::of([source.clone()]));
    let print = ["setup", "--print", "aws-cli", "--through", "eventbridge"];
    let script = cli.succeed(&print).stdout;
    let printed = run_script(&cli, &script);
    follow(
        &cli,
        &source,
        &bucket,
        events_line(&printed),
        "it's \"$x\"/a b.jpg",
    );
}

/// Asserts that the daemon with the printed line follows the bucket, and that `check` has no warnings.
#[track_caller]
fn follow(cli: &Cli, source: &Source, bucket: &Bucket, events: &str, key: &str) {
    let toml = Config::of([source.clone()]).to_toml(&cli.data_dir());
    cli.configure_with(&format!("{toml}{events}\n"));
    let daemon = cli.serve();
    daemon.wait_for(&["scan completed"]);
    bucket.put(key, "x");
    wait_for_keys(cli, &source.name, &[key]);
    bucket.delete(key);
    wait_for_keys(cli, &source.name, &[]);
    daemon.terminate();
    let output = cli.succeed(&["check"]);
    let is_warning = |line: &str| line.trim_start().starts_with("warning");
    assert!(!output.stdout.lines().any(is_warning), "{output:#?}");
}
