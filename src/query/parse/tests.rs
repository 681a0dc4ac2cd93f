//! Queries and what they mean, or why they mean nothing, one line a case.

use std::ops::Bound::{Excluded, Included, Unbounded};

use proptest::prelude::*;

use super::*;
use crate::query::interval::Interval;

const NOW: Stamp = Stamp::from_millis(1_773_144_000_000);

fn parse(text: &str) -> Result<Vec<Condition>, QueryError> {
    Query::parse(text, NOW).map(|query| match query.condition {
        Condition::All(all) => all,
        other => vec![other],
    })
}

fn yes(term: Term) -> Condition {
    Condition::Term(term)
}

fn no(term: Term) -> Condition {
    Condition::Not(Box::new(yes(term)))
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn words(words: &[&str]) -> Term {
    Term::Words {
        words: texts(words),
        how: Match::Whole,
        within: Within::Path,
    }
}

fn ext(extensions: &[&str]) -> Term {
    Term::Ext(texts(extensions))
}

fn folder(path: &str) -> Term {
    Term::Folder(path.into())
}

#[test]
fn good_searches() {
    let over_1mb = Interval {
        lower: Excluded(1_000_000),
        upper: Unbounded,
    };
    let year_2026 = Interval {
        lower: Included(Stamp::from_millis(1_767_225_600_000)),
        upper: Excluded(Stamp::from_millis(1_798_761_600_000)),
    };
    for (text, want) in [
        ("", vec![]),
        (" \t\u{3000}", vec![]),
        ("summer", vec![yes(words(&["summer"]))]),
        (
            "summer  Café",
            vec![yes(words(&["summer"])), yes(words(&["cafe"]))],
        ),
        (
            "summer-sale.jpg",
            vec![yes(words(&["summer", "sale", "jpg"]))],
        ),
        ("IMG2041", vec![yes(words(&["img", "2041"]))]),
        ("summerSale", vec![yes(words(&["summersale"]))]),
        ("a-a", vec![yes(words(&["a"]))]),
        ("-word", vec![no(words(&["word"]))]),
        ("--word", vec![no(words(&["word"]))]),
        (
            "Artist - Title",
            vec![yes(words(&["artist"])), yes(words(&["title"]))],
        ),
        ("*.jpg", vec![yes(words(&["jpg"]))]),
        ("12:30", vec![yes(words(&["12", "30"]))]),
        ("/a:b", vec![yes(words(&["a", "b"]))]),
        ("\"a:b\"", vec![yes(words(&["a", "b"]))]),
        ("-\"red flower\"", vec![no(words(&["red", "flower"]))]),
        ("5\"disk\"", vec![yes(words(&["5", "disk"]))]),
        ("ext:jpg", vec![yes(ext(&["jpg"]))]),
        ("EXT:.JPG,png", vec![yes(ext(&["jpg", "png"]))]),
        ("-ext:gif a", vec![no(ext(&["gif"])), yes(words(&["a"]))]),
        ("folder:/photos/2024", vec![yes(folder("/photos/2024/"))]),
        ("folder:photos/", vec![yes(folder("/photos/"))]),
        ("folder:/", vec![yes(folder("/"))]),
        ("folder://a//b", vec![yes(folder("//a//b/"))]),
        (
            "folder:\"/My Photos\" x",
            vec![yes(folder("/My Photos/")), yes(words(&["x"]))],
        ),
        (
            r#"folder:"/a \"b\" \\ \c""#,
            vec![yes(folder(r#"/a "b" \ \c/"#))],
        ),
        (r#"folder:/a"b\c"#, vec![yes(folder(r#"/a"b\c/"#))]),
        ("size:>1mb", vec![yes(Term::Size(over_1mb))]),
        ("-size:\">1mb\"", vec![no(Term::Size(over_1mb))]),
        ("modified:2026", vec![yes(Term::Modified(year_2026))]),
    ] {
        assert_eq!(parse(text), Ok(want), "{text:?}");
    }
}

#[test]
fn an_age_counts_back_from_now() {
    let week = Interval {
        lower: Excluded(Stamp::from_millis(NOW.as_millis() - 604_800_000)),
        upper: Unbounded,
    };
    assert_eq!(parse("modified:<7d"), Ok(vec![yes(Term::Modified(week))]));
}

#[test]
fn bad_searches() {
    for (text, column, shown, hint) in [
        ("- / &", 1, "-", "no letter or digit"),
        ("a \"b c", 3, "\"b c", "not closed"),
        ("é folder:\"b", 10, "\"b", "not closed"),
        ("a \"b\"c d", 6, "c", "a space behind it"),
        ("ext:\"jpg\",\"png\"", 10, ",\"png\"", "a space behind it"),
        ("é http://x", 3, "http://x", "ext, folder, modified, size"),
        ("-a:b", 1, "-a:b", "\"a:…\""),
        ("größe:1", 1, "größe:1", "no field \"größe\""),
        ("a ext:", 3, "ext:", "ext:jpg"),
        ("folder:\"\"", 1, "folder:\"\"", "folder:/photos"),
        ("size: 1mb", 1, "size:", "size:>1mb"),
        ("modified:", 1, "modified:", "modified:2026"),
        ("ext:jpg,", 1, "ext:jpg,", "ext:jpg,png"),
        ("ext:tar.gz", 1, "ext:tar.gz", "behind the last dot"),
        (
            "ext:12345678901234567",
            1,
            "ext:12345678901234567",
            "1 to 16",
        ),
        ("a -size:big", 3, "-size:big", "size:<=500kb"),
        ("size:5mb..1mb", 1, "size:5mb..1mb", "ends before it begins"),
        ("modified:7d", 1, "modified:7d", "modified:<7d"),
        (
            "modified:2026-02-30",
            1,
            "modified:2026-02-30",
            "modified:2026-01",
        ),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(
            (error.column, error.text.as_str()),
            (column, shown),
            "{text:?}"
        );
        let message = error.to_string();
        assert!(message.contains(hint), "{text:?}: {message}");
        assert!(message.contains(&format!("column {column} ")), "{message}");
    }
}

#[test]
fn a_search_is_bounded() {
    let longest = "é".repeat(MAX_QUERY_CHARS);
    assert!(parse(&longest).is_ok());
    let error = parse(&(longest + "xyz")).unwrap_err();
    assert_eq!(
        (error.column, error.text.as_str()),
        (MAX_QUERY_CHARS + 1, "xyz")
    );
    assert_eq!(error.problem, Problem::TooLong);

    let most = "a ".repeat(MAX_TERMS);
    assert!(parse(&most).is_ok());
    let error = parse(&(most.clone() + "b")).unwrap_err();
    assert_eq!(
        (error.column, error.text.as_str()),
        (2 * MAX_TERMS + 1, "b")
    );
    assert_eq!(error.problem, Problem::TooManyTerms);
    assert!(parse(&(most + "- &")).is_ok());
}

fn is_at_its_column(text: &str, error: &QueryError) -> bool {
    let from_column: String = text.chars().skip(error.column - 1).collect();
    !error.text.is_empty() && from_column.starts_with(&error.text)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_is_read_or_its_error_lies_in_it(text in "\\PC{0,60}") {
        if let Err(error) = parse(&text) {
            prop_assert!(is_at_its_column(&text, &error), "{error:?}");
        }
    }

    #[test]
    fn near_misses_are_read_or_their_error_lies_in_them(
        text in "((-|)(ext|folder|size|modified|x|)(:|)(\"|)[<>=0-9a-z.,/\"\\\\é -]{0,12}(\"|) ?){0,5}"
    ) {
        if let Err(error) = parse(&text) {
            prop_assert!(is_at_its_column(&text, &error), "{error:?}");
        }
    }
}
