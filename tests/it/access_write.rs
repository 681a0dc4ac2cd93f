//! Tests who may change something over HTTP: the one-time link, the session, and web pages of other origins.

use std::io::BufRead;
use std::process::Command;

use serde_json::{Value, json};

use crate::access::{get_with, new_token, serve_read_only, with_tokens};
use crate::cli::{BINARY, Cli};
use crate::config::Config;
use crate::daemon::Daemon;
use crate::http_client::{Response, get, send, send_body, send_json};

/// A page on another server that may use the API.
const ALLOWED: &str = "https://assets.example.com";
/// One that may not.
const FOREIGN: &str = "https://evil.example.com";

/// A daemon without tokens that has printed a link, with its address and the code of the link.
pub fn serve_with_link(cli: &Cli) -> (Daemon, String, String) {
    let mut daemon = cli.watch(Command::new(BINARY), &["serve", "--link"]);
    let address = daemon.field(&["serving HTTP"], "address");
    let mut lines = daemon.output().lines().map_while(Result::ok);
    let link = format!("http://{address}/#code=");
    let code = lines.find_map(|line| line.trim().strip_prefix(&link).map(str::to_owned));
    (daemon, address, code.expect("a link to the page"))
}

fn begin(address: &str, code: &str, headers: &[&str]) -> Response {
    let body = json!({ "code": code }).to_string();
    send_json(address, "POST", "/v1/session", headers, &body)
}

#[track_caller]
fn assert_error(response: &Response, status: u16, code: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(response.json()["errors"][0]["code"], code);
}

#[test]
fn link_becomes_a_token_once() {
    let cli = Cli::new(&Config {
        listen: "127.0.0.1:0".to_owned(),
        ..Config::of([])
    });
    let (daemon, address, code) = serve_with_link(&cli);
    let before = get(&address, "/v1/session");
    let want = json!({
        "authenticated": false, "token_name": null, "right": "admin", "may_manage": false, "may_create": false,
        "sources": null, "tokens_required": false, "managed_by": "daemon",
    });
    assert_eq!(before, want);
    let old = "Authorization: Bearer aix_of_yesterday";
    let answer = begin(&address, &code, &[old]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = answer.json();
    let expires = answer["expires_at"].as_str().expect("a time");
    assert!(expires.ends_with('Z'), "{expires}");
    let token = answer["token"].as_str().expect("a token");
    for used in [code.as_str(), "", "nonsense"] {
        assert_error(&begin(&address, used, &[]), 403, "code_invalid");
    }
    let session = get_with(&address, "/v1/session", token).json();
    let rights = [
        "authenticated",
        "token_name",
        "right",
        "may_manage",
        "may_create",
    ];
    let rights = rights.map(|name| session[name].clone());
    assert_eq!(
        rights,
        [
            json!(true),
            json!("link"),
            json!("manage"),
            json!(true),
            json!(true)
        ]
    );
    // An invalid token is an error, even if reading needs none.
    for path in ["/v1/session", "/v1/sources"] {
        let response = send(&address, "GET", path, &[old]);
        assert_error(&response, 401, "unauthenticated");
    }
    let log = daemon.terminate().join("\n");
    assert!(log.contains("a one-time link was used"), "{log}");
    assert!(!log.contains(&code) && !log.contains(token), "{log}");
}

#[test]
fn link_needs_a_page() {
    let cli = Cli::new(&Config::of([]));
    cli.fail(
        &["serve", "--link"],
        &["a link needs an address and a port"],
    );
    cli.fail(
        &["serve", "--link", "--read-only"],
        &["cannot be used with"],
    );
}

#[test]
fn link_command_prints_a_new_link() {
    let cli = Cli::new(&with_tokens("127.0.0.1:0"));
    new_token(&cli, "reader", &["--all-sources"]);
    cli.fail(&["link"], &["no daemon answers"]);
    let daemon = cli.serve();
    let address = daemon.field(&["serving HTTP"], "address");
    let [first, second] = [(), ()].map(|()| {
        let output = cli.succeed(&["link"]);
        assert!(output.stderr.contains("within 15 minutes"), "{output:?}");
        let link = output.stdout.trim().to_owned();
        let code = link.strip_prefix(&format!("http://{address}/#code="));
        code.expect("a link to the page").to_owned()
    });
    assert_ne!(first, second);
    for code in [&first, &second] {
        let token = begin(&address, code, &[]).json()["token"].take();
        let session = get_with(&address, "/v1/session", token.as_str().expect("a token")).json();
        assert_eq!(session["may_create"], true, "{session}");
        let used = begin(&address, code, &[]);
        assert_error(&used, 403, "code_invalid");
        assert!(used.text().contains("run `asset-indexer link`"));
    }
    let log = daemon.terminate().join("\n");
    assert!(log.contains("a one-time link was made"), "{log}");
    assert!(!log.contains(&first), "{log}");
}

#[test]
fn link_command_needs_a_page() {
    let cli = Cli::new(&Config::of([]));
    let daemon = cli.serve();
    daemon.wait_for(&["ready"]);
    cli.fail(&["link"], &["needs an address and a port in serve.listen"]);
    daemon.terminate();
}

#[test]
fn session_says_what_a_token_may_do() {
    let cli = Cli::new(&with_tokens("127.0.0.1:0"));
    let reader = new_token(&cli, "reader", &["--source", "assets"]);
    let web = new_token(&cli, "web", &["--source", "assets", "--manage"]);
    let all = new_token(&cli, "all", &["--all-sources", "--manage"]);
    let (server, address) = serve_read_only(&cli);
    let session = |token: &str| get_with(&address, "/v1/session", token).json();
    for (token, name, right, may_manage, may_create, sources) in [
        (&reader, "reader", "read", false, false, json!(["assets"])),
        (&web, "web", "manage", true, false, json!(["assets"])),
        (&all, "all", "manage", true, true, Value::Null),
    ] {
        let want = json!({
            "authenticated": true, "token_name": name, "right": right, "may_manage": may_manage,
            "may_create": may_create, "sources": sources, "tokens_required": true, "managed_by": null,
        });
        assert_eq!(session(token), want);
    }
    let without = get(&address, "/v1/session");
    let want = json!({
        "authenticated": false, "token_name": null, "right": null, "may_manage": false, "may_create": false,
        "sources": [], "tokens_required": true, "managed_by": null,
    });
    assert_eq!(without, want);
    assert_error(&begin(&address, "nonsense", &[]), 403, "code_invalid");
    server.terminate();
}

#[test]
fn only_own_and_allowed_pages_may_change_something() {
    let config = |origins: &str| Config {
        listen: "127.0.0.1:0".to_owned(),
        serve: vec![format!("cors_origins = [{origins}]")],
        ..Config::of([])
    };
    let cli = Cli::new(&config(&format!("{ALLOWED:?}")));
    let (daemon, address, _) = serve_with_link(&cli);
    let origin = |origin: &str| format!("Origin: {origin}");
    let own = format!("http://{address}");
    for (page, code) in [
        (&*own, "code_invalid"),
        (ALLOWED, "code_invalid"),
        (FOREIGN, "origin_not_allowed"),
        ("null", "origin_not_allowed"),
    ] {
        assert_error(&begin(&address, "x", &[&origin(page)]), 403, code);
        let read = send(&address, "GET", "/v1/sources", &[&origin(page)]);
        assert_eq!(read.status, 200, "{page}");
        let allowed = (page == ALLOWED).then_some(ALLOWED);
        assert_eq!(
            read.header("access-control-allow-origin"),
            allowed,
            "{page}"
        );
        assert_eq!(read.header("access-control-allow-credentials"), None);
        let policy = if page == ALLOWED {
            "cross-origin"
        } else {
            "same-origin"
        };
        assert_eq!(read.header("cross-origin-resource-policy"), Some(policy));
        let vary = read.headers.iter().filter(|(name, _)| name == "vary");
        assert!(vary.clone().any(|(_, value)| value == "origin"), "{page}");
        let preflight = [
            &*origin(page),
            "Access-Control-Request-Method: PATCH",
            "Access-Control-Request-Headers: authorization,content-type",
        ];
        let preflight = send(&address, "OPTIONS", "/v1/sources", &preflight);
        let status = if page == ALLOWED { 204 } else { 405 };
        assert_eq!(preflight.status, status, "{page}");
        let methods = preflight.header("access-control-allow-methods");
        assert_eq!(methods.is_some(), page == ALLOWED, "{page}");
        let origin = preflight.header("access-control-allow-origin");
        assert_eq!(origin, allowed, "{page}");
    }
    // A reload takes an origin away.
    cli.configure(&config(""));
    daemon.hangup();
    daemon.wait_for(&["a new configuration is in force"]);
    let response = begin(&address, "x", &[&origin(ALLOWED)]);
    assert_error(&response, 403, "origin_not_allowed");
    daemon.terminate();
}

/// The method and the path of every documented operation that changes something and needs a token.
fn writes(address: &str, token: &str) -> Vec<(String, String)> {
    let document = get_with(address, "/v1/openapi.json", token).json();
    let paths = document["paths"].as_object().expect("an object");
    let mut writes = Vec::new();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().expect("an object") {
            let is_public = operation["security"] == json!([]);
            let is_search = operation["tags"] == json!(["search"]);
            if !is_public && !is_search && method != "get" {
                let path = path.replace("{name}", "assets");
                let path = path.replace("{id}", "000000000000000000000000");
                assert!(!path.contains('{'), "{path}");
                writes.push((method.to_uppercase(), path));
            }
        }
    }
    writes
}

#[test]
fn every_write_needs_a_manage_token_and_an_allowed_origin() {
    let cli = Cli::new(&with_tokens("127.0.0.1:0"));
    let reader = new_token(&cli, "reader", &["--all-sources"]);
    let admin = new_token(&cli, "admin", &["--all-sources", "--admin"]);
    let web = new_token(&cli, "web", &["--all-sources", "--manage"]);
    let daemon = cli.serve();
    let address = daemon.field(&["serving HTTP"], "address");
    let writes = writes(&address, &reader);
    // Our shapes and those of imgix.
    assert!(writes.len() >= 6, "{writes:?}");
    for (method, path) in &writes {
        let send = |headers: &[&str]| send_json(&address, method, path, headers, "{}");
        let bearer = |token: &str| format!("Authorization: Bearer {token}");
        for token in [&reader, &admin] {
            let response = send(&[&bearer(token)]);
            assert_eq!(response.status, 403, "{method} {path}: {}", response.text());
            assert_eq!(response.json()["errors"][0]["code"], "forbidden");
        }
        let without = send(&[]);
        assert_eq!(without.status, 401, "{method} {path}: {}", without.text());
        let foreign = send(&[&bearer(&web), &format!("Origin: {FOREIGN}")]);
        assert_eq!(foreign.status, 403, "{method} {path}: {}", foreign.text());
        assert_eq!(foreign.json()["errors"][0]["code"], "origin_not_allowed");
        let text = send_body(&address, method, path, "text/plain", &[&bearer(&web)], "{}");
        assert_eq!(text.status, 415, "{method} {path}: {}", text.text());
    }
    daemon.terminate();
}

#[test]
fn a_change_needs_a_token_on_an_open_server() {
    let cli = Cli::new(&Config {
        listen: "127.0.0.1:0".to_owned(),
        ..Config::of([])
    });
    let daemon = cli.serve();
    let address = daemon.field(&["serving HTTP"], "address");
    let response = send_json(&address, "POST", "/v1/sources", &[], "{}");
    assert_error(&response, 401, "unauthenticated");
    let detail = response.json()["errors"][0]["detail"].to_string();
    assert!(detail.contains("asset-indexer link"), "{detail}");
    daemon.terminate();
}

#[test]
fn bodies_must_be_short_json() {
    let cli = Cli::new(&Config {
        listen: "127.0.0.1:0".to_owned(),
        ..Config::of([])
    });
    let (daemon, address, _) = serve_with_link(&cli);
    let post = |kind: &str, body: &str| send_body(&address, "POST", "/v1/session", kind, &[], body);
    let code = "{\"code\": \"x\"}";
    for (kind, body, status, error) in [
        ("text/plain", code, 415, "content_type_unsupported"),
        (
            "application/x-www-form-urlencoded",
            code,
            415,
            "content_type_unsupported",
        ),
        ("application/json", "{", 400, "body_invalid"),
        ("application/json", "{\"code\": 5}", 400, "body_invalid"),
        ("application/json; charset=utf-8", code, 403, "code_invalid"),
        ("application/vnd.api+json", code, 403, "code_invalid"),
    ] {
        assert_error(&post(kind, body), status, error);
    }
    let long = format!("{{\"code\": \"{}\"}}", "x".repeat(64 * 1024));
    assert_error(&post("application/json", &long), 413, "body_too_large");
    daemon.terminate();
}
