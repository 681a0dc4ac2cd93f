//! Decisions in a table, and properties of random rules.

use proptest::prelude::*;

use super::*;
use crate::core::source::pattern::PatternError;

fn paths(rules: &[&str]) -> Option<RuleSelection> {
    Some(RuleSelection::Paths(
        rules.iter().map(ToString::to_string).collect(),
    ))
}

fn rules(include: &[&str], exclude: &[&str]) -> Rules {
    let some = |list: &[&str]| if list.is_empty() { None } else { paths(list) };
    Rules::new(some(include), some(exclude), false).unwrap()
}

#[test]
fn decides_by_include_and_exclude_rules() {
    use RuleDecision::{Excluded, Included, IncludedByDefault, NotIncluded};
    type Case<'a> = (&'a [&'a str], &'a [&'a str], &'a str, RuleDecision<'a>);
    let cases: &[Case<'_>] = &[
        // Include all.
        (&[], &[], "a/b.jpg", IncludedByDefault),
        (&[], &[], "", IncludedByDefault),
        // A folder ends at a boundary.
        (&["/images"], &[], "images", Included("/images")),
        (&["/images"], &[], "images/", Included("/images")),
        (&["/images"], &[], "images/a/b", Included("/images")),
        (&["/images"], &[], "images//b", Included("/images")),
        (&["/images"], &[], "images/../b", Included("/images")),
        (&["/images"], &[], "images2/a", NotIncluded),
        (&["/images"], &[], "images.jpg", NotIncluded),
        (&["/images"], &[], "/images/a", NotIncluded),
        (&["/images"], &[], "Images/a", NotIncluded),
        (&["/images"], &[], "a/images/b", NotIncluded),
        (&["images"], &[], "images/a", Included("images")),
        (&["/images/"], &[], "images", NotIncluded),
        (&["/images/"], &[], "images/a", Included("/images/")),
        (&["/a/b"], &[], "a/b/c", Included("/a/b")),
        (&["/a/b"], &[], "a/c", NotIncluded),
        (&["/é"], &[], "é/x", Included("/é")),
        (&["/a,b!c"], &[], "a,b!c/x", Included("/a,b!c")),
        (&["/.."], &[], "../x", Included("/..")),
        (&["/ a"], &[], " a/x", Included("/ a")),
        // The first slash has no meaning. A second slash is part of the key.
        (&["//"], &[], "/x", Included("//")),
        (&["//"], &[], "x", NotIncluded),
        (&["//x"], &[], "/x/y", Included("//x")),
        (&["//x"], &[], "x/y", NotIncluded),
        (&["//*.jpg"], &[], "/a.jpg", Included("//*.jpg")),
        (&["//*.jpg"], &[], "a.jpg", NotIncluded),
        (&["/*.jpg"], &[], "a.jpg", Included("/*.jpg")),
        (&["/**/*.jpg"], &[], "a.jpg", Included("/**/*.jpg")),
        (&["/**/*.jpg"], &[], "a/b.jpg", Included("/**/*.jpg")),
        // Globs.
        (&["*.jpg"], &[], "a/b.jpg", NotIncluded),
        (&["**/*.jpg"], &[], "a/b\r\n.jpg", Included("**/*.jpg")),
        (&["**/*.jpg"], &[], "a\n/b.jpg", Included("**/*.jpg")),
        (&["a/**"], &[], "a/\n/b", Included("a/**")),
        (&["**/.."], &[], "a/..", Included("**/..")),
        (&["a/**"], &[], "a", NotIncluded),
        (&["**/?.jpg"], &[], "a/你.jpg", Included("**/?.jpg")),
        (&["**/[!a-z].jpg"], &[], "é.jpg", Included("**/[!a-z].jpg")),
        (
            &["**/*.{jpg,png}"],
            &[],
            "a.png",
            Included("**/*.{jpg,png}"),
        ),
        (&["**"], &[], "", Included("**")),
        // Several rules: the first one that matches is the reason.
        (&["/b", "/a", "a/**"], &[], "a/x", Included("/a")),
        (&["a/**", "/a"], &[], "a/x", Included("a/**")),
        // Exclude.
        (&[], &["/tmp"], "tmp/x", Excluded("/tmp")),
        (&[], &["/tmp"], "tmp2/x", IncludedByDefault),
        (&[], &["/tmp", "**/*.psd"], "a/b.psd", Excluded("**/*.psd")),
        // Both: exclude wins.
        (&["/a"], &["/a/b"], "a/x", Included("/a")),
        (&["/a"], &["/a/b"], "a/b/x", Excluded("/a/b")),
        (&["/a"], &["/a/b"], "c", NotIncluded),
        (&["/a"], &["/c"], "c", Excluded("/c")),
        (&["/a/b"], &["/a"], "a/b/x", Excluded("/a")),
        (
            &["**/*.jpg"],
            &["**/draft*"],
            "x/draft1.jpg",
            Excluded("**/draft*"),
        ),
    ];
    for (include, exclude, key, decision) in cases {
        let rules = rules(include, exclude);
        let case = format!("include {include:?} exclude {exclude:?} key {key:?}");
        assert_eq!(rules.decide(key), *decision, "{case}");
        assert_eq!(rules.admits(key), decision.is_admitted(), "{case}");
    }
}

#[test]
fn all_includes_or_excludes_everything() {
    let all = || Some(RuleSelection::All);
    let none = Rules::new(None, all(), false).unwrap();
    assert!(
        !none.admits("a")
            && none.decide("a") == RuleDecision::ExcludedAll
            && none.ranges().is_empty()
    );
    let every = Rules::new(all(), None, false).unwrap();
    assert!(every.admits("a") && every.ranges() == [KeyRange::under("")]);
    let all_but_a = Rules::new(all(), paths(&["/a"]), false).unwrap();
    assert!(
        !all_but_a.admits("a")
            && all_but_a.admits("b")
            && all_but_a.ranges() == [KeyRange::under("")]
    );
}

#[test]
fn ignores_case_of_unicode_letters() {
    let rules = Rules::new(paths(&["/Фото", "**/*.JPG"]), paths(&["**/É?.jpg"]), true).unwrap();
    let cases = [
        ("фОТО/x", true),
        ("фото", true),
        ("a.Jpg", true),
        ("a/é1.JPG", false),
        ("foto/x", false),
    ];
    for (key, want) in cases {
        assert_eq!(rules.admits(key), want, "{key}");
        assert_eq!(rules.decide(key).is_admitted(), want, "{key}");
    }
}

#[test]
fn refuses_invalid_rules_with_advice() {
    let all = || Some(RuleSelection::All);
    let cases: [(_, _, &[&str]); 8] = [
        (
            paths(&["/a"]),
            all(),
            &[
                "exclude = \"all\"",
                "excludes everything",
                "remove `exclude`",
            ],
        ),
        (all(), all(), &["exclude = \"all\"", "remove `exclude`"]),
        (
            paths(&[]),
            None,
            &["include = []", "admit nothing", "remove"],
        ),
        (
            None,
            paths(&[]),
            &["exclude = []", "excludes nothing", "remove"],
        ),
        (
            paths(&["/a", "", "/b"]),
            None,
            &["include[1] = \"\"", "names no path", "\"all\""],
        ),
        (
            None,
            paths(&["/"]),
            &["exclude[0] = \"/\"", "names no path", "\"all\""],
        ),
        (
            paths(&["a", "b", "a[b"]),
            None,
            &["include[2] = \"a[b\"", "missing ']'", "\"[[]\""],
        ),
        (
            paths(&["\\\n{b"]),
            None,
            &[r#"include[0] = "\\\n{b""#, "missing '}'", "\"[{]\""],
        ),
    ];
    for (include, exclude, fragments) in cases {
        let error = Rules::new(include, exclude, false).unwrap_err()[0].to_string();
        for fragment in fragments {
            assert!(error.contains(fragment), "{fragment:?} is not in: {error}");
        }
    }
    let nested = format!("{}{}", "{".repeat(2000), "}".repeat(2000));
    let error = &Rules::new(paths(&[&nested]), None, false).unwrap_err()[0];
    assert!(error.to_string().contains("deeply nested"), "{error}");
}

/// A few rules of every kind. They use few letters, so that they overlap.
fn any_rules() -> impl Strategy<Value = Option<RuleSelection>> {
    let rule = "/?(a|b|é|\\*|\\*\\*/|\\?|[.]|/|\\[ab\\]|\\{a,b/\\}){1,5}";
    let has_meaning = |rule: &String| {
        use PatternError::{Dots, Empty, OnlyFolders};
        let parsed = RulePattern::parse(rule, false);
        !matches!(parsed, Err(Dots { .. } | Empty | OnlyFolders))
    };
    let paths = prop::collection::vec(rule.prop_filter("has no meaning", has_meaning), 1..5);
    prop::option::of(paths.prop_map(RuleSelection::Paths))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_rules_list_every_admitted_key(
        include in any_rules(),
        exclude in any_rules(),
        ignore_case in any::<bool>(),
        keys in prop::collection::vec("[abABé./]{0,5}", 20),
    ) {
        let rules = Rules::new(include, exclude, ignore_case).unwrap();
        let ranges = rules.ranges();
        for key in keys {
            let decision = rules.decide(&key);
            prop_assert_eq!(rules.admits(&key), decision.is_admitted(), "{:?}", key);
            let containing = ranges.iter().filter(|range| range.interval().contains(&key)).count();
            prop_assert!(containing <= 1, "{:?} is in {:?}", key, ranges);
            prop_assert!(!decision.is_admitted() || containing == 1, "{:?} is in {:?}", key, ranges);
        }
        prop_assert!(ranges.is_sorted_by(|a, b| a.prefix < b.prefix), "{:?}", ranges);
    }
}

#[test]
fn change_of_rules_lists_only_changed_prefixes() {
    type Lists<'a> = (&'a [&'a str], &'a [&'a str]);
    let cases: &[(Lists<'_>, Lists<'_>, &[&str])] = &[
        ((&["/a"], &[]), (&["/a"], &[]), &[]),
        ((&["/a"], &[]), (&["/a", "/b/"], &[]), &["b/"]),
        ((&["/a"], &[]), (&["/b/"], &[]), &["b/"]),
        ((&["/a", "/b"], &[]), (&["/a"], &[]), &[]),
        ((&["/a"], &[]), (&[], &[]), &[""]),
        ((&[], &[]), (&["/a"], &[]), &[]),
        ((&["/a/"], &[]), (&["/a/", "/a/b/**"], &[]), &["a/b/"]),
        ((&["/a"], &[]), (&["**/*.jpg"], &[]), &[""]),
        ((&[], &["/x/", "/y/"]), (&[], &["/y/"]), &["x/"]),
        ((&[], &["/x/"]), (&[], &[]), &["x/"]),
        ((&[], &[]), (&[], &["/x/"]), &[]),
        (
            (&["/a"], &["/a/x/"]),
            (&["/a", "/b/"], &["/a/y/"]),
            &["a/x/", "b/"],
        ),
        ((&["/a/"], &["**/tmp/**"]), (&["/a/"], &[]), &["a/"]),
        ((&["/a/"], &["/b"]), (&["/a/"], &[]), &[]),
        ((&["/a/"], &["/a"]), (&["/a/"], &["/a/b"]), &["a/"]),
        ((&["/a"], &["/a*"]), (&["/a"], &[]), &["a", "a/"]),
    ];
    for ((include, exclude), (new_include, new_exclude), want) in cases {
        let (previous, new) = (rules(include, exclude), rules(new_include, new_exclude));
        let ranges = new.newly_admitted_ranges(&previous);
        let prefixes: Vec<&str> = ranges.iter().map(|range| range.prefix.as_str()).collect();
        assert_eq!(&prefixes, want, "{previous:?} {new:?}");
    }
    let (none, all) = (
        Rules::new(None, Some(RuleSelection::All), false).unwrap(),
        rules(&[], &[]),
    );
    assert_eq!(all.newly_admitted_ranges(&none), all.ranges());
    assert!(none.newly_admitted_ranges(&all).is_empty());
    let folded = Rules::new(paths(&["/a/"]), None, true).unwrap();
    assert_eq!(
        folded.newly_admitted_ranges(&rules(&["/a/"], &[])),
        folded.ranges()
    );
}

proptest! {
    #[test]
    fn every_newly_admitted_key_is_in_a_listed_range(
        old in (proptest::collection::vec("/?[ab*]{1,3}", 0..3), proptest::collection::vec("/?[ab*]{1,3}", 0..3)),
        new in (proptest::collection::vec("/?[ab*]{1,3}", 0..3), proptest::collection::vec("/?[ab*]{1,3}", 0..3)),
        keys in proptest::collection::vec("[ab/]{1,5}", 1..40),
    ) {
        let compiled = |(include, exclude): &(Vec<String>, Vec<String>)| {
            let some = |list: &Vec<String>| (!list.is_empty()).then(|| RuleSelection::Paths(list.clone()));
            Rules::new(some(include), some(exclude), false).ok()
        };
        let (Some(previous), Some(rules)) = (compiled(&old), compiled(&new)) else {
            return Ok(());
        };
        let ranges = rules.newly_admitted_ranges(&previous);
        for key in keys {
            if rules.admits(&key) && !previous.admits(&key) {
                let listed = ranges.iter().any(|range| range.interval().contains(&key));
                prop_assert!(listed, "{key} by {previous:?} and then {rules:?}");
            }
        }
        // The credentials may only be allowed to list the included ranges.
        let included = rules.ranges();
        for range in ranges {
            let is_included = included.iter().any(|whole| {
                let is_below = !whole.is_single_key() && range.prefix.starts_with(&whole.prefix);
                is_below || *whole == range
            });
            prop_assert!(is_included, "{range:?} of {previous:?} and then {rules:?}");
        }
    }
}
