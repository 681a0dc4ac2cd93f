//! Asset paths, URLs, admission and listed ranges of Sources.

use super::*;
use crate::core::source::rules::RuleSelection;

fn source(prefix: &str, include: &[&str]) -> Source {
    let paths = include.iter().map(ToString::to_string).collect();
    let include = (!include.is_empty()).then_some(RuleSelection::Paths(paths));
    Source {
        prefix: prefix.into(),
        rules: Rules::new(include, None, false).unwrap(),
        ..Source::new("photos", "my-bucket", "my-photos")
    }
}

#[test]
fn asset_path_and_key_are_inverse() {
    let cases = [
        ("", "a/b.jpg", Some("/a/b.jpg")),
        ("", "/a", Some("//a")),
        ("", "../a b+%\n", Some("/../a b+%\n")),
        ("photos/", "photos/a", Some("/a")),
        ("photos/", "photos//a", Some("//a")),
        ("photos/", "photos/", Some("/")),
        ("photos/", "photos", None),
        ("photos/", "photos2/a", None),
        ("photos/", "Photos/a", None),
    ];
    for (prefix, key, path) in cases {
        let source = source(prefix, &[]);
        assert_eq!(
            source.asset_path(key).as_deref(),
            path,
            "{prefix:?} {key:?}"
        );
        if let Some(path) = path {
            assert_eq!(
                source.key_of(path).as_deref(),
                Some(key),
                "{prefix:?} {path:?}"
            );
        }
    }
    assert_eq!(source("", &[]).key_of("/"), None);
    assert_eq!(source("photos/", &[]).key_of("a"), None);
}

#[test]
fn asset_url_encodes_all_but_unreserved_characters() {
    let cases = [
        ("p/a/b-._~Z0.jpg", "/a/b-._~Z0.jpg"),
        ("p//a//b/", "//a//b/"),
        ("p/a b+c%20?d#e&f", "/a%20b%2Bc%2520%3Fd%23e%26f"),
        ("p/é你😀", "/%C3%A9%E4%BD%A0%F0%9F%98%80"),
        ("p/a\n\u{7f}\\\"'(*)", "/a%0A%7F%5C%22%27%28%2A%29"),
    ];
    for (key, path) in cases {
        let url = source("p/", &[]).asset_url(key);
        assert_eq!(url, format!("https://my-photos.imgix.net{path}"), "{key:?}");
    }
}

#[test]
fn decision_depends_on_prefix_size_and_rules() {
    let with_markers = |source: Source| Source {
        folder_markers: true,
        ..source
    };
    let cases = [
        (
            source("p/", &["/a"]),
            "p/a/x",
            1,
            RuleDecision::Included("/a"),
        ),
        (
            source("p/", &["/a"]),
            "a/x",
            1,
            RuleDecision::NotUnderPrefix("p/"),
        ),
        (source("p/", &["/p"]), "p/a", 1, RuleDecision::NotIncluded),
        (source("p/", &[]), "p/a", 0, RuleDecision::IncludedByDefault),
        (source("p/", &[]), "p/a/", 0, RuleDecision::FolderMarker),
        (source("p/", &[]), "p/", 0, RuleDecision::FolderMarker),
        (
            source("p/", &[]),
            "p/a/",
            1,
            RuleDecision::IncludedByDefault,
        ),
        (
            with_markers(source("p/", &[])),
            "p/a/",
            0,
            RuleDecision::IncludedByDefault,
        ),
        (
            with_markers(source("p/", &["/a"])),
            "p/b/",
            0,
            RuleDecision::NotIncluded,
        ),
    ];
    for (source, key, size, decision) in &cases {
        assert_eq!(source.decide(key, *size), *decision, "{key:?} {size}");
        assert_eq!(
            source.admits(key, *size),
            decision.is_admitted(),
            "{key:?} {size}"
        );
    }
}

#[test]
fn listed_ranges_include_the_prefix() {
    let ranges = source("p/", &["b/*.jpg", "/images", "a/**"]).listed_ranges();
    let want = [
        KeyRange::under("p/a/"),
        KeyRange::under("p/b/"),
        KeyRange::only("p/images"),
        KeyRange::under("p/images/"),
    ];
    assert_eq!(ranges, want);
    assert_eq!(source("", &[]).listed_ranges(), [KeyRange::under("")]);
    assert_eq!(
        source("p/", &["//x/"]).listed_ranges(),
        [KeyRange::under("p//x/")]
    );
}

#[test]
fn origin_names_store_and_bucket() {
    let aws = source("p/", &[]);
    assert_eq!(aws.origin(), "aws/my-bucket");
    let endpoint_url = Some("http://127.0.0.1:9000".to_owned());
    let other = Source {
        endpoint_url,
        ..aws
    };
    assert_eq!(other.origin(), "http://127.0.0.1:9000/my-bucket");
}

/// Indexes store these values. If one changes, every checkpoint with it becomes invalid.
#[test]
fn fingerprints_never_change_between_releases() {
    let some = |rules: &[&str]| {
        Some(RuleSelection::Paths(
            rules.iter().map(ToString::to_string).collect(),
        ))
    };
    let fingerprint = |prefix: &str, include, exclude, ignore_case, folder_markers| {
        let rules = Rules::new(include, exclude, ignore_case).unwrap();
        let source = source(prefix, &[]);
        Source {
            rules,
            folder_markers,
            ..source
        }
        .admission_fingerprint()
    };
    let cases = [
        (
            fingerprint("", None, None, false, false),
            "d00ec50e566d1bdf",
        ),
        (
            fingerprint("p/", None, None, false, false),
            "4067b022dfa38b36",
        ),
        (fingerprint("", None, None, false, true), "9ca5cb352d4a8bbc"),
        (
            fingerprint("", None, Some(RuleSelection::All), false, false),
            "526d61d72ce02f01",
        ),
        (
            fingerprint("p/", some(&["/a", "b"]), None, false, false),
            "c5284c4711221879",
        ),
        (
            fingerprint("p/", some(&["a\n1:b"]), None, false, false),
            "ce534013427e1be0",
        ),
        (
            fingerprint("p/", None, some(&["/a", "b"]), false, false),
            "ca9845d677a512aa",
        ),
        (
            fingerprint("p/", some(&["/a"]), some(&["b"]), false, false),
            "5ecf4cd35c0d74ae",
        ),
        (
            fingerprint("p/", some(&["/a"]), some(&["b"]), true, false),
            "e4be60fdf7ea2d9a",
        ),
    ];
    for (fingerprint, literal) in cases {
        assert_eq!(fingerprint, literal);
    }
}

#[test]
fn fingerprint_depends_only_on_what_is_admitted() {
    let same = [&["/a", "b/*"][..], &["b/*", "a"], &["a", "/b/*", "b/*"]];
    let fingerprints = same.map(|include| source("p/", include).admission_fingerprint());
    let first = &fingerprints[0];
    assert!(
        fingerprints.iter().all(|one| one == first),
        "{fingerprints:?}"
    );
    let renamed = Source {
        name: "other".into(),
        bucket: "other".into(),
        ..source("p/", same[0])
    };
    assert_eq!(renamed.admission_fingerprint(), *first);
    assert_ne!(
        source("p/", &["//a", "b/*"]).admission_fingerprint(),
        *first
    );
}

#[test]
fn fingerprint_of_globs_with_a_new_meaning_changed() {
    let earlier = |rule: &str| {
        let text = format!(
            "0:\nfolder_markers=false\ninclude ignore_case=false\n1\n{}:{rule}\n",
            rule.len()
        );
        format!("{:016x}", xxh3_64(text.as_bytes()))
    };
    let now = |rule: &str| source("", &[rule]).admission_fingerprint();
    for rule in ["a/{**,b}", "{a/**,b}.jpg", "{a/,b}**"] {
        assert_ne!(now(rule), earlier(rule), "{rule}");
    }
    for rule in ["a/{*,b}", "**/{a,b}/**", "a"] {
        assert_eq!(now(rule), earlier(rule), "{rule}");
    }
}

#[test]
fn thumbnail_has_the_path_or_the_key() {
    for (template, want) in [
        (
            "https://t.example{path}?w=1",
            "https://t.example/d%20e/%7Bkey%7D.psd?w=1",
        ),
        (
            "https://t.example/{key}?p={path}",
            "https://t.example/a/d%20e/%7Bkey%7D.psd?p=/d%20e/%7Bkey%7D.psd",
        ),
    ] {
        let source = Source {
            prefix: "a/".to_owned(),
            thumbnail_url: Some(template.to_owned()),
            ..Source::new("photos", "bucket", "acme")
        };
        let thumbnail = source.thumbnail_url("a/d e/{key}.psd");
        assert_eq!(thumbnail.as_deref(), Some(want));
    }
}

#[test]
fn thumbnails_show_whether_the_base_address_serves_browsers() {
    let with = |template: &str| Source {
        thumbnail_url: Some(template.to_owned()),
        ..Source::new("photos", "bucket", "acme")
    };
    for (template, want) in [
        ("https://acme.imgix.net{path}?w=1", true),
        ("https://acme.imgix.net/fit?p={path}", true),
        ("https://acme.imgix.net.example.com{path}", false),
        ("https://thumbs.example.com{path}", false),
    ] {
        assert_eq!(with(template).is_served_at_base_url(), want, "{template}");
    }
    assert!(!Source::new("photos", "bucket", "acme").is_served_at_base_url());
}

#[test]
fn custom_base_url_differs_from_the_default() {
    let source = Source::new("photos", "bucket", "acme");
    assert!(!source.has_custom_base_url());
    let base_url = "https://cdn.example.com".to_owned();
    assert!(Source { base_url, ..source }.has_custom_base_url());
}
