//! Near misses: a rule that does not match a key although it seems to name it.
//!
//! They change no decision. The command `rules test` prints them.

use std::fmt;

use crate::core::source::look_alike;
use crate::core::source::pattern::{RuleMatcher, RulePattern};
use crate::core::source::pattern_set::PatternSet;

/// Why a rule does not match a key that it seems to name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NearMiss {
    /// The rule has no `/`, so it matches only at the top level.
    OnlyTopLevel {
        /// The rule.
        rule: String,
        /// A rule for every level.
        instead: String,
    },
    /// The rule and the key look the same, but differ in the characters that they are made of: é can be one
    /// character, or e with an accent.
    OtherSpelling {
        /// The rule.
        rule: String,
    },
}

impl fmt::Display for NearMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyTopLevel { rule, instead } => write!(
                f,
                "the rule {rule:?} matches only at the top level of the Source; write {instead:?} for all levels"
            ),
            Self::OtherSpelling { rule } => write!(
                f,
                "the rule {rule:?} looks the same but has other bytes, for example because é can be one \
                 character, or e with an accent; copy the name from the bucket"
            ),
        }
    }
}

/// The first near miss among rules that do not match the relative key.
pub(super) fn find(patterns: &[RulePattern], key: &str, ignore_case: bool) -> Option<NearMiss> {
    patterns.iter().find_map(|pattern| {
        only_top_level(pattern, key).or_else(|| other_spelling(pattern, key, ignore_case))
    })
}

/// Whether the rule is a glob that can match only at the top level, and does not say so with a `/` at its start.
pub(super) fn top_level(pattern: &RulePattern) -> Option<NearMiss> {
    let is_glob = matches!(pattern.matcher, RuleMatcher::Glob(_));
    // `**` and a class that is negated can match a `/`.
    let may_match_below = ["/", "**", "[!", "[^"]
        .iter()
        .any(|it| pattern.text.contains(it));
    (is_glob && !may_match_below).then(|| NearMiss::OnlyTopLevel {
        rule: pattern.text.clone(),
        instead: format!("**/{}", pattern.text),
    })
}

fn only_top_level(pattern: &RulePattern, key: &str) -> Option<NearMiss> {
    let name = pattern.text.trim_end_matches('/');
    // A rule with a `/` at the start says that it means the top level.
    if name.contains('/') {
        return None;
    }
    let mut tails = key.match_indices('/').map(|(i, _)| &key[i + 1..]);
    let set = PatternSet::new(vec![pattern.clone()]).ok()?;
    let tail = tails.rfind(|tail| set.is_match(tail))?;
    let is_below_folder = match &pattern.matcher {
        RuleMatcher::Folder { key, .. } => key.as_deref() != Some(tail),
        RuleMatcher::Glob(_) => false,
    };
    let below = if is_below_folder { "/**" } else { "" };
    Some(NearMiss::OnlyTopLevel {
        rule: pattern.text.clone(),
        instead: format!("**/{name}{below}"),
    })
}

fn other_spelling(pattern: &RulePattern, key: &str, ignore_case: bool) -> Option<NearMiss> {
    let common = RulePattern::parse(&look_alike::rule_form(&pattern.text), ignore_case).ok()?;
    let set = PatternSet::new(vec![common]).ok()?;
    let rule = pattern.text.clone();
    set.is_match(&look_alike::rule_form(key))
        .then_some(NearMiss::OtherSpelling { rule })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::source::rules::{RuleSelection, Rules};

    fn rules(include: &[&str], exclude: &[&str], ignore_case: bool) -> Rules {
        let some = |list: &[&str]| {
            let paths = list.iter().map(ToString::to_string).collect();
            (!list.is_empty()).then_some(RuleSelection::Paths(paths))
        };
        Rules::new(some(include), some(exclude), ignore_case).unwrap()
    }

    #[test]
    fn names_rules_that_match_only_at_the_top_level() {
        type Case<'a> = (&'a [&'a str], &'a [&'a str], &'a str, Option<&'a str>);
        let cases: [Case<'_>; 11] = [
            (&["*.jpg"], &[], "a/b/x.jpg", Some("**/*.jpg")),
            (&["*.jpg"], &[], "x.png", None),
            (&["*.jpg"], &[], "a/x.png", None),
            (&["*.jpg"], &[], "x.jpg", None),
            (&["/*.jpg"], &[], "a/x.jpg", None),
            (&[], &["*.tmp"], "a/x.tmp", Some("**/*.tmp")),
            (&["a/**"], &["*.tmp"], "a/x.tmp", Some("**/*.tmp")),
            (&["a/**"], &["*.tmp"], "b/x.tmp", None),
            (&["drafts"], &[], "a/drafts/x", Some("**/drafts/**")),
            (&["drafts/"], &[], "a/drafts/x", Some("**/drafts/**")),
            (&["drafts"], &[], "a/drafts", Some("**/drafts")),
        ];
        for (include, exclude, key, want) in cases {
            let instead = match rules(include, exclude, false).near_miss(key) {
                Some(NearMiss::OnlyTopLevel { instead, .. }) => Some(instead),
                _ => None,
            };
            assert_eq!(instead.as_deref(), want, "{include:?} {exclude:?} {key}");
            if let Some(instead) = instead {
                assert!(
                    rules(&[&instead], &[], false).admits(key),
                    "{instead} {key}"
                );
            }
        }
    }

    #[test]
    fn names_rules_in_another_unicode_form() {
        let (nfc, nfd) = ("caf\u{e9}", "cafe\u{301}");
        for (rule, name) in [(nfc, nfd), (nfd, nfc)] {
            let miss = Some(NearMiss::OtherSpelling {
                rule: rule.to_owned(),
            });
            let key = format!("{name}/x.jpg");
            assert_eq!(rules(&[rule], &[], false).near_miss(&key), miss);
            assert_eq!(rules(&[], &[rule], false).near_miss(&key), miss);
            let upper = rule.to_uppercase();
            let miss = Some(NearMiss::OtherSpelling {
                rule: upper.clone(),
            });
            assert_eq!(rules(&[&upper], &[], true).near_miss(&key), miss);
            assert_eq!(rules(&[name], &[], false).near_miss(&key), None);
        }
    }

    #[test]
    fn names_rules_that_look_the_same_in_part() {
        for (rule, key, is_like) in [
            // One composed and one decomposed part.
            ("\u{e9}/\u{e9}", "\u{e9}/e\u{301}/x.jpg", true),
            ("e\u{301}/\u{e9}/**", "\u{e9}/e\u{301}/x.jpg", true),
            // Compatibility forms and invisible characters.
            ("fin", "\u{fb01}n/x.jpg", true),
            ("my\u{a0}photos", "my photos/x.jpg", true),
            ("photos", "photos\u{200b}/x.jpg", true),
            // A star is not a look-alike of everything.
            ("\u{ff0a}", "x.jpg", false),
            ("\u{430}", "a/x.jpg", false),
        ] {
            let miss = rules(&[rule], &[], false).near_miss(key);
            let rule = rule.to_owned();
            let want = is_like.then_some(NearMiss::OtherSpelling { rule });
            assert_eq!(miss, want, "{key}");
        }
    }

    #[test]
    fn finds_globs_that_match_only_at_the_top_level() {
        let found = rules(
            &["*.jpg", "a/*", "/*.png", "b"],
            &["[0-9].tmp", "**"],
            false,
        );
        let rules = found.top_level_rules().into_iter().map(|miss| match miss {
            NearMiss::OnlyTopLevel { rule, instead } => (rule, instead),
            other => panic!("{other:?}"),
        });
        let want = [("*.jpg", "**/*.jpg"), ("[0-9].tmp", "**/[0-9].tmp")];
        let want = want.map(|(rule, instead)| (rule.to_owned(), instead.to_owned()));
        assert_eq!(rules.collect::<Vec<_>>(), want);
    }
}
