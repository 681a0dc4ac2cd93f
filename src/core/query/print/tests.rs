//! Printed queries parse to the same query.

use proptest::prelude::*;

use super::*;
use crate::core::query::asset_type::AssetType;
use crate::core::query::pattern::WildcardPattern;
use crate::core::query::term::MAX_QUERY_BYTES;
use crate::core::query::words::query_words;

const NOW: Timestamp = Timestamp::from_millis(1_773_144_000_000);

#[test]
fn prints_queries() {
    for (text, want) in [
        ("", "*"),
        ("IMG_2041.jpg summ* sumer~", "img-2041-jpg summ* sumer~"),
        ("\"red flower\" name:\"a b\"", "\"red flower\" name:\"a b\""),
        ("a -b OR (c OR d) e", "a -b OR (c OR d) e"),
        ("NOT (a b) NOT NOT c", "-(a b) NOT -c"),
        ("*.JPG", "name:\"*.jpg\""),
        ("folder:a/* folder=b", "folder:\"/a/\" folder=\"/b/\""),
        ("format IN [\"jpg\",png]", "ext:=jpg,png"),
        ("size>1kb bytes:5", "size:{1000 TO *] size:[5 TO 5]"),
        ("createdAt > 12h", "created:{2026-03-10T00:00:00.000Z TO *]"),
    ] {
        let query = Query::parse(text, NOW).unwrap();
        assert_eq!(query.to_string(), want, "{text}");
    }
}

fn words() -> impl Strategy<Value = Term> {
    let mode = prop_oneof![
        Just(MatchMode::Whole),
        Just(MatchMode::Phrase),
        Just(MatchMode::Prefix),
        Just(MatchMode::Typos(1)),
        Just(MatchMode::Typos(2))
    ];
    let field = prop_oneof![Just(WordField::Path), Just(WordField::Name)];
    ("[a-z0-9éß東한 _]{1,9}|\\PC{1,9}", mode, field).prop_filter_map(
        "contains words",
        |(text, mode, field)| {
            let mut words = Vec::new();
            query_words(&text, |word, _| words.push(word.to_owned()));
            if mode != MatchMode::Phrase {
                words.sort();
                words.dedup();
            }
            (!words.is_empty()).then_some(Term::Words { words, mode, field })
        },
    )
}

fn bound<T: Copy + std::fmt::Debug>(
    value: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Bound<T>> {
    prop_oneof![
        value.clone().prop_map(Bound::Included),
        value.prop_map(Bound::Excluded),
    ]
}

fn interval<T: PartialOrd + Copy + std::fmt::Debug>(
    value: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Interval<T>> {
    let both = (bound(value.clone()), bound(value.clone()));
    let one = (bound(value), any::<bool>());
    let open = one.prop_map(|(bound, is_lower)| {
        if is_lower {
            (bound, Bound::Unbounded)
        } else {
            (Bound::Unbounded, bound)
        }
    });
    prop_oneof![both, open].prop_filter_map("is not reversed", |(lower, upper)| {
        let ends = |bound: &Bound<T>| match bound {
            Bound::Included(value) | Bound::Excluded(value) => Some(*value),
            Bound::Unbounded => None,
        };
        let is_forward = match (ends(&lower), ends(&upper)) {
            (Some(lower), Some(upper)) => lower < upper,
            _ => true,
        };
        is_forward.then_some(Interval { lower, upper })
    })
}

fn term() -> impl Strategy<Value = Term> {
    let times = (-60_000_000_000_000_i64..250_000_000_000_000).prop_map(Timestamp::from_millis);
    let kinds = prop::sample::subsequence(AssetType::ALL.to_vec(), 1..4);
    prop_oneof![
        4 => words(),
        1 => "\\*\\PC{0,6}|[a\"\\\\ ]{0,3}\\?[b*é]{0,3}".prop_map(|text| Term::NamePattern(WildcardPattern::for_names(&text))),
        1 => "\\PC{1,9}".prop_map(Term::Name),
        1 => "/\\PC{0,9}".prop_map(Term::Path),
        1 => "/\\PC{0,4}[*?]\\PC{0,4}".prop_map(|text| Term::PathPattern(WildcardPattern::for_paths(&text))),
        1 => prop::collection::vec("[a-z0-9\"()é-]{1,4}", 1..3).prop_map(Term::Ext),
        1 => kinds.prop_map(Term::Type),
        1 => "/([^*?]{1,9}/)?".prop_map(Term::Folder),
        1 => "/(\\PC{1,9}/)?".prop_map(Term::DirectlyIn),
        1 => interval(any::<u64>()).prop_map(Term::Size),
        1 => interval(times.clone()).prop_map(Term::Modified),
        1 => interval(times).prop_map(Term::Created),
        1 => prop::collection::vec("[A-Z_]{1,6}", 1..3).prop_map(Term::Storage),
        1 => "\\PC{1,9}".prop_map(Term::ETag),
    ]
}

/// Conditions as the parser makes them: flattened, with at least two conditions in each list.
fn condition() -> impl Strategy<Value = Condition> {
    term()
        .prop_map(Condition::Term)
        .prop_recursive(4, 24, 3, |inner| {
            let several = prop::collection::vec(inner.clone(), 2..4);
            prop_oneof![
                several.clone().prop_map(|all| {
                    let flat = all.into_iter().flat_map(|one| match one {
                        Condition::All(several) => several,
                        one => vec![one],
                    });
                    Condition::All(flat.collect())
                }),
                several.prop_map(|any| {
                    let flat = any.into_iter().flat_map(|one| match one {
                        Condition::Any(several) => several,
                        one => vec![one],
                    });
                    Condition::Any(flat.collect())
                }),
                inner.prop_map(|one| Condition::Not(Box::new(one))),
            ]
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 1_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn printed_condition_parses_to_the_same(condition in condition()) {
        let query = Query { condition };
        let text = query.to_string();
        if text.len() <= MAX_QUERY_BYTES {
            prop_assert_eq!(Query::parse(&text, NOW), Ok(query), "{}", text);
        }
    }

    #[test]
    fn parsed_text_prints_and_parses_to_the_same(
        text in "((-|NOT |\\(|)(folder|size|name|path|ext|)(:|=|>|)(\"|)[0-9a-z.,/\"\\\\é*?~ -]{0,8}(\"|\\)|)( | OR )?){0,4}"
    ) {
        if let Ok(query) = Query::parse(&text, NOW) {
            let printed = query.to_string();
            prop_assert_eq!(Query::parse(&printed, NOW), Ok(query), "{}", printed);
        }
    }
}
