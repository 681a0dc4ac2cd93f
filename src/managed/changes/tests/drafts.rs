//! Tests drafts, and which stored secrets a draft or a change may keep.

use super::*;

const QUEUE: &str = "http://queue.example.com:9324/1/q";

impl Fixture {
    fn draft(&self, values: Value) -> Result<DraftSource, ChangeError> {
        let actor = Actor::who_sees_all("tester");
        draft_source(&self.store, Values(object(values)), &self.config(), &actor)
    }

    /// A stored Source at another store than AWS, whose queue uses the credentials of the bucket.
    fn with_queue() -> Self {
        let fixture = Self::new();
        let mut values = photos();
        values["endpoint_url"] = "http://store.example.com:9000".into();
        values["events"] = json!({"queue_url": QUEUE});
        fixture.create("photos", values).unwrap();
        fixture
    }
}

/// The names of the values that are refused.
fn refused<T>(result: Result<T, ChangeError>) -> Vec<String> {
    match result {
        Ok(_) => Vec::new(),
        Err(ChangeError::Invalid(problems)) => problems.into_iter().map(|it| it.key).collect(),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn draft_is_checked_like_a_change_and_stores_nothing() {
    let fixture = Fixture::new();
    let mut values = photos();
    values["name"] = "photos".into();
    let draft = fixture.draft(values.clone()).unwrap();
    assert_eq!(draft.changes, None);
    assert_eq!(fixture.secret(&draft.source.credentials), SECRET);
    values["bucket"] = "s3://b".into();
    values["subdomain"] = "fixed".into();
    assert_eq!(refused(fixture.draft(values)), ["bucket", "subdomain"]);
    let error = fixture.draft(json!({"name": "fixed"})).unwrap_err();
    assert!(
        matches!(error, ChangeError::ManagedByFile { .. }),
        "{error}"
    );
    assert!(fixture.store.names().unwrap().is_empty());
    assert!(
        !fixture.folder.path().join("data").exists(),
        "a key or file"
    );
}

#[test]
fn new_draft_needs_neither_name_nor_subdomain() {
    let fixture = Fixture::new();
    let credentials = json!({"access_key_id": "AKIAEXAMPLE", "secret_access_key": SECRET});
    let draft = fixture.draft(json!({"bucket": "my-bucket", "credentials": credentials}));
    let draft = draft.unwrap();
    assert!(!draft.has_name && !draft.has_address());
    let draft = fixture.draft(json!({
        "bucket": "my-bucket", "name": "n", "base_url": "https://assets.example.com",
        "credentials": credentials,
    }));
    let draft = draft.unwrap();
    assert!(draft.has_name && draft.has_address() && !draft.has_subdomain);
}

#[test]
fn draft_of_a_stored_source_says_what_must_be_tested() {
    let fixture = Fixture::with_queue();
    let changes = |patch: Value| {
        let mut values = patch;
        values["name"] = "photos".into();
        let changes = fixture.draft(values).unwrap().changes.unwrap();
        (changes.bucket, changes.queue)
    };
    assert_eq!(changes(json!({})), (false, false));
    assert_eq!(changes(json!({"prefix": "x"})), (false, false));
    assert_eq!(changes(json!({"enabled": false})), (false, false));
    let key = json!({"access_key_id": "AKIAEXAMPLE", "secret_access_key": "new"});
    assert_eq!(changes(json!({"credentials": key})), (true, false));
    let queue = json!({"credentials": key});
    assert_eq!(changes(json!({"events": queue})), (false, true));
}

#[test]
fn stored_secret_is_not_used_elsewhere() {
    let fixture = Fixture::with_queue();
    let bucket = "credentials.secret_access_key";
    for (patch, want) in [
        (json!({"prefix": "other/"}), &[][..]),
        (
            json!({"endpoint_url": "http://store.example.com:9000/"}),
            &[],
        ),
        (
            json!({"endpoint_url": "http://mine.example.com"}),
            &[bucket],
        ),
        (
            json!({"endpoint_url": "https://store.example.com:9000"}),
            &[bucket],
        ),
        (json!({"bucket": "another-bucket"}), &[bucket]),
        (
            json!({"events": {"queue_url": "http://queue.example.com:9324/2/r"}}),
            &[],
        ),
        (
            json!({"events": {"queue_url": "http://queue.example.com:1/1/q"}}),
            &[bucket],
        ),
        // A virtual machine of anybody.
        (
            json!({"events": {"queue_url": "https://ec2-1-2-3-4.compute-1.amazonaws.com/1/q"}}),
            &[bucket],
        ),
        (json!({"events": null}), &[]),
    ] {
        let mut draft = patch.clone();
        draft["name"] = "photos".into();
        assert_eq!(refused(fixture.draft(draft.clone())), want, "{patch}");
        draft["credentials"] = json!({"secret_access_key": "known"});
        assert_eq!(refused(fixture.draft(draft)), [""; 0], "{patch}");
        if !want.is_empty() {
            assert_eq!(
                refused(fixture.update("photos", patch.clone())),
                want,
                "{patch}"
            );
        }
    }
}

#[test]
fn stored_secret_of_a_queue_is_not_used_elsewhere() {
    let fixture = Fixture::with_queue();
    let key = json!({"access_key_id": "AKIAQUEUE", "secret_access_key": "hidden"});
    let own = json!({"events": {"credentials": key}});
    fixture.update("photos", own).unwrap();
    let queue = "events.credentials.secret_access_key";
    for (url, want) in [
        ("http://queue.example.com:9324/2/r", &[][..]),
        ("https://queue.example.com/1/q", &[queue]),
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/q", &[]),
    ] {
        let patch = json!({"name": "photos", "events": {"queue_url": url}});
        assert_eq!(refused(fixture.draft(patch)), want, "{url}");
    }
}
