//! Tests the pictures of the web page in a real browser; the scenarios are in `tests/page/pictures.mjs`.
//!
//! The pictures come from a real S3 server. `page` tests everything else of the page.

use serde_json::json;

use crate::access::serve_read_only;
use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::page::browse;
use crate::s3::Bucket;
use crate::server;

/// Pictures of unusual shapes, and one that is transparent. `tests/page/fixture.mjs` has their names.
const SHAPES: [(&str, &[u8]); 5] = [
    (
        "panorama.png",
        include_bytes!("../page/pictures/panorama.png"),
    ),
    (
        "portrait.png",
        include_bytes!("../page/pictures/portrait.png"),
    ),
    ("ring.png", include_bytes!("../page/pictures/ring.png")),
    ("sea.png", include_bytes!("../page/pictures/sea.png")),
    ("tiny.png", include_bytes!("../page/pictures/tiny.png")),
];

/// Number of large pictures, 36 MB together.
const LARGE: usize = 102;

/// Files that browsers cannot show, and that a service for thumbnails can draw. `tests/page/fixture.mjs` has them too.
const DRAWN: [&str; 5] = [
    "clip.mp4",
    "layers.psd",
    "phone.heic",
    "scan.pdf",
    "shot.cr2",
];

/// The picture with as many bytes as `size`. Browsers ignore what follows the picture.
fn padded(picture: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = picture.to_vec();
    bytes.resize(size, 0);
    bytes
}

#[test]
fn pictures_are_whole_and_small() {
    let server = server::shared();
    let originals = Bucket::create(server);
    for (name, picture) in SHAPES {
        originals.put(&format!("shapes/{name}"), picture);
    }
    let large = (0..LARGE).map(|number| {
        let (_, picture) = SHAPES[number % SHAPES.len()];
        let size = if number % 3 == 0 { 1_000_001 } else { 40_000 };
        (format!("large/{number:03}.png"), padded(picture, size))
    });
    originals.put_many(large);
    // The bucket of the thumbnails has the same paths. It is a service for thumbnails that has drawn all but one.
    let thumbnails = Bucket::create(server);
    thumbnails.put_many((0..LARGE).map(|number| {
        let (_, picture) = SHAPES[number % SHAPES.len()];
        (format!("large/{number:03}.png"), padded(picture, 12_000))
    }));
    for name in DRAWN {
        originals.put(&format!("formats/{name}"), "no picture for a browser");
        thumbnails.put(&format!("formats/{name}"), SHAPES[1].1);
    }
    originals.put("formats/broken.psd", "no picture at all");
    originals.put("formats/notes.txt", "a text");
    let template = format!("{}/{}{{path}}?w=320", server.endpoint(), thumbnails.name);
    let drawn = Source {
        thumbnail_url: Some(template),
        ..Source::of("drawn", &originals, server.endpoint())
    };
    let cli = Cli::new(&Config {
        listen: "127.0.0.1:0".to_owned(),
        ..Config::of([Source::of("plain", &originals, server.endpoint()), drawn])
    });
    cli.reindex();
    let (reader, address) = serve_read_only(&cli);
    let base = format!("http://{address}");
    browse(
        "pictures",
        &json!({
            "base": base,
            "origins": [base, server.endpoint()],
            "originals": originals.name,
            "thumbnails": thumbnails.name,
        }),
    );
    reader.terminate();
}
