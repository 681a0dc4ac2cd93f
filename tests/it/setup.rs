//! `setup` and `iam-policy`: what they print, word by word, and that the printed script does what it says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::cli::{BINARY, Cli};
use crate::config::{Config, Source};
use crate::live_fixture::wait_for_keys;
use crate::s3::Bucket;
use crate::server::{self, S3Server, tool};

/// The forms, and the ending of the file that has what is printed.
const FORMS: [(&str, &str); 3] = [
    ("aws-cli", "sh"),
    ("terraform", "tf"),
    ("cloudformation", "yaml"),
];

/// The configurations whose set-up is in `tests/golden/setup`; `tests/forms.sh` validates it.
const GOLDEN: [&str; 2] = ["one", "several"];

/// Set it to have what is printed written over the golden files.
const UPDATE: &str = "ASSET_INDEXER_UPDATE_GOLDEN";

fn golden(case: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/setup")
        .join(case)
        .join(file)
}

/// What the binary prints for a golden configuration.
fn printed(case: &str, arguments: &[&str]) -> String {
    let output = Command::new(BINARY)
        .arg("--config")
        .arg(golden(case, "asset-indexer.toml"))
        .args(arguments)
        .env_clear()
        .output()
        .expect("cargo built the binary");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("it is text")
}

#[track_caller]
fn assert_golden(case: &str, file: &str, text: &str) {
    let path = golden(case, file);
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, text).expect("the sources are writable");
    }
    let expected = fs::read_to_string(&path).expect("there is one");
    let path = path.display();
    assert_eq!(text, expected, "{path} (if it is meant, set {UPDATE}=1)");
}

#[test]
fn what_is_printed_is_what_was_validated() {
    for case in GOLDEN {
        let kms_key =
            "arn:aws:kms:eu-central-1:123456789012:key/0f7e1b0a-1111-2222-3333-444455556666";
        let policy = ["iam-policy", "--check", "--kms-key", kms_key];
        assert_golden(case, "policy.json", &printed(case, &policy));
        for (form, ending) in FORMS {
            for through in ["s3", "eventbridge"] {
                let text = printed(case, &["setup", "--print", form, "--through", through]);
                assert_golden(case, &format!("{through}.{ending}"), &text);
            }
        }
    }
}

#[test]
fn what_cannot_be_printed_is_refused_with_what_to_do() {
    let source = |name: &str| {
        format!(
            "\n[[source]]\nname = \"{name}\"\nbucket = \"bucket-{name}\"\nsubdomain = \"{name}\"\n"
        )
    };
    let role = "credentials = { role_arn = \"arn:aws:iam::123456789012:role/assets\" }\n";
    let cli = Cli::new(&Config::of([]));
    let head = "data_dir = \"/d\"\n";
    cli.configure_with(&format!("{head}{}{role}", source("a")));
    let identities = [
        "--identity default",
        "--identity arn:aws:iam::123456789012:role/assets",
    ];
    cli.fail(&["iam-policy"], &identities);
    let assumed = cli.succeed(&["iam-policy", "--identity", "default"]).stdout;
    assert!(
        assumed.contains("sts:AssumeRole") && !assumed.contains("s3:"),
        "{assumed}"
    );
    let role = "arn:aws:iam::123456789012:role/assets";
    let output = cli.succeed(&["iam-policy", "--identity", role]);
    assert!(output.stdout.contains("s3:ListBucket"), "{output:#?}");
    assert!(output.stderr.contains("trust policy"), "{output:#?}");
    cli.fail(
        &["iam-policy", "--identity", "key:AKIA"],
        &["no Source uses", "--identity default"],
    );
    cli.fail(&["iam-policy", "--source", "b"], &["there are: a"]);
    let alias = "arn:aws:kms:eu-west-1:123456789012:alias/queues";
    for key in [alias, "0f7e1b0a-1111-2222-3333-444455556666"] {
        let said = [key, "arn:aws:kms:REGION:ACCOUNT:key/ID"];
        cli.fail(
            &["iam-policy", "--identity", "default", "--kms-key", key],
            &said,
        );
    }
    let help = cli.succeed(&["iam-policy", "--help"]).stdout;
    assert!(help.contains("aws iam create-policy"), "{help}");

    cli.configure_with(&format!("{head}{}enabled = false\n", source("a")));
    cli.fail(&["iam-policy"], &["--source"]);
    cli.succeed(&["iam-policy", "--source", "a"]);
    cli.succeed(&["setup", "--print", "aws-cli", "--source", "a"]);

    let (west, east) = ("region = \"eu-west-1\"\n", "region = \"us-east-1\"\n");
    cli.configure_with(&format!("{head}{}{west}{}{east}", source("a"), source("b")));
    cli.succeed(&["setup", "--print", "aws-cli"]);
    for form in ["terraform", "cloudformation"] {
        cli.fail(
            &["setup", "--print", form],
            &["eu-west-1, us-east-1", "--source"],
        );
        cli.succeed(&["setup", "--print", form, "--source", "b"]);
    }

    let many = (0..400)
        .map(|number| format!("\"/folder-{number}/\""))
        .collect::<Vec<_>>();
    cli.configure_with(&format!(
        "{head}{}{west}rules = {{ include = [{}] }}\n",
        source("a"),
        many.join(", ")
    ));
    let output = cli.succeed(&["iam-policy"]);
    assert!(
        output.stderr.contains("a managed policy takes 6,144"),
        "{output:#?}"
    );
}

/// Reads a CloudFormation template on standard input, and prints all prefixes in it as JSON.
const PREFIXES_OF_YAML: &str = "
import json, sys, yaml
yaml.SafeLoader.add_multi_constructor('!', lambda loader, tag, node: None)
resources = yaml.safe_load(sys.stdin.buffer)['Resources'].values()
rules = [it['Properties']['EventPattern'] for it in resources if it['Type'] == 'AWS::Events::Rule']
print(json.dumps([key['prefix'] for rule in rules for key in rule['detail']['object']['key']]))
";

#[test]
fn a_template_means_the_prefixes_of_the_configuration() {
    let hostile = "([$%{}\"'`\\\\*?!#&:,\\[\\]|>@ \n\r\t\u{0}\u{7f}\u{85}\u{2028}\u{feff}é\u{1f600}]|.){1,12}";
    let mut runner = TestRunner::deterministic();
    let mut prefixes: Vec<String> = Vec::new();
    let mut toml = "data_dir = \"/d\"\n".to_owned();
    for number in 0..200 {
        let tree = hostile
            .new_tree(&mut runner)
            .expect("it is a regex of the kind");
        let prefix = format!("p{}", tree.current());
        toml += &format!(
            "[[source]]\nname = \"s{number}\"\nbucket = \"bucket-{number}\"\nsubdomain = \"s{number}\"\n\
             prefix = {}\n",
            json!(prefix).to_string().replace('\u{7f}', "\\u007f")
        );
        let is_folder = prefix.ends_with('/');
        prefixes.push(if is_folder { prefix } else { prefix + "/" });
    }
    let cli = Cli::new(&Config::of([]));
    cli.configure_with(&toml);
    let print = [
        "setup",
        "--print",
        "cloudformation",
        "--through",
        "eventbridge",
    ];
    let template = cli.folder().join("template.yaml");
    fs::write(&template, cli.succeed(&print).stdout).expect("the folder is ours");
    let output = Command::new(tool("python"))
        .args(["-c", PREFIXES_OF_YAML])
        .stdin(fs::File::open(&template).expect("just written"))
        .output()
        .expect("it is there");
    let read: Option<Vec<String>> = serde_json::from_slice(&output.stdout).ok();
    assert_eq!(
        read,
        Some(prefixes),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

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
    other["Filter"]["Key"]["FilterRules"][0]["Value"] = json!("elsewhere/");
    let configurations = all["QueueConfigurations"].as_array_mut();
    configurations.expect("a list").insert(0, other);
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
