//! One rule of a Source: a folder or a glob pattern.
//!
//! [`crate::core::source::pattern_set`] matches many rules at once. [`crate::core::source::rules`] decides
//! what a match means.

use globset::ErrorKind;

use crate::core::replication::interval::KeyRange;
use crate::core::source::case;
use crate::core::source::glob::braces::MAX_EXPANSIONS;
use crate::core::source::glob::{self, GLOB_CHARACTERS, Glob, GlobError};

/// Maximum length of a rule in bytes. A key has at most 1,024; a longer rule needs a long `{…}`.
pub const MAX_PATTERN_BYTES: usize = 4096;

/// A rule for relative keys. A relative key is a key without the prefix of its Source.
#[derive(Clone, Debug)]
pub struct RulePattern {
    /// The rule as written in the configuration.
    pub text: String,
    /// The keys that it matches.
    pub matcher: RuleMatcher,
}

/// The keys that a rule matches. If the rules ignore case, it is folded, and the keys must be folded, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleMatcher {
    /// All keys that start with `prefix`, and the single key `key`.
    Folder {
        /// The folder with a `/` at the end.
        prefix: String,
        /// `prefix` without its last `/`. `None` if the rule was written with that `/`.
        key: Option<String>,
        /// Whether the rule ignores case and contains characters with another case.
        varies: bool,
    },
    /// All keys that match a glob pattern.
    Glob(Glob),
}

/// Why a text is not a valid rule, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The text is empty or a single `/`.
    #[error(
        "it names no path; write \"all\" instead of the list to mean every asset, or a rule such \
         as \"/images\" or \"**/*.jpg\""
    )]
    Empty,
    /// The text has more than [`MAX_PATTERN_BYTES`] bytes.
    #[error("it has more than {MAX_PATTERN_BYTES} bytes; write several shorter rules")]
    TooLong,
    /// globset refuses the glob pattern.
    #[error(
        "it is not a valid pattern: {why}; write a literal special character in brackets, as in \"[*]\", \
         \"[[]\" or \"[{{]\", or after a backslash"
    )]
    Glob {
        /// The reason that globset gives.
        why: ErrorKind,
    },
    /// The text has `**` in its braces and stands for too many patterns.
    #[error(
        "with \"**\" in its braces it stands for more than {MAX_EXPANSIONS} patterns; write several rules \
         instead of braces"
    )]
    TooManyExpansions,
    /// The text is `**/`, which people write with different meanings.
    #[error(
        "\"**/\" names folders but no assets in them; write \"**\" to mean every asset, or \"**/*.jpg\" to \
         mean some"
    )]
    OnlyFolders,
    /// The text starts with `!`.
    #[error(
        "a \"!\" at the start does not negate a rule; write {without:?} in the other list (`exclude` or \
         `include`), or \"/{text}\" if the name starts with \"!\""
    )]
    Negated {
        /// The rule.
        text: String,
        /// The rule without the `!`.
        without: String,
    },
    /// The text starts with a component `.` or `..`.
    #[error(
        "rules start at the Source's folder, and \".\" and \"..\" are ordinary names in a key; write {without:?}, \
         or \"/{text}\" if the folder has this name"
    )]
    Dots {
        /// The rule.
        text: String,
        /// The rule without the dots.
        without: String,
    },
}

impl RulePattern {
    /// Parses a rule. A `/` at the start has no meaning. A rule without [`GLOB_CHARACTERS`] is a folder.
    pub fn parse(text: &str, ignore_case: bool) -> Result<Self, PatternError> {
        let relative = relative(text);
        if relative.is_empty() {
            return Err(PatternError::Empty);
        }
        if relative.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::TooLong);
        }
        refuse_other_syntax(text)?;
        let matcher = if relative.contains(GLOB_CHARACTERS) {
            let glob = glob::parse(relative, ignore_case);
            RuleMatcher::Glob(glob?)
        } else {
            folder(relative, ignore_case)
        };
        Ok(Self {
            text: text.to_owned(),
            matcher,
        })
    }

    /// The rule without the `/` at its start.
    pub fn relative(&self) -> &str {
        relative(&self.text)
    }

    /// Whether the rule is a glob with `**` at its braces.
    pub fn is_expanded(&self) -> bool {
        matches!(&self.matcher, RuleMatcher::Glob(glob) if glob.is_expanded)
    }

    /// The ranges of relative keys to list. They contain every key that matches.
    pub fn ranges(&self) -> Vec<KeyRange> {
        match &self.matcher {
            RuleMatcher::Folder { varies: true, .. } => {
                let fixed = self.relative().split(case::may_vary).next();
                vec![KeyRange::under(fixed.unwrap_or_default())]
            }
            RuleMatcher::Folder { prefix, key, .. } => {
                let key = key.iter().map(KeyRange::only);
                key.chain([KeyRange::under(prefix)]).collect()
            }
            RuleMatcher::Glob(glob) if glob.is_literal => {
                vec![KeyRange::only(&glob.literal_prefix)]
            }
            RuleMatcher::Glob(glob) => vec![KeyRange::under(&glob.literal_prefix)],
        }
    }
}

impl From<GlobError> for PatternError {
    fn from(error: GlobError) -> Self {
        match error {
            GlobError::Invalid(why) => Self::Glob { why },
            GlobError::TooManyExpansions => Self::TooManyExpansions,
            GlobError::OnlyFolders => Self::OnlyFolders,
        }
    }
}

/// Refuses starts that have a special meaning in other programs but would be part of the name here.
fn refuse_other_syntax(text: &str) -> Result<(), PatternError> {
    if let Some(without) = text.strip_prefix('!') {
        return Err(PatternError::Negated {
            text: text.to_owned(),
            without: without.to_owned(),
        });
    }
    let mut rest = text
        .split('/')
        .skip_while(|&name| matches!(name, "." | ".."));
    if matches!(text.split('/').next(), Some("." | "..")) {
        let names: Vec<&str> = rest.by_ref().collect();
        return Err(PatternError::Dots {
            text: text.to_owned(),
            without: match &names[..] {
                [] | [""] => "**".to_owned(),
                names => names.join("/"),
            },
        });
    }
    Ok(())
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
            prefix: path,
            key: None,
            varies,
        }
    } else {
        RuleMatcher::Folder {
            prefix: format!("{path}/"),
            key: Some(path),
            varies,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_start_with_the_fixed_part_of_the_rule() {
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
    fn accepts_special_starts_after_a_slash() {
        for (text, relative) in [("/!tmp", "!tmp"), ("/./a", "./a"), ("/../a*", "../a*")] {
            let pattern = RulePattern::parse(text, false).unwrap();
            assert_eq!(pattern.relative(), relative, "{text}");
        }
        for text in [".hidden", "..a/b", "a!", "...", "a/./b"] {
            RulePattern::parse(text, false).unwrap();
        }
    }

    #[test]
    fn refuses_invalid_rules_with_reason() {
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
            ("**/", "write \"**\""),
            ("/**/**/", "write \"**\""),
            ("{a,**/}", "write \"**\""),
            (
                "{a,**}{b,c}{d,e}{f,g}{h,i}{j,k}{l,m}{n,o}{p,q}",
                "more than 256",
            ),
            ("!*.tmp", "write \"*.tmp\" in the other list"),
            ("!tmp", "or \"/!tmp\""),
            ("./a", "write \"a\", or \"/./a\""),
            ("../../a/*", "write \"a/*\""),
            (".", "write \"**\""),
        ];
        for (text, reason) in cases {
            let error = RulePattern::parse(text, false).unwrap_err().to_string();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }
}
