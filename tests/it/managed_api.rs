//! Tests the HTTP interface that sets up Sources: values, errors, versions, repetition and rights.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::access::{get_with, new_token};
use crate::cli::{BINARY, Cli};
use crate::config::Config;
use crate::daemon::Daemon;
use crate::http_client::{Response, send, send_json};
use crate::live_fixture::wait_for_keys;
use crate::s3::Bucket;
use crate::server::{self, AccessKey};

/// Maximum time until the server shows a change.
const DEADLINE: Duration = Duration::from_secs(30);
/// Time between two looks.
const POLL: Duration = Duration::from_millis(20);

/// A daemon without Sources that requires tokens.
pub struct Service {
    pub cli: Cli,
    pub daemon: Daemon,
    pub address: String,
    /// A token for everything.
    pub token: String,
    /// A token that may only change the Source `mine`.
    pub limited: String,
    /// A token that may only read.
    reader: String,
}

impl Service {
    pub fn start() -> Self {
        let mut cli = Cli::new(&Config {
            listen: "127.0.0.1:0".to_owned(),
            serve: vec!["tokens = \"tokens\"".to_owned()],
            ..Config::of([])
        });
        cli.set_environment("ASSET_INDEXER_LOG", "debug");
        let token = new_token(&cli, "editor", &["--all-sources", "--manage"]);
        let limited = new_token(&cli, "limited", &["--source", "mine", "--manage"]);
        let reader = new_token(&cli, "reader", &["--all-sources"]);
        let daemon = cli.watch(Command::new(BINARY), &["serve"]);
        let address = daemon.field(&["serving HTTP"], "address");
        Self {
            cli,
            daemon,
            address,
            token,
            limited,
            reader,
        }
    }

    pub fn send(&self, method: &str, path: &str, headers: &[&str], body: &Value) -> Response {
        self.send_as(&self.token, method, path, headers, body)
    }

    pub fn send_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[&str],
        body: &Value,
    ) -> Response {
        let authorization = format!("Authorization: Bearer {token}");
        let headers = [&[authorization.as_str()], headers].concat();
        if body.is_null() {
            return send(&self.address, method, path, &headers);
        }
        send_json(&self.address, method, path, &headers, &body.to_string())
    }

    pub fn create(&self, values: &Value) -> Response {
        self.send("POST", "/v1/sources", &[], values)
    }

    /// Waits until the server counts so many assets in a Source.
    #[track_caller]
    pub fn wait_for_assets(&self, name: &str, count: u64) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let one = self.send("GET", &format!("/v1/sources/{name}"), &[], &Value::Null);
            if one.json()["data"]["assets"] == count {
                return;
            }
            assert!(Instant::now() < deadline, "{}", one.text());
            thread::park_timeout(POLL);
        }
    }

    #[track_caller]
    fn patch(&self, name: &str, values: &Value) -> Value {
        let response = self.send("PATCH", &format!("/v1/sources/{name}"), &[], values);
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    }
}

/// A bucket on the server that checks permissions, and a key that may list it.
pub fn guarded(user: &str) -> (Bucket, AccessKey) {
    let server = server::shared_with_rights();
    let bucket = Bucket::create(server);
    bucket.put("images/a.jpg", "content");
    bucket.put("videos/b.mp4", "content");
    (bucket, server.create_user(user, &["s3:ListBucket"]))
}

pub fn values(name: &str, bucket: &str, key: &AccessKey) -> Value {
    json!({
        "name": name,
        "bucket": bucket,
        "endpoint_url": server::shared_with_rights().endpoint(),
        "path_style": true,
        "region": "us-east-1",
        "subdomain": format!("{bucket}-{name}"),
        "credentials": {"access_key_id": key.id, "secret_access_key": key.secret},
    })
}

/// The status, and the code and pointer of each error.
fn errors(response: &Response) -> (u16, Vec<(String, String)>) {
    let body = response.json();
    let errors = body["errors"].as_array().expect("a list of errors");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let errors = errors
        .iter()
        .map(|it| (text(&it["code"]), text(&it["source"]["pointer"])));
    (response.status, errors.collect())
}

/// The pointers of wrong values, sorted.
#[track_caller]
pub fn mistakes(response: &Response) -> Vec<String> {
    let (status, errors) = errors(response);
    assert_eq!(status, 422, "{}", response.text());
    let mut pointers: Vec<String> = errors.into_iter().map(|(_, pointer)| pointer).collect();
    pointers.sort_unstable();
    pointers
}

#[track_caller]
pub fn assert_error(response: &Response, status: u16, code: &str) {
    let (got, errors) = errors(response);
    assert_eq!(
        (got, errors[0].0.as_str()),
        (status, code),
        "{}",
        response.text()
    );
}

#[test]
fn source_is_set_up_changed_and_removed() {
    let (bucket, key) = guarded("api-life");
    let service = Service::start();
    let created = service.create(&values("photos", &bucket.name, &key));
    assert_eq!(created.status, 201, "{}", created.text());
    assert_eq!(created.header("location"), Some("/v1/sources/photos"));
    let data = &created.json()["data"];
    let etag = format!("\"{}\"", data["version"].as_str().expect("a version"));
    assert_eq!(created.header("etag"), Some(etag.as_str()));
    assert_eq!(data["is_managed"], true);
    let want = json!({"access_key_id": key.id, "has_secret": true});
    assert_eq!(data["values"]["credentials"], want);
    wait_for_keys(&service.cli, "photos", &["images/a.jpg", "videos/b.mp4"]);
    let one = service.send("GET", "/v1/sources/photos", &[], &Value::Null);
    assert_eq!(one.header("etag"), Some(etag.as_str()));

    // Assets leave and come with the rules.
    let changed = service.patch("photos", &json!({"rules": {"include": ["/images"]}}));
    let values = &changed["data"]["values"];
    assert_eq!(values["rules"], json!({"include": ["/images"]}));
    wait_for_keys(&service.cli, "photos", &["images/a.jpg"]);
    service.patch("photos", &json!({"rules": null}));
    wait_for_keys(&service.cli, "photos", &["images/a.jpg", "videos/b.mp4"]);

    bucket.put("images/c.jpg", "content");
    let path = "/v1/sources/photos/reindex";
    let scan = service.send("POST", path, &[], &json!({}));
    assert_eq!(scan.status, 202, "{}", scan.text());
    let all = ["images/a.jpg", "images/c.jpg", "videos/b.mp4"];
    wait_for_keys(&service.cli, "photos", &all);

    service.patch("photos", &json!({"enabled": false}));
    let scan = service.send("POST", path, &[], &Value::Null);
    assert_error(&scan, 409, "source_disabled");
    service.patch("photos", &json!({"enabled": true}));
    wait_for_keys(&service.cli, "photos", &all);

    // The server's view of the index can be older than that of a new process.
    service.wait_for_assets("photos", 3);
    let removed = service.send("DELETE", "/v1/sources/photos", &[], &Value::Null);
    assert_eq!(removed.status, 200, "{}", removed.text());
    let data = &removed.json()["data"];
    assert_eq!(data["assets_leaving"], 3);
    assert_eq!(data["bound_subdomain"], format!("{}-photos", bucket.name));
    let gone = service.send("GET", "/v1/sources/photos", &[], &Value::Null);
    assert_error(&gone, 404, "not_found");
    let log = service.daemon.terminate().join("\n");
    assert!(log.contains("actor=\"token editor\""), "{log}");
    assert!(!log.contains(&key.secret), "the secret is logged");
}

#[test]
fn history_names_the_token_and_the_fields() {
    let (bucket, key) = guarded("api-history");
    let service = Service::start();
    service.create(&values("photos", &bucket.name, &key));
    service.patch("photos", &json!({"annotation": "the shop"}));
    service.patch("photos", &json!({"enabled": false}));
    let response = service.send("GET", "/v1/sources/photos/history", &[], &Value::Null);
    let entries = response.json()["data"].clone();
    let shown = entries.as_array().expect("a list").iter();
    let actions: Vec<&str> = shown.filter_map(|it| it["action"].as_str()).collect();
    assert_eq!(actions, ["create", "update", "disable"]);
    assert_eq!(entries[1]["actor"], "token editor");
    assert_eq!(entries[1]["fields"], json!(["annotation"]));
    assert!(!response.text().contains(&key.secret));
    // A change that changes nothing is not a change.
    let before = service.send("GET", "/v1/sources/photos", &[], &Value::Null);
    let after = service.patch("photos", &json!({"annotation": "the shop"}));
    assert_eq!(before.json()["data"]["version"], after["data"]["version"]);
    let again = service.send("GET", "/v1/sources/photos/history", &[], &Value::Null);
    assert_eq!(again.json()["data"], entries);
    service.daemon.terminate();
}

#[test]
fn all_mistakes_come_back_at_once_with_their_fields() {
    let service = Service::start();
    let response = service.create(&json!({
        "name": "photos",
        "subdomain": "no_label!",
        "endpoint_url": "ftp://x",
        "rules": {"include": "some"},
        "colour": "red",
        "credentials": {"access_key_id": 5},
    }));
    let want = [
        "/bucket",
        "/colour",
        "/credentials/access_key_id",
        "/endpoint_url",
        "/rules/include",
        "/subdomain",
    ];
    assert_eq!(mistakes(&response), want, "{}", response.text());
    // The shape of imgix adds its own mistakes.
    let values = json!({"rules": {"include": "some"}, "bucket": "b"});
    let attributes = json!({
        "name": 5,
        "enabled": "yes",
        "colour": "red",
        "deployment": {
            "type": "gcs",
            "endpoint": "ftp://x",
            "s3_access_key": 5,
            "imgix_subdomains": ["no_label!"],
            "asset_indexer": values,
        },
    });
    let document = json!({"data": {"type": "sources", "attributes": attributes}});
    let response = service.send("POST", "/api/v1/sources", &[], &document);
    let want = [
        "/data/attributes/colour",
        "/data/attributes/deployment/asset_indexer/bucket",
        "/data/attributes/deployment/asset_indexer/rules/include",
        "/data/attributes/deployment/endpoint",
        "/data/attributes/deployment/imgix_subdomains",
        "/data/attributes/deployment/s3_access_key",
        "/data/attributes/deployment/type",
        "/data/attributes/enabled",
        "/data/attributes/name",
    ];
    assert_eq!(mistakes(&response), want, "{}", response.text());
    let missing = service.create(&json!({}));
    let want = ["/bucket", "/credentials", "/name", "/subdomain"];
    assert_eq!(mistakes(&missing), want, "{}", missing.text());
    // Nothing was set up.
    let sources = get_with(&service.address, "/v1/sources", &service.token).json();
    assert_eq!(sources["data"], json!([]));
    service.daemon.terminate();
}

#[test]
fn two_editors_do_not_overwrite_each_other() {
    let (bucket, key) = guarded("api-editors");
    let service = Service::start();
    let created = service.create(&values("photos", &bucket.name, &key));
    let seen = format!("If-Match: {}", created.header("etag").expect("an ETag"));
    let path = "/v1/sources/photos";
    let first = service.send("PATCH", path, &[&seen], &json!({"annotation": "first"}));
    assert_eq!(first.status, 200, "{}", first.text());
    let second = service.send("PATCH", path, &[&seen], &json!({"annotation": "second"}));
    assert_error(&second, 412, "precondition_failed");
    let removed = service.send("DELETE", path, &[&seen], &Value::Null);
    assert_error(&removed, 412, "precondition_failed");
    let now = service.send("GET", path, &[], &Value::Null);
    assert_eq!(now.json()["data"]["values"]["annotation"], "first");
    let seen = format!("If-Match: {}", now.header("etag").expect("an ETag"));
    let removed = service.send("DELETE", path, &[&seen], &Value::Null);
    assert_eq!(removed.status, 200, "{}", removed.text());
    service.daemon.terminate();
}

#[test]
fn repeated_request_sets_up_one_source() {
    let (bucket, key) = guarded("api-repeat");
    let service = Service::start();
    let body = values("photos", &bucket.name, &key);
    let send = |body: &Value| service.send("POST", "/v1/sources", &["Idempotency-Key: k1"], body);
    let first = send(&body);
    assert_eq!(first.status, 201, "{}", first.text());
    let again = send(&body);
    assert_eq!(again.status, 201, "{}", again.text());
    assert_eq!(again.json(), first.json());
    assert_eq!(again.header("etag"), first.header("etag"));
    let other = send(&values("other", &bucket.name, &key));
    assert_error(&other, 422, "idempotency_key_reused");
    // Without the key it is another request, and the name is taken.
    let (status, found) = errors(&service.create(&body));
    assert_eq!((status, found[0].1.as_str()), (422, "/name"));
    service.daemon.terminate();
}

#[test]
fn rights_limit_who_sees_and_changes_a_source() {
    let (bucket, key) = guarded("api-rights");
    let service = Service::start();
    service.create(&values("mine", &bucket.name, &key));
    service.create(&values("other", &bucket.name, &key));
    let (limited, reader) = (service.limited.as_str(), service.reader.as_str());
    let (patch, none) = (json!({"annotation": "x"}), Value::Null);
    let requests = |name: &str| {
        [
            ("PATCH", format!("/v1/sources/{name}"), patch.clone()),
            ("POST", format!("/v1/sources/{name}/reindex"), none.clone()),
            ("DELETE", format!("/v1/sources/{name}"), none.clone()),
        ]
    };
    for (method, path, body) in requests("other") {
        let response = service.send_as(limited, method, &path, &[], &body);
        assert_error(&response, 404, "not_found");
        let missing = path.replace("other", "missing");
        let missing = service.send_as(limited, method, &missing, &[], &body);
        assert_error(&missing, 404, "not_found");
        let response = service.send_as(reader, method, &path, &[], &body);
        assert_error(&response, 403, "forbidden");
        let response = send_json(&service.address, method, &path, &[], &body.to_string());
        assert_error(&response, 401, "unauthenticated");
    }
    let created = service.send_as(
        limited,
        "POST",
        "/v1/sources",
        &[],
        &values("new", &bucket.name, &key),
    );
    assert_error(&created, 403, "forbidden");
    for path in ["/v1/sources/other", "/v1/sources/other/history"] {
        assert_error(&get_with(&service.address, path, limited), 404, "not_found");
    }
    // A reader sees the Source, but not how it is set up.
    let seen = get_with(&service.address, "/v1/sources/mine", reader).json();
    assert_eq!(seen["data"]["values"], Value::Null);
    let history = get_with(&service.address, "/v1/sources/mine/history", reader);
    assert_error(&history, 403, "forbidden");
    let own = service.send_as(limited, "PATCH", "/v1/sources/mine", &[], &patch);
    assert_eq!(own.status, 200, "{}", own.text());
    service.daemon.terminate();
}

#[test]
fn file_configured_sources_cannot_be_changed() {
    let (bucket, key) = guarded("api-file");
    let service = Service::start();
    let config = service.cli.config_file();
    let text = std::fs::read_to_string(&config).expect("the file is ours");
    let source = format!(
        "\n[[source]]\nname = \"fixed\"\nbucket = \"{}\"\nsubdomain = \"fixed\"\nregion = \"us-east-1\"\n\
         endpoint_url = \"http://127.0.0.1:9\"\n",
        bucket.name
    );
    std::fs::write(&config, text + &source).expect("the file is ours");
    service.daemon.hangup();
    service
        .daemon
        .wait_for(&["a new configuration is in force"]);
    let path = "/v1/sources/fixed";
    let one = service.send("GET", path, &[], &Value::Null).json();
    assert_eq!(one["data"]["is_managed"], false);
    assert_eq!(one["data"]["values"], Value::Null);
    for (method, body) in [
        ("PATCH", json!({"annotation": "x"})),
        ("DELETE", Value::Null),
    ] {
        let response = service.send(method, path, &[], &body);
        assert_error(&response, 409, "managed_by_file");
    }
    let taken = service.create(&values("fixed", &bucket.name, &key));
    assert_error(&taken, 409, "managed_by_file");
    service.daemon.terminate();
}

/// Prints how long each request takes, and how much memory the daemon has taken (with `-- --nocapture`).
#[test]
fn five_hundred_sources_are_set_up_in_a_loop() {
    /// Number of Sources.
    const SOURCES: usize = 500;
    /// Maximum average time of a request. The machine of the test may be busy.
    const MAX_SECONDS: f64 = 1.0;
    /// Maximum memory of the daemon.
    const MAX_KILOBYTES: u64 = 400_000;
    let service = Service::start();
    let key = AccessKey {
        id: "AKIAEXAMPLE".to_owned(),
        secret: "a-secret".to_owned(),
    };
    let started = Instant::now();
    for number in 0..SOURCES {
        let mut values = values(&format!("s{number}"), &format!("bucket-{number}"), &key);
        // They are not scanned: the bucket does not exist.
        values["enabled"] = false.into();
        let response = service.create(&values);
        assert_eq!(response.status, 201, "{}", response.text());
    }
    let seconds = started.elapsed().as_secs_f64();
    let each = seconds / SOURCES as f64;
    let memory = peak_kilobytes(service.daemon.id());
    println!(
        "{SOURCES} Sources in {seconds:.1} s, {:.1} ms each, {memory} kB",
        each * 1e3
    );
    assert!(each < MAX_SECONDS, "{each} s");
    assert!(memory < MAX_KILOBYTES, "{memory} kB");
    let sources = get_with(&service.address, "/v1/sources", &service.token).json();
    assert_eq!(sources["data"].as_array().expect("a list").len(), SOURCES);
    service.daemon.terminate();
}

/// The largest resident memory that a process has had.
fn peak_kilobytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"));
    let status = status.expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.expect("Linux has it").parse().expect("a number")
}
