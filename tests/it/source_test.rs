//! Tests `source test` and the test of changed credentials, on a server that checks signatures.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::Cli;
use crate::config::Config;
use crate::live_fixture::wait_for_keys;
use crate::proxy::Proxy;
use crate::s3::Bucket;
use crate::server::{self, AccessKey};

/// Maximum time for one test of a draft, with the start of the process.
const LIMIT: Duration = Duration::from_secs(17);

/// A bucket on the server that checks signatures, and a key that may list it.
struct Guarded {
    cli: Cli,
    bucket: Bucket,
    key: AccessKey,
    proxy: Proxy,
}

impl Guarded {
    fn new(user: &str) -> Self {
        let server = server::shared_with_rights();
        let bucket = Bucket::create(server);
        bucket.put_keys(["images/a.jpg", "images/b.jpg", "videos/c.mp4"]);
        Self {
            cli: Cli::new(&Config::of([])),
            bucket,
            key: server.create_user(user, &["s3:ListBucket", "s3:GetObject"]),
            proxy: Proxy::start(server.address()),
        }
    }

    /// Values that work.
    fn values(&self) -> Value {
        json!({
            "bucket": self.bucket.name,
            "endpoint_url": self.proxy.endpoint(),
            "path_style": true,
            "region": "us-east-1",
            "subdomain": self.bucket.name,
            "credentials": {"access_key_id": self.key.id, "secret_access_key": self.key.secret},
        })
    }

    fn write(&self, values: &Value) -> String {
        let file = self.cli.folder().join("values.json");
        fs::write(&file, values.to_string()).expect("the folder is ours");
        file.to_str().expect("UTF-8").to_owned()
    }

    /// Tests the values, and returns the report.
    fn test(&self, values: &Value) -> Value {
        let file = self.write(values);
        let output = self.cli.run(&["source", "test", "--from", &file, "--json"]);
        let printed = format!("{}{}", output.stdout, output.stderr);
        assert!(!printed.contains(&self.key.secret), "the secret is printed");
        let report: Value = serde_json::from_str(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {output:#?}"));
        let want = if report["ok"] == true { 0 } else { 1 };
        assert_eq!(output.status.code(), Some(want), "{output:#?}");
        report
    }

    fn add(&self) {
        let file = self.write(&self.values());
        self.cli
            .succeed(&["source", "add", "photos", "--from", &file]);
    }
}

/// The verdicts and pointers of the findings that are not ok.
fn bad(report: &Value) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let bad = findings
        .iter()
        .filter(|it| it["verdict"] != "ok" && it["verdict"] != "skipped");
    bad.map(|it| (text(&it["verdict"]), text(&it["pointer"])))
        .collect()
}

#[test]
fn draft_that_works_passes_and_leaves_nothing_behind() {
    let guarded = Guarded::new("draft-ok");
    let mut values = guarded.values();
    values["prefix"] = "".into();
    values["rules"] = json!({"include": ["/images/**", "/videos/**"]});
    let report = guarded.test(&values);
    assert_eq!(report["ok"], true, "{report:#}");
    assert_eq!(bad(&report), [], "{report:#}");
    let lists = guarded.proxy.lists();
    let mut prefixes: Vec<_> = lists.iter().map(|it| it.get("prefix")).collect();
    prefixes.sort_unstable();
    assert_eq!(prefixes, [Some("images/"), Some("videos/")]);
    fs::remove_file(guarded.cli.folder().join("values.json")).expect("ours");
    assert_eq!(guarded.cli.succeed(&["source", "list"]).stdout, "");
    assert!(!guarded.cli.data_dir().join("secrets.key").exists());
    assert!(!guarded.cli.data_dir().join("sources").exists());
}

#[test]
fn each_mistake_points_at_its_field() {
    let guarded = Guarded::new("mistakes");
    let elsewhere = Bucket::create_in("eu-west-1", server::shared());
    elsewhere.put("a.jpg", "content");
    let set = |pairs: &[(&str, &str)]| {
        let mut values = guarded.values();
        for (pointer, text) in pairs {
            let (above, key) = pointer.rsplit_once('/').expect("a pointer");
            let table = values.pointer_mut(above).expect("a table");
            table[key] = (*text).into();
        }
        values
    };
    let wrong_secret = "wrongwrongwrongwrongwrongwrongwrongwrong";
    let in_other_region = [
        ("/bucket", elsewhere.name.as_str()),
        ("/endpoint_url", &server::shared().endpoint()),
        ("/region", "us-west-2"),
    ];
    for (changed, verdict, pointer) in [
        (
            &[("/credentials/secret_access_key", wrong_secret)][..],
            "failure",
            "/credentials/secret_access_key",
        ),
        (
            &[("/credentials/access_key_id", "AKIAUNKNOWNUNKNOWN12")],
            "failure",
            "/credentials/access_key_id",
        ),
        (&[("/bucket", "no-such-bucket")], "failure", "/bucket"),
        (&[("/prefix", "imgs")], "warning", "/prefix"),
        (
            &[("/endpoint_url", "http://127.0.0.1:1")],
            "failure",
            "/endpoint_url",
        ),
        (&in_other_region, "warning", "/region"),
    ] {
        let report = guarded.test(&set(changed));
        let want = (verdict.to_owned(), pointer.to_owned());
        assert_eq!(bad(&report), [want], "{changed:?}: {report:#}");
    }
    let mut with_queue = guarded.values();
    let missing = format!(
        "{}/000000000000/missing",
        server::shared_with_rights().endpoint()
    );
    with_queue["events"] = json!({"queue_url": missing, "region": "us-east-1"});
    let report = guarded.test(&with_queue);
    let bad = bad(&report);
    let has_queue = bad
        .iter()
        .any(|(_, pointer)| pointer == "/events/queue_url");
    assert!(has_queue && report["ok"] == false, "{report:#}");
}

#[test]
fn wrong_values_are_refused_before_any_request() {
    let guarded = Guarded::new("refused-draft");
    let mut values = guarded.values();
    values["region"] = "us east".into();
    values["subdomain"] = "a.b".into();
    values["prefix"] = 5.into();
    values["colour"] = "red".into();
    values["name"] = 5.into();
    let words = [
        "region = \"us east\"",
        "subdomain = \"a.b\"",
        "prefix: ",
        "colour: ",
        "name: ",
    ];
    let file = guarded.write(&values);
    for with_daemon in [false, true] {
        let daemon = with_daemon.then(|| guarded.cli.serve());
        if let Some(daemon) = &daemon {
            daemon.wait_for(&["ready"]);
        }
        for command in ["test", "add"] {
            let output = guarded
                .cli
                .fail(&["source", command, "--from", &file], &words);
            assert_eq!(output.status.code(), Some(2), "{output:#?}");
        }
    }
    assert!(guarded.proxy.requests().is_empty());
    guarded.cli.fail(&["source", "test"], &["nothing to test"]);
}

#[test]
fn secret_of_a_stored_source_is_not_sent_to_another_server() {
    let guarded = Guarded::new("kept-secret");
    guarded.add();
    let attacker = Proxy::start(server::shared_with_rights().address());
    for with_daemon in [false, true] {
        let daemon = with_daemon.then(|| guarded.cli.serve());
        if let Some(daemon) = &daemon {
            daemon.wait_for(&["ready"]);
        }
        let works = guarded.cli.succeed(&["source", "test", "photos"]).stdout;
        assert!(works.ends_with("The Source works.\n"), "{works}");
        let other = ["photos", "--endpoint-url", &attacker.endpoint()];
        for command in ["test", "edit"] {
            let arguments = [&["source", command][..], &other].concat();
            let output = guarded
                .cli
                .fail(&arguments, &["secret_access_key: enter the secret again"]);
            assert_eq!(output.status.code(), Some(2), "{output:#?}");
        }
        assert!(attacker.requests().is_empty(), "a signature was sent");
    }
    // Whoever knows the secret may use it anywhere.
    let file = guarded.cli.folder().join("secret");
    fs::write(&file, &guarded.key.secret).expect("the folder is ours");
    let key = [
        "--access-key-id",
        &guarded.key.id,
        "--secret-access-key-file",
    ];
    let file = file.to_str().expect("UTF-8");
    let other = ["photos", "--endpoint-url", &attacker.endpoint()];
    let arguments = [&["source", "edit"][..], &other, &key, &[file]].concat();
    guarded.cli.succeed(&arguments);
    assert!(!attacker.requests().is_empty());
}

#[test]
fn new_credentials_that_do_not_work_leave_the_old_ones() {
    let guarded = Guarded::new("rotated-draft");
    let second = server::shared_with_rights().create_user("rotated-2", &["s3:ListBucket"]);
    let powerless = server::shared_with_rights().create_user("powerless", &["s3:GetObject"]);
    guarded.add();
    let file = guarded.cli.folder().join("secret");
    let path = file.to_str().expect("UTF-8");
    let rotate = |id: &str, secret: &str, more: &[&str]| {
        fs::write(&file, secret).expect("the folder is ours");
        let edit = ["source", "edit", "photos", "--access-key-id", id];
        let arguments = [&edit[..], &["--secret-access-key-file", path], more].concat();
        guarded.cli.run(&arguments)
    };
    for with_daemon in [false, true] {
        let daemon = with_daemon.then(|| guarded.cli.serve());
        if let Some(daemon) = &daemon {
            daemon.wait_for(&["ready"]);
        }
        let wrong = "wrongwrongwrongwrongwrongwrongwrongwrong";
        for (id, secret, words) in [
            (
                &second.id,
                wrong,
                "credentials.secret_access_key: the test of the new values failed",
            ),
            (
                &powerless.id,
                &powerless.secret,
                "bucket: the test of the new values failed",
            ),
        ] {
            let output = rotate(id, secret, &[]);
            assert_eq!(output.status.code(), Some(2), "{output:#?}");
            assert!(output.stderr.contains(words), "{output:#?}");
            assert!(output.stderr.contains("the old values stay"), "{output:#?}");
            guarded.cli.succeed(&["source", "test", "photos"]);
        }
    }
    let history = guarded.cli.succeed(&["source", "history", "photos"]).stdout;
    assert_eq!(history.lines().count(), 1, "{history}");
    let output = rotate(&second.id, &second.secret, &[]);
    assert!(output.status.success(), "{output:#?}");
    guarded.cli.reindex();
    guarded.cli.assert_mirrors("photos", &guarded.bucket);
    let output = rotate(&powerless.id, &powerless.secret, &["--no-test"]);
    assert!(output.status.success(), "{output:#?}");
    let output = guarded.cli.run(&["source", "test", "photos"]);
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    assert!(
        output.stdout.contains("FAILED   s3:ListBucket"),
        "{output:#?}"
    );
}

#[test]
fn server_that_does_not_answer_holds_up_neither_tests_nor_changes() {
    let guarded = Guarded::new("silent");
    guarded.add();
    // Connections are accepted, but nothing answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut values = guarded.values();
    let address = silent.local_addr().expect("bound");
    values["endpoint_url"] = format!("http://{address}").into();
    // The Source has it.
    let table = values.as_object_mut().expect("a table");
    table.remove("subdomain");
    let file = guarded.write(&values);
    let daemon = guarded.cli.serve();
    daemon.wait_for(&["ready"]);
    wait_for_keys(
        &guarded.cli,
        "photos",
        &["images/a.jpg", "images/b.jpg", "videos/c.mp4"],
    );
    let began = Instant::now();
    let test = ["source", "test", "--from", &file, "--json"];
    let running: Vec<_> = (0..5).map(|_| guarded.cli.start(&test)).collect();
    // The change has a server of its own, so that its test has begun before the Source is disabled.
    let edited = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = edited.local_addr().expect("bound");
    values["endpoint_url"] = format!("http://{address}").into();
    // Not the file that the tests are reading.
    let file = guarded.cli.folder().join("edit.json");
    fs::write(&file, values.to_string()).expect("the folder is ours");
    let file = file.to_str().expect("UTF-8");
    let edit = ["source", "edit", "photos", "--from", file];
    let changing = guarded.cli.start(&edit);
    let _connection = edited.accept().expect("the test connects");
    guarded.cli.succeed(&["source", "disable", "photos"]);
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "a change had to wait"
    );
    guarded.cli.succeed(&["source", "enable", "photos"]);
    let mut busy = 0;
    for running in running {
        let output = running.wait();
        if output.stderr.contains("try again in a moment") {
            busy += 1;
            continue;
        }
        let report: Value = serde_json::from_str(&output.stdout).expect("JSON");
        let unreachable = ("failure".to_owned(), "/endpoint_url".to_owned());
        assert_eq!(bad(&report), [unreachable], "{report:#}");
    }
    assert_eq!(busy, 1);
    let output = changing.wait();
    assert!(output.stderr.contains("does not answer"), "{output:#?}");
    assert!(output.stderr.contains("endpoint_url: "), "{output:#?}");
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
}
