//! Runs third-party clients against the daemon: imgix's own client, with another base URL, and schemathesis,
//! which generates hostile requests from the OpenAPI document.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::access::new_token;
use crate::cli::Cli;
use crate::config::Config;
use crate::daemon::Daemon;
use crate::fixture::SOURCE;
use crate::live_fixture::Live;
use crate::managed_api::Service;
use crate::page::modules;
use crate::server;

/// Keys that clients easily encode wrongly, and enough other keys for several pages.
fn keys() -> Vec<String> {
    let odd = [
        "cat.jpg",
        "black cat.png",
        "100% cat+dog.gif",
        "été/ça va/ñandú.webp",
        "a//b.jpg",
        "/leading.svg",
        "q?&=#.jpg",
        "50%25.jpg",
        "manuals/How to.pdf",
        "films/cat.mp4",
        "no-extension",
        "東京/写真.jpg",
    ];
    let odd = odd.map(str::to_owned).into_iter();
    odd.chain((0..40).map(|number| format!("photos/IMG_{number:04}.jpg")))
        .collect()
}

/// Starts a daemon whose index contains all keys, and returns it with its URL.
fn serving(live: &mut Live) -> (Daemon, String) {
    live.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    live.bucket.put_many(
        keys()
            .into_iter()
            .enumerate()
            .map(|(size, key)| (key, vec![b'x'; size])),
    );
    let daemon = live.serve();
    let address = daemon.field(&["serving HTTP"], "address");
    (daemon, format!("http://{address}"))
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command
        .output()
        .expect("tests/setup.sh installed the program");
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn imgix_client_reads_every_source_and_asset() {
    let mut live = Live::new();
    live.configure(|config| config.serve = vec!["tokens = \"tokens\"".to_owned()]);
    let token = new_token(&live.cli, "client", &["--all-sources"]);
    let (daemon, address) = serving(&mut live);
    let assets: Vec<_> = keys()
        .into_iter()
        .enumerate()
        .map(|(size, key)| json!({"path": format!("/{key}"), "size": size}))
        .collect();
    let expected = json!({"source": SOURCE, "bucket": live.bucket.name, "assets": assets});
    let file = live.cli.folder().join("expected.json");
    std::fs::write(&file, expected.to_string()).expect("the folder is ours");
    run(Command::new("node")
        .env("NODE_PATH", modules().join("node_modules"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/imgix.cjs"))
        .args([address.as_str(), token.as_str()])
        .arg(&file));
    daemon.terminate();
}

#[test]
fn imgix_client_sets_up_changes_and_disables_a_source() {
    let live = Live::new();
    let cli = Cli::new(&Config {
        listen: "127.0.0.1:0".to_owned(),
        serve: vec!["tokens = \"tokens\"".to_owned()],
        ..Config::of([])
    });
    let token = new_token(&cli, "terraform", &["--all-sources", "--manage"]);
    let daemon = cli.serve();
    let address = format!("http://{}", daemon.field(&["serving HTTP"], "address"));
    let values = json!({
        "bucket": live.bucket.name,
        "endpoint": server::shared().endpoint(),
        "key": "key-of-the-client",
        "secret": "secret-of-the-client",
    });
    let file = cli.folder().join("values.json");
    std::fs::write(&file, values.to_string()).expect("the folder is ours");
    run(Command::new("node")
        .env("NODE_PATH", modules().join("node_modules"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/imgix_write.cjs"))
        .args([address.as_str(), token.as_str()])
        .arg(&file));
    daemon.wait_for(&[
        "a managed Source was changed",
        "actor=\"token terraform\"",
        "action=\"disable\"",
    ]);
    let log = daemon.terminate().join("\n");
    assert!(!log.contains("secret-of-the-client"), "{log}");
}

/// The requests are inside and outside of what the document allows. No response may have a 5xx status, or a
/// status, content type or body that the document does not describe.
#[test]
fn responses_match_the_openapi_document() {
    let mut live = Live::new();
    let (daemon, address) = serving(&mut live);
    run(schemathesis(&live.cli, &address).args(["--max-examples", "25"]));
    daemon.terminate();
}

/// The same for requests that change Sources, with a token that may.
#[test]
fn changes_match_the_openapi_document() {
    let service = Service::start();
    let token = format!("Authorization: Bearer {}", service.token);
    let address = format!("http://{}", service.address);
    run(schemathesis(&service.cli, &address)
        .args(["--header", &token, "--max-examples", "10"])
        .args([
            "--include-path-regex",
            "^(/v1/sources|/v1/session|/api/v1/sources$|/api/v1/sources/.id.$)",
        ]));
    service.daemon.terminate();
}

fn schemathesis(cli: &Cli, address: &str) -> Command {
    let mut command = Command::new(server::python_program("schemathesis"));
    command
        .current_dir(cli.folder())
        .args(["run", &format!("{address}/v1/openapi.json")])
        .args(["--url", address])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"])
        .args(["--seed", "1", "--generation-deterministic", "--no-color"]);
    command
}
