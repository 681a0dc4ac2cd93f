//! Tests that logs contain no secrets, and at `info` neither keys nor search texts, also if something fails.

use crate::access::new_token;
use crate::http_client::send;
use crate::live_fixture::Live;
use crate::proxy::{Action, Request};
use crate::server::AccessKey;

/// A part of each key and each search text.
const PRIVATE: &str = "geheimnis";

/// The secret of the access key. The server accepts any secret.
const SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYSECRETKEY000";

/// Swaps the order of the first two keys of a page.
fn out_of_order(page: &str) -> String {
    page.replacen("geheimnis-b", "zz-geheimnis-b", 1)
}

fn lists_one_key(request: &Request) -> bool {
    request
        .get("prefix")
        .is_some_and(|prefix| prefix.contains(PRIVATE))
}

/// Runs a daemon through many successes and failures. Returns its log, and a token that must not be in it.
fn log_of_everything(level: &str) -> (String, String) {
    let mut live = Live::new();
    let key = AccessKey {
        id: "AKIAEXAMPLE".to_owned(),
        secret: SECRET.to_owned(),
    };
    let file = live.cli.folder().join("secret");
    live.change_source(|source| *source = source.clone().with_access_key(&key, &file, 0o600));
    live.configure(|config| {
        config.listen = "127.0.0.1:0".to_owned();
        config.serve = vec!["tokens = \"tokens\"".to_owned()];
        config.visibility_timeout_seconds = 10;
    });
    let token = new_token(&live.cli, "all", &["--all-sources", "--admin"]);
    live.cli.set_environment("ASSET_INDEXER_LOG", level);
    live.bucket.enable_versioning();
    live.bucket
        .put_keys(["geheimnis-a.jpg", "geheimnis-b.jpg", "geheimnis-c.jpg"]);
    // The first page is requested twice.
    let once = |request: &Request| request.list.is_some();
    live.proxy.fault(1, once, Action::Error(503, "SlowDown"));
    let daemon = live.serve();
    let address = daemon.field(&["serving HTTP"], "address");
    // Events: a valid one, one whose look-up fails at first, and messages that are not events.
    live.proxy
        .fault(3, lists_one_key, Action::Error(403, "AccessDenied"));
    live.bucket.put("geheimnis-d.jpg", "new");
    let version = live.bucket.versions("geheimnis-a.jpg").remove(0);
    live.bucket.delete_version("geheimnis-a.jpg", &version);
    live.queue
        .send(&["geheimnis, but no notification", "{\"geheimnis\": 1}"]);
    daemon.wait_for(&["WARN", "look-up failed"]);
    daemon.wait_for_times(2, &["WARN", "message quarantined"]);
    // Searches that succeed, and searches that fail.
    let header = format!("Authorization: Bearer {token}");
    for (path, status) in [
        ("/v1/search?q=geheimnis", 200),
        ("/v1/search?q=size:geheimnis", 400),
        ("/v1/search?q=a&cursor=geheimnis", 400),
        ("/v1/suggest?q=geheim", 200),
        ("/geheimnis", 404),
    ] {
        assert_eq!(
            send(&address, "GET", path, &[&header]).status,
            status,
            "{path}"
        );
    }
    let forged = format!("{header}geheimnis");
    assert_eq!(send(&address, "GET", "/v1/search", &[&forged]).status, 401);
    // A scan with an invalid listing.
    live.proxy.fault(
        1,
        |request| request.list.is_some(),
        Action::Rewrite(out_of_order),
    );
    live.cli.run(&["reindex", "--fresh"]);
    daemon.wait_for(&["WARN", "scan failed"]);
    (daemon.terminate().join("\n"), token)
}

#[test]
fn info_logs_contain_no_keys_searches_or_secrets() {
    let (log, token) = log_of_everything("info");
    for message in [
        "request failed; retrying",
        "scan failed",
        "ascending key order",
    ] {
        assert!(log.contains(message), "{log}");
    }
    for hidden in [PRIVATE, SECRET, &token, &token[4..20]] {
        let line = log.lines().find(|line| line.contains(hidden));
        assert_eq!(line, None, "{hidden}");
    }
}

#[test]
fn debug_logs_contain_keys_but_no_secrets() {
    let (log, token) = log_of_everything("asset_indexer=trace,debug");
    assert!(
        log.contains("\"zz-geheimnis-b.jpg\""),
        "the listing error names no key: {log}"
    );
    for hidden in [SECRET, &token, &token[4..]] {
        let line = log.lines().find(|line| line.contains(hidden));
        assert_eq!(line, None, "{hidden}");
    }
}

#[test]
fn trace_logs_do_not_contain_what_the_sdk_signs() {
    /// The session token of temporary credentials. It is a part of each presigned URL.
    const SESSION: &str = "FwoGZXIvYXdzEEXAMPLESESSIONTOKEN0000";
    let mut live = Live::new();
    live.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    live.cli.set_environment("AWS_SESSION_TOKEN", SESSION);
    live.cli.set_environment("ASSET_INDEXER_LOG", "trace");
    live.bucket.put_keys(["a.jpg"]);
    let daemon = live.serve();
    let address = daemon.field(&["serving HTTP"], "address");
    live.wait_for_mirror();
    let response = send(&address, "GET", "/v1/search?previews=true", &[]).text();
    assert!(response.contains(SESSION), "no URL was signed: {response}");
    let log = daemon.terminate();
    assert!(log.iter().any(|line| line.contains("TRACE")));
    assert_eq!(log.iter().find(|line| line.contains(SESSION)), None);
}
