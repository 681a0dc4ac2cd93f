//! Tests tokens: how to create, list and remove them, and what each grants access to.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::{BINARY, Cli};
use crate::config::{Config, Source};
use crate::daemon::Daemon;
use crate::fixture::{Fixture, SOURCE};
use crate::http_client::{Response, send};
use crate::s3::Bucket;
use crate::server;

/// Maximum time until a change of the tokens file takes effect.
const DEADLINE: Duration = Duration::from_secs(20);

/// Time between two requests of [`wait_for_status`].
const POLL: Duration = Duration::from_millis(20);

/// A configuration with a tokens file.
pub fn with_tokens(listen: &str) -> Config {
    Config {
        listen: listen.to_owned(),
        serve: vec!["tokens = \"tokens\"".to_owned()],
        ..Config::of([unreachable_source("assets")])
    }
}

/// A Source whose bucket does not exist. The tests do not use the bucket.
fn unreachable_source(name: &str) -> Source {
    Source {
        name: name.to_owned(),
        bucket: "a-bucket".to_owned(),
        endpoint: "http://127.0.0.1:9".to_owned(),
        subdomain: name.to_owned(),
        region: Some("us-east-1".to_owned()),
        ..Source::default()
    }
}

/// Creates a token and returns its text.
pub fn new_token(cli: &Cli, name: &str, more: &[&str]) -> String {
    let mut arguments = vec!["token", "new", "--name", name];
    arguments.extend(more);
    let output = cli.succeed(&arguments);
    output.stdout.trim_end().to_owned()
}

/// Starts the read-only server and returns it with its address.
pub fn serve_read_only(cli: &Cli) -> (Daemon, String) {
    let server = cli.watch(Command::new(BINARY), &["serve", "--read-only"]);
    let address = server.field(&["serving searches, read-only"], "address");
    (server, address)
}

/// Sends a GET request with the token.
pub fn get_with(address: &str, path: &str, token: &str) -> Response {
    let header = format!("Authorization: Bearer {token}");
    send(address, "GET", path, &[&header])
}

#[test]
fn token_is_printed_once_and_stored_as_a_hash() {
    let cli = Cli::new(&with_tokens("off"));
    let output = cli.succeed(&["token", "new", "--name", "backend", "--source", "assets"]);
    let token = output.stdout.trim_end();
    assert!(
        token.starts_with("aix_") && token.len() == 53,
        "{output:#?}"
    );
    assert!(!output.stderr.contains(token), "{output:#?}");
    assert!(!output.stderr.contains("warning"), "{output:#?}");
    let file = cli.folder().join("tokens");
    let mode = std::fs::metadata(&file)
        .expect("the file exists")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    let text = std::fs::read_to_string(&file).expect("text");
    assert!(!text.contains(&token[4..]), "{text}");
    let options = ["--admin", "--all-sources", "--expires", "2999-01-31"];
    let other = new_token(&cli, "ops", &options);
    assert_ne!(token, other);
    let listed = cli.succeed(&["token", "list"]).stdout;
    let lines: Vec<&str> = listed.lines().collect();
    let ops = "ops\tadmin\t*\t2999-02-01T00:00:00Z";
    assert_eq!(lines, ["backend\tread\tassets\tnever", ops]);
    let listed = cli.succeed(&["token", "list", "--json"]).stdout;
    let objects: Vec<Value> = listed
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let object = |name, right, sources: Option<&[&str]>, expires: Option<&str>| json!({"name": name, "right": right, "sources": sources, "expires": expires, "expired": false});
    assert_eq!(
        objects,
        [
            object("backend", "read", Some(&["assets"]), None),
            object("ops", "admin", None, Some("2999-02-01T00:00:00Z")),
        ]
    );
    new_token(&cli, "web", &["--manage", "--source", "assets"]);
    let listed = cli.succeed(&["token", "list"]).stdout;
    assert_eq!(listed.lines().last(), Some("web\tmanage\tassets\tnever"));
    cli.succeed(&["token", "remove", "web"]);
    cli.fail(
        &["token", "new", "--name", "ops", "--all-sources"],
        &["already"],
    );
    cli.succeed(&["token", "remove", "ops"]);
    cli.fail(&["token", "remove", "ops"], &["no token \"ops\""]);
    assert_eq!(cli.succeed(&["token", "list"]).stdout.lines().count(), 1);
}

#[test]
fn warns_about_a_token_for_an_unknown_source() {
    let cli = Cli::new(&with_tokens("off"));
    let output = cli.succeed(&["token", "new", "--name", "a", "--source", "later"]);
    let warning = "warning: the configuration has no Source \"later\" yet";
    assert!(output.stderr.contains(warning), "{output:#?}");
    let check = cli.run(&["check"]);
    assert!(!check.stdout.contains("http "), "{check:#?}");
    cli.configure(&with_tokens("127.0.0.1:0"));
    let check = cli.run(&["check"]).stdout;
    assert!(
        check.contains("on 127.0.0.1:0: 1 token grants access"),
        "{check}"
    );
    let warning = "token \"a\" grants access to Source \"later\"";
    assert!(check.contains(warning), "{check}");
}

#[test]
fn invalid_arguments_create_no_token() {
    let cli = Cli::new(&with_tokens("off"));
    for (more, expected) in [
        (&["--name", "a"][..], "--all-sources"),
        (&["--source", "assets"], "--name"),
        (
            &["--name", "a", "--source", "b", "--all-sources"],
            "cannot be used with",
        ),
        (&["--name", "a b", "--all-sources"], "invalid token name"),
        (&["--name", "a", "--source", "b,c"], "invalid Source name"),
        (&["--name", "a", "--source", "*"], "invalid Source name"),
        (
            &["--name", "a", "--all-sources", "--expires", "soon"],
            "2027-01-31",
        ),
        (
            &["--name", "a", "--all-sources", "--expires", "2020-01-01"],
            "in the past",
        ),
    ] {
        let output = cli.fail(&[&["token", "new"], more].concat(), &[expected]);
        assert_eq!(output.status.code(), Some(2), "{output:#?}");
        assert_eq!(output.stdout, "");
    }
    assert!(!cli.folder().join("tokens").exists());
    let cli = Cli::new(&Config::of([unreachable_source("assets")]));
    let output = cli.fail(
        &["token", "list"],
        &["write tokens = \"tokens\" in [serve]"],
    );
    assert_eq!(output.status.code(), Some(2));
}

/// Two Sources, each with a bucket and a token, and an admin token for both.
struct TwoSources {
    fixture: Fixture,
    ours: String,
    theirs: String,
    both: String,
}

impl TwoSources {
    fn new() -> Self {
        let mut fixture = Fixture::with_keys(["shared/sun.jpg", "ours/moon.jpg"]);
        let bucket = Bucket::create(server::shared());
        bucket.put_keys(["shared/sun.jpg", "hidden/secret.psd"]);
        fixture.configure(|config| {
            let endpoint = server::shared().endpoint();
            config.sources.push(Source::of("hidden", &bucket, endpoint));
            config.listen = "127.0.0.1:0".to_owned();
            config.serve = vec!["tokens = \"tokens\"".to_owned()];
        });
        fixture.cli.reindex();
        Self {
            ours: new_token(&fixture.cli, "ours", &["--source", SOURCE]),
            theirs: new_token(&fixture.cli, "theirs", &["--source", "hidden"]),
            both: new_token(&fixture.cli, "both", &["--all-sources", "--admin"]),
            fixture,
        }
    }
}

/// Texts of the second Source that no response to the token of the first may contain.
const HIDDEN: [&str; 3] = ["hidden", "secret", "psd"];

#[test]
fn token_sees_only_its_own_sources() {
    let two = TwoSources::new();
    let (server, address) = serve_read_only(&two.fixture.cli);
    let get = |path: &str, token: &str| -> Value {
        let response = get_with(&address, path, token);
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        response.json()
    };
    let total = |path: &str, token: &str| get(path, token)["meta"]["total"]["value"].clone();
    for (path, ours, theirs, both) in [
        ("/v1/search", 2, 2, 4),
        ("/v1/search?q=sun", 1, 1, 2),
        ("/v1/search?q=secret", 0, 1, 1),
        ("/v1/search?q=moon", 1, 0, 1),
    ] {
        let counts = [&two.ours, &two.theirs, &two.both].map(|token| total(path, token));
        assert_eq!(counts, [ours, theirs, both], "{path}");
    }
    let sources = get("/v1/sources", &two.both);
    let id = |number: usize| sources["data"][number]["id"].as_str().expect("an id");
    let [our_id, their_id] = [0, 1].map(id);
    for path in [
        "/v1/sources",
        "/v1/search?facets=type,ext,folder,size,month,storage",
        "/v1/suggest?q=s",
        "/v1/suggest?q=h",
        "/v1/folders?source=assets",
        "/api/v1/sources",
        &format!("/api/v1/sources/{our_id}"),
        &format!("/api/v1/sources/{our_id}/assets"),
        "/status",
    ] {
        let text = get(path, &two.ours).to_string();
        let found = HIDDEN.iter().find(|hidden| text.contains(**hidden));
        assert_eq!(found, None, "{path}: {text}");
    }
    // A hidden Source gets the same error as one that does not exist.
    for path in [
        "/v1/search?source=NAME",
        "/v1/suggest?q=s&source=NAME",
        "/v1/folders?source=NAME",
        "/v1/asset?source=NAME&path=/shared/sun.jpg",
        "/v1/explain?source=NAME&path=/shared/sun.jpg",
    ] {
        let error = |name: &str| {
            let response = get_with(&address, &path.replace("NAME", name), &two.ours);
            assert_eq!(response.status, 404, "{path} {name}: {}", response.text());
            let mut body = response.json();
            body["errors"][0]["id"] = Value::Null;
            body.to_string().replace(name, "NAME")
        };
        assert_eq!(error("hidden"), error("absent"), "{path}");
    }
    for path in ["", "/assets", "/assets/shared/sun.jpg"] {
        let path = format!("/api/v1/sources/{their_id}{path}");
        assert_eq!(get_with(&address, &path, &two.both).status, 200, "{path}");
        assert_eq!(get_with(&address, &path, &two.ours).status, 404, "{path}");
    }
    assert_eq!(get_with(&address, "/metrics", &two.ours).status, 403);
    assert_eq!(get_with(&address, "/metrics", &two.both).status, 200);
    for path in ["/v1/search", "/status", "/metrics", "/api/v1/sources"] {
        let response = send(&address, "GET", path, &[]);
        assert_eq!(response.status, 401, "{path}");
        assert_eq!(response.json()["errors"][0]["code"], "unauthenticated");
    }
    let log = server.terminate().join("\n");
    for token in [&two.ours, &two.theirs, &two.both] {
        assert!(!log.contains(&token[4..]), "{log}");
    }
}

/// Repeats the request until the response has this status.
#[track_caller]
fn wait_for_status(address: &str, token: &str, status: u16) {
    let deadline = Instant::now() + DEADLINE;
    while get_with(address, "/v1/sources", token).status != status {
        assert!(Instant::now() < deadline, "the status is never {status}");
        thread::park_timeout(POLL);
    }
}

#[test]
fn token_changes_apply_to_a_running_server() {
    let cli = Cli::new(&with_tokens("127.0.0.1:0"));
    let first = new_token(&cli, "first", &["--all-sources"]);
    let (server, address) = serve_read_only(&cli);
    wait_for_status(&address, &first, 200);
    let second = new_token(&cli, "second", &["--all-sources"]);
    wait_for_status(&address, &second, 200);
    cli.succeed(&["token", "remove", "first"]);
    wait_for_status(&address, &first, 401);
    // An invalid file changes nothing.
    let file = cli.folder().join("tokens");
    let good = std::fs::read_to_string(&file).expect("text");
    std::fs::write(&file, format!("{good}nonsense\n")).expect("a writable folder");
    server.hangup();
    server.wait_for(&["the new configuration is refused", "tokens:4"]);
    wait_for_status(&address, &second, 200);
    std::fs::write(&file, good).expect("a writable folder");
    server.hangup();
    server.wait_for(&["a new configuration is in force"]);
    std::fs::remove_file(&file).expect("a writable folder");
    wait_for_status(&address, &second, 401);
    server.terminate();
}
