//! Terms and the assets that they match.

use std::ops::Bound;

use proptest::prelude::*;

use super::*;
use crate::core::query::interval::Interval;
use crate::core::query::pattern::WildcardPattern;
use crate::core::query::words::query_words;

fn words(text: &str, mode: MatchMode, field: WordField) -> Condition {
    let mut words = Vec::new();
    query_words(text, |word, _| words.push(word.to_owned()));
    Condition::Term(Term::Words { words, mode, field })
}

pub(in crate::core::query) fn whole(text: &str) -> Condition {
    words(text, MatchMode::Whole, WordField::Path)
}

pub(in crate::core::query) fn phrase(text: &str) -> Condition {
    words(text, MatchMode::Phrase, WordField::Path)
}

pub(in crate::core::query) fn prefix(text: &str) -> Condition {
    words(text, MatchMode::Prefix, WordField::Path)
}

pub(in crate::core::query) fn typo(text: &str) -> Condition {
    words(text, MatchMode::Typos(1), WordField::Path)
}

pub(in crate::core::query) fn part(text: &str) -> Condition {
    Condition::Term(Term::NamePattern(WildcardPattern::for_names(text)))
}

pub(in crate::core::query) fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn in_name(text: &str, mode: MatchMode) -> Condition {
    words(text, mode, WordField::Name)
}

fn term(term: Term) -> Condition {
    Condition::Term(term)
}

const ASSET: Asset<'_> = Asset {
    path: "/",
    size: 5,
    last_modified: Timestamp::from_millis(100),
    first_seen: Some(Timestamp::from_millis(200)),
    storage_class: "STANDARD",
    etag: Some("abc"),
};

#[test]
fn words_match_paths_and_names() {
    for (condition, path, want) in [
        (whole("summer"), "/photos/Summer-Sale.jpg", true),
        (whole("sale photos"), "/photos/Summer-Sale.jpg", true),
        (whole("sum"), "/photos/Summer-Sale.jpg", false),
        (whole("summersale"), "/summerSale", true),
        (whole("sale"), "/summerSale", true),
        (whole("cafe"), "/CAFÉ", true),
        (in_name("photos", MatchMode::Whole), "/photos/a.jpg", false),
        (in_name("a jpg", MatchMode::Whole), "/photos/a.jpg", true),
        (phrase("summer sale"), "/x/summer-sale.jpg", true),
        (phrase("summer sale"), "/x/summer_SALE.jpg", true),
        (phrase("summer sale"), "/summer/sale.jpg", false),
        (phrase("summer sale"), "/sale-summer.jpg", false),
        (phrase("summer sale"), "/summer-big-sale.jpg", false),
        (phrase("summer sale"), "/summer sale/a.jpg", true),
        (phrase("summer sale"), "/bigSummerSale2.jpg", true),
        (phrase("summersale 2"), "/summerSale2.jpg", true),
        (phrase("sale 2 jpg"), "/summerSale2.jpg", true),
        (phrase("summer summersale"), "/summerSale2.jpg", false),
        (phrase("summersale sale"), "/summerSale2.jpg", false),
        (phrase("a a"), "/a.jpg", false),
        (phrase("a a"), "/a a.jpg", true),
        (in_name("a b", MatchMode::Phrase), "/a b/c", false),
        (in_name("a b", MatchMode::Phrase), "/a b/a b", true),
        (prefix("sum"), "/summer", true),
        (prefix("sale sum"), "/summer-sale", true),
        (prefix("sum sale"), "/summer-sale", false),
        (prefix("summersa"), "/summerSale", true),
        (prefix("summers"), "/summer-sale", false),
        (in_name("pho", MatchMode::Prefix), "/photos/a", false),
        (typo("sumer"), "/summer", true),
        (typo("sumer slae"), "/summer-sale", true),
        (typo("sumer slea"), "/summer-sale", false),
        (typo("ab"), "/abc", false),
        (typo("2041"), "/IMG_2042", false),
        (typo("imag 2041"), "/IMG_2041", true),
        (in_name("photo", MatchMode::Typos(1)), "/photos/a", false),
    ] {
        let asset = Asset { path, ..ASSET };
        assert_eq!(condition.matches(&asset), want, "{condition:?} {path}");
    }
}

#[test]
fn terms_match_names_and_paths() {
    let name = |name: &str| term(Term::Name(name.into()));
    let path = |path: &str| term(Term::Path(path.into()));
    let glob = |pattern: &str| term(Term::PathPattern(WildcardPattern::for_paths(pattern)));
    let ext = |ext: &str| term(Term::Ext(vec!["gif".into(), ext.into()]));
    let kind = |kind| term(Term::Type(vec![AssetType::Font, kind]));
    let folder = |folder: &str| term(Term::Folder(folder.into()));
    let level = |folder: &str| term(Term::DirectlyIn(folder.into()));
    for (condition, path, want) in [
        (part("*nt_lar*"), "/x/Mount_Large.jpg", true),
        (part("*nt_lar*"), "/mount_large/x.jpg", false),
        (part("img_????.jpg"), "/IMG_2041.JPG", true),
        (name("Red Flower.jpg"), "/a/Red Flower.jpg", true),
        (name("red flower.jpg"), "/a/Red Flower.jpg", false),
        (name(""), "/a/", true),
        (path("/a/b"), "/a/b", true),
        (path("/a/b"), "/A/b", false),
        (glob("/a/*.jpg"), "/a/b.jpg", true),
        (glob("/a/*.jpg"), "/a/b/c.jpg", false),
        (glob("/a/**.jpg"), "/a/b/c.jpg", true),
        (ext("jpg"), "/a.JPG", true),
        (ext("jpg"), "/a.jpg.png", false),
        (ext("jpg"), "/jpg", false),
        (kind(AssetType::Image), "/a.JPG", true),
        (kind(AssetType::Image), "/a.mp4", false),
        (kind(AssetType::Other), "/a", true),
        (kind(AssetType::Other), "/a.xyzzy", true),
        (folder("/a/"), "/a/b/c", true),
        (folder("/a/"), "/ab/c", false),
        (folder("/"), "/a", true),
        (folder("//"), "/a", false),
        (level("/a/"), "/a/b", true),
        (level("/a/"), "/a/b/c", false),
        (level("/a/"), "/a/", true),
        (level("/"), "//", false),
    ] {
        let asset = Asset { path, ..ASSET };
        assert_eq!(condition.matches(&asset), want, "{condition:?} {path}");
    }
}

fn at_least<T>(lower: T) -> Interval<T> {
    Interval {
        lower: Bound::Included(lower),
        upper: Bound::Unbounded,
    }
}

#[test]
fn terms_match_object_properties() {
    let times = |millis| at_least(Timestamp::from_millis(millis));
    let classes = |class: &str| Term::Storage(vec!["GLACIER".into(), class.into()]);
    for (one, want) in [
        (Term::Size(at_least(5)), true),
        (Term::Size(at_least(6)), false),
        (Term::Modified(times(100)), true),
        (Term::Modified(times(101)), false),
        (Term::Created(times(200)), true),
        (Term::Created(times(201)), false),
        (classes("STANDARD"), true),
        (classes("STANDARD_IA"), false),
        (Term::ETag("abc".into()), true),
        (Term::ETag("ABC".into()), false),
    ] {
        assert_eq!(term(one.clone()).matches(&ASSET), want, "{one:?}");
    }
    let unknown = Asset {
        first_seen: None,
        etag: None,
        ..ASSET
    };
    assert!(!Term::Created(times(0)).matches(&unknown));
    assert!(!Term::ETag(String::new()).matches(&unknown));
}

#[test]
fn empty_all_matches_and_empty_any_does_not() {
    assert!(Condition::All(Vec::new()).matches(&ASSET));
    assert!(!Condition::Any(Vec::new()).matches(&ASSET));
}

fn condition() -> impl Strategy<Value = Condition> {
    let leaf = "[ab]{1,2}( [ab])?".prop_map(|text| whole(&text));
    leaf.prop_recursive(3, 12, 3, |inner| {
        let several = prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            several.clone().prop_map(Condition::All),
            several.prop_map(Condition::Any),
            inner.prop_map(not),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn negation_follows_de_morgan(one in condition(), other in condition(), path in "/[ab]{1,2}([ -/][ab]{1,2}){0,3}") {
        let asset = Asset { path: &path, ..ASSET };
        let both = [one.clone(), other.clone()];
        let neither = vec![not(one), not(other)];
        let pairs = [
            (not(Condition::All(both.to_vec())), Condition::Any(neither.clone())),
            (not(Condition::Any(both.to_vec())), Condition::All(neither)),
        ];
        for (left, right) in pairs {
            prop_assert_eq!(left.matches(&asset), right.matches(&asset));
            let twice = not(not(left.clone()));
            prop_assert_eq!(twice.matches(&asset), left.matches(&asset));
        }
    }

    #[test]
    fn looser_match_modes_find_at_least_as_much(text in "[abAB]{1,4}([ 1][abB]{1,3}){0,2}", path in "/([abAB1 /-]{0,9})") {
        let found = |mode| words(&text, mode, WordField::Path).matches(&Asset { path: &path, ..ASSET });
        prop_assert!(!found(MatchMode::Phrase) || found(MatchMode::Whole));
        prop_assert!(!found(MatchMode::Whole) || found(MatchMode::Prefix) && found(MatchMode::Typos(1)));
    }

    #[test]
    fn path_contains_its_segments_as_phrases(path in "(/[a-cA-C0-9 _-]{0,6}){1,3}") {
        for segment in path.split('/') {
            prop_assert!(phrase(segment).matches(&Asset { path: &path, ..ASSET }), "{segment}");
        }
    }
}
