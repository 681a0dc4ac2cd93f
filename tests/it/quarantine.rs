//! `quarantine`: lists, shows and removes quarantined messages.

use asset_indexer::core::replication::timestamp::Timestamp;
use asset_indexer::observe::quarantine::{FailedMessage, KeepOutcome, Quarantine};

use crate::cli::Cli;
use crate::fixture::Fixture;

/// A body that must be escaped for a terminal, and that must not get another line break.
const BODY: &str = "{\"Records\": 7,\r\n \"x\": \"\u{1b}[2J é\u{FEFF}\"}\n\n";

fn failed_message<'a>(message_id: &'a str, body: &'a str) -> FailedMessage<'a> {
    FailedMessage {
        queue_url: "https://sqs.us-east-1.amazonaws.com/123456789012/photo-events",
        message_id,
        body,
        reason: "found Records that are a number, expected an array of records",
        sent: Some(Timestamp::from_millis(1_790_000_000_000)),
        receive_count: 4,
    }
}

/// The binary, with messages of these ids in the quarantine.
fn with_messages(ids: &[&str]) -> (Cli, Quarantine) {
    let cli = Fixture::new().cli;
    let quarantine = Quarantine::open(&cli.data_dir()).expect("the folder is ours");
    for id in ids {
        let kept = quarantine.keep(&failed_message(id, BODY));
        assert_eq!(kept.expect("the folder is ours"), KeepOutcome::New);
    }
    (cli, quarantine)
}

#[test]
fn empty_quarantine_is_listed_without_creating_it() {
    let (cli, _) = with_messages(&[]);
    for arguments in [
        &["quarantine", "list"][..],
        &["quarantine", "list", "--json"],
    ] {
        assert_eq!(cli.succeed(arguments).stdout, "");
    }
    assert!(!cli.data_dir().exists());
}

#[test]
fn lists_messages_as_lines_and_as_json() {
    let (cli, _) = with_messages(&["one", "two"]);
    let output = cli.succeed(&["quarantine", "list"]);
    let lines: Vec<_> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{output:#?}");
    for id in ["one", "two"] {
        let cells = [
            &failed_message(id, BODY).id(),
            "photo-events",
            failed_message(id, BODY).reason,
            "2026-09-21T14:13:20Z",
            "4",
        ];
        assert!(lines.contains(&&*cells.join("\t")), "{output:#?}");
    }
    let output = cli.succeed(&["quarantine", "list", "--json"]);
    let mut ids = Vec::new();
    for line in output.stdout.lines() {
        let message: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(message["body"], BODY);
        assert_eq!(message["sent"], "2026-09-21T14:13:20.000Z");
        ids.push(message["message_id"].as_str().expect("text").to_owned());
    }
    ids.sort();
    assert_eq!(ids, ["one", "two"]);
}

#[test]
fn shows_a_message_escaped_and_its_body_byte_for_byte() {
    let (cli, _) = with_messages(&["one"]);
    let id = failed_message("one", BODY).id();
    let output = cli.succeed(&["quarantine", "show", &id]);
    let words = [
        id.as_str(),
        "123456789012/photo-events",
        "one",
        "found Records that are a number",
        "2026-09-21T14:13:20Z",
        "received    4 times",
        "\\u{1b}[2J",
    ];
    for word in words {
        assert!(output.stdout.contains(word), "{word}: {output:#?}");
    }
    assert!(!output.stdout.contains('\u{1b}'));
    let output = cli.succeed(&["quarantine", "show", &id, "--body"]);
    assert_eq!(output.stdout, BODY);
}

#[test]
fn removes_messages_which_can_be_quarantined_again() {
    let (cli, quarantine) = with_messages(&["one", "two", "three"]);
    let [one, two] = ["one", "two"].map(|id| failed_message(id, BODY).id());
    let output = cli.succeed(&["quarantine", "remove", &one, &two]);
    assert!(output.stdout.contains(&one) && output.stdout.contains(&two));
    let left = cli.succeed(&["quarantine", "list"]).stdout;
    assert_eq!(left.lines().count(), 1, "{left}");
    let again = quarantine.keep(&failed_message("one", BODY));
    assert_eq!(again.expect("the folder is ours"), KeepOutcome::New);
}

#[test]
fn unknown_id_fails_but_the_others_are_removed() {
    let (cli, quarantine) = with_messages(&["one"]);
    let absent = "0000000000000000";
    for arguments in [
        &["show", absent][..],
        &["show", "../../x"],
        &["remove", absent],
    ] {
        let arguments = [&["quarantine"], arguments].concat();
        let output = cli.fail(&arguments, &["quarantine", "list"]);
        assert_eq!(output.status.code(), Some(1), "{output:#?}");
    }
    let one = failed_message("one", BODY).id();
    let output = cli.fail(&["quarantine", "remove", absent, &one], &[absent]);
    assert!(output.stdout.contains(&one), "{output:#?}");
    assert!(quarantine.get(&one).expect("it can be read").is_none());
}

#[test]
fn unreadable_file_is_reported_and_does_not_hide_others() {
    let (cli, _) = with_messages(&["one"]);
    let broken = cli.data_dir().join("quarantine/00000000000000aa.json");
    std::fs::write(&broken, "{").expect("the folder is ours");
    let output = cli.succeed(&["quarantine", "list"]);
    assert_eq!(output.stdout.lines().count(), 1, "{output:#?}");
    assert!(output.stderr.contains("00000000000000aa"), "{output:#?}");
    cli.fail(
        &["quarantine", "show", "00000000000000aa"],
        &["read", "00aa.json"],
    );
    cli.succeed(&["quarantine", "remove", "00000000000000aa"]);
    assert!(!broken.exists());
}
