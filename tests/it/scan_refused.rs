//! Lasting faults: the scan stops, says what to fix, and removes only keys that a complete page left out.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::fixture::{Fixture, SOURCE, numbered};
use crate::proxy::{Action, Request, lists_from};

/// The number of requests that fail if a fault never ends.
const FOREVER: usize = usize::MAX;

/// Matches every request, also HeadBucket.
fn any(_: &Request) -> bool {
    true
}

/// Makes every request of a scan fail. Checks that the error contains `words` and the name of the Source, and
/// that the LIST request is not retried.
#[track_caller]
fn assert_permanent(action: Action, words: &[&str]) {
    let fixture = Fixture::with_keys(["a"]);
    fixture.cli.reindex();
    fixture.proxy.clear();
    fixture.proxy.fault(FOREVER, any, action);
    fixture.cli.fail(&["reindex"], &[words, &[SOURCE]].concat());
    assert!(
        fixture.proxy.lists().len() <= 1,
        "a permanent error was retried"
    );
    fixture.assert_mirror();
}

#[test]
fn denied_access_is_not_retried() {
    let denied = Action::Error(403, "AccessDenied");
    assert_permanent(denied, &["denied", "ListBucket"]);
}

#[test]
fn expired_token_is_not_retried() {
    assert_permanent(Action::Error(400, "ExpiredToken"), &["expired"]);
}

#[test]
fn unknown_access_key_is_not_retried() {
    let unknown = Action::Error(403, "InvalidAccessKeyId");
    assert_permanent(unknown, &["access key"]);
}

#[test]
fn wrong_secret_is_not_retried() {
    let wrong = Action::Error(403, "SignatureDoesNotMatch");
    assert_permanent(wrong, &["secret"]);
}

#[test]
fn wrong_clock_is_reported() {
    let fixture = Fixture::with_keys(["a"]);
    let skewed = Action::Error(403, "RequestTimeTooSkewed");
    fixture.proxy.fault(FOREVER, any, skewed);
    fixture.cli.fail(&["reindex"], &["clock", SOURCE]);
}

#[test]
fn missing_bucket_is_not_retried() {
    let mut fixture = Fixture::new();
    fixture.change_source(|source| source.bucket = "no-such-bucket".to_owned());
    let words = ["no-such-bucket", SOURCE];
    fixture.cli.fail(&["reindex"], &words);
    assert!(
        fixture.proxy.lists().len() <= 1,
        "a permanent error was retried"
    );
}

#[test]
fn unreachable_server_is_reported() {
    let mut fixture = Fixture::with_keys(["a"]);
    fixture.cli.reindex();
    let endpoint = fixture.proxy.endpoint();
    // No server listens at port 1.
    fixture.change_source(|source| source.endpoint = "http://127.0.0.1:1".to_owned());
    fixture.cli.fail(&["reindex"], &["127.0.0.1:1", SOURCE]);
    fixture.change_source(|source| source.endpoint = endpoint);
    fixture.assert_mirror();
}

#[test]
fn keys_out_of_order_fail_the_scan() {
    let fixture = Fixture::with_keys(["a", "b", "c"]);
    fixture.cli.reindex();
    let swapped = |body: &str| {
        let body = body.replace("<Key>a<", "<Key>?<");
        let body = body.replace("<Key>b<", "<Key>a<");
        body.replace("<Key>?<", "<Key>b<")
    };
    fixture.proxy.fault(FOREVER, any, Action::Rewrite(swapped));
    fixture.cli.fail(&["reindex"], &["order", SOURCE]);
    fixture.assert_mirror();
}

#[test]
fn repeated_key_fails_the_scan() {
    let fixture = Fixture::with_keys(["a", "b", "c"]);
    let doubled = |body: &str| body.replace("<Key>b<", "<Key>a<");
    fixture.proxy.fault(FOREVER, any, Action::Rewrite(doubled));
    fixture.cli.fail(&["reindex"], &["order", SOURCE]);
    assert!(fixture.cli.keys(SOURCE).is_empty());
}

/// Indexes four pages, deletes one key of each, and scans again with a fault from the third page on. Checks
/// that only the removals in the first two pages are applied.
#[track_caller]
fn assert_removes_only_from_complete_pages(action: Action, words: &[&str]) {
    let mut fixture = Fixture::with_keys(numbered(0..3500));
    fixture.configure(|config| config.commit_documents = 1);
    fixture.cli.reindex();
    let gone = ["photos/00100.jpg", "photos/01100.jpg"];
    let kept = ["photos/02100.jpg", "photos/03100.jpg"];
    fixture.bucket.delete_many(gone);
    let expected = fixture.bucket.list();
    fixture.bucket.delete_many(kept);
    fixture.proxy.clear();
    fixture.proxy.fault(FOREVER, lists_from(3), action);
    fixture.cli.fail(&["reindex"], &[words, &[SOURCE]].concat());
    fixture.cli.assert_contains_exactly(SOURCE, &expected);
    fixture.proxy.clear();
    assert_eq!(fixture.cli.reindex().removed, 2);
    fixture.assert_mirror();
}

#[test]
fn internal_errors_remove_only_from_complete_pages() {
    assert_removes_only_from_complete_pages(
        Action::Error(500, "InternalError"),
        &["InternalError"],
    );
}

#[test]
fn denied_pages_remove_only_from_complete_pages() {
    assert_removes_only_from_complete_pages(Action::Error(403, "AccessDenied"), &["denied"]);
}

#[test]
fn errors_inside_a_200_remove_only_from_complete_pages() {
    let error = Action::ErrorInside200("InternalError");
    assert_removes_only_from_complete_pages(error, &["InternalError"]);
}

#[test]
fn incomplete_bodies_remove_only_from_complete_pages() {
    assert_removes_only_from_complete_pages(Action::CutBody, &[]);
}

#[test]
fn closed_connections_remove_only_from_complete_pages() {
    assert_removes_only_from_complete_pages(Action::HangUp, &[]);
}

#[test]
fn pages_of_another_bucket_remove_nothing() {
    let other = |body: &str| body.replace("<Name>", "<Name>not-");
    let words = ["another bucket than the request"];
    assert_removes_only_from_complete_pages(Action::Rewrite(other), &words);
}

#[test]
fn pages_of_another_prefix_remove_nothing() {
    let other = |body: &str| {
        let end = "</ListBucketResult>";
        body.replace(end, &format!("<Prefix>other/</Prefix>{end}"))
    };
    let words = ["another prefix than the request"];
    assert_removes_only_from_complete_pages(Action::Rewrite(other), &words);
}

#[test]
fn pages_with_fewer_keys_than_they_promise_remove_nothing() {
    let without_first_key = |body: &str| {
        let (head, rest) = body.split_once("<Contents>").expect("keys on the page");
        let (_, tail) = rest.split_once("</Contents>").expect("keys on the page");
        format!("{head}{tail}")
    };
    let words = ["KeyCount"];
    assert_removes_only_from_complete_pages(Action::Rewrite(without_first_key), &words);
}

#[test]
fn listing_that_makes_no_progress_fails() {
    let fixture = Fixture::with_keys(numbered(0..2500));
    // An empty page whose token for the next page never changes.
    let endless = |body: &str| {
        let (head, rest) = body.split_once("<Contents>").expect("keys on the page");
        let (_, tail) = rest.rsplit_once("</Contents>").expect("keys on the page");
        let page = format!("{head}{tail}").replace("<KeyCount>1000<", "<KeyCount>0<");
        let (head, rest) = page
            .split_once("<NextContinuationToken>")
            .expect("not the last page");
        let (_, tail) = rest.split_once('<').expect("a closing tag");
        format!("{head}<NextContinuationToken>again<{tail}")
    };
    let first = crate::proxy::nth_list(1);
    fixture.proxy.fault(1, first, Action::Rewrite(endless));
    let second = |_: &str| {
        "<ListBucketResult><IsTruncated>true</IsTruncated>\
         <NextContinuationToken>again</NextContinuationToken></ListBucketResult>"
            .to_owned()
    };
    fixture
        .proxy
        .fault(FOREVER, lists_from(2), Action::Rewrite(second));
    fixture.cli.fail(&["reindex"], &["no progress", SOURCE]);
    assert!(fixture.cli.keys(SOURCE).is_empty());
}

#[test]
fn many_pages_without_a_key_are_logged() {
    static SENT: AtomicU32 = AtomicU32::new(0);
    let fixture = Fixture::with_keys(["a"]);
    // The token changes with each page.
    let empty = |_: &str| {
        let sent = SENT.fetch_add(1, Ordering::Relaxed);
        format!(
            "<ListBucketResult><IsTruncated>{}</IsTruncated>\
             <NextContinuationToken>{sent}</NextContinuationToken></ListBucketResult>",
            sent < 500
        )
    };
    fixture
        .proxy
        .fault(FOREVER, lists_from(1), Action::Rewrite(empty));
    let output = fixture.cli.succeed(&["reindex"]);
    let lines = output.stderr.lines();
    let lines: Vec<_> = lines
        .filter(|line| line.contains("without a key"))
        .collect();
    assert_eq!(lines.len(), 1, "{output:#?}");
    assert!(lines[0].contains("pages=500"), "{output:#?}");
}

#[test]
fn number_of_attempts_is_configurable() {
    let mut fixture = Fixture::with_keys(["a"]);
    fixture.configure(|config| config.attempts = 2);
    let slow_down = Action::Error(503, "SlowDown");
    fixture.proxy.fault(FOREVER, lists_from(1), slow_down);
    fixture.cli.fail(&["reindex"], &["SlowDown", SOURCE]);
    assert_eq!(fixture.proxy.lists().len(), 2);
}

#[test]
fn check_reports_denied_access() {
    let fixture = Fixture::with_keys(["a"]);
    fixture.cli.succeed(&["check"]);
    let denied = Action::Error(403, "AccessDenied");
    fixture.proxy.fault(FOREVER, any, denied);
    let output = fixture.cli.run(&["check"]);
    assert!(!output.status.success());
    let text = (output.stdout + &output.stderr).to_lowercase();
    assert!(text.contains("denied") && text.contains(SOURCE), "{text}");
}

#[test]
fn failed_first_scan_does_not_block_the_next() {
    let fixture = Fixture::with_keys(["a"]);
    let error = Action::Error(500, "InternalError");
    fixture.proxy.fault(FOREVER, any, error);
    fixture.cli.fail(&["reindex"], &[SOURCE]);
    fixture.proxy.clear();
    assert_eq!(fixture.cli.reindex().added, 1);
}
