//! The page for people, used in a real browser: see `tests/page/`.
//!
//! Needs Node, Chromium and the packages of `tests/node/package.json`; `tests/run.sh` gets them.

use std::path::PathBuf;
use std::process::Command;

use crate::access::{new_token, serve_read_only};
use crate::config::Source;
use crate::fixture::numbered;
use crate::live_fixture::Live;
use crate::proxy::{Proxy, nth_list};
use crate::s3::Bucket;
use crate::server;

/// Pictures that a browser can show.
const PICTURES: [&[u8]; 3] = [
    include_bytes!("../page/pictures/sea.png"),
    include_bytes!("../page/pictures/sun.png"),
    include_bytes!("../page/pictures/dusk.png"),
];

/// A picture that is text.
const LOGO: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8H0z" fill="#0c6b68"/></svg>"##;

/// Names that people and programs do give to files.
const ODD_NAMES: [&str; 8] = [
    "<img src=x onerror=alert(1)>.txt",
    "a name that goes on and on and_never_comes_to_an_end_because_nobody_ever_told_it_where_to_stop_so_it_does_not_v2_final_final.bin",
    "\u{202e}gpj.exe",
    "two  spaces .bin",
    "a+b%20c&d=e#f?g.bin",
    "Plage d'été 🏖.bin",
    "tab\there.bin",
    "\"quoted\\.bin",
];

/// What `tests/page/world.mjs` counts on.
fn fill(bucket: &Bucket) {
    let picture = |number: usize| PICTURES[number % PICTURES.len()];
    for number in 1..=6 {
        let key = format!("photos/2025/summer-beach-{number}.png");
        bucket.put(&key, picture(number));
    }
    bucket.put("brand/mark.png", picture(0));
    bucket.put("brand/wordmark.png", picture(1));
    bucket.put("brand/logo.svg", LOGO);
    bucket.put("readme.txt", "what lies where");
    let scans = (0..180).map(|number| format!("scans/scan-{number:04}.dat"));
    bucket.put_keys(scans);
    bucket.put_keys(ODD_NAMES.map(|name| format!("odd/{name}")));
}

/// The packages that `tests/setup.sh` has put under `target/`.
pub fn modules() -> PathBuf {
    let given = std::env::var_os("ASSET_INDEXER_TEST_NODE");
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/target/node");
    given.map_or_else(|| default.into(), PathBuf::from)
}

#[test]
fn a_person_finds_assets_in_a_browser() {
    let mut live = Live::new();
    fill(&live.bucket);
    // A scan that does not end while one looks at it, which is what the visits begin with.
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
    let address = daemon.field(&["serving status and metrics"], "address");
    // The same index behind a token that sees one of the Sources.
    live.configure(|config| config.serve = vec!["tokens = \"tokens\"".to_owned()]);
    let token = new_token(&live.cli, "page", &["--source", "assets"]);
    let (guarded, guarded_address) = serve_read_only(&live.cli);
    let visits = Command::new("node")
        .arg("tests/page/run.mjs")
        .args([format!("http://{address}"), live.proxy.endpoint()])
        .args([format!("http://{guarded_address}"), token])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("ASSET_INDEXER_TEST_NODE", modules())
        .output()
        .expect("Node is there: run tests/run.sh, which says what is missing");
    let said = [visits.stdout, visits.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(visits.status.success(), "see target/page, and:\n{said}");
    gate.open();
    guarded.terminate();
    daemon.terminate();
}
