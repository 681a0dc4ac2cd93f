//! Scans of unusual keys and of unusual numbers of keys.

use crate::cli::Cli;
use crate::fixture::{Fixture, SOURCE, numbered};

/// Legal keys that a step between the bucket and the index could change by mistake.
pub fn odd_keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "plain.jpg",
        "with space.jpg",
        " leading and trailing space ",
        "a+b.jpg",
        "a%b.jpg",
        "a%20b.jpg",
        "a%2Fb.jpg",
        "a//b.jpg",
        "a///b.jpg",
        "/leading.jpg",
        "//leading.jpg",
        "a/./b.jpg",
        "a/../b.jpg",
        "../b.jpg",
        "..",
        ".",
        "/",
        "//",
        "trailing/",
        "trailing//",
        "new\nline.jpg",
        "carriage\rreturn.jpg",
        "both\r\n.jpg",
        "tab\t.jpg",
        "control\u{1}.jpg",
        "\u{1f}.jpg",
        "\u{7f}.jpg",
        "\u{85}.jpg",
        "\u{2028}.jpg",
        "&<>\"'.jpg",
        "&amp;.jpg",
        "]]>.jpg",
        "back\\slash.jpg",
        "question?mark=1&x.jpg",
        "hash#tag.jpg",
        "star*[x]{y}.jpg",
        "é.jpg",
        "e\u{301}.jpg",
        "ß.JPG",
        "日本語.jpg",
        "\u{1F600}.jpg",
        "\u{1F600}\u{10FFFF}",
        "\u{E000}.jpg",
        "\u{FFFD}.jpg",
        "\u{FEFF}bom.jpg",
        "\u{202E}gpj.exe",
        "~tilde.jpg",
        "UPPER.jpg",
        "upper.jpg",
        "no extension",
        ".hidden",
        "dots.in.name.tar.gz",
        "ends.with.dot.",
        "a",
        "a ",
        "a!",
        "a/",
        "a/b",
        "a0",
    ]
    .map(str::to_owned)
    .into();
    keys.push("k".repeat(1024));
    keys.push("\u{1F600}".repeat(256));
    keys.push(format!("{}.jpg", "d/".repeat(510)));
    keys
}

#[test]
fn odd_keys_come_back_byte_for_byte() {
    let fixture = Fixture::with_keys(odd_keys());
    assert_eq!(fixture.cli.reindex().added, odd_keys().len() as u64);
    fixture.assert_mirror();
}

#[test]
fn hit_has_properties_of_the_object_and_its_url() {
    let mut fixture = Fixture::with_keys(["shop/summer sale/Red+Shoe.JPG"]);
    fixture.change_source(|source| {
        source.prefix = Some("shop".to_owned());
        source.subdomain = "acme".to_owned();
    });
    fixture.cli.reindex();
    let [hit] = &fixture.cli.search("shoe", &[])[..] else {
        panic!("one asset, one hit");
    };
    assert_eq!(hit.source, SOURCE);
    assert_eq!(hit.key, "shop/summer sale/Red+Shoe.JPG");
    assert_eq!(hit.path, "/summer sale/Red+Shoe.JPG");
    assert_eq!(hit.name, "Red+Shoe.JPG");
    assert_eq!(hit.ext.as_deref(), Some("jpg"));
    assert_eq!(hit.storage_class, "STANDARD");
    let seen: jiff::Timestamp = hit.first_seen.parse().expect("RFC 3339");
    let age = jiff::Timestamp::now().duration_since(seen);
    assert!(
        age.as_secs() < 600,
        "first seen just now, by the store's clock"
    );
    let url = "https://acme.imgix.net/summer%20sale/Red%2BShoe.JPG";
    assert_eq!(hit.url, url);
    fixture.assert_mirror();
}

#[test]
fn storage_classes_are_mirrored() {
    let fixture = Fixture::new();
    for class in ["STANDARD", "STANDARD_IA", "GLACIER_IR", "DEEP_ARCHIVE"] {
        fixture.bucket.put_with_class(class, class);
    }
    fixture.cli.reindex();
    fixture.assert_mirror();
    let indexed = fixture.cli.indexed(SOURCE);
    assert_eq!(indexed["GLACIER_IR"].storage_class, "GLACIER_IR");
}

#[test]
fn mirrors_buckets_with_about_a_page_of_keys() {
    let fixture = Fixture::new();
    let mut present = 0;
    for count in [0, 1, 999, 1000, 1001, 2000] {
        fixture.bucket.put_keys(numbered(present..count));
        present = count;
        // A new index each time, so that each scan is the first one.
        let cli = Cli::new(&fixture.config);
        assert_eq!(cli.reindex().added, count as u64, "of {count} keys");
        cli.assert_mirrors(SOURCE, &fixture.bucket);
    }
}

#[test]
fn emptied_bucket_leaves_an_empty_index() {
    let fixture = Fixture::with_keys(["a", "b/c"]);
    fixture.cli.reindex();
    fixture.bucket.delete_many(["a", "b/c"]);
    assert_eq!(fixture.cli.reindex().removed, 2);
    fixture.assert_mirror();
}
