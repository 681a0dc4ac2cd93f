//! Faults that pass: a scan that meets them tries again and ends with a mirror.

use crate::fixture::{Fixture, numbered};
use crate::proxy::{Action, nth_list};

/// Scans a bucket of three pages whose second page is broken `times` times; the requests it took.
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
fn a_server_that_asks_to_slow_down_is_asked_again() {
    assert_eq!(requests_with(2, Action::Error(503, "SlowDown")), 5);
}

#[test]
fn an_internal_error_is_tried_again() {
    assert_eq!(requests_with(1, Action::Error(500, "InternalError")), 4);
}

#[test]
fn an_error_inside_a_200_is_tried_again() {
    assert_eq!(requests_with(1, Action::ErrorInside200("InternalError")), 4);
}

#[test]
fn a_body_that_is_cut_off_is_fetched_again() {
    assert_eq!(requests_with(1, Action::CutBody), 4);
}

#[test]
fn a_connection_that_is_closed_is_made_again() {
    // The HTTP client may itself send once more on a kept connection that was closed.
    assert!(requests_with(1, Action::HangUp) >= 4);
}

#[test]
fn a_body_that_breaks_off_as_well_formed_text_is_not_taken_for_the_last_page() {
    let cut = |body: &str| {
        let end = body.find("<Contents>").expect("keys on the page");
        body[..end].to_owned()
    };
    assert_eq!(requests_with(1, Action::Rewrite(cut)), 4);
}

#[test]
fn a_first_page_may_fail_too() {
    let fixture = Fixture::with_keys(["a", "b"]);
    let slow_down = Action::Error(503, "SlowDown");
    fixture.proxy.fault(1, nth_list(1), slow_down);
    assert_eq!(fixture.cli.reindex().added, 2);
    fixture.assert_mirror();
}

#[test]
fn an_empty_page_that_is_not_the_last_is_not_the_end() {
    let fixture = Fixture::with_keys(numbered(0..1500));
    let without_keys = |body: &str| {
        let (head, rest) = body.split_once("<Contents>").expect("keys on the page");
        let (_, tail) = rest.rsplit_once("</Contents>").expect("keys on the page");
        format!("{head}{tail}")
    };
    // The page's keys are lost to this scan: S3 says that there are none in that stretch.
    fixture
        .proxy
        .fault(1, nth_list(1), Action::Rewrite(without_keys));
    assert_eq!(fixture.cli.reindex().added, 500);
    assert_eq!(fixture.cli.reindex().added, 1000);
    fixture.assert_mirror();
}
