//! `setup` and `iam-policy`: their output is compared with golden files.
//!
//! The modules below run the printed script: on a server, and with an AWS that refuses requests.

mod refused;
mod script;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::{BINARY, Cli};
use crate::config::Config;

/// The formats, and the file extension of their golden files.
const FORMATS: [(&str, &str); 2] = [("aws-cli", "sh"), ("terraform", "tf")];

/// Every script starts with this text. It is not repeated in the golden scripts.
const SCRIPT_HEAD: &str = include_str!("../../src/aws/setup/script/head.sh");

/// For each golden setup: the configuration in `tests/golden/setup`, the path of the events, and more
/// arguments. `tests/forms.sh` checks the golden files with linters.
const GOLDEN: [(&str, &str, &[&str]); 4] = [
    ("one", "s3", &[]),
    ("one", "eventbridge", &[]),
    ("several", "s3", &[]),
    // The bucket of Source "other" belongs to another account, and EventBridge needs its queue there.
    ("several", "eventbridge", &["--source", "photos"]),
];

/// If this environment variable is set, the tests overwrite the golden files.
const UPDATE: &str = "ASSET_INDEXER_UPDATE_GOLDEN";

fn golden(case: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/setup")
        .join(case)
        .join(file)
}

/// The output of the binary for a golden configuration.
fn printed(case: &str, arguments: &[&str]) -> String {
    let output = Command::new(BINARY)
        .arg("--config")
        .arg(golden(case, "asset-indexer.toml"))
        .args(arguments)
        .env_clear()
        .output()
        .expect("cargo built the binary");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("the output is text")
}

#[track_caller]
fn assert_golden(case: &str, file: &str, text: &str) {
    let path = golden(case, file);
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, text).expect("the sources are writable");
    }
    let expected = fs::read_to_string(&path).expect("the golden file exists");
    let path = path.display();
    assert_eq!(
        text, expected,
        "{path} differs; set {UPDATE}=1 to update it"
    );
}

#[test]
fn output_equals_golden_files() {
    let kms_key = "arn:aws:kms:eu-central-1:123456789012:key/0f7e1b0a-1111-2222-3333-444455556666";
    for case in ["one", "several"] {
        let policy = ["iam-policy", "--check", "--kms-key", kms_key];
        assert_golden(case, "policy.json", &printed(case, &policy));
    }
    for (case, through, more) in GOLDEN {
        for (format, extension) in FORMATS {
            let print = ["setup", "--print", format, "--through", through];
            let text = printed(case, &[&print, more].concat());
            let text = if format == "aws-cli" {
                without_head(&text)
            } else {
                &text
            };
            assert_golden(case, &format!("{through}.{extension}"), text);
        }
    }
}

#[test]
fn partition_follows_the_region_of_the_environment() {
    let mut cli = Cli::new(&Config::of([]));
    cli.configure_with(
        "data_dir = \"/d\"\n[[source]]\nname = \"a\"\nbucket = \"acme\"\nsubdomain = \"a\"\n",
    );
    let print = |cli: &Cli, arguments: &[&str]| {
        let output = cli.succeed(arguments);
        output.stdout + &output.stderr
    };
    let commands: [&[&str]; 3] = [
        &["iam-policy"],
        &["setup", "--print", "aws-cli"],
        &["setup", "--print", "terraform"],
    ];
    for command in commands {
        let text = print(&cli, command);
        assert!(text.contains("arn:aws:s3:::acme"), "{text}");
        assert!(text.contains("assumes the"), "{text}");
    }
    let profile = cli.folder().join("aws-config");
    fs::write(&profile, "[default]\nregion = cn-north-1\n").expect("the folder is ours");
    cli.set_environment("AWS_CONFIG_FILE", profile.to_str().expect("UTF-8"));
    for partition in ["aws-cn", "aws-us-gov"] {
        for command in commands {
            let text = print(&cli, command);
            let arn = format!("arn:{partition}:s3:::acme");
            assert!(
                text.contains(&arn) && !text.contains("assumes the"),
                "{text}"
            );
        }
        cli.set_environment("AWS_REGION", "us-gov-west-1");
    }
}

/// The part of a script that follows the head and an empty line.
#[track_caller]
fn without_head(script: &str) -> &str {
    let rest = script
        .strip_prefix(SCRIPT_HEAD)
        .expect("a script starts with the head");
    rest.strip_prefix('\n')
        .expect("an empty line ends the head")
}

#[test]
fn explains_why_nothing_can_be_printed() {
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
    cli.fail(&["iam-policy", "--source", "b"], &["which has: a"]);
    let alias = "arn:aws:kms:eu-west-1:123456789012:alias/queues";
    for key in [alias, "0f7e1b0a-1111-2222-3333-444455556666"] {
        let expected = [key, "arn:aws:kms:REGION:ACCOUNT:key/ID"];
        cli.fail(
            &["iam-policy", "--identity", "default", "--kms-key", key],
            &expected,
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
    let terraform = ["setup", "--print", "terraform"];
    let for_b = ["setup", "--print", "terraform", "--source", "b"];
    cli.fail(&terraform, &["eu-west-1, us-east-1", "--source"]);
    cli.succeed(&for_b);
    cli.fail(
        &["setup", "--print", "cloudformation"],
        &["invalid value 'cloudformation'", "aws-cli, terraform"],
    );

    let unknown = format!("{head}{}{west}{}", source("a"), source("b"));
    cli.configure_with(&unknown);
    cli.succeed(&["setup", "--print", "aws-cli"]);
    let queue = |account: &str| {
        format!("events = {{ queue_url = \"https://sqs.eu-west-1.amazonaws.com/{account}/q\" }}\n")
    };
    let accounts = [queue("111111111111"), queue("222222222222")];
    let two_accounts = format!(
        "{head}{}{west}{}{}{west}{}",
        source("a"),
        accounts[0],
        source("b"),
        accounts[1]
    );
    cli.configure_with(&unknown);
    cli.fail(
        &terraform,
        &["asset-indexer-b", "is unknown", "region of Source b"],
    );
    cli.configure_with(&two_accounts);
    cli.fail(&terraform, &["111111111111, 222222222222", "--source"]);
    cli.succeed(&for_b);

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
        output
            .stderr
            .contains("a managed policy can have at most 6,144"),
        "{output:#?}"
    );
}
