//! The printed script on a server: it adds to what is there, and then events are followed.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::live_fixture::wait_for_keys;
use crate::s3::Bucket;
use crate::server::{self, S3Server, tool};

/// Runs a script as somebody who may do everything, with the AWS CLI of the tests.
#[track_caller]
fn run_script(cli: &Cli, server: &S3Server, script: &str) -> String {
    let path = cli.folder().join("setup.sh");
    fs::write(&path, script).expect("the folder is ours");
    let aws = tool("aws");
    let folder = aws
        .parent()
        .expect("it is in a folder")
        .display()
        .to_string();
    let inherited = std::env::var("PATH").expect("there is one");
    let output = Command::new("sh")
        .arg(&path)
        .env_clear()
        .env("PATH", format!("{folder}:{inherited}"))
        .env("HOME", cli.folder())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_ENDPOINT_URL", server.endpoint())
        .output()
        .expect("sh is there");
    assert!(output.status.success(), "{output:#?}");
    String::from_utf8(output.stdout).expect("it is text")
}

/// What the AWS CLI answers as somebody who may do everything on the server that checks rights.
#[track_caller]
fn aws(arguments: &[&str]) -> Value {
    let output = Command::new(tool("aws"))
        .args(arguments)
        .args(["--endpoint-url", &server::shared_with_rights().endpoint()])
        .args(["--region", "eu-west-1", "--output", "json"])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .output()
        .expect("it is there");
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
    let of_queue = ["sqs", "get-queue-attributes", "--queue-url", queue_url];
    let attributes = aws(&[&of_queue[..], &["--attribute-names", "Policy"]].concat());
    let policy = attributes["Attributes"]["Policy"].as_str();
    serde_json::from_str(policy.expect("it has one")).expect("JSON")
}

/// The ARN of a queue that is somebody else's.
fn other_queue(name: &str) -> String {
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*" }] });
    let attributes = json!({ "Policy": policy.to_string() }).to_string();
    let make = ["sqs", "create-queue", "--queue-name", name, "--attributes"];
    let made = aws(&[&make[..], &[&attributes]].concat());
    let url = made["QueueUrl"].as_str().expect("it has one");
    let of_queue = ["sqs", "get-queue-attributes", "--queue-url", url];
    let attributes = aws(&[&of_queue[..], &["--attribute-names", "QueueArn"]].concat());
    let arn = attributes["Attributes"]["QueueArn"].as_str();
    arn.expect("it has one").to_owned()
}

/// The line for the configuration that a script has printed at its end.
fn events(printed: &str) -> &str {
    let line = printed.lines().last().expect("it prints something");
    assert!(line.starts_with("events = { queue_url = "), "{line}");
    line
}

/// The bucket with a Source that has no queue yet, on the server that checks rights.
fn unwired(name: &str, prefix: &str) -> (Bucket, Source) {
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
fn the_printed_script_adds_to_what_is_there_and_then_events_are_followed() {
    let server = server::shared_with_rights();
    let (bucket, source) = unwired("wired", "photos & more");
    let cli = Cli::new(&Config::of([source.clone()]));
    let script = cli.succeed(&["setup", "--print", "aws-cli"]).stdout;
    let printed = run_script(&cli, server, &script);
    let url = format!("{}/000000000000/asset-indexer-wired", server.endpoint());

    // What somebody else has set stays when it is run again, and nothing is there twice.
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
    other["QueueArn"] = json!(other_queue("theirs"));
    other["Filter"]["Key"]["FilterRules"][0]["Value"] = json!("elsewhere/");
    // What somebody has set by hand to the same queue overlaps, as far as the events are the same.
    let by_hand = |id: &str, events: &[&str]| {
        let mut by_hand = ours["QueueConfigurations"][0].clone();
        by_hand["Id"] = json!(id);
        by_hand["Events"] = json!(events);
        by_hand
    };
    let class = "s3:LifecycleTransition";
    let configurations = all["QueueConfigurations"].as_array_mut();
    let configurations = configurations.expect("a list");
    configurations.insert(0, other.clone());
    configurations.push(by_hand("class", &["s3:ObjectCreated:Put", class]));
    configurations.push(by_hand("removals", &["s3:ObjectRemoved:*"]));
    let wanted = json!([
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
    assert_eq!(run_script(&cli, server, &script), printed);
    assert_eq!(self::policy(&url), with_theirs);
    all["QueueConfigurations"] = wanted;
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
        events(&printed),
        "photos & more/a b.jpg",
    );
}

#[test]
fn events_are_followed_that_the_script_has_event_bridge_send() {
    let server = server::shared_with_rights();
    let (bucket, source) = unwired("bridged", "it's \"$x\"");
    let cli = Cli::new(&Config::of([source.clone()]));
    let print = ["setup", "--print", "aws-cli", "--through", "eventbridge"];
    let script = cli.succeed(&print).stdout;
    let printed = run_script(&cli, server, &script);
    follow(
        &cli,
        &source,
        &bucket,
        events(&printed),
        "it's \"$x\"/a b.jpg",
    );
}

/// With the printed line the daemon follows what happens in the bucket, and `check` finds nothing to better.
#[track_caller]
fn follow(cli: &Cli, source: &Source, bucket: &Bucket, events: &str, key: &str) {
    let toml = Config::of([source.clone()]).to_toml(&cli.data_dir());
    cli.configure_with(&format!("{toml}{events}\n"));
    let daemon = cli.serve();
    daemon.wait_for(&["scan complete"]);
    bucket.put(key, "x");
    wait_for_keys(cli, &source.name, &[key]);
    bucket.delete(key);
    wait_for_keys(cli, &source.name, &[]);
    daemon.terminate();
    let output = cli.succeed(&["check"]);
    let is_warning = |line: &str| line.trim_start().starts_with("warning");
    assert!(!output.stdout.lines().any(is_warning), "{output:#?}");
}
