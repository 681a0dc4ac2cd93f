//! Tests the status view of the web page with hundreds of Sources; the scenarios are in `tests/page/many.mjs`.
//!
//! `page` tests the status of few Sources and a running scan.

use serde_json::json;

use crate::access::serve_read_only;
use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::page::browse;
use crate::s3::Bucket;
use crate::server;

/// Number of Sources. `tests/page/fixture.mjs` has it too.
const SOURCES: usize = 300;

#[test]
fn status_of_many_sources_is_readable() {
    let server = server::shared();
    let bucket = Bucket::create(server);
    bucket.put_keys(["a.jpg", "b.jpg", "c/d.jpg"]);
    let without_bucket = Source {
        bucket: format!("no-{}", bucket.name),
        ..Source::of("without-bucket", &bucket, server.endpoint())
    };
    let mut sources = vec![
        Source::of("assets", &bucket, server.endpoint()),
        without_bucket,
    ];
    sources.extend((sources.len()..SOURCES).map(|number| Source {
        disabled: true,
        ..Source::of(&format!("disabled-{number}"), &bucket, server.endpoint())
    }));
    let cli = Cli::new(&Config {
        listen: "127.0.0.1:0".to_owned(),
        ..Config::of(sources)
    });
    let daemon = cli.serve();
    daemon.wait_for(&["scan completed", "source=\"assets\""]);
    let base = format!("http://{}", daemon.field(&["serving HTTP"], "address"));
    let (reader, reader_address) = serve_read_only(&cli);
    let reader_base = format!("http://{reader_address}");
    browse(
        "many",
        &json!({
            "base": base,
            "reader": reader_base,
            "origins": [base, reader_base, server.endpoint()],
            "folderOfIndex": cli.data_dir(),
        }),
    );
    reader.terminate();
    daemon.terminate();
}
