//! The HTTP interface of the real daemon, and of the server that only reads, over real buckets.

use std::collections::BTreeSet;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::BINARY;
use crate::config::Source;
use crate::daemon::Daemon;
use crate::fixture::{Fixture, SOURCE, numbered};
use crate::http_client::{ask, get};
use crate::live_fixture::Live;
use crate::s3::Bucket;
use crate::scan_keys::odd_keys;
use crate::server;

/// How long what happens may take to be seen over HTTP.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long to wait between two looks.
const POLL: Duration = Duration::from_millis(20);

/// The daemon and where it answers.
fn serve(live: &mut Live) -> (Daemon, String) {
    live.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    let daemon = live.serve();
    let address = daemon.field(&["serving status and metrics"], "address");
    (daemon, address)
}

/// The server that only reads, and where it answers.
fn serve_read_only(fixture: &mut Fixture) -> (Daemon, String) {
    fixture.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    let arguments = ["serve", "--read-only"];
    let server = fixture.cli.watch(Command::new(BINARY), &arguments);
    let address = server.field(&["serving searches, read-only"], "address");
    (server, address)
}

/// Waits until the answer at the path is as it should be.
#[track_caller]
fn wait_for(address: &str, path: &str, is_so: impl Fn(u16, &Value) -> bool) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let answer = ask(address, "GET", path, &[]);
        let body = serde_json::from_slice(&answer.body).unwrap_or_default();
        if is_so(answer.status, &body) {
            return;
        }
        assert!(Instant::now() < deadline, "{path}: {body:#}");
        thread::park_timeout(POLL);
    }
}

/// The bytes of a key as an address holds them.
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

/// The paths on all pages from that one on.
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
        assert!(paths.len() < 10_000, "there is no end");
        page = format!("{first}&{parameter}={cursor}");
    }
}

#[test]
fn every_asset_of_the_bucket_is_listed_once_and_comes_back_by_its_path() {
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
fn a_preview_is_an_address_that_gives_the_object() {
    let mut live = Live::new();
    live.bucket.put("a b+ü.jpg", "the picture");
    let (daemon, address) = serve(&mut live);
    let page = get(&address, "/v1/search?previews=true");
    let url = page["data"][0]["preview_url"].as_str().expect("an address");
    let rest = url.strip_prefix("http://").expect("the store of the test");
    let (store, path) = rest.split_once('/').expect("a path");
    let object = ask(store, "GET", &format!("/{path}"), &[]);
    assert_eq!(
        (object.status, object.text().as_str()),
        (200, "the picture")
    );
    let log = daemon.terminate();
    assert!(!log.iter().any(|line| line.contains("X-Amz-Signature")));
}

#[test]
fn what_happens_in_the_bucket_is_found_a_moment_later() {
    let mut live = Live::new();
    live.bucket.put_keys(numbered(0..30));
    let (daemon, address) = serve(&mut live);
    let all = "/v1/search?limit=1";
    let total = |count: u64| move |_, body: &Value| body["meta"]["total"]["value"] == count;
    wait_for(&address, all, total(30));
    live.bucket.put("new.jpg", "told by an event");
    wait_for(&address, all, total(31));
    live.bucket.delete("new.jpg");
    wait_for(&address, all, total(30));
    daemon.terminate();
}

#[test]
fn a_reload_shows_the_sources_of_the_new_configuration() {
    let mut live = Live::new();
    let (daemon, address) = serve(&mut live);
    let names = |body: &Value| -> BTreeSet<String> {
        let sources = body["data"].as_array().expect("a list");
        sources.iter().map(|it| it["name"].to_string()).collect()
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
fn a_server_that_only_reads_waits_for_an_index_and_follows_it() {
    let mut fixture = Fixture::with_keys(["a.jpg", "b.jpg"]);
    let (server, address) = serve_read_only(&mut fixture);
    let absent = ask(&address, "GET", "/v1/search", &[]);
    assert_eq!(absent.status, 503, "{}", absent.text());
    assert_eq!(absent.json()["errors"][0]["code"], "index_absent");
    assert_eq!(absent.header("retry-after"), Some("1"));
    assert_eq!(ask(&address, "GET", "/readyz", &[]).status, 503);
    assert_eq!(ask(&address, "GET", "/healthz", &[]).status, 200);
    fixture.cli.reindex();
    wait_for(&address, "/v1/search", |_, body| {
        body["meta"]["total"]["value"] == 2
    });
    wait_for(&address, "/status", |_, body| {
        let source = &body["sources"][0];
        source["state"] == "deployed" && source["assets"] == 2
    });
    assert_eq!(ask(&address, "GET", "/readyz", &[]).status, 200);
    // It holds no lock: others go on writing, and even build the index anew.
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
fn answers_are_validated_compressed_and_headless_where_asked() {
    let mut live = Live::new();
    live.bucket.put_keys(numbered(0..30));
    let (daemon, address) = serve(&mut live);
    let path = "/v1/search?q=photos&facets=ext";
    let whole = ask(&address, "GET", path, &[]);
    let etag = whole.header("etag").expect("a validator").to_owned();
    let known = ask(&address, "GET", path, &[&format!("If-None-Match: {etag}")]);
    assert_eq!((known.status, known.body.len()), (304, 0));
    let packed = ask(&address, "GET", path, &["Accept-Encoding: gzip"]);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() * 2 < whole.body.len());
    let head = ask(&address, "HEAD", path, &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("etag"), Some(etag.as_str()));
    let refused = ask(&address, "DELETE", path, &[]);
    assert_eq!(refused.status, 405);
    assert_eq!(refused.header("allow"), Some("GET,HEAD"));
    assert_eq!(refused.json()["errors"][0]["code"], "method_not_allowed");
    daemon.terminate();
}
