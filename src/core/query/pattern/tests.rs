//! Patterns and the texts that match them.

use proptest::prelude::*;

use super::*;

#[test]
fn name_patterns_match_folded_names() {
    for (pattern, name, want) in [
        ("*nt_lar*", "Mount_Large.jpg", true),
        ("*NT_LÁR*", "mount_large.jpg", true),
        ("*nt_lar*", "mount-large.jpg", false),
        ("*.jpg", "a.jpg", true),
        ("*.jpg", "a.jpg.png", false),
        ("img_????.jpg", "IMG_2041.JPG", true),
        ("img_????.jpg", "IMG_20411.JPG", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("?", "é", true),
        ("?", "", false),
        ("*", "", true),
        ("**", "x", true),
        ("a*", "b／a", false),
        ("*a*", "b／a", true),
        ("b?a", "b／a", true),
        ("plain", "Plain", true),
    ] {
        let found = WildcardPattern::for_names(pattern).matches(&fold_name(name));
        assert_eq!(found, want, "{pattern} {name}");
    }
}

#[test]
fn path_patterns_respect_segments() {
    for (pattern, path, want) in [
        ("/a/*.jpg", "/a/b.jpg", true),
        ("/a/*.jpg", "/a/b/c.jpg", false),
        ("/a/**.jpg", "/a/b/c.jpg", true),
        ("/a/**/c.jpg", "/a/b/c.jpg", true),
        ("/a/**/c.jpg", "/a/c.jpg", true),
        ("/a/**/c.jpg", "/a/bc.jpg", false),
        ("**/*.jpg", "/a.jpg", true),
        ("**/*.jpg", "/a/b.jpg", true),
        ("/**/*.jpg", "/a.jpg", true),
        ("/**/**/*.jpg", "/a.jpg", true),
        ("**/**/a/*.jpg", "/b/a/c.jpg", true),
        ("/a**/b", "/a/b", true),
        ("/a**/b", "/ab", false),
        ("/a/**/", "/a/", true),
        ("/**/x/*.png", "/p/x/y/x/z.png", true),
        ("/**/x/*.png", "/p/x/y/z.png", false),
        ("/a?b", "/a/b", false),
        ("/a?b", "/aéb", true),
        ("/A/*", "/a/b", false),
        ("/*/*/c", "/a/b/c", true),
        ("/**", "/", true),
        ("**x**y/*", "/1x/2y/3y/4", true),
    ] {
        let found = WildcardPattern::for_paths(pattern).matches(path);
        assert_eq!(found, want, "{pattern} {path}");
    }
}

#[test]
fn literals_are_the_text_between_wildcards() {
    let pattern = WildcardPattern::for_names("IMG*_é?.jpg*");
    assert_eq!(
        pattern.literals().collect::<Vec<_>>(),
        ["img", "_e", ".jpg"]
    );
    assert_eq!(pattern.literal_prefix(), "img");
    assert_eq!(pattern.text(), "img*_e?.jpg*");
    assert_eq!(WildcardPattern::for_paths("/x").literal_prefix(), "/x");
    assert_eq!(WildcardPattern::for_paths("**").literals().count(), 0);
    assert!(
        WildcardPattern::has_wildcard("a?")
            && WildcardPattern::has_wildcard("*")
            && !WildcardPattern::has_wildcard("a.b")
    );
}

/// A naive matcher that backtracks.
fn naive_matches(parts: &[Part], text: &[char]) -> bool {
    match parts {
        [] => text.is_empty(),
        [Part::Wildcard { in_segment }, rest @ ..] => (0..=text.len())
            .take_while(|end| !in_segment || !text[..*end].contains(&'/'))
            .any(|end| naive_matches(rest, &text[end..])),
        [Part::Folders, Part::InFolders, rest @ ..] => {
            let is_end = |end: usize| end == 0 || text[end - 1] == '/';
            let mut ends = (0..=text.len()).filter(|end| is_end(*end));
            ends.any(|end| naive_matches(rest, &text[end..]))
        }
        [one, rest @ ..] => text
            .split_first()
            .is_some_and(|(c, after)| one.matches_char(*c) && naive_matches(rest, after)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 2_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn matches_like_naive_matcher(pattern in "[ab/?*]{0,8}", text in "[ab/]{0,10}") {
        let chars: Vec<char> = text.chars().collect();
        for pattern in [WildcardPattern::for_names(&pattern), WildcardPattern::for_paths(&pattern)] {
            let want = naive_matches(&pattern.parts, &chars);
            prop_assert_eq!(pattern.matches(&text), want, "{:?}", pattern);
        }
    }
}

#[test]
fn hostile_patterns_do_not_backtrack() {
    let text = format!("{}/{}", "a".repeat(500), "x".repeat(500));
    for pattern in [
        format!("{}c", "a**".repeat(300)),
        format!("**{}b", "*a".repeat(400)),
        format!("**a*/*{}y", "x".repeat(400)),
    ] {
        // A search that backtracks would take minutes for these.
        for _ in 0..100 {
            assert!(!WildcardPattern::for_paths(&pattern).matches(&text));
        }
    }
}
