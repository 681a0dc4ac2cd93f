//! Tests how drafts are read from JSON.

use serde_json::json;

use super::*;

fn read(json: Value) -> Result<SourceDraft, Vec<String>> {
    let Value::Object(map) = json else {
        panic!("not an object")
    };
    let draft = from_json(map);
    let problems = draft.problems.iter().map(ToString::to_string);
    match problems.collect::<Vec<_>>() {
        none if none.is_empty() => Ok(draft),
        problems => Err(problems),
    }
}

#[test]
fn reads_all_kinds_of_values() {
    let draft = read(json!({
        "name": "photos",
        "bucket": "my-bucket",
        "subdomain": "photos",
        "enabled": false,
        "rules": {"include": ["/images"], "exclude": "all", "case_insensitive": true},
        "credentials": {"access_key_id": "AKIAEXAMPLE", "secret_access_key": " first\n"},
        "events": {
            "queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
            "credentials": {"access_key_id": "AKIAOTHER", "secret_access_key": "second"},
        },
    }))
    .unwrap();
    assert_eq!(draft.file.name.as_deref(), Some("photos"));
    assert!(!draft.file.enabled);
    assert!(draft.file.rules.case_insensitive);
    assert_eq!(draft.secrets.bucket, Some(Secret::new("first".into())));
    assert_eq!(draft.secrets.queue, Some(Secret::new("second".into())));
    let shown = format!("{draft:?}");
    assert!(
        !shown.contains("first") && !shown.contains("second"),
        "{shown}"
    );
}

#[test]
fn names_all_mistakes_at_once_and_shows_no_secret() {
    let problems = read(json!({
        "name": 5,
        "buckett": "b",
        "rules": {"include": "some"},
        "credentials": {"access_key_id": ["hidden"], "secret_key": "hidden"},
        "events": {"queue_url": {"a": 1}, "credentials": {"secret_access_key": 5}},
    }))
    .unwrap_err();
    let has = |words: &[&str]| {
        let found = problems
            .iter()
            .any(|it| words.iter().all(|word| it.contains(word)));
        assert!(found, "{words:?} in {problems:#?}");
    };
    has(&["name: ", "integer `5`", "a string"]);
    has(&["buckett: ", "unknown field"]);
    has(&["rules.include: ", "\"some\"", "a list of rules"]);
    has(&["credentials.access_key_id: must be a string"]);
    has(&["credentials.secret_key: unknown field"]);
    has(&["events.queue_url"]);
    has(&["events.credentials.secret_access_key: must be a string"]);
    assert_eq!(problems.len(), 7, "{problems:#?}");
    assert!(!problems.concat().contains("hidden"), "{problems:#?}");
}

#[test]
fn files_and_profiles_of_the_machine_are_refused() {
    for key in KEYS_OF_THE_MACHINE {
        for (above, json) in [
            ("", json!({"credentials": {key: "x"}})),
            ("events.", json!({"events": {"credentials": {key: "x"}}})),
        ] {
            let problems = read(json).unwrap_err();
            let want = format!("{above}credentials.{key}: only a Source in the configuration file");
            assert!(problems[0].starts_with(&want), "{problems:?}");
        }
    }
}

#[test]
fn refuses_texts_that_are_not_a_secret() {
    for (text, want) in [
        ("", "empty"),
        (" \n", "empty"),
        ("two words", "spaces"),
        ("a\nb", "spaces"),
        (&"x".repeat(1025), "1024"),
    ] {
        let problem = checked_secret(text.to_owned()).unwrap_err();
        assert!(problem.contains(want), "{text:?}: {problem}");
    }
}

#[test]
fn values_that_can_be_read_stay_next_to_mistakes() {
    let Value::Object(map) = json!({
        "name": 5,
        "enabled": "yes",
        "buckett": {"a": null, "b": 1},
        "prefix": "images",
        "rules": {"include": 7, "exclude": ["/drafts"]},
        "credentials": {"profile": "p", "access_key_id": "AKIAEXAMPLE", "secret_access_key": "s"},
        "events": {"credentials": {"role_arn": []}},
    }) else {
        panic!("not an object")
    };
    let draft = from_json(map);
    let mut keys: Vec<&str> = draft.problems.iter().map(|it| it.key.as_str()).collect();
    keys.sort_unstable();
    let want = [
        "buckett.a",
        "buckett.b",
        "credentials.profile",
        "enabled",
        "events.credentials.role_arn",
        "name",
        "rules.include",
    ];
    assert_eq!(keys, want);
    let file = draft.file;
    assert_eq!((file.name, file.prefix.as_str()), (None, "images"));
    assert!(!file.enabled, "a Source that may be disabled");
    assert!(file.rules.include.is_none() && file.rules.exclude.is_some());
    let credentials = file.credentials.unwrap();
    assert_eq!(credentials.profile, None);
    assert_eq!(credentials.access_key_id.as_deref(), Some("AKIAEXAMPLE"));
    assert_eq!(file.events, None);
    assert_eq!(draft.secrets.bucket, Some(Secret::new("s".into())));
}
