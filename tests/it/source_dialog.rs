//! Tests `source add` without arguments: the questions, wrong answers, and Ctrl-C.

use serde_json::Value;

use crate::cli::Cli;
use crate::config::Config;
use crate::terminal::{self, Ended};

const SECRET: &str = "typed-secret-that-nobody-sees";

fn shown(cli: &Cli, name: &str) -> Value {
    let shown = cli.succeed(&["source", "show", name, "--json"]).stdout;
    serde_json::from_str(&shown).expect("JSON")
}

#[test]
fn wrong_answer_is_asked_again_and_the_others_stay() {
    let cli = Cli::new(&Config::of([]));
    let steps = [
        ("Name of the Source", "no spaces please\n"),
        ("Name of the Source", "photos\n"),
        ("S3-compatible store", "store.example.com\n"),
        ("S3-compatible store", "http://127.0.0.1:9\n"),
        ("in the path of requests", "\n"),
        ("Region", "\n"),
        ("Bucket", "s3://my-bucket\n"),
        ("Bucket", "my-bucket\n"),
        ("Folder in the bucket", "/images\n"),
        ("Folder in the bucket", "images\n"),
        ("ID of the access key", "AKIAEXAMPLE\n"),
        ("Secret access key", "typed-secret-that-nobody-sees\n"),
        ("Subdomain", "photos.imgix.net\n"),
        ("Subdomain", "\n"),
        ("Another address", "\n"),
        ("small pictures", "https://thumbs.example.com/\n"),
        ("small pictures", "https://thumbs.example.com/{path}?w=4\n"),
        ("Choice", "2\n"),
        ("Path, such as", "[\n"),
        ("Another path", "\n"),
        ("Choice", "2\n"),
        ("Path, such as", "/2024\n"),
        ("Another path", "\n"),
        ("URL of the queue", "\n"),
        ("Minutes between two scans [1440]", "often\n"),
        ("Minutes between two scans [1440]", "30\n"),
    ];
    let Ended {
        code,
        output,
        shows_typed,
    } = terminal::run(&cli, &["source", "add"], &steps);
    assert_eq!(code, 0, "{output}");
    assert!(shows_typed);
    assert!(!output.contains(SECRET), "{output}");
    for words in [
        "bucket = \"s3://my-bucket\": set only the name",
        "rules.include[0] = \"[\"",
        "must contain {path} or {key}",
        "photos: created",
        "note: created the key",
    ] {
        assert!(output.contains(words), "{words:?} is not in {output}");
    }
    let source = shown(&cli, "photos");
    for (key, want) in [
        ("endpoint_url", "http://127.0.0.1:9"),
        ("bucket", "my-bucket"),
        ("prefix", "images/"),
        ("credentials", "access key AKIAEXAMPLE"),
        ("subdomain", "photos"),
        ("thumbnail_url", "https://thumbs.example.com{path}?w=4"),
    ] {
        assert_eq!(source[key], want);
    }
    assert_eq!(source["reconcile_every_minutes"], 30);
    assert_eq!(source["path_style"], true);
    assert_eq!(source["rules"]["include"][0], "/2024");
}

/// The questions before the secret, with answers.
const UP_TO_THE_SECRET: [(&str, &str); 5] = [
    ("Name of the Source", "photos\n"),
    ("S3-compatible store", "\n"),
    ("Bucket", "my-bucket\n"),
    ("Folder in the bucket", "\n"),
    ("ID of the access key", "AKIAEXAMPLE\n"),
];

#[test]
fn ctrl_c_at_the_secret_leaves_a_usable_terminal() {
    let cli = Cli::new(&Config::of([]));
    let steps = [
        &UP_TO_THE_SECRET[..],
        &[("Secret access key", "half of it\u{3}")],
    ]
    .concat();
    let ended = terminal::run(&cli, &["source", "add"], &steps);
    assert_eq!(ended.code, 130, "{ended:?}");
    assert!(ended.shows_typed, "{ended:?}");
    assert_eq!(cli.succeed(&["source", "list"]).stdout, "");
}

#[test]
fn ctrl_c_after_the_secret_ends_the_questions() {
    let cli = Cli::new(&Config::of([]));
    let rest = [
        ("Secret access key", "typed-secret-that-nobody-sees\n"),
        ("Subdomain", "\u{3}"),
    ];
    let steps = [&UP_TO_THE_SECRET[..], &rest].concat();
    let ended = terminal::run(&cli, &["source", "add"], &steps);
    assert_eq!(ended.code, 130, "{ended:?}");
    assert_eq!(cli.succeed(&["source", "list"]).stdout, "");
}
