//! Bodies of every envelope and server with their expected events, and broken bodies.
//!
//! The bodies are `tests/golden/notifications/<envelope>-<case>.json`. A `.txt` of the same name has one line
//! for each expected event. Both were written by hand from what servers document or send.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

/// The minimum number of bodies, so that the test fails if it does not find the folder.
const MIN_BODIES: usize = 35;

fn golden(ending: &str) -> BTreeMap<PathBuf, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/notifications");
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .map(|path| (path.with_extension(""), fs::read_to_string(&path).unwrap()))
        .collect()
}

fn time(timestamp: Option<Timestamp>) -> String {
    timestamp.map_or("none".to_owned(), |timestamp| {
        let moment = jiff::Timestamp::from_millisecond(timestamp.as_millis()).unwrap();
        format!("{moment:.3}")
    })
}

fn sequencer(sequencer: Option<&Sequencer>) -> String {
    sequencer.map_or("none".to_owned(), |sequencer| {
        sequencer.digits().into_owned()
    })
}

fn meaning(meaning: &EventMeaning) -> String {
    match meaning {
        EventMeaning::Irrelevant => "irrelevant".to_owned(),
        EventMeaning::UnusableKey => "unusable key".to_owned(),
        EventMeaning::CloudTrail => "cloudtrail".to_owned(),
        EventMeaning::Unknown => "unknown".to_owned(),
        EventMeaning::LookUp {
            time: at,
            sequencer: order,
        } => format!(
            "look up, time {}, sequencer {}",
            time(*at),
            sequencer(order.as_ref())
        ),
        EventMeaning::Certain(event) => {
            let what = event
                .object
                .as_ref()
                .map_or("removed".to_owned(), |object| {
                    format!(
                        "created, {} bytes, etag {}, modified {}, class {}",
                        object.size,
                        object
                            .etag
                            .as_ref()
                            .map_or("none".to_owned(), |etag| etag.to_text()),
                        time(Some(object.last_modified)),
                        object.storage_class.name()
                    )
                });
            let order = sequencer(Some(&event.sequencer));
            format!("{what}, time {}, sequencer {order}", time(Some(event.time)))
        }
    }
}

/// The events of a body in the format of the `.txt` files.
fn rendered(body: &str) -> String {
    let line = |event: &ObjectEvent| {
        let ObjectEvent {
            name, bucket, key, ..
        } = event;
        let (at, meaning) = (time(event.time), meaning(&event.meaning));
        format!("{name} of {bucket:?} {key:?} at {at}: {meaning}\n")
    };
    match decode(body) {
        Ok(Notification::Test { bucket }) => format!("test of {bucket:?}\n"),
        Ok(Notification::Events(events)) if events.is_empty() => "no events\n".to_owned(),
        Ok(Notification::Events(events)) => events.iter().map(line).collect(),
        Err(error) => format!("unreadable: {error}\n"),
    }
}

#[test]
fn golden_bodies_decode_as_expected() {
    let (bodies, expected) = (golden("json"), golden("txt"));
    assert!(bodies.len() >= MIN_BODIES, "{} bodies", bodies.len());
    let names = |files: &BTreeMap<PathBuf, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&bodies),
        names(&expected),
        "each body has a result, each result a body"
    );
    let mut wrong = String::new();
    for (path, body) in &bodies {
        let found = rendered(body);
        if found != expected[path] {
            wrong += &format!("== {}\n{found}", path.file_name().unwrap().display());
        }
    }
    assert!(wrong.is_empty(), "these decode to something else:\n{wrong}");
}

#[test]
fn depth_of_nested_envelopes_is_limited() {
    let mut body = r#"{"Event":"s3:TestEvent","Bucket":"photos"}"#.to_owned();
    for depth in 1..=MAX_ENVELOPES + 1 {
        body = serde_json::json!({"Type": "Notification", "Message": body}).to_string();
        assert_eq!(
            decode(&body).is_ok(),
            depth <= MAX_ENVELOPES,
            "{depth}: {body}"
        );
    }
    let refused = decode(&body).unwrap_err().to_string();
    assert!(refused.contains("more than 4 envelopes"), "{refused}");
}

#[test]
fn errors_say_what_a_body_is_instead_of_a_notification() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let binary = "\u{0}\u{1b}[31m".repeat(1_000);
    for (body, fault) in [
        ("", "found nothing, expected JSON"),
        (" \u{feff}\n", "expected JSON"),
        ("hello", "\"hello\""),
        ("{", "expected JSON"),
        ("{}{}", "trailing characters"),
        ("null", "found null"),
        ("\"text\"", "the text \"text\""),
        ("17", "a number"),
        ("{}", "an object without fields"),
        (
            r#"{"order":1,"customer":2}"#,
            "the fields \"customer, order\"",
        ),
        (
            r#"{"Records":{}}"#,
            "Records that are an object without fields",
        ),
        (r#"{"Records":null}"#, "Records that are null"),
        (
            r#"{"Records":[null]}"#,
            "in record 1 of 1: found no eventName",
        ),
        (
            r#"{"Records":[[]]}"#,
            "in record 1 of 1: found no eventName",
        ),
        ("[1]", "in record 1 of 1: found no eventName"),
        (
            r#"{"Event":"s3:OtherEvent","Bucket":"photos"}"#,
            "the fields",
        ),
        (r#"{"size":1e999}"#, "number out of range"),
        (&deep, "recursion limit"),
        (&binary, r"\u{0}\u{1b}[31m"),
    ] {
        let refused = decode(body).unwrap_err().to_string();
        assert!(
            refused.contains(fault),
            "{:.40}: {refused}",
            body.escape_debug()
        );
        assert!(is_fit_for_a_log(&refused), "{refused}");
    }
}

#[test]
fn white_space_and_byte_order_mark_are_ignored() {
    let body = "\u{feff}\r\n {\"Records\":[]} \n";
    assert_eq!(decode(body), Ok(Notification::Events(vec![])));
}

/// Short and without control characters.
fn is_fit_for_a_log(text: &str) -> bool {
    text.chars().count() < 600 && !text.contains(char::is_control)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(body in "\\PC{0,200}|[\\x00-\\x7f]{0,200}") {
        if let Err(error) = decode(&body) {
            prop_assert!(is_fit_for_a_log(&error.to_string()), "{}", error);
        }
    }

    #[test]
    fn no_broken_body_panics(
        which in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let bodies = golden("json");
        let (_, body) = which.get(&bodies.iter().collect::<Vec<_>>()).to_owned();
        let mut bytes = body.clone().into_bytes();
        for (position, byte) in flips {
            let position = position.index(bytes.len());
            bytes[position] = byte;
        }
        bytes.truncate(cut.index(2 * bytes.len()).max(1));
        if let Err(error) = decode(&String::from_utf8_lossy(&bytes)) {
            prop_assert!(is_fit_for_a_log(&error.to_string()), "{}", error);
        }
    }
}
