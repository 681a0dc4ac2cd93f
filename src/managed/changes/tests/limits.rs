//! Tests the limits of managed Sources.

use super::*;

#[test]
fn credentials_of_the_machine_are_refused_unless_allowed() {
    let fixture = Fixture::new();
    let role = "arn:aws:iam::123456789012:role/reader";
    for (credentials, key) in [
        (json!(null), "credentials: "),
        (json!({"role_arn": role}), "credentials.role_arn: "),
    ] {
        let mut values = photos();
        values["credentials"] = credentials;
        let problems = fixture.refusal(fixture.create("photos", values.clone()));
        assert!(problems[0].starts_with(key), "{problems:?}");
        assert!(
            problems[0].contains("allow_machine_credentials = true"),
            "{problems:?}"
        );
    }
    let mut values = photos();
    values["events"] = json!({
        "queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
        "credentials": {"role_arn": role},
    });
    let problems = fixture.refusal(fixture.create("photos", values));
    assert!(
        problems[0].starts_with("events.credentials.role_arn: "),
        "{problems:?}"
    );
    // A Source from before can be disabled and removed.
    fixture.configure("[managed]\nallow_machine_credentials = true");
    let own = json!({"bucket": "photo-bucket", "subdomain": "photos"});
    fixture.create("photos", own).unwrap();
    let path = fixture.folder.path().join("indexer.toml");
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace("= true", "= false");
    fs::write(&path, text).unwrap();
    let problems = fixture.refusal(fixture.update("photos", json!({"prefix": "a"})));
    assert!(problems[0].starts_with("credentials: "), "{problems:?}");
    fixture.update("photos", json!({"enabled": false})).unwrap();
    fixture.refusal(fixture.update("photos", json!({"enabled": true})));
    fixture
        .apply("photos", Change::Remove { if_version: None })
        .unwrap();
}

#[test]
fn hosts_of_the_network_are_refused_unless_listed() {
    let fixture = Fixture::new();
    let with = |endpoint: &str, queue: &str| {
        let mut values = photos();
        values["endpoint_url"] = endpoint.into();
        values["events"] = json!({"queue_url": queue, "credentials": values["credentials"]});
        values
    };
    let inner = || with("http://127.1:9000", "http://[fd00::1]:9324/q");
    let problems = fixture.refusal(fixture.create("photos", inner()));
    assert!(problems[0].starts_with("endpoint_url = "), "{problems:?}");
    assert!(
        problems[1].starts_with("events.queue_url = "),
        "{problems:?}"
    );
    assert!(problems[0].contains("allowed_hosts"), "{problems:?}");
    let outer = with("https://s3.example.com", "https://sqs.example.com/q");
    fixture.create("public", outer).unwrap();
    fixture.configure("[managed]\nallowed_hosts = [\"127.0.0.0/8\", \"fd00::/8\"]");
    let mut values = inner();
    values["subdomain"] = "other".into();
    fixture.create("photos", values).unwrap();
}

#[test]
fn base_url_is_https_except_on_this_machine() {
    let fixture = Fixture::new();
    let mut values = photos();
    values["base_url"] = "http://photos.example.com".into();
    let problems = fixture.refusal(fixture.create("photos", values.clone()));
    assert!(problems[0].starts_with("base_url = "), "{problems:?}");
    values["base_url"] = "https://a.example/\"><script>".into();
    fixture.refusal(fixture.create("photos", values.clone()));
    values["base_url"] = "http://localhost:8080".into();
    fixture.create("photos", values).unwrap();
}

#[test]
fn number_and_size_of_sources_are_limited() {
    let fixture = Fixture::new();
    fixture.configure("[managed]\nmax_sources = 1");
    let mut values = photos();
    values["rules"] = json!({"include": vec!["/a"; 1001]});
    values["prefix"] = "x".repeat(1025).into();
    let problems = fixture.refusal(fixture.create("photos", values));
    assert!(problems[0].starts_with("prefix: "), "{problems:?}");
    assert!(problems[1].starts_with("rules.include: "), "{problems:?}");
    fixture.create("photos", photos()).unwrap();
    let error = fixture.create("videos", photos()).unwrap_err();
    assert!(matches!(error, ChangeError::TooMany { max: 1 }), "{error}");
}
