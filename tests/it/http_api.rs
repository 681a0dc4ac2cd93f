//! Tests the HTTP API of the daemon and of the read-only server, over an S3-compatible server.

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::BINARY;
use crate::config::Source;
use crate::daemon::Daemon;
use crate::fixture::{Fixture, SOURCE, numbered};
use crate::http_client::{get, send};
use crate::live_fixture::{Live, wait_for_keys};
use crate::s3::Bucket;
use crate::scan_keys::odd_keys;
use crate::server;

/// Maximum time until HTTP shows a change.
const DEADLINE: Duration = Duration::from_secs(60);

/// Time between two requests of [`wait_for`].
const POLL: Duration = Duration::from_millis(20);

/// Starts the daemon and returns it with its address.
fn serve(live: &mut Live) -> (Daemon, String) {
    live.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    let daemon = live.serve();
    let address = daemon.field(&["serving HTTP"], "address");
    (daemon, address)
}

/// Starts the read-only server and returns it with its address.
fn serve_read_only(fixture: &mut Fixture) -> (Daemon, String) {
    fixture.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    let arguments = ["serve", "--read-only"];
    let server = fixture.cli.watch(Command::new(BINARY), &arguments);
    let address = server.field(&["serving searches, read-only"], "address");
    (server, address)
}

/// Repeats the request until `is_expected` accepts the status and the JSON body.
#[track_caller]
fn wait_for(address: &str, path: &str, is_expected: impl Fn(u16, &Value) -> bool) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let response = send(address, "GET", path, &[]);
        let body = serde_json::from_slice(&response.body).unwrap_or_default();
        if is_expected(response.status, &body) {
            return;
        }
        assert!(Instant::now() < deadline, "{path}: {body:#}");
        thread::park_timeout(POLL);
    }
}

/// Percent-encodes a path.
fn encoded(text: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let bytes = text.bytes().map(|byte| {
        if unreserved(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    bytes.collect()
}

/// The asset paths of all pages, from the page at `first` on.
fn walk(address: &str, first: &str, parameter: &str) -> Vec<String> {
    let (mut paths, mut page) = (Vec::new(), first.to_owned());
    loop {
        let body = get(address, &page);
        for hit in body["data"].as_array().expect("a page") {
            let path = hit.get("path").unwrap_or(&hit["attributes"]["origin_path"]);
            paths.push(path.as_str().expect("a path").to_owned());
        }
        let Some(cursor) = body["meta"]["cursor"]["next"].as_str() else {
            return paths;
        };
        assert!(paths.len() < 10_000, "{first} has too many pages");
        page = format!("{first}&{parameter}={cursor}");
    }
}

#[test]
fn lists_each_asset_once_and_finds_it_by_its_path() {
    let mut live = Live::new();
    let keys = odd_keys();
    live.bucket.put_keys(&keys);
    let (daemon, address) = serve(&mut live);
    let mut expected: Vec<_> = live.bucket.list().into_keys().collect();
    expected.iter_mut().for_each(|key| key.insert(0, '/'));
    expected.sort();
    let id = get(&address, "/v1/sources")["data"][0]["id"].clone();
    let list = format!("/api/v1/sources/{}/assets", id.as_str().expect("an id"));
    for (first, parameter) in [
        ("/v1/search?limit=7".to_owned(), "cursor"),
        ("/v1/search?limit=7&sort=-size".to_owned(), "cursor"),
        (format!("{list}?page[limit]=7"), "page[cursor]"),
    ] {
        let mut paths = walk(&address, &first, parameter);
        paths.sort();
        assert_eq!(paths, expected, "{first}");
    }
    for path in &expected {
        let query = encoded(path);
        let hit = get(&address, &format!("/v1/asset?source={SOURCE}&path={query}"));
        assert_eq!(hit["data"]["path"], *path);
        let asset = get(&address, &format!("{list}{query}"));
        assert_eq!(asset["data"]["attributes"]["origin_path"], *path);
    }
    daemon.terminate();
}

#[test]
fn preview_url_returns_the_object() {
    let mut live = Live::new();
    live.bucket.put("a b+ü.jpg", "the picture");
    let (daemon, address) = serve(&mut live);
    let page = get(&address, "/v1/search?previews=true");
    let url = page["data"][0]["preview_url"].as_str().expect("a URL");
    let rest = url.strip_prefix("http://").expect("the test server");
    let (store, path) = rest.split_once('/').expect("a path");
    let object = send(store, "GET", &format!("/{path}"), &[]);
    assert_eq!(
        (object.status, object.text().as_str()),
        (200, "the picture")
    );
    let log = daemon.terminate();
    assert!(!log.iter().any(|line| line.contains("X-Amz-Signature")));
}

#[test]
fn search_follows_the_events_of_the_bucket() {
    let mut live = Live::new();
    live.bucket.put_keys(numbered(0..30));
    let (daemon, address) = serve(&mut live);
    let all = "/v1/search?limit=1";
    let total = |count: u64| move |_, body: &Value| body["meta"]["total"]["value"] == count;
    wait_for(&address, all, total(30));
    live.bucket.put("new.jpg", "new");
    wait_for(&address, all, total(31));
    live.bucket.delete("new.jpg");
    wait_for(&address, all, total(30));
    daemon.terminate();
}

#[test]
fn reload_applies_the_sources_of_the_new_configuration() {
    let mut live = Live::new();
    let (daemon, address) = serve(&mut live);
    let names = |body: &Value| -> BTreeSet<String> {
        let sources = body["data"].as_array().expect("a list");
        sources
            .iter()
            .map(|source| source["name"].to_string())
            .collect()
    };
    let bucket = Bucket::create(server::shared());
    bucket.put("x.jpg", "x");
    let other = Source::of("other", &bucket, server::shared().endpoint());
    live.configure(|config| config.sources.push(other));
    daemon.hangup();
    wait_for(&address, "/v1/sources", |_, body| names(body).len() == 2);
    wait_for(&address, "/v1/search?source=other", |status, body| {
        status == 200 && body["data"].as_array().is_some_and(|hits| hits.len() == 1)
    });
    live.configure(|config| config.sources.truncate(1));
    daemon.hangup();
    wait_for(&address, "/v1/search?source=other", |status, _| {
        status == 404
    });
    daemon.terminate();
}

#[test]
fn read_only_server_waits_for_an_index_and_follows_it() {
    let mut fixture = Fixture::with_keys(["a.jpg", "b.jpg"]);
    let (server, address) = serve_read_only(&mut fixture);
    let absent = send(&address, "GET", "/v1/search", &[]);
    assert_eq!(absent.status, 503, "{}", absent.text());
    assert_eq!(absent.json()["errors"][0]["code"], "index_absent");
    assert_eq!(absent.header("retry-after"), Some("1"));
    assert_eq!(send(&address, "GET", "/readyz", &[]).status, 503);
    assert_eq!(send(&address, "GET", "/healthz", &[]).status, 200);
    fixture.cli.reindex();
    wait_for(&address, "/v1/search", |_, body| {
        body["meta"]["total"]["value"] == 2
    });
    wait_for(&address, "/status", |_, body| {
        let source = &body["sources"][0];
        source["state"] == "deployed" && source["assets"] == 2
    });
    assert_eq!(send(&address, "GET", "/readyz", &[]).status, 200);
    // It holds no lock: other processes can still write the index, and even rebuild it.
    fixture.bucket.put("c.jpg", "c");
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    wait_for(&address, "/v1/search", |_, body| {
        body["meta"]["total"]["value"] == 3
    });
    assert!(!fixture.cli.data_dir().join("control.sock").exists());
    fixture.change_source(|source| source.disabled = true);
    server.hangup();
    wait_for(&address, "/v1/sources", |_, body| {
        body["data"][0]["status"] == "disabled"
    });
    let page = get(&address, "/v1/search");
    assert_eq!(page["data"], json!([]));
    server.terminate();
}

#[test]
fn read_only_server_listens_elsewhere_as_another_user() {
    let mut fixture = Fixture::with_keys(["a.jpg", "b.jpg"]);
    fixture.cli.reindex();
    fixture.configure(|config| config.listen = "off".to_owned());
    fixture
        .cli
        .fail(&["serve", "--read-only"], &["nothing to serve"]);
    let folder = fixture.cli.folder();
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).expect("our folder");
    // The group of the files, but not their user.
    let metadata = std::fs::metadata(fixture.cli.data_dir()).expect("our folder");
    let mut command = Command::new(BINARY);
    if metadata.uid() == 0 {
        command = Command::new("setpriv");
        let group = format!("--regid={}", metadata.gid());
        command.args(["--reuid=65534", &group, "--clear-groups", BINARY]);
    } else {
        eprintln!("SKIPPED: only root can become another user");
    }
    let arguments = ["serve", "--read-only", "--listen", "127.0.0.1:0"];
    let server = fixture.cli.watch(command, &arguments);
    let address = server.field(&["serving searches, read-only"], "address");
    let two = |_, body: &Value| body["meta"]["total"]["value"] == 2;
    wait_for(&address, "/v1/search", two);
    // A reload keeps the address, and the server follows the index.
    server.hangup();
    server.wait_for(&["a new configuration is in force"]);
    fixture.bucket.put("c.jpg", "c");
    fixture.cli.reindex();
    wait_for(&address, "/v1/search", |_, body| {
        body["meta"]["total"]["value"] == 3
    });
    server.terminate();
    for (arguments, words) in [
        (
            &["serve", "--listen", "127.0.0.1:0"][..],
            ["--read-only", "required"],
        ),
        (
            &["serve", "--read-only", "--listen", "0.0.0.0:0"],
            ["--listen = ", "tokens"],
        ),
        (
            &["serve", "--read-only", "--listen", "x"],
            ["--listen = \"x\"", "a port"],
        ),
    ] {
        let refused = fixture.cli.fail(arguments, &words);
        assert_eq!(refused.status.code(), Some(2), "{refused:#?}");
    }
}

#[test]
fn supports_etags_compression_head_and_only_reads() {
    let mut live = Live::new();
    live.bucket.put_keys(numbered(0..30));
    let (daemon, address) = serve(&mut live);
    let path = "/v1/search?q=photos&facets=ext";
    let whole = send(&address, "GET", path, &[]);
    let etag = whole.header("etag").expect("an ETag").to_owned();
    let cached = send(&address, "GET", path, &[&format!("If-None-Match: {etag}")]);
    assert_eq!((cached.status, cached.body.len()), (304, 0));
    let compressed = send(&address, "GET", path, &["Accept-Encoding: gzip"]);
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert!(compressed.body.len() * 2 < whole.body.len());
    let head = send(&address, "HEAD", path, &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("etag"), Some(etag.as_str()));
    let rejected = send(&address, "DELETE", path, &[]);
    assert_eq!(rejected.status, 405);
    assert_eq!(rejected.header("allow"), Some("GET,HEAD"));
    assert_eq!(rejected.json()["errors"][0]["code"], "method_not_allowed");
    daemon.terminate();
}

/// A key can control a terminal. JSON may have such characters raw, so every output escapes them.
#[test]
fn json_has_no_raw_control_characters() {
    let key = "a\u{9b}31m\u{85}\u{7f}.jpg";
    let mut live = Live::new();
    live.bucket.put(key, "x");
    let (daemon, address) = serve(&mut live);
    wait_for_keys(&live.cli, SOURCE, &[key]);
    let cli = &live.cli;
    let mut outputs = vec![
        cli.succeed(&["search", "--json"]).stdout,
        cli.succeed(&["explain", SOURCE, key, "--json"]).stdout,
        cli.succeed(&["index", "export"]).stdout,
    ];
    let path = "/v1/search?limit=1";
    outputs.push(send(&address, "GET", path, &[]).text());
    for output in outputs {
        let raw = output.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(raw, None, "{output}");
        let escaped = "a\\u009b31m\\u0085\\u007f.jpg";
        assert!(output.contains(escaped), "{output}");
    }
    daemon.terminate();
}
