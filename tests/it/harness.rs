//! The tests' own tools: what the server really does, and that the proxy breaks what it should.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::fixture::{Fixture, numbered};
use crate::proxy::{Action, lists_from, nth_list};
use crate::s3::Bucket;
use crate::server;

/// Sends a GET to the fixture's proxy on a connection of its own; the answer as text.
fn get(fixture: &Fixture, target: &str) -> String {
    let endpoint = fixture.proxy.endpoint();
    let address = endpoint.strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(address).expect("the proxy is up");
    let request = format!("GET /{target} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    stream
        .shutdown(std::net::Shutdown::Write)
        .expect("connected");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers text");
    answer
}

/// A listing through the proxy.
fn list(fixture: &Fixture) -> String {
    get(
        fixture,
        &format!("{}?list-type=2&prefix=a%20b%2B", fixture.bucket.name),
    )
}

#[test]
fn the_listing_gives_back_every_key_that_was_put() {
    let bucket = Bucket::create(server::shared());
    let keys = crate::scan_keys::odd_keys();
    bucket.put_keys(&keys);
    let listed: Vec<_> = bucket.list().into_keys().collect();
    let mut expected = keys;
    expected.sort();
    assert_eq!(listed, expected);
}

#[test]
fn the_listing_goes_over_pages() {
    let bucket = Bucket::create(server::shared());
    bucket.put_keys(numbered(0..1001));
    assert!(bucket.list().into_keys().eq(numbered(0..1001)));
    bucket.delete("photos/00500.jpg");
    assert_eq!(bucket.list().len(), 1000);
}

#[test]
fn the_proxy_notes_and_passes_on() {
    let fixture = Fixture::with_keys(["a b+c"]);
    let answer = list(&fixture);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("<Key>a b+c</Key>"), "{answer}");
    assert!(answer.contains("\r\ndate: "), "{answer}");
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
fn the_proxy_breaks_what_is_planned_and_no_more() {
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
    let has = |words: &[&str]| {
        let answer = list(&fixture);
        for word in words {
            assert!(answer.contains(word), "no {word} in {answer}");
        }
        answer
    };
    has(&["HTTP/1.1 503", "<Code>SlowDown</Code>"]);
    has(&["HTTP/1.1 301", "x-amz-bucket-region: eu-west-1\r\n"]);
    has(&["HTTP/1.1 200", "<Error><Code>InternalError</Code>"]);
    assert_eq!(list(&fixture), "");
    let cut = has(&["HTTP/1.1 200"]);
    assert!(!cut.contains("</ListBucketResult>"), "{cut}");
    has(&["<Key>z+c</Key>"]);
    has(&["<Key>a b+c</Key>"]);
    assert_eq!(proxy.lists().len(), 7);
}

#[test]
fn the_proxy_holds_a_request_until_it_is_released() {
    let fixture = Fixture::with_keys(["a b+c"]);
    let gate = fixture.proxy.hold(nth_list(1));
    std::thread::scope(|scope| {
        let held = scope.spawn(|| list(&fixture));
        gate.wait_until_reached();
        assert!(list(&fixture).contains("a b+c"), "the next one passes");
        assert!(!held.is_finished());
        gate.open();
        assert!(held.join().expect("no panic").contains("a b+c"));
    });
}

#[test]
fn the_proxy_moves_the_clock() {
    let fixture = Fixture::new();
    let date = |answer: String| {
        let line = answer.lines().find_map(|line| line.strip_prefix("date: "));
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
fn the_server_with_rights_tells_users_apart() {
    let server = server::shared_with_rights();
    let one = server.create_user("harness-1", &["s3:ListBucket"]);
    let two = server.create_user("harness-2", &[]);
    assert_ne!(one.id, two.id);
    assert_ne!(one.secret, two.secret);
    assert!(one.secret.len() >= 40, "a secret like AWS's");
}
