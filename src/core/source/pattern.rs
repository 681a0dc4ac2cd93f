//! One processing rule: a folder or a glob pattern, as it was written and as it is matched.
//!
//! Many rules at once are [`crate::core::source::pattern_set`]; what a match leads to is
//! [`crate::core::source::rules`].

use globset::ErrorKind;

use crate::core::replication::interval::KeyRange;
use crate::core::source::case;
use crate::core::source::glob::{self, GLOB_CHARACTERS, Glob};

/// The longest rule, in bytes. A key has 1,024 at most; what is longer can only be a long `{…}`.
pub const MAX_PATTERN_BYTES: usize = 4096;

/// A rule over relative keys: a key without the prefix of its Source.
#[derive(Clone, Debug)]
pub struct RulePattern {
    /// As it stands in the configuration.
    pub text: String,
    /// What it matches.
    pub matcher: RuleMatcher,
}

/// What a rule matches; where case is ignored it is folded, and so must be the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleMatcher {
    /// All keys that start with `below`, and the one key `itself`.
    Folder {
        /// Ends in `/`.
        below: String,
        /// `below` without its last `/`; `None` where the rule was written with it.
        itself: Option<String>,
        /// Whether letters of it may stand for letters of another case.
        varies: bool,
    },
    /// All keys that match a glob pattern.
    Glob(Glob),
}

/// Why a text is not a rule, and what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing, or a bare `/`.
    #[error(
        "it names no path; write \"all\" in place of the list to mean every asset, or a rule such \
         as \"/images\" or \"**/*.jpg\""
    )]
    Empty,
    /// More than [`MAX_PATTERN_BYTES`].
    #[error("it has more than {MAX_PATTERN_BYTES} bytes; write several shorter rules")]
    TooLong,
    /// A glob pattern that globset refuses.
    #[error(
        "it is not a valid pattern: {why}; a character that is meant literally is written in \
             brackets, as in \"[*]\", \"[[]\" or \"[{{]\", or behind a backslash"
    )]
    Glob {
        /// What is wrong with it, by globset.
        why: ErrorKind,
    },
}

impl RulePattern {
    /// Reads a rule. One leading `/` means nothing; a rule without [`GLOB_CHARACTERS`] is a folder.
    pub fn parse(text: &str, ignore_case: bool) -> Result<Self, PatternError> {
        let relative = relative(text);
        if relative.is_empty() {
            return Err(PatternError::Empty);
        }
        if relative.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::TooLong);
        }
        let matcher = if relative.contains(GLOB_CHARACTERS) {
            let glob = glob::parse(relative, ignore_case);
            RuleMatcher::Glob(glob.map_err(|why| PatternError::Glob { why })?)
        } else {
            folder(relative, ignore_case)
        };
        Ok(Self {
            text: text.to_owned(),
            matcher,
        })
    }

    /// The rule without the leading `/` that means nothing.
    pub fn relative(&self) -> &str {
        relative(&self.text)
    }

    /// The relative keys to be listed so that each one that matches is among them.
    pub fn ranges(&self) -> Vec<KeyRange> {
        match &self.matcher {
            RuleMatcher::Folder { varies: true, .. } => {
                let fixed = self.relative().split(case::may_vary).next();
                vec![KeyRange::under(fixed.unwrap_or_default())]
            }
            RuleMatcher::Folder { below, itself, .. } => {
                let itself = itself.iter().map(KeyRange::only);
                itself.chain([KeyRange::under(below)]).collect()
            }
            RuleMatcher::Glob(glob) if glob.is_literal => {
                vec![KeyRange::only(&glob.literal_prefix)]
            }
            RuleMatcher::Glob(glob) => vec![KeyRange::under(&glob.literal_prefix)],
        }
    }
}

fn relative(text: &str) -> &str {
    text.strip_prefix('/').unwrap_or(text)
}

fn folder(relative: &str, ignore_case: bool) -> RuleMatcher {
    let varies = ignore_case && relative.contains(case::may_vary);
    let path = if ignore_case {
        case::fold(relative)
    } else {
        relative.to_owned()
    };
    if path.ends_with('/') {
        RuleMatcher::Folder {
            below: path,
            itself: None,
            varies,
        }
    } else {
        RuleMatcher::Folder {
            below: format!("{path}/"),
            itself: Some(path),
            varies,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_listed_by_what_its_keys_must_begin_with() {
        let under = |prefix: &str| vec![KeyRange::under(prefix)];
        let folder = |path: &str| vec![KeyRange::only(path), KeyRange::under(format!("{path}/"))];
        let cases = [
            ("/images", false, folder("images")),
            ("images", false, folder("images")),
            ("//images", false, folder("/images")),
            ("/images/", false, under("images/")),
            ("images//", false, under("images//")),
            ("/2024", true, folder("2024")),
            ("/2024/Images", true, under("2024/")),
            ("/你/é", true, under("你/")),
            ("a/**", false, under("a/")),
            ("b/*.jpg", false, under("b/")),
            ("b/img*", false, under("b/img")),
            ("b/img?.jpg", false, under("b/img")),
            ("b/img[0-9].jpg", false, under("b/img")),
            ("b/{x,y}/z", false, under("b/")),
            ("a,b/*", false, under("a,b/")),
            ("**/*.jpg", false, under("")),
            (r"a\*b", false, vec![KeyRange::only("a*b")]),
            (r"a\*b*", false, under("a*b")),
            (r"a\*b", true, under("")),
            (r"1\*2", true, vec![KeyRange::only("1*2")]),
            ("2024/A*", true, under("2024/")),
        ];
        for (text, ignore_case, ranges) in cases {
            let pattern = RulePattern::parse(text, ignore_case).unwrap();
            assert_eq!(pattern.ranges(), ranges, "{text:?} {ignore_case}");
        }
    }

    #[test]
    fn a_text_that_is_no_rule_is_refused_with_the_reason() {
        let long = "x".repeat(MAX_PATTERN_BYTES + 1);
        let deep = "{".repeat(MAX_PATTERN_BYTES);
        let cases = [
            ("", "names no path"),
            ("/", "names no path"),
            (long.as_str(), "more than 4096 bytes"),
            (deep.as_str(), "missing '}'"),
            ("a[b", "missing ']'"),
            ("a[z-a]", "'z' > 'a'"),
            ("{a,b", "missing '}'"),
            ("a}", "missing '{'"),
            ("a\\", "dangling '\\'"),
        ];
        for (text, reason) in cases {
            let error = RulePattern::parse(text, false).unwrap_err().to_string();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }
}
