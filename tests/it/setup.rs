//! `setup` and `iam-policy`: what they print, word by word.
//!
//! What the printed script does is in the modules below: on a server, and where AWS refuses.

mod refused;
mod script;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::cli::{BINARY, Cli};
use crate::config::Config;
use crate::server::tool;

/// The forms, and the ending of the file that has what is printed.
const FORMS: [(&str, &str); 3] = [
    ("aws-cli", "sh"),
    ("terraform", "tf"),
    ("cloudformation", "yaml"),
];

/// The configurations whose set-up is in `tests/golden/setup`, by whom events come, and what else is asked
/// for; `tests/forms.sh` validates it.
const GOLDEN: [(&str, &str, &[&str]); 4] = [
    ("one", "s3", &[]),
    ("one", "eventbridge", &[]),
    ("several", "s3", &[]),
    // The other bucket is of another account, whose EventBridge has queues of its own.
    ("several", "eventbridge", &["--source", "photos"]),
];

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
    let kms_key = "arn:aws:kms:eu-central-1:123456789012:key/0f7e1b0a-1111-2222-3333-444455556666";
    for case in ["one", "several"] {
        let policy = ["iam-policy", "--check", "--kms-key", kms_key];
        assert_golden(case, "policy.json", &printed(case, &policy));
    }
    for (case, through, more) in GOLDEN {
        for (form, ending) in FORMS {
            let print = ["setup", "--print", form, "--through", through];
            let text = printed(case, &[&print, more].concat());
            assert_golden(case, &format!("{through}.{ending}"), &text);
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

    let unknown = format!("{head}{}{west}{}", source("a"), source("b"));
    cli.configure_with(&unknown);
    cli.succeed(&["setup", "--print", "aws-cli"]);
    let queue = |account: &str| {
        format!("events = {{ queue_url = \"https://sqs.eu-west-1.amazonaws.com/{account}/q\" }}\n")
    };
    let accounts = [queue("111111111111"), queue("222222222222")];
    let of_two = format!(
        "{head}{}{west}{}{}{west}{}",
        source("a"),
        accounts[0],
        source("b"),
        accounts[1]
    );
    for form in ["terraform", "cloudformation"] {
        cli.configure_with(&unknown);
        let said = ["asset-indexer-b", "is not known", "region of Source b"];
        cli.fail(&["setup", "--print", form], &said);
        cli.configure_with(&of_two);
        let said = ["111111111111, 222222222222", "--source"];
        cli.fail(&["setup", "--print", form], &said);
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
