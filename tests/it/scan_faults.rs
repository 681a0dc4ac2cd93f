//! Temporary faults: the scan retries the request, and ends with a mirror.

use crate::fixture::{Fixture, numbered};
use crate::proxy::{Action, nth_list};

/// Scans a bucket of three pages with a fault in the first `times` requests for the second page. Returns the
/// number of LIST requests.
fn requests_with(times: usize, action: Action) -> usize {
    let fixture = Fixture::with_keys(numbered(0..2100));
    let second_page = |request: &crate::proxy::Request| {
        request.get("continuation-token").is_some() || request.get("start-after").is_some()
    };
    fixture.proxy.fault(times, second_page, action);
    assert_eq!(fixture.cli.reindex().added, 2100);
    fixture.assert_mirror();
    fixture.proxy.lists().len()
}

#[test]
fn retries_after_slow_down() {
    assert_eq!(requests_with(2, Action::Error(503, "SlowDown")), 5);
}

#[test]
fn retries_after_an_internal_error() {
    assert_eq!(requests_with(1, Action::Error(500, "InternalError")), 4);
}

#[test]
fn retries_after_an_error_inside_a_200() {
    assert_eq!(requests_with(1, Action::ErrorInside200("InternalError")), 4);
}

#[test]
fn retries_after_an_incomplete_body() {
    assert_eq!(requests_with(1, Action::CutBody), 4);
}

#[test]
fn retries_after_a_closed_connection() {
    // The HTTP client may itself repeat a request if its kept-alive connection was closed.
    assert!(requests_with(1, Action::HangUp) >= 4);
}

#[test]
fn retries_after_a_body_that_ends_between_two_elements() {
    let cut = |body: &str| {
        let end = body.find("<Contents>").expect("keys on the page");
        body[..end].to_owned()
    };
    assert_eq!(requests_with(1, Action::Rewrite(cut)), 4);
}

#[test]
fn retries_the_first_page() {
    let fixture = Fixture::with_keys(["a", "b"]);
    let slow_down = Action::Error(503, "SlowDown");
    fixture.proxy.fault(1, nth_list(1), slow_down);
    assert_eq!(fixture.cli.reindex().added, 2);
    fixture.assert_mirror();
}

#[test]
fn continues_after_an_empty_page_that_is_not_the_last() {
    let fixture = Fixture::with_keys(numbered(0..1500));
    let without_keys = |body: &str| {
        let (head, rest) = body.split_once("<Contents>").expect("keys on the page");
        let (_, tail) = rest.rsplit_once("</Contents>").expect("keys on the page");
        format!("{head}{tail}").replace("<KeyCount>1000<", "<KeyCount>0<")
    };
    // This scan misses the keys of the page, because the response says that there are none in its interval.
    fixture
        .proxy
        .fault(1, nth_list(1), Action::Rewrite(without_keys));
    assert_eq!(fixture.cli.reindex().added, 500);
    assert_eq!(fixture.cli.reindex().added, 1000);
    fixture.assert_mirror();
}
