//! Queries and the conditions that they parse to.

use std::ops::Bound::{Excluded, Included, Unbounded};

use super::*;
use crate::core::query::asset_type::AssetType;
use crate::core::query::interval::Interval;
use crate::core::query::pattern::WildcardPattern;
use crate::core::query::term::{MatchMode, Term, WordField};

mod errors;
mod fields;

/// 2026-03-10T12:00:00Z
const NOW: Timestamp = Timestamp::from_millis(1_773_144_000_000);

fn parse(text: &str) -> Result<Condition, QueryError> {
    Query::parse(text, NOW).map(|query| query.condition)
}

fn term(term: Term) -> Condition {
    Condition::Term(term)
}

fn not(condition: Condition) -> Condition {
    negation(condition)
}

fn all(conditions: &[Condition]) -> Condition {
    Condition::All(conditions.to_vec())
}

fn any(conditions: &[Condition]) -> Condition {
    Condition::Any(conditions.to_vec())
}

fn texts(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn words_term(words: &str, mode: MatchMode, field: WordField) -> Condition {
    let words = texts(words);
    term(Term::Words { words, mode, field })
}

fn words(words: &str) -> Condition {
    words_term(words, MatchMode::Whole, WordField::Path)
}

fn in_name(words: &str, mode: MatchMode) -> Condition {
    words_term(words, mode, WordField::Name)
}

fn part(pattern: &str) -> Condition {
    term(Term::NamePattern(WildcardPattern::for_names(pattern)))
}

fn glob(pattern: &str) -> Condition {
    term(Term::PathPattern(WildcardPattern::for_paths(pattern)))
}

fn ext(extensions: &str) -> Condition {
    term(Term::Ext(texts(extensions)))
}

fn folder(path: &str) -> Condition {
    term(Term::Folder(path.into()))
}

fn check(cases: &[(&str, Condition)]) {
    for (text, want) in cases {
        assert_eq!(parse(text).as_ref(), Ok(want), "{text:?}");
    }
}

#[test]
fn plain_words() {
    check(&[
        ("", all(&[])),
        (" \t\u{3000}", all(&[])),
        ("summer", words("summer")),
        ("summer  Café", all(&[words("summer"), words("cafe")])),
        ("summer-sale", words("summer sale")),
        ("IMG_2041.jpg", words("img 2041 jpg")),
        ("summerSale", words("summersale")),
        ("a-a", words("a a")),
        ("/photos/a.jpg", words("photos a jpg")),
        ("12:30", words("12 30")),
        ("/a:b", words("a b")),
        ("a : b", all(&[words("a"), words("b")])),
        ("IMG(1).jpg", words("img 1 jpg")),
        (
            "IMG (1).jpg",
            all(&[words("img"), words("1"), words("jpg")]),
        ),
        ("5\"disk\"", words("5 disk")),
        ("Artist - Title", all(&[words("artist"), words("title")])),
        ("+a & b,", all(&[words("a"), words("b")])),
        ("what?", words("what")),
        (
            "or and not",
            all(&[words("or"), words("and"), words("not")]),
        ),
        ("ORANGE ANDY", all(&[words("orange"), words("andy")])),
        (
            "size in type",
            all(&[words("size"), words("in"), words("type")]),
        ),
        (
            "type IN STOCK",
            all(&[words("type"), words("in"), words("stock")]),
        ),
        ("*", all(&[])),
        ("a *", words("a")),
        ("-*", not(all(&[]))),
    ]);
}

#[test]
fn quotations_prefixes_typos_and_patterns() {
    let prefix = |text| words_term(text, MatchMode::Prefix, WordField::Path);
    let typo = |text| words_term(text, MatchMode::Typos(1), WordField::Path);
    let phrase = |text| words_term(text, MatchMode::Phrase, WordField::Path);
    check(&[
        ("\"Summer Sale\"", phrase("summer sale")),
        ("\"a a\"", phrase("a a")),
        ("\"summer\"", phrase("summer")),
        ("\"a:b\"", phrase("a b")),
        (r#""a \"b\" OR c""#, phrase("a b or c")),
        ("\"*.jpg\"", phrase("jpg")),
        ("summ*", prefix("summ")),
        ("summer-sal*", prefix("summer sal")),
        ("a-a*", prefix("a a")),
        ("IMG2**", prefix("img 2")),
        ("summer-*", words("summer")),
        ("sumer~", typo("sumer")),
        ("sumer~1", typo("sumer")),
        (
            "sumer~2",
            words_term("sumer", MatchMode::Typos(2), WordField::Path),
        ),
        ("sumer~2x", words("sumer 2 x")),
        ("big-sumer~", typo("big sumer")),
        ("*nt_lar*", part("*nt_lar*")),
        ("*.JPG", part("*.jpg")),
        ("IMG_????.jpg", part("img_????.jpg")),
        ("IMG_?*", part("img_?*")),
        ("a*b~", part("a*b~")),
        ("/photos/*/a.jpg", glob("/photos/*/a.jpg")),
        ("photos/*/A?.jpg", glob("**/photos/*/A?.jpg")),
        ("photos/a*", prefix("photos a")),
        (
            "https://x.imgix.net/a%20b/c.jpg?w=3#top y",
            all(&[term(Term::Path("/a b/c.jpg".into())), words("y")]),
        ),
        ("-HTTP://x/%C3%A9", not(term(Term::Path("/é".into())))),
    ]);
}

#[test]
fn operators_and_parentheses() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(words);
    let both = |one: &Condition, other: &Condition| all(&[one.clone(), other.clone()]);
    let either = |one: &Condition, other: &Condition| any(&[one.clone(), other.clone()]);
    check(&[
        ("a AND b", both(&a, &b)),
        ("a && b", both(&a, &b)),
        ("a OR b", either(&a, &b)),
        ("a || b", either(&a, &b)),
        ("a | b", either(&a, &b)),
        ("a|b", either(&a, &b)),
        ("a|", a.clone()),
        ("!a", not(a.clone())),
        ("!a b", both(&not(a.clone()), &b)),
        ("!(a | b)", not(either(&a, &b))),
        ("a!", a.clone()),
        ("! a", a.clone()),
        ("a b OR c d", either(&both(&a, &b), &both(&c, &d))),
        ("a -b OR c", either(&both(&a, &not(b.clone())), &c)),
        ("a (b OR c)", both(&a, &either(&b, &c))),
        ("(a b)(c)", all(&[a.clone(), b.clone(), c.clone()])),
        ("a OR (b OR c)", any(&[a.clone(), b.clone(), c.clone()])),
        ("a (b AND c)", all(&[a.clone(), b.clone(), c.clone()])),
        ("((a))", a.clone()),
        ("NOT a", not(a.clone())),
        ("NOT NOT a", not(not(a.clone()))),
        ("NOT a b", both(&not(a.clone()), &b)),
        ("NOT(a OR b)", not(either(&a, &b))),
        ("-(a b)", not(both(&a, &b))),
        ("-a", not(a.clone())),
        ("--a", not(a.clone())),
        (
            "-\"a\"",
            not(words_term("a", MatchMode::Phrase, WordField::Path)),
        ),
        ("a-b", words("a b")),
        ("a OR - b", either(&a, &b)),
        ("a OR &", a.clone()),
        ("() a", a.clone()),
        ("(&) a", a.clone()),
        ("NOT & a", a.clone()),
        ("* OR a", either(&all(&[]), &a)),
        ("(a)b", both(&a, &b)),
    ]);
}
