//! Tests that one answer has all mistakes of a change: wrong types, unknown keys and values that are not allowed.

use super::*;

impl Fixture {
    /// The keys with a problem, sorted.
    fn mistakes<T: std::fmt::Debug>(&self, change: Result<T, ChangeError>) -> Vec<String> {
        let mut keys: Vec<String> = match change {
            Err(ChangeError::Invalid(problems)) => problems.into_iter().map(|it| it.key).collect(),
            other => panic!("not refused: {other:?}"),
        };
        keys.sort_unstable();
        keys
    }

    fn draft_mistakes(&self, values: Value) -> Vec<String> {
        let actor = Actor::who_sees_all("tester");
        let draft = draft_source(&self.store, Values(object(values)), &self.config(), &actor);
        self.mistakes(draft)
    }
}

/// Wrong types and unknown keys next to values that are not allowed.
fn mistaken() -> Value {
    json!({
        "bucket": 5,
        "buckett": "b",
        "subdomain": "fixed",
        "region": "",
        "reconcile_every_minutes": 0,
        "prefix": "x".repeat(1025),
        "rules": {"include": ["["], "exclude": 7},
        "credentials": {"access_key_id": "two words", "secret_access_key": SECRET},
        "events": {"queue_url": ["q"], "region": ""},
    })
}

const KEYS: [&str; 11] = [
    "bucket",
    "buckett",
    "credentials.access_key_id",
    "events.queue_url",
    "events.region",
    "prefix",
    "reconcile_every_minutes",
    "region",
    "rules.exclude",
    "rules.include[0]",
    "subdomain",
];

#[test]
fn wrong_types_do_not_hide_wrong_values() {
    let fixture = Fixture::new();
    assert_eq!(fixture.mistakes(fixture.create("photos", mistaken())), KEYS);
    assert_eq!(fixture.draft_mistakes(mistaken()), KEYS);
    fixture.create("photos", photos()).unwrap();
    let before = fixture.text("photos");
    assert_eq!(fixture.mistakes(fixture.update("photos", mistaken())), KEYS);
    let mut draft = mistaken();
    draft["name"] = "photos".into();
    assert_eq!(fixture.draft_mistakes(draft), KEYS);
    assert_eq!(fixture.text("photos"), before);
    // The name of a Source that exists, in another change.
    let mut keys = KEYS.to_vec();
    keys.insert(5, "name");
    let mut renamed = mistaken();
    renamed["name"] = "other".into();
    assert_eq!(fixture.mistakes(fixture.create("photos", mistaken())), keys);
    assert_eq!(fixture.mistakes(fixture.update("photos", renamed)), keys);
    let mut nameless = mistaken();
    nameless["name"] = 5.into();
    assert_eq!(fixture.mistakes(fixture.create("", nameless.clone())), keys);
    assert_eq!(fixture.draft_mistakes(nameless), keys);
    assert_eq!(fixture.mistakes(fixture.create("", mistaken())), keys);
}

#[test]
fn values_of_others_are_reported_with_the_other_mistakes() {
    let mut fixture = Fixture::new();
    fixture.bind_subdomain("photos", "former");
    let mut values = photos();
    values["prefix"] = json!([]);
    values["region"] = "".into();
    let mistakes = fixture.mistakes(fixture.create("photos", values));
    assert_eq!(mistakes, ["prefix", "region", "subdomain"]);
}

#[test]
fn problems_that_follow_from_a_wrong_type_are_left_out() {
    let fixture = Fixture::new();
    let queue = "https://sqs.example.com/q";
    let aws_queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/q";
    let store = "https://s3.example.com";
    for (patch, want) in [
        (json!({"bucket": 5}), "bucket"),
        (json!({"credentials": 5}), "credentials"),
        (
            json!({"credentials": {"access_key_id": 5}}),
            "credentials.access_key_id",
        ),
        (
            json!({"credentials": {"access_key_id": "A", "secret_access_key": 5}}),
            "credentials.secret_access_key",
        ),
        (
            json!({"credentials": {"role_arn": 5, "external_id": "x"}}),
            "credentials.role_arn",
        ),
        (json!({"credentials": null, "enabled": "no"}), "enabled"),
        (json!({"events": {"queue_url": 5}}), "events.queue_url"),
        (
            json!({"events": {"queue_url": aws_queue, "credentials": 5}}),
            "events.credentials",
        ),
        (
            json!({"endpoint_url": 5, "events": {"queue_url": queue}}),
            "endpoint_url",
        ),
        (
            json!({"endpoint_url": store, "events": {"queue_url": 5}}),
            "events.queue_url",
        ),
        (
            json!({"rules": {"include": 5, "exclude": "all"}}),
            "rules.include",
        ),
    ] {
        let mut values = photos();
        patch::merge(&mut values, patch.clone());
        assert_eq!(
            fixture.mistakes(fixture.create("photos", values)),
            [want],
            "{patch}"
        );
    }
}
