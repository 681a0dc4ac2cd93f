//! Many patterns matched at once, in a time that hardly grows with their number.
//!
//! Folders are looked up in sorted tables, globs are one automaton. A match says only that there is
//! one; which pattern it was is the slower question of [`PatternSet::first_match`].

use regex::bytes::{RegexSet, RegexSetBuilder};

use crate::core::replication::interval::KeyRange;
use crate::core::source::pattern::{RuleMatcher, RulePattern};

/// The most memory that the automaton of one list of globs may take to begin with, in bytes.
const MAX_PROGRAM_BYTES: usize = 64 << 20;

/// The most memory that one thread keeps for states of the automaton that it met, in bytes.
///
/// 500 globs of a usual shape stay below; where it is too little, matching slows down.
const MAX_STATES_BYTES: usize = 8 << 20;

/// A list of patterns, in the order in which they were written.
#[derive(Clone, Debug)]
pub struct PatternSet {
    patterns: Vec<RulePattern>,
    folders: FolderTable,
    globs: RegexSet,
}

/// Patterns that no automaton is made of, because it were too large or too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many or too deeply nested patterns; write fewer or simpler ones")]
pub struct TooLarge;

impl PatternSet {
    /// The set of these patterns, which must all be folded or all be not.
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

    /// The patterns as they were given.
    pub fn patterns(&self) -> &[RulePattern] {
        &self.patterns
    }

    /// Whether a pattern matches the relative key.
    pub fn is_match(&self, key: &str) -> bool {
        self.folders.holds(key) || (!self.globs.is_empty() && self.globs.is_match(key.as_bytes()))
    }

    /// The first of the patterns that match the relative key.
    pub fn first_match(&self, key: &str) -> Option<&RulePattern> {
        let glob_matches = self.globs.matches(key.as_bytes());
        let mut globs = 0..self.globs.len();
        self.patterns.iter().find(|pattern| match &pattern.matcher {
            RuleMatcher::Folder { below, itself, .. } => {
                key.starts_with(below) || itself.as_deref() == Some(key)
            }
            RuleMatcher::Glob(_) => globs.next().is_some_and(|i| glob_matches.matched(i)),
        })
    }

    /// The fewest ranges that hold every relative key that matches, ascending, none in another.
    pub fn ranges(&self) -> Vec<KeyRange> {
        ranges_of(&self.patterns)
    }
}

/// The fewest ranges that hold every relative key that one of the patterns matches, ascending, none
/// in another.
pub fn ranges_of<'a>(patterns: impl IntoIterator<Item = &'a RulePattern>) -> Vec<KeyRange> {
    without_covered(patterns.into_iter().flat_map(RulePattern::ranges).collect())
}

/// The fewest ranges that hold every relative key that lies in one of `ranges` and in one of `others`,
/// ascending, none in another. All of them are whole prefixes or single keys.
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

/// The ranges, whole prefixes or single keys, without those that lie in another, ascending.
pub fn without_covered(mut ranges: Vec<KeyRange>) -> Vec<KeyRange> {
    // Whatever lies in a range stands right behind it, its own single key included.
    ranges.sort_by(|a, b| {
        let order = a.prefix.cmp(&b.prefix);
        order.then(a.is_single_key().cmp(&b.is_single_key()))
    });
    ranges.dedup_by(|range, before| {
        let holds_it = !before.is_single_key() && range.prefix.starts_with(&before.prefix);
        holds_it || range == before
    });
    ranges
}

/// The folder rules, for look-up.
#[derive(Clone, Debug)]
struct FolderTable {
    /// Ascending, none of them the beginning of another.
    below: Vec<String>,
    /// Ascending.
    keys: Vec<String>,
}

impl FolderTable {
    fn new(patterns: &[RulePattern]) -> Self {
        let (mut below_all, mut keys) = (Vec::new(), Vec::new());
        for pattern in patterns {
            if let RuleMatcher::Folder { below, itself, .. } = &pattern.matcher {
                below_all.push(below.clone());
                keys.extend(itself.clone());
            }
        }
        below_all.sort_unstable();
        below_all.dedup_by(|folder, before| folder.starts_with(before.as_str()));
        keys.sort_unstable();
        Self {
            below: below_all,
            keys,
        }
    }

    fn holds(&self, key: &str) -> bool {
        // What stands between a folder and a key in it begins with the folder too, and none does.
        let behind = self.below.partition_point(|folder| folder.as_str() <= key);
        let is_below = behind > 0 && key.starts_with(&self.below[behind - 1]);
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
    fn folders_are_found_among_many_as_by_trying_each() {
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
    fn the_first_match_is_the_first_as_written() {
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
    fn ranges_swallow_what_lies_in_them() {
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
