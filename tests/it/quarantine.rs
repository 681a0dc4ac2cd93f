//! `quarantine`: what the daemon keeps can be listed, read byte for byte, and removed.

use asset_indexer::core::replication::timestamp::Timestamp;
use asset_indexer::observe::quarantine::{FailedMessage, KeepOutcome, Quarantine};

use crate::cli::Cli;
use crate::fixture::Fixture;

/// A body that a terminal must not see as it is, and that no line's end may be added to.
const BODY: &str = "{\"Records\": 7,\r\n \"x\": \"\u{1b}[2J é\u{FEFF}\"}\n\n";

fn suspect<'a>(message_id: &'a str, body: &'a str) -> FailedMessage<'a> {
    FailedMessage {
        queue_url: "https://sqs.us-east-1.amazonaws.com/123456789012/photo-events",
        message_id,
        body,
        reason: "found Records that are a number, expected an array of records",
        sent: Some(Timestamp::from_millis(1_790_000_000_000)),
        receive_count: 4,
    }
}

/// The binary, with messages of these ids in quarantine.
fn with_messages(ids: &[&str]) -> (Cli, Quarantine) {
    let cli = Fixture::new().cli;
    let quarantine = Quarantine::open(&cli.data_dir()).expect("the folder is ours");
    for id in ids {
        let kept = quarantine.keep(&suspect(id, BODY)).expect("there is room");
        assert_eq!(kept, KeepOutcome::New);
    }
    (cli, quarantine)
}

#[test]
fn an_empty_quarantine_is_no_failure_and_stays_unmade() {
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
fn messages_are_listed_in_lines_and_as_json() {
    let (cli, _) = with_messages(&["one", "two"]);
    let output = cli.succeed(&["quarantine", "list"]);
    let lines: Vec<_> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{output:#?}");
    for id in ["one", "two"] {
        let cells = [
            &suspect(id, BODY).id(),
            "photo-events",
            suspect(id, BODY).reason,
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
fn a_message_is_shown_so_that_it_cannot_command_a_terminal_and_its_body_byte_for_byte() {
    let (cli, _) = with_messages(&["one"]);
    let id = suspect("one", BODY).id();
    let output = cli.succeed(&["quarantine", "show", &id]);
    let said = [
        id.as_str(),
        "123456789012/photo-events",
        "one",
        "found Records that are a number",
        "2026-09-21T14:13:20Z",
        "received    4 times",
        "\\u{1b}[2J",
    ];
    for word in said {
        assert!(output.stdout.contains(word), "{word}: {output:#?}");
    }
    assert!(!output.stdout.contains('\u{1b}'));
    let output = cli.succeed(&["quarantine", "show", &id, "--body"]);
    assert_eq!(output.stdout, BODY);
}

#[test]
fn messages_are_removed_and_can_come_again() {
    let (cli, quarantine) = with_messages(&["one", "two", "three"]);
    let [one, two] = ["one", "two"].map(|id| suspect(id, BODY).id());
    let output = cli.succeed(&["quarantine", "remove", &one, &two]);
    assert!(output.stdout.contains(&one) && output.stdout.contains(&two));
    let left = cli.succeed(&["quarantine", "list"]).stdout;
    assert_eq!(left.lines().count(), 1, "{left}");
    let again = quarantine.keep(&suspect("one", BODY));
    assert_eq!(again.expect("there is room"), KeepOutcome::New);
}

#[test]
fn an_id_that_there_is_not_is_a_failure_and_the_others_are_still_removed() {
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
    let one = suspect("one", BODY).id();
    let output = cli.fail(&["quarantine", "remove", absent, &one], &[absent]);
    assert!(output.stdout.contains(&one), "{output:#?}");
    assert!(quarantine.get(&one).expect("it can be read").is_none());
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_hides_no_other() {
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
