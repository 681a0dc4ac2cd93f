//! Random assets and conditions. They use few words, so that conditions often match.

use std::ops::Bound;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{NewState, words_of};
use crate::core::query::term::Preference;
use crate::core::query::{
    AssetType, Condition, Interval, MatchMode, Term, WildcardPattern, WordField,
};
use crate::core::replication::object::{ETag, Object, StorageClass};
use crate::core::replication::timestamp::Timestamp;

/// Segments of the paths.
const SEGMENTS: [&str; 36] = [
    "summer",
    "Summer-Sale",
    "summerSale.jpg",
    "sale summer",
    "IMG_2041.JPG",
    "img2042",
    "été",
    "e\u{301}te\u{301}.png",
    "写真集",
    "写真.gif",
    "a",
    "b",
    "ab",
    "abc.tar.gz",
    "b-c",
    "",
    ".jpg",
    "iPhone 12",
    "HTMLPage.html",
    "Straße",
    "STRASSE.mp4",
    "가각",
    "가\u{11a8}",
    "p",
    "ﬁnal.PDF",
    "x?y*z",
    "dräft_1.psd",
    "draft-2",
    "sumer",
    "a.b",
    "HTMLPageViewX2",
    "München.jpg",
    "muenchen",
    "munchen-0042",
    "C++ c# 🎉",
    "москваCity",
];

const ETAGS: [&str; 6] = [
    "0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef-2",
    "0123456789abcdef0123456789abcdef-3",
    "0123456789abcdeffedcba9876543210",
    "other",
    "\"other\"",
];

const CLASSES: [&str; 5] = ["STANDARD", "GLACIER", "STANDARD_IA", "MADE_UP", ""];

/// Parts of patterns: wildcards and text.
const PIECES: [&str; 24] = [
    "*", "*", "**", "?", "/", "/", "a", "b", "ab", "abc", "sum", "mer", "sale", "img", "_20", "-",
    ".jpg", "é", "写", "ss", "가", "p", "ﬁ", "x?y",
];

fn path() -> impl Strategy<Value = String> {
    vec(select(&SEGMENTS[..]), 1..4).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn object() -> impl Strategy<Value = Object> {
    let etag = option::of(select(&ETAGS[..5]));
    (0_u64..10, etag, select(&CLASSES[..4])).prop_map(|(size, etag, class)| Object {
        size,
        etag: etag.and_then(ETag::parse),
        last_modified: Timestamp::from_millis(size as i64 * 10),
        storage_class: StorageClass::from_name(class),
    })
}

/// Some commits. Each change has the index of a Source, a path, and its new state.
pub(super) fn commits() -> impl Strategy<Value = Vec<Vec<(usize, String, NewState)>>> {
    let new_state = prop_oneof![
        6 => object().prop_map(NewState::Object),
        1 => Just(NewState::Tombstone),
        1 => Just(NewState::Nothing),
    ];
    vec(vec((0..3_usize, path(), new_state), 0..60), 1..5)
}

fn mode() -> impl Strategy<Value = MatchMode> {
    select(vec![
        MatchMode::Whole,
        MatchMode::Phrase,
        MatchMode::Prefix,
        MatchMode::Typos(1),
        MatchMode::Typos(2),
        MatchMode::Beginning,
        MatchMode::Similar,
    ])
}

fn words() -> impl Strategy<Value = Condition> {
    let text = prop_oneof![
        vec(select(&SEGMENTS[..]), 1..3).prop_map(|segments| segments.join(" ")),
        // Starts of words, and words with typos.
        "(su?m?m?ers?|summersak?l?e|sa?l?e|im?g?|0?20[0-9]{1,2}|stras?s?e?|[abc]{1,3}) ?(sal[eo]|jpg|写)?",
        "(m(u|ue|ü)nch?en?|html(page)?|pageview|0?42|c(\\+\\+|#)?|🎉|москва) ?(page|jpg|c|city|42)?",
    ];
    (text, mode(), select(vec![WordField::Path, WordField::Name]))
        .prop_map(|(text, mode, field)| words_of(&text, mode, field))
        .prop_filter("a term has a word", |condition| {
            !matches!(condition, Condition::Term(Term::Words { words, .. }) if words.is_empty())
        })
}

fn pattern() -> impl Strategy<Value = String> {
    vec(select(&PIECES[..]), 0..6).prop_map(|pieces| pieces.concat())
}

/// A path with a wildcard in place of a part.
fn path_pattern() -> impl Strategy<Value = String> {
    (
        path(),
        0..20_usize,
        0..6_usize,
        select(vec!["*", "**", "?"]),
    )
        .prop_map(|(path, start, len, wildcard)| {
            let chars: Vec<char> = path.chars().collect();
            let start = start.min(chars.len());
            let end = (start + len).min(chars.len());
            let text = |chars: &[char]| chars.iter().collect::<String>();
            format!("{}{wildcard}{}", text(&chars[..start]), text(&chars[end..]))
        })
}

fn folder() -> impl Strategy<Value = String> {
    vec(select(&SEGMENTS[..]), 0..3).prop_map(|segments| {
        segments
            .iter()
            .fold("/".to_owned(), |path, it| path + it + "/")
    })
}

fn interval<T: Clone + std::fmt::Debug + 'static>(
    values: impl Fn() -> BoxedStrategy<T>,
) -> impl Strategy<Value = Interval<T>> {
    let bound = |value: T| {
        let bounds = [
            Bound::Unbounded,
            Bound::Included(value.clone()),
            Bound::Excluded(value),
        ];
        select(bounds.to_vec())
    };
    let bounds = (values().prop_flat_map(bound), values().prop_flat_map(bound));
    bounds.prop_map(|(lower, upper)| Interval { lower, upper })
}

fn filter() -> impl Strategy<Value = Term> {
    let time = || {
        (0..10_i64)
            .prop_map(|n| Timestamp::from_millis(n * 10))
            .boxed()
    };
    let size = || (0..10_u64).boxed();
    prop_oneof![
        vec(select(vec!["jpg", "png", "gz", "html", "b", "none"]), 1..3)
            .prop_map(|exts| Term::Ext(exts.into_iter().map(str::to_owned).collect())),
        vec(select(&AssetType::ALL[..]), 1..4).prop_map(Term::Type),
        interval(size).prop_map(Term::Size),
        interval(time).prop_map(Term::Modified),
        interval(time).prop_map(Term::Created),
        vec(select(&CLASSES[..]), 1..3)
            .prop_map(|classes| Term::Storage(classes.into_iter().map(str::to_owned).collect())),
        select(&ETAGS[..]).prop_map(|etag| Term::ETag(etag.to_owned())),
        folder().prop_map(Term::Folder),
        folder().prop_map(Term::DirectlyIn),
    ]
}

fn term() -> impl Strategy<Value = Condition> {
    let patterns = || prop_oneof![pattern(), path_pattern()];
    prop_oneof![
        4 => words(),
        2 => pattern().prop_map(|pattern| Condition::Term(Term::NamePattern(WildcardPattern::for_names(&pattern)))),
        2 => patterns().prop_map(|pattern| Condition::Term(Term::PathPattern(WildcardPattern::for_paths(&pattern)))),
        1 => select(&SEGMENTS[..]).prop_map(|name| Condition::Term(Term::Name(name.to_owned()))),
        1 => path().prop_map(|path| Condition::Term(Term::Path(path))),
        4 => filter().prop_map(Condition::Term),
    ]
}

fn preference() -> impl Strategy<Value = Preference> {
    let word = || select(vec!["sale", "summer", "jpg", "2041", "münchen"]).prop_map(str::to_owned);
    prop_oneof![
        vec(word(), 1..3).prop_map(Preference::WholeName),
        [word(), word()].prop_map(Preference::Neighbors),
        [word(), word()].prop_map(Preference::Near),
        Just(Preference::Ext(vec!["jpg".to_owned()])),
    ]
}

/// A condition with several terms.
pub(super) fn condition() -> impl Strategy<Value = Condition> {
    term().prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Condition::All),
            vec(inner.clone(), 0..4).prop_map(Condition::Any),
            (1..4_usize, vec(inner.clone(), 0..4))
                .prop_map(|(least, several)| Condition::AtLeast(least, several)),
            vec(inner.clone(), 0..4).prop_map(Condition::Best),
            preference().prop_map(Condition::Preferred),
            inner.prop_map(|one| Condition::Not(Box::new(one))),
        ]
    })
}
