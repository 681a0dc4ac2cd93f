//! Tests of the attempts of forgiving searches, and of what is said about them.

use super::interpretation::Interpretation;
use super::*;
use crate::core::query::matches::Asset;
use crate::core::replication::timestamp::Timestamp;

fn query(text: &str) -> Query {
    Query::parse(text, Timestamp::from_millis(0)).unwrap()
}

fn asset(path: &str) -> Asset<'_> {
    Asset {
        path,
        size: 1,
        last_modified: Timestamp::from_millis(0),
        first_seen: None,
        storage_class: "STANDARD",
        etag: None,
    }
}

/// The step of the first attempt that finds the path.
fn step(text: &str, path: &str) -> Option<Step> {
    let attempts = attempts(&query(text), PlainWords::Forgiving);
    let mut found = attempts.iter().filter(|it| it.query.matches(&asset(path)));
    found.next().map(|attempt| attempt.step)
}

#[test]
fn each_step_forgives_more() {
    use Step::{Beginnings, Exact, Fillers, MissingWords, Typos};
    for (text, path, want) in [
        ("sunset", "/sunset.jpg", Some(Exact)),
        ("sun", "/sunset.jpg", Some(Beginnings)),
        ("bea sun", "/beach/sunset.jpg", Some(Beginnings)),
        ("iphone front", "/iPhoneXSMax_front.png", Some(Exact)),
        ("iphone xs max", "/iPhoneXSMax_front.png", Some(Exact)),
        ("xsmax", "/iPhoneXSMax_front.png", Some(Exact)),
        ("htmlpage", "/HTMLPageView.png", Some(Exact)),
        ("page view", "/HTMLPageView.png", Some(Exact)),
        ("whats app", "/whatsapp.svg", Some(Beginnings)),
        ("whatsapp", "/whats-app.svg", Some(Beginnings)),
        ("bericht", "/Geschäftsbericht.pdf", Some(Typos)),
        ("مسجد", "/المسجد.jpg", Some(Typos)),
        ("half pipe", "/easyhalfpipe.jpg", Some(Typos)),
        ("set", "/sunset.jpg", None),
        ("blu tooth", "/bluetooth.svg", Some(Typos)),
        ("munich 2022", "/20-22/munich.jpg", Some(MissingWords)),
        ("img42", "/IMG_0042.jpg", Some(Exact)),
        ("42", "/IMG_0042.jpg", Some(Exact)),
        ("sku42", "/SKU-00042.jpg", Some(Exact)),
        ("sku 00042", "/sku42.jpg", Some(Beginnings)),
        ("sunst", "/sunset.jpg", Some(Typos)),
        ("snuset", "/sunset.jpg", Some(Typos)),
        ("colour", "/color-wheel.png", Some(Beginnings)),
        ("handbags", "/red-handbag.jpg", Some(Beginnings)),
        ("fotograph", "/photograph.png", Some(Typos)),
        ("the beach", "/beach.jpg", Some(Fillers)),
        ("the", "/beach.jpg", None),
        ("a photo of the beach", "/beach.jpg", Some(Fillers)),
        ("sunset beach", "/beach.jpg", Some(MissingWords)),
        ("a red car by night", "/car.jpg", Some(MissingWords)),
        ("2041", "/IMG_2042.jpg", None),
        // What is not a plain word is never forgiven.
        ("\"sunst\"", "/sunset.jpg", None),
        ("sunst*", "/sunset.jpg", None),
        ("name:sunst", "/sunset.jpg", None),
        ("sunst ext:jpg", "/sunset.jpg", Some(Typos)),
        ("sunst ext:png", "/sunset.jpg", None),
        ("sunst -beach", "/beach/sunset.jpg", None),
        ("sunst OR rain", "/sunset.jpg", None),
    ] {
        assert_eq!(step(text, path), want, "{text} {path}");
    }
}

#[test]
fn later_attempts_find_all_that_earlier_ones_find() {
    let paths = [
        "/the red car.jpg",
        "/car/red.jpg",
        "/the/carpet/redder.jpg",
        "/redcar.jpg",
        "/rde.png",
    ];
    for text in ["the red car", "red", "red car ext:jpg", "img 0042"] {
        let attempts = attempts(&query(text), PlainWords::Forgiving);
        assert!(attempts.windows(2).all(|pair| pair[0].step <= pair[1].step));
        for path in paths {
            let found: Vec<bool> = attempts
                .iter()
                .map(|attempt| attempt.query.matches(&asset(path)))
                .collect();
            assert!(found.is_sorted(), "{text} {path} {found:?}");
        }
    }
}

#[test]
fn exact_searches_forgive_nothing_and_unfinished_words_may_go_on() {
    let exact = attempts(&query("sun beach"), PlainWords::Exact);
    assert_eq!(exact.len(), 1);
    assert_eq!(exact[0].query, query("sun beach"));
    for (text, first) in [
        ("beach sun", "beach sun*"),
        ("sun", "sun*"),
        ("sun ext:jpg", "sun* ext:jpg"),
        ("beach sun -sea", "beach sun* -sea"),
        ("\"sun sea\"", "\"sun sea\""),
    ] {
        let typing = attempts(&query(text), PlainWords::Typing);
        assert_eq!(typing[0].query, query(first), "{text}");
    }
    let many = "word ".repeat(MAX_FORGIVEN_WORDS + 1);
    assert_eq!(attempts(&query(&many), PlainWords::Forgiving).len(), 1);
    assert_eq!(attempts(&query(""), PlainWords::Forgiving).len(), 1);
}

#[test]
fn words_are_left_out_in_three_steps_at_most() {
    for (words, want) in [
        (1, &[][..]),
        (2, &[1]),
        (3, &[2, 1]),
        (4, &[3, 2, 1]),
        (9, &[8, 5, 1]),
    ] {
        assert_eq!(fewer(words), want);
    }
}

/// What the first attempt that finds one of the paths says about them.
fn message(text: &str, paths: &[&str]) -> String {
    let written = query(text);
    let attempts = attempts(&written, PlainWords::Forgiving);
    let found = |attempt: &&Attempt| paths.iter().any(|path| attempt.query.matches(&asset(path)));
    let attempt = attempts.iter().find(found).unwrap();
    Interpretation::of(&written, attempt, paths.iter().copied()).message
}

#[test]
fn says_what_was_found_instead() {
    for (text, paths, want) in [
        (
            "sunst",
            &["/sunset.jpg"][..],
            "no exact match for \"sunst\", showing \"sunset\"",
        ),
        (
            "sun beach",
            &[
                "/beach/sunset.jpg",
                "/beach/sunrise.jpg",
                "/beach/suns.jpg",
                "/beach/sunny.jpg",
            ],
            "no exact match for \"sun\", showing \"sunset\", \"sunrise\", \"suns\"",
        ),
        (
            "whats app",
            &["/whatsapp.svg"],
            "no exact match for \"whats\", showing \"whatsapp\"; no exact match for \"app\", showing \"whatsapp\"",
        ),
        (
            "whatsapp",
            &["/whats-app.svg"],
            "no exact match for \"whatsapp\", showing \"whats app\"",
        ),
        (
            "bericht",
            &["/Geschäftsbericht.pdf"],
            "no exact match for \"bericht\", showing \"geschaftsbericht\"",
        ),
        (
            "boxes",
            &["/box.png"],
            "no exact match for \"boxes\", showing \"box\"",
        ),
        (
            "sku42",
            &["/SKU-00042.png"],
            "no exact match for \"42\", showing \"00042\"",
        ),
        (
            "a blue beech",
            &["/beach.jpg"],
            "no exact match for \"beech\", showing \"beach\"; showing results without \"a\", \"blue\"",
        ),
        (
            "blue beach",
            &["/beach.jpg"],
            "showing results without \"blue\"",
        ),
    ] {
        assert_eq!(message(text, paths), want);
    }
}
