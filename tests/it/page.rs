//! Tests the web page in a real browser; the scenarios are in `tests/page/`.
//!
//! It needs Node.js, Chromium and the packages of `tests/node/package.json`, which `tests/run.sh` installs.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::access::{new_token, serve_read_only};
use crate::access_write::serve_with_link;
use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::fixture::numbered;
use crate::live_fixture::Live;
use crate::proxy::{Proxy, nth_list};
use crate::s3::Bucket;
use crate::server;

/// Pictures that browsers can show.
const PICTURES: [&[u8]; 3] = [
    include_bytes!("../page/pictures/sea.png"),
    include_bytes!("../page/pictures/sun.png"),
    include_bytes!("../page/pictures/dusk.png"),
];

/// A picture in a text format.
const LOGO: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8H0z" fill="#0c6b68"/></svg>"##;

/// Unusual file names that occur in practice.
const ODD_NAMES: [&str; 8] = [
    "<img src=x onerror=alert(1)>.txt",
    "a very long file name with spaces and_with_a_long_part_that_has_no_space_at_which_a_line_could_be_wrapped_by_the_browser_v2_final.bin",
    "\u{202e}gpj.exe",
    "two  spaces .bin",
    "a+b%20c&d=e#f?g.bin",
    "Plage d'été 🏖.bin",
    "tab\there.bin",
    "\"quoted\\.bin",
];

/// Fills the bucket. `tests/page/fixture.mjs` has the numbers of these objects.
fn fill(bucket: &Bucket) {
    let picture = |number: usize| PICTURES[number % PICTURES.len()];
    for number in 1..=6 {
        let key = format!("photos/2025/summer-beach-{number}.png");
        bucket.put(&key, picture(number));
    }
    bucket.put("brand/mark.png", picture(0));
    bucket.put("brand/wordmark.png", picture(1));
    bucket.put("brand/logo.svg", LOGO);
    bucket.put("readme.txt", "a text file");
    let scans = (0..180).map(|number| format!("scans/scan-{number:04}.dat"));
    bucket.put_keys(scans);
    bucket.put_keys(ODD_NAMES.map(|name| format!("odd/{name}")));
}

/// The folder into which `tests/setup.sh` has installed the Node.js packages.
pub fn modules() -> PathBuf {
    let configured = std::env::var_os("ASSET_INDEXER_TEST_NODE");
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/target/node");
    configured.map_or_else(|| default.into(), PathBuf::from)
}

/// Runs a script of `tests/page/` and returns its output.
fn node(arguments: &[&str]) -> String {
    let run = Command::new("node")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("ASSET_INDEXER_TEST_NODE", modules())
        .output()
        .expect("Node.js is installed; tests/run.sh reports what is missing");
    let output = [run.stdout, run.stderr].concat();
    let output = String::from_utf8_lossy(&output).into_owned();
    assert!(run.status.success(), "see target/page:\n{output}");
    output
}

#[test]
fn values_of_the_form_become_values_of_the_api() {
    let output = node(&["--test", "tests/page/values.mjs"]);
    assert!(output.contains("fail 0"), "{output}");
}

/// Runs a set of scenarios of `tests/page/`.
pub fn browse(set: &str, environment: &Value) {
    node(&["tests/page/run.mjs", set, &environment.to_string()]);
}

#[test]
fn page_works_in_a_browser() {
    let mut live = Live::new();
    fill(&live.bucket);
    // The scan of this Source does not end, so that the first scenarios can show its progress.
    let slow = Bucket::create(server::shared());
    slow.put_keys(numbered(0..1001));
    let proxy = Proxy::start(server::shared().address());
    let gate = proxy.hold(nth_list(2));
    live.configure(|config| {
        config.listen = "127.0.0.1:0".to_owned();
        config
            .sources
            .push(Source::of("slow", &slow, proxy.endpoint()).with_rules(&[], &["**"]));
    });
    let daemon = live.serve();
    gate.wait_until_reached();
    let address = daemon.field(&["serving HTTP"], "address");
    // A server for the same index that requires a token. The token is for one Source.
    live.configure(|config| config.serve = vec!["tokens = \"tokens\"".to_owned()]);
    let token = new_token(&live.cli, "page", &["--source", "assets"]);
    let (guarded, guarded_address) = serve_read_only(&live.cli);
    let base = format!("http://{address}");
    let guarded_base = format!("http://{guarded_address}");
    browse(
        "browse",
        &json!({
            "base": base,
            "guarded": guarded_base,
            "token": token,
            "origins": [base, guarded_base, live.proxy.endpoint()],
        }),
    );
    gate.open();
    guarded.terminate();
    daemon.terminate();
}

/// Fills the bucket of the scenarios in `tests/page/refine.mjs`, which has the numbers of these objects.
fn fill_refined(bucket: &Bucket) {
    let summer = (1..=3).map(|number| format!("beach/summer-{number}.jpg"));
    bucket.put_keys(summer);
    bucket.put_keys([
        "beach/sunset.jpg",
        "city/sunrise.jpg",
        "city/suburb/street.png",
        &format!("beach/{}", ODD_NAMES[1]),
    ]);
    bucket.put_keys((1..=18).map(|number| format!("folder-{number:02}/note.txt")));
}

#[test]
fn searches_are_completed_corrected_and_refined() {
    let server = server::shared();
    let [bucket, other] = [(); 2].map(|()| Bucket::create(server));
    fill_refined(&bucket);
    other.put_keys(["hill.jpg"]);
    let cli = Cli::new(&Config {
        listen: "127.0.0.1:0".to_owned(),
        ..Config::of([
            Source::of("assets", &bucket, server.endpoint()),
            Source::of("other", &other, server.endpoint()),
        ])
    });
    cli.reindex();
    let (reader, address) = serve_read_only(&cli);
    let base = format!("http://{address}");
    browse(
        "refine",
        &json!({"base": base, "origins": [base, server.endpoint()]}),
    );
    reader.terminate();
}

#[test]
fn one_time_link_signs_the_browser_in() {
    let cli = Cli::new(&Config {
        listen: "127.0.0.1:0".to_owned(),
        ..Config::of([])
    });
    let (daemon, address, code) = serve_with_link(&cli);
    let base = format!("http://{address}");
    browse(
        "session",
        &json!({"base": base, "origins": [base], "code": code}),
    );
    daemon.terminate();
}
#[test]
fn newcomer_finds_a_file_within_a_minute() {
    let server = server::shared_with_rights();
    let bucket = Bucket::create(server);
    bucket.put_keys((0..300).map(|number| format!("images/beach {number:03}.jpg")));
    let user = format!("newcomer-{}", bucket.name);
    let key = server.create_user(&user, &["s3:ListBucket", "s3:GetObject"]);
    let cli = Cli::new(&Config {
        listen: "127.0.0.1:0".to_owned(),
        ..Config::of([])
    });
    let (daemon, address, code) = serve_with_link(&cli);
    let base = format!("http://{address}");
    let output = node(&[
        "tests/page/run.mjs",
        "newcomer",
        &json!({
            "base": base,
            "origins": [base, server.endpoint()],
            "code": code,
            "endpoint": server.endpoint(),
            "bucket": bucket.name,
            "keyId": key.id,
            "secret": key.secret,
        })
        .to_string(),
    ]);
    // The time of each step.
    println!("{output}");
    daemon.terminate();
}

#[test]
fn sources_are_set_up_in_a_browser() {
    let server = server::shared_with_rights();
    let bucket = Bucket::create(server);
    bucket.put_keys((1..=5).map(|number| format!("images/{number}.jpg")));
    bucket.put_keys((1..=3).map(|number| format!("drafts/{number}.psd")));
    let [key, new_key] = ["page", "page-rotated"].map(|user| {
        server.create_user(
            &format!("{user}-{}", bucket.name),
            &["s3:ListBucket", "s3:GetObject"],
        )
    });
    let other = Bucket::create(server::shared());
    other.put_keys(["a.jpg"]);
    let config = Config {
        listen: "127.0.0.1:0".to_owned(),
        serve: vec!["tokens = \"tokens\"".to_owned()],
        ..Config::of([Source::of("assets", &other, server::shared().endpoint())])
    };
    let cli = Cli::new(&config);
    let token = new_token(&cli, "web", &["--all-sources", "--manage"]);
    let reader = new_token(&cli, "reader", &["--all-sources"]);
    let daemon = cli.serve();
    let base = format!("http://{}", daemon.field(&["serving HTTP"], "address"));
    browse(
        "sources",
        &json!({
            "base": base,
            "origins": [base, server.endpoint()],
            "token": token,
            "reader": reader,
            "endpoint": server.endpoint(),
            "bucket": bucket.name,
            "keyId": key.id,
            "secret": key.secret,
            "newKeyId": new_key.id,
            "newSecret": new_key.secret,
        }),
    );
    daemon.terminate();
}
