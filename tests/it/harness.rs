//! Tests the tools of the tests: the server lists all keys, and the proxy injects the planned faults.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::fixture::{Fixture, numbered};
use crate::proxy::{Action, lists_from, nth_list};
use crate::s3::Bucket;
use crate::server;

/// Sends a GET request to the proxy on a new connection and returns the response as text.
fn get(fixture: &Fixture, target: &str) -> String {
    let endpoint = fixture.proxy.endpoint();
    let address = endpoint.strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(address).expect("the proxy is up");
    let request = format!("GET /{target} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .expect("the proxy reads");
    stream
        .shutdown(std::net::Shutdown::Write)
        .expect("connected");
    let mut response = String::new();
    stream
        .read_to_string(&mut response)
        .expect("the response is text");
    response
}

/// Lists the bucket through the proxy.
fn list(fixture: &Fixture) -> String {
    get(
        fixture,
        &format!("{}?list-type=2&prefix=a%20b%2B", fixture.bucket.name),
    )
}

#[test]
fn listing_returns_every_key() {
    let bucket = Bucket::create(server::shared());
    let keys = crate::scan_keys::odd_keys();
    bucket.put_keys(&keys);
    let listed: Vec<_> = bucket.list().into_keys().collect();
    let mut expected = keys;
    expected.sort();
    assert_eq!(listed, expected);
}

#[test]
fn listing_follows_pages() {
    let bucket = Bucket::create(server::shared());
    bucket.put_keys(numbered(0..1001));
    assert!(bucket.list().into_keys().eq(numbered(0..1001)));
    bucket.delete("photos/00500.jpg");
    assert_eq!(bucket.list().len(), 1000);
}

#[test]
fn proxy_forwards_and_records_requests() {
    let fixture = Fixture::with_keys(["a b+c"]);
    let response = list(&fixture);
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert!(response.contains("<Key>a b+c</Key>"), "{response}");
    assert!(response.contains("\r\ndate: "), "{response}");
    get(&fixture, &fixture.bucket.name);
    let [request] = &fixture.proxy.lists()[..] else {
        panic!("one of the two requests is a list");
    };
    assert_eq!(request.method, "GET");
    assert_eq!(request.path, format!("/{}", fixture.bucket.name));
    assert_eq!(request.get("prefix"), Some("a b+"));
    assert_eq!(request.list, Some(1));
}

#[test]
fn proxy_injects_only_the_planned_faults() {
    let fixture = Fixture::with_keys(["a b+c"]);
    let proxy = &fixture.proxy;
    proxy.fault(1, nth_list(1), Action::Error(503, "SlowDown"));
    proxy.fault(
        1,
        nth_list(2),
        Action::ErrorWith(301, "PermanentRedirect", "x-amz-bucket-region", "eu-west-1"),
    );
    proxy.fault(1, nth_list(3), Action::ErrorInside200("InternalError"));
    proxy.fault(1, nth_list(4), Action::HangUp);
    proxy.fault(1, nth_list(5), Action::CutBody);
    proxy.fault(
        1,
        lists_from(6),
        Action::Rewrite(|body| body.replace("a b", "z")),
    );
    let list_contains = |words: &[&str]| {
        let response = list(&fixture);
        for word in words {
            assert!(response.contains(word), "no {word} in {response}");
        }
        response
    };
    list_contains(&["HTTP/1.1 503", "<Code>SlowDown</Code>"]);
    list_contains(&["HTTP/1.1 301", "x-amz-bucket-region: eu-west-1\r\n"]);
    list_contains(&["HTTP/1.1 200", "<Error><Code>InternalError</Code>"]);
    assert_eq!(list(&fixture), "");
    let cut = list_contains(&["HTTP/1.1 200"]);
    assert!(!cut.contains("</ListBucketResult>"), "{cut}");
    list_contains(&["<Key>z+c</Key>"]);
    list_contains(&["<Key>a b+c</Key>"]);
    assert_eq!(proxy.lists().len(), 7);
}

#[test]
fn proxy_holds_a_request_until_the_gate_opens() {
    let fixture = Fixture::with_keys(["a b+c"]);
    let gate = fixture.proxy.hold(nth_list(1));
    std::thread::scope(|scope| {
        let held = scope.spawn(|| list(&fixture));
        gate.wait_until_reached();
        assert!(
            list(&fixture).contains("a b+c"),
            "the next request is not held"
        );
        assert!(!held.is_finished());
        gate.open();
        assert!(held.join().expect("no panic").contains("a b+c"));
    });
}

#[test]
fn proxy_changes_the_date_header() {
    let fixture = Fixture::new();
    let date = |response: String| {
        let line = response
            .lines()
            .find_map(|line| line.strip_prefix("date: "));
        line.map(|date| httpdate::parse_http_date(date).expect("a date"))
    };
    let before = date(list(&fixture)).expect("a date");
    fixture.proxy.set_clock(Some(7200));
    let ahead = date(list(&fixture)).expect("a date").duration_since(before);
    assert!(ahead.expect("later").as_secs() >= 7200);
    fixture.proxy.set_clock(None);
    assert_eq!(date(list(&fixture)), None);
}

#[test]
fn server_that_checks_permissions_creates_distinct_users() {
    let server = server::shared_with_rights();
    let one = server.create_user("harness-1", &["s3:ListBucket"]);
    let two = server.create_user("harness-2", &[]);
    assert_ne!(one.id, two.id);
    assert_ne!(one.secret, two.secret);
    assert!(
        one.secret.len() >= 40,
        "a secret is as long as a secret of AWS"
    );
}
