//! Faults that stay: the scan stops, says what to fix, and removes nothing that it did not see.

use crate::fixture::{Fixture, SOURCE, numbered};
use crate::proxy::{Action, Request, lists_from};

/// A fault that no number of attempts outlasts.
const FOR_EVER: usize = usize::MAX;

/// Any request at all, HeadBucket included.
fn any(_: &Request) -> bool {
    true
}

/// Scans with every request answered so; standard error must say `words`, and no request may have
/// been repeated.
#[track_caller]
fn assert_permanent(action: Action, words: &[&str]) {
    let fixture = Fixture::with_keys(["a"]);
    fixture.cli.reindex();
    fixture.proxy.clear();
    fixture.proxy.fault(FOR_EVER, any, action);
    fixture.cli.fail(&["reindex"], &[words, &[SOURCE]].concat());
    assert!(fixture.proxy.lists().len() <= 1, "permanent: no retries");
    fixture.assert_mirror();
}

#[test]
fn access_denied() {
    let denied = Action::Error(403, "AccessDenied");
    assert_permanent(denied, &["denied", "ListBucket"]);
}

#[test]
fn expired_token() {
    assert_permanent(Action::Error(400, "ExpiredToken"), &["expired"]);
}

#[test]
fn unknown_access_key() {
    let unknown = Action::Error(403, "InvalidAccessKeyId");
    assert_permanent(unknown, &["access key"]);
}

#[test]
fn wrong_secret() {
    let wrong = Action::Error(403, "SignatureDoesNotMatch");
    assert_permanent(wrong, &["secret"]);
}

#[test]
fn clocks_that_differ_too_much() {
    let fixture = Fixture::with_keys(["a"]);
    let skewed = Action::Error(403, "RequestTimeTooSkewed");
    fixture.proxy.fault(FOR_EVER, any, skewed);
    fixture.cli.fail(&["reindex"], &["clock", SOURCE]);
}

#[test]
fn a_bucket_that_is_not_there() {
    let mut fixture = Fixture::new();
    fixture.change_source(|source| source.bucket = "no-such-bucket".to_owned());
    let words = ["no-such-bucket", SOURCE];
    fixture.cli.fail(&["reindex"], &words);
    assert!(fixture.proxy.lists().len() <= 1, "permanent: no retries");
}

#[test]
fn a_server_that_is_not_there() {
    let mut fixture = Fixture::with_keys(["a"]);
    fixture.cli.reindex();
    let endpoint = fixture.proxy.endpoint();
    // Port 1 of the loopback: nobody listens there.
    fixture.change_source(|source| source.endpoint = "http://127.0.0.1:1".to_owned());
    fixture.cli.fail(&["reindex"], &["127.0.0.1:1", SOURCE]);
    fixture.change_source(|source| source.endpoint = endpoint);
    fixture.assert_mirror();
}

#[test]
fn keys_out_of_order() {
    let fixture = Fixture::with_keys(["a", "b", "c"]);
    fixture.cli.reindex();
    let swapped = |body: &str| {
        let body = body.replace("<Key>a<", "<Key>?<");
        let body = body.replace("<Key>b<", "<Key>a<");
        body.replace("<Key>?<", "<Key>b<")
    };
    fixture.proxy.fault(FOR_EVER, any, Action::Rewrite(swapped));
    fixture.cli.fail(&["reindex"], &["order", SOURCE]);
    fixture.assert_mirror();
}

#[test]
fn the_same_key_twice() {
    let fixture = Fixture::with_keys(["a", "b", "c"]);
    let doubled = |body: &str| body.replace("<Key>b<", "<Key>a<");
    fixture.proxy.fault(FOR_EVER, any, Action::Rewrite(doubled));
    fixture.cli.fail(&["reindex"], &["order", SOURCE]);
    assert!(fixture.cli.keys(SOURCE).is_empty());
}

/// Indexes four pages, deletes one key of each, and scans again with `action` done from the third
/// page on: the removals of the pages before it are kept, all others are not made.
fn fails_at_the_third_page(action: Action, words: &[&str]) {
    let mut fixture = Fixture::with_keys(numbered(0..3500));
    fixture.configure(|config| config.commit_documents = 1);
    fixture.cli.reindex();
    let gone = ["photos/00100.jpg", "photos/01100.jpg"];
    let kept = ["photos/02100.jpg", "photos/03100.jpg"];
    fixture.bucket.delete_many(gone);
    let expected = fixture.bucket.list();
    fixture.bucket.delete_many(kept);
    fixture.proxy.clear();
    fixture.proxy.fault(FOR_EVER, lists_from(3), action);
    fixture.cli.fail(&["reindex"], &[words, &[SOURCE]].concat());
    fixture.cli.assert_holds(SOURCE, &expected);
    fixture.proxy.clear();
    assert_eq!(fixture.cli.reindex().removed, 2);
    fixture.assert_mirror();
}

#[test]
fn a_page_that_fails_for_good_removes_nothing_that_was_not_seen() {
    fails_at_the_third_page(Action::Error(500, "InternalError"), &["InternalError"]);
}

#[test]
fn a_page_that_is_denied_removes_nothing_that_was_not_seen() {
    fails_at_the_third_page(Action::Error(403, "AccessDenied"), &["denied"]);
}

#[test]
fn an_error_inside_a_200_removes_nothing_that_was_not_seen() {
    let error = Action::ErrorInside200("InternalError");
    fails_at_the_third_page(error, &["InternalError"]);
}

#[test]
fn a_page_that_is_always_cut_off_removes_nothing_that_was_not_seen() {
    fails_at_the_third_page(Action::CutBody, &[]);
}

#[test]
fn a_connection_that_is_always_closed_removes_nothing_that_was_not_seen() {
    fails_at_the_third_page(Action::HangUp, &[]);
}

#[test]
fn attempts_are_bounded_as_configured() {
    let mut fixture = Fixture::with_keys(["a"]);
    fixture.configure(|config| config.attempts = 2);
    let slow_down = Action::Error(503, "SlowDown");
    fixture.proxy.fault(FOR_EVER, lists_from(1), slow_down);
    fixture.cli.fail(&["reindex"], &["SlowDown", SOURCE]);
    assert_eq!(fixture.proxy.lists().len(), 2);
}

#[test]
fn check_tells_what_does_not_work() {
    let fixture = Fixture::with_keys(["a"]);
    fixture.cli.succeed(&["check"]);
    let denied = Action::Error(403, "AccessDenied");
    fixture.proxy.fault(FOR_EVER, any, denied);
    let output = fixture.cli.run(&["check"]);
    assert!(!output.status.success());
    let said = (output.stdout + &output.stderr).to_lowercase();
    assert!(said.contains("denied") && said.contains(SOURCE), "{said}");
}

#[test]
fn a_first_scan_that_fails_is_no_obstacle_to_the_next() {
    let fixture = Fixture::with_keys(["a"]);
    let error = Action::Error(500, "InternalError");
    fixture.proxy.fault(FOR_EVER, any, error);
    fixture.cli.fail(&["reindex"], &[SOURCE]);
    fixture.proxy.clear();
    assert_eq!(fixture.cli.reindex().added, 1);
}
