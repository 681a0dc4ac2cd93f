//! Pattern sets: many rules, matched at once. The time hardly depends on their number.
//!
//! Folders are in sorted tables, and all globs are one automaton. [`PatternSet::is_match`] only says whether
//! any rule matches. [`PatternSet::first_match`] says which one, but is slower.

use regex::bytes::{RegexSet, RegexSetBuilder};

use crate::core::replication::interval::KeyRange;
use crate::core::source::pattern::{RuleMatcher, RulePattern};

/// Maximum size of the compiled automaton of one set, in bytes.
const MAX_PROGRAM_BYTES: usize = 64 << 20;

/// Maximum size of the automaton's state cache in each thread, in bytes.
///
/// 500 typical globs need less. If the cache is too small, matching is slower.
const MAX_STATES_BYTES: usize = 8 << 20;

/// A list of rules, in the order of the configuration.
#[derive(Clone, Debug)]
pub struct PatternSet {
    patterns: Vec<RulePattern>,
    folders: FolderTable,
    globs: RegexSet,
}

/// The automaton of the patterns would be too large or too deeply nested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many or too deeply nested patterns; write fewer or simpler ones")]
pub struct TooLarge;

impl PatternSet {
    /// Compiles the patterns. Either all of them or none of them must be folded.
    pub fn new(patterns: Vec<RulePattern>) -> Result<Self, TooLarge> {
        let globs = patterns
            .iter()
            .filter_map(|pattern| match &pattern.matcher {
                RuleMatcher::Glob(glob) => Some(&glob.regex),
                RuleMatcher::Folder { .. } => None,
            });
        let globs = RegexSetBuilder::new(globs)
            .dot_matches_new_line(true)
            .size_limit(MAX_PROGRAM_BYTES)
            .dfa_size_limit(MAX_STATES_BYTES)
            .build()
            .map_err(|_| TooLarge)?;
        Ok(Self {
            folders: FolderTable::new(&patterns),
            globs,
            patterns,
        })
    }

    /// The patterns, in their original order.
    pub fn patterns(&self) -> &[RulePattern] {
        &self.patterns
    }

    /// Whether any pattern matches the relative key.
    pub fn is_match(&self, key: &str) -> bool {
        self.folders.contains(key)
            || (!self.globs.is_empty() && self.globs.is_match(key.as_bytes()))
    }

    /// The first pattern that matches the relative key.
    pub fn first_match(&self, key: &str) -> Option<&RulePattern> {
        let glob_matches = self.globs.matches(key.as_bytes());
        let mut globs = 0..self.globs.len();
        self.patterns.iter().find(|pattern| match &pattern.matcher {
            RuleMatcher::Folder {
                prefix, key: own, ..
            } => key.starts_with(prefix) || own.as_deref() == Some(key),
            RuleMatcher::Glob(_) => globs.next().is_some_and(|i| glob_matches.matched(i)),
        })
    }

    /// The smallest set of ranges that contains every relative key that matches. The ranges ascend and do not
    /// overlap.
    pub fn ranges(&self) -> Vec<KeyRange> {
        ranges_of(&self.patterns)
    }
}

/// The smallest set of ranges that contains every relative key that any of the patterns matches. The ranges
/// ascend and do not overlap.
pub fn ranges_of<'a>(patterns: impl IntoIterator<Item = &'a RulePattern>) -> Vec<KeyRange> {
    without_covered(patterns.into_iter().flat_map(RulePattern::ranges).collect())
}

/// The intersection: the smallest set of ranges that contains every relative key in both `ranges` and
/// `others`. The result ascends and does not overlap. All ranges are whole prefixes or single keys.
pub fn intersect(ranges: &[KeyRange], others: &[KeyRange]) -> Vec<KeyRange> {
    let inside = |range: &KeyRange, other: &KeyRange| {
        let is_below = !other.is_single_key() && range.prefix.starts_with(&other.prefix);
        is_below || range == other
    };
    let pairs = ranges
        .iter()
        .flat_map(|range| others.iter().map(move |other| (range, other)));
    let both = pairs.filter_map(|(range, other)| match () {
        () if inside(range, other) => Some(range.clone()),
        () if inside(other, range) => Some(other.clone()),
        () => None,
    });
    without_covered(both.collect())
}

/// Sorts ranges and drops those that another one contains. All ranges are whole prefixes or single keys.
pub fn without_covered(mut ranges: Vec<KeyRange>) -> Vec<KeyRange> {
    // After sorting, each range is directly followed by the ranges that it contains.
    ranges.sort_by(|a, b| {
        let order = a.prefix.cmp(&b.prefix);
        order.then(a.is_single_key().cmp(&b.is_single_key()))
    });
    ranges.dedup_by(|range, before| {
        let contains_it = !before.is_single_key() && range.prefix.starts_with(&before.prefix);
        contains_it || range == before
    });
    ranges
}

/// The folder rules, sorted for binary search.
#[derive(Clone, Debug)]
struct FolderTable {
    /// The prefixes, ascending. None is a prefix of another.
    prefixes: Vec<String>,
    /// The single keys, ascending.
    keys: Vec<String>,
}

impl FolderTable {
    fn new(patterns: &[RulePattern]) -> Self {
        let (mut prefixes, mut keys) = (Vec::new(), Vec::new());
        for pattern in patterns {
            if let RuleMatcher::Folder { prefix, key, .. } = &pattern.matcher {
                prefixes.push(prefix.clone());
                keys.extend(key.clone());
            }
        }
        prefixes.sort_unstable();
        prefixes.dedup_by(|folder, before| folder.starts_with(before.as_str()));
        keys.sort_unstable();
        Self { prefixes, keys }
    }

    fn contains(&self, key: &str) -> bool {
        // Only the last prefix up to the key can match: a prefix between a matching one and the key would start
        // with the matching one, and the table has no such prefix.
        let after = self
            .prefixes
            .partition_point(|folder| folder.as_str() <= key);
        let is_below = after > 0 && key.starts_with(&self.prefixes[after - 1]);
        is_below
            || self
                .keys
                .binary_search_by(|own| own.as_str().cmp(key))
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(rules: &[&str]) -> PatternSet {
        let patterns = rules
            .iter()
            .map(|rule| RulePattern::parse(rule, false).unwrap());
        PatternSet::new(patterns.collect()).unwrap()
    }

    #[test]
    fn folder_table_agrees_with_trying_each_rule() {
        let ends = ["", "/", "/sub", "!", "/sub/x"];
        let mut rules: Vec<String> = (0..500).map(|i| format!("/f{i}{}", ends[i % 5])).collect();
        rules.extend((0..500).step_by(10).map(|i| format!("/f{i}/sub")));
        let set = set(&rules.iter().map(String::as_str).collect::<Vec<_>>());
        for i in 0..500 {
            for end in [
                "", "/", "/x", "/sub", "/sub/", "/sub/x", "/sub0", "!", "!/x", "0", "é",
            ] {
                let key = format!("f{i}{end}");
                assert_eq!(set.is_match(&key), set.first_match(&key).is_some(), "{key}");
            }
        }
        assert!(set.is_match("f5") && set.is_match("f10/x") && !set.is_match("f6"));
    }

    #[test]
    fn first_match_follows_the_written_order() {
        let set = set(&["**/*.png", "/a/b", "a/**", "**/*.jpg"]);
        let cases = [
            ("a/b/x.png", Some("**/*.png")),
            ("a/b/x.jpg", Some("/a/b")),
            ("a/c.jpg", Some("a/**")),
            ("c.jpg", Some("**/*.jpg")),
            ("c.gif", None),
        ];
        for (key, rule) in cases {
            assert_eq!(set.first_match(key).map(|rule| &*rule.text), rule, "{key}");
            assert_eq!(set.is_match(key), rule.is_some(), "{key}");
        }
    }

    #[test]
    fn ranges_absorb_the_ranges_inside() {
        let under = |prefix: &str| KeyRange::under(prefix);
        let only = |key: &str| KeyRange::only(key);
        let cases: [(&[&str], Vec<KeyRange>); 7] = [
            (&["b/*.jpg", "a/**"], vec![under("a/"), under("b/")]),
            (
                &["a/b/", "a/", "a/", "a0/"],
                vec![under("a/"), under("a0/")],
            ),
            (
                &["/a", "/a!"],
                vec![only("a"), only("a!"), under("a!/"), under("a/")],
            ),
            (&["/a", "/a", "/a/b"], vec![only("a"), under("a/")]),
            (&["/a", "a*"], vec![under("a")]),
            (&[r"\a/b", "a/", "z/"], vec![under("a/"), under("z/")]),
            (&["a/", "**/x"], vec![under("")]),
        ];
        for (rules, ranges) in cases {
            assert_eq!(set(rules).ranges(), ranges, "{rules:?}");
        }
    }
}
