//! Tests drafts over HTTP: a test of the connection, a preview of the rules, and what to set up on AWS.

use serde_json::{Value, json};

use crate::http_client::Response;
use crate::managed_api::{Service, assert_error, guarded, mistakes, values};
use crate::server;

#[track_caller]
fn data(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["data"].take()
}

#[test]
fn test_shows_the_field_of_a_mistake_and_stores_nothing() {
    let (bucket, key) = guarded("drafts-test");
    let service = Service::start();
    let test = |values: &Value| service.send("POST", "/v1/sources/test", &[], values);
    let mut draft = values("photos", &bucket.name, &key);
    let report = data(&test(&draft));
    assert_eq!(report["ok"], true, "{report:#}");
    draft["credentials"]["secret_access_key"] = "wrong-secret".into();
    let response = test(&draft);
    assert!(!response.text().contains("wrong-secret"));
    let report = data(&response);
    assert_eq!(report["ok"], false, "{report:#}");
    let findings = report["findings"].as_array().expect("a list");
    let failed = findings.iter().find(|it| it["verdict"] == "failure");
    let pointer = &failed.expect("a failure")["pointer"];
    assert_eq!(pointer, "/credentials/secret_access_key");
    // Mistakes that need no request are errors, as when the Source is saved.
    assert_error(&test(&json!({"bucket": "B"})), 422, "value_invalid");
    let sources = service.send("GET", "/v1/sources", &[], &Value::Null);
    assert_eq!(sources.json()["data"], json!([]));
    service.daemon.terminate();
}

#[test]
fn drafts_name_all_mistakes_at_once() {
    let service = Service::start();
    let source = json!({
        "name": 5,
        "bucket": "B",
        "colour": "red",
        "region": "",
        "credentials": {"access_key_id": "AKIAEXAMPLE", "secret_access_key": []},
    });
    let send = |path: &str, body: &Value| service.send("POST", path, &[], body);
    let keys = [
        "/bucket",
        "/colour",
        "/credentials/secret_access_key",
        "/name",
        "/region",
    ];
    for path in ["/v1/sources/test", "/v1/sources/setup"] {
        assert_eq!(mistakes(&send(path, &source)), keys, "{path}");
    }
    let path = "/v1/sources/preview";
    let below = keys.map(|key| format!("/source{key}"));
    assert_eq!(mistakes(&send(path, &json!({"source": source}))), below);
    let request = json!({"source": source, "paths": [5], "path": "/a"});
    let want = [&["/path".to_owned(), "/paths".to_owned()], &below[..]].concat();
    assert_eq!(mistakes(&send(path, &request)), want);
    service.daemon.terminate();
}

#[test]
fn test_finds_the_subdomain_of_a_removed_source() {
    let (bucket, key) = guarded("drafts-bound");
    let service = Service::start();
    let source = values("photos", &bucket.name, &key);
    assert_eq!(service.create(&source).status, 201);
    service.wait_for_assets("photos", 2);
    let removed = service.send("DELETE", "/v1/sources/photos", &[], &Value::Null);
    assert_eq!(removed.status, 200, "{}", removed.text());
    for (name, is_bound) in [
        (json!("videos"), true),
        (Value::Null, true),
        (json!("photos"), false),
    ] {
        let mut draft = source.clone();
        draft["name"] = name.clone();
        let report = data(&service.send("POST", "/v1/sources/test", &[], &draft));
        assert_eq!(report["ok"], !is_bound, "{name}: {report:#}");
        let findings = report["findings"].as_array().expect("a list");
        let pointers = findings.iter().filter(|it| it["verdict"] == "failure");
        let pointers: Vec<&Value> = pointers.map(|it| &it["pointer"]).collect();
        let want = json!("/subdomain");
        assert_eq!(
            pointers,
            [&want][..usize::from(is_bound)],
            "{name}: {report:#}"
        );
        assert!(
            !report.to_string().contains("draft-"),
            "a made-up name: {report:#}"
        );
    }
    service.daemon.terminate();
}

#[test]
fn preview_counts_keys_and_names_the_deciding_rule() {
    let (bucket, key) = guarded("drafts-preview");
    let service = Service::start();
    let mut source = values("photos", &bucket.name, &key);
    source["rules"] = json!({"include": ["/images"]});
    let paths = ["/images/new.jpg", "/videos/new.mp4"];
    let request = json!({"source": source, "paths": paths});
    let preview = data(&service.send("POST", "/v1/sources/preview", &[], &request));
    assert_eq!(preview["index"], Value::Null, "{preview:#}");
    let listed = &preview["listed"];
    assert_eq!(
        [&listed["admitted"], &listed["rejected"], &listed["keys"]],
        [1, 1, 2],
        "{preview:#}"
    );
    assert_eq!(preview["admitted"][0]["path"], "/images/a.jpg");
    assert_eq!(preview["rejected"][0]["path"], "/videos/b.mp4");
    let judged = |number: usize| preview["paths"][number]["admitted"].clone();
    assert_eq!((judged(0), judged(1)), (json!(true), json!(false)));
    let rule = preview["admitted"][0]["rule"].as_str().expect("a text");
    assert!(rule.contains("/images"), "{rule}");
    let address = preview["address"].as_str().expect("an address");
    let want = format!("https://{}-photos.imgix.net/images/a.jpg", bucket.name);
    assert_eq!(address, want);
    let too_many: Vec<String> = (0..51).map(|number| format!("/{number}")).collect();
    let request = json!({"source": source, "paths": too_many});
    let refused = service.send("POST", "/v1/sources/preview", &[], &request);
    assert_error(&refused, 422, "value_invalid");
    service.daemon.terminate();
}

#[test]
fn setup_has_the_policy_and_the_script_for_the_bucket() {
    let (bucket, key) = guarded("drafts-setup");
    let service = Service::start();
    let draft = json!({
        "name": "photos",
        "bucket": bucket.name,
        "prefix": "images/",
        "region": "eu-west-1",
        "subdomain": "photos",
        "credentials": {"access_key_id": key.id, "secret_access_key": key.secret},
    });
    let setup = data(&service.send("POST", "/v1/sources/setup", &[], &draft));
    let policy = setup["iam_policy"].to_string();
    assert!(
        policy.contains(&format!("arn:aws:s3:::{}", bucket.name)),
        "{policy}"
    );
    assert!(policy.contains("images/"), "{policy}");
    let script = setup["queue_script"].as_str().expect("a text");
    assert!(script.contains(&bucket.name), "{script}");
    assert!(!setup.to_string().contains(&key.secret));
    service.daemon.terminate();
}

#[test]
fn limited_token_tries_only_changes_of_its_source() {
    let (bucket, key) = guarded("drafts-rights");
    let service = Service::start();
    service.create(&values("mine", &bucket.name, &key));
    service.create(&values("other", &bucket.name, &key));
    let test =
        |draft: &Value| service.send_as(&service.limited, "POST", "/v1/sources/test", &[], draft);
    let report = data(&test(&json!({"name": "mine", "annotation": "x"})));
    assert_eq!(report["ok"], true, "{report:#}");
    assert_error(&test(&json!({"name": "other"})), 404, "not_found");
    let draft = values("new", &bucket.name, &key);
    assert_error(&test(&draft), 404, "not_found");
    let mut nameless = draft;
    nameless.as_object_mut().expect("an object").remove("name");
    assert_error(&test(&nameless), 403, "forbidden");
    service.daemon.terminate();
}

#[test]
fn script_would_not_stop_the_events_of_a_hidden_source() {
    let (bucket, key) = guarded("drafts-shared-queue");
    let service = Service::start();
    let queue = format!(
        "{}/000000000000/shared",
        server::shared_with_rights().endpoint()
    );
    for name in ["mine", "other"] {
        let mut values = values(name, &bucket.name, &key);
        values["events"] = json!({"queue_url": queue});
        assert_eq!(service.create(&values).status, 201);
    }
    let draft = json!({"name": "mine"});
    let setup = |token: &str| service.send_as(token, "POST", "/v1/sources/setup", &[], &draft);
    data(&setup(&service.token));
    let refused = setup(&service.limited);
    assert_error(&refused, 422, "value_invalid");
    assert!(!refused.text().contains("other\""), "{}", refused.text());
    service.daemon.terminate();
}

#[test]
fn new_credentials_are_tested_before_the_old_ones_are_dropped() {
    let (bucket, key) = guarded("drafts-rotate");
    let service = Service::start();
    let created = service.create(&values("photos", &bucket.name, &key));
    let wrong =
        json!({"credentials": {"access_key_id": key.id, "secret_access_key": "wrong-secret"}});
    let path = "/v1/sources/photos";
    let refused = service.send("PATCH", path, &[], &wrong);
    assert_error(&refused, 422, "test_failed");
    let pointer = &refused.json()["errors"][0]["source"]["pointer"];
    assert_eq!(pointer, "/credentials/secret_access_key");
    let now = service.send("GET", path, &[], &Value::Null);
    assert_eq!(now.header("etag"), created.header("etag"));
    let untested = service.send("PATCH", "/v1/sources/photos?test=false", &[], &wrong);
    assert_eq!(untested.status, 200, "{}", untested.text());
    let unknown = service.send("PATCH", "/v1/sources/photos?tset=false", &[], &wrong);
    assert_error(&unknown, 400, "parameter_unknown");
    service.daemon.terminate();
}
