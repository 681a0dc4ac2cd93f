//! Rule decisions: whether a key is an asset, and why. The command `rules test` prints them.

use std::fmt;

/// Whether a key is an asset, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleDecision<'a> {
    /// Not an asset: the key does not start with this prefix of the Source.
    NotUnderPrefix(&'a str),
    /// Not an asset: an empty object that marks a folder.
    FolderMarker,
    /// An asset: no rule excludes it, and there are no `include` rules.
    IncludedByDefault,
    /// An asset, by this `include` rule.
    Included(&'a str),
    /// Not an asset, by this `exclude` rule.
    Excluded(&'a str),
    /// Not an asset: `exclude = "all"`.
    ExcludedAll,
    /// Not an asset: there are `include` rules, and none of them matches.
    NotIncluded,
}

impl RuleDecision<'_> {
    /// Whether the key is an asset.
    pub fn is_admitted(&self) -> bool {
        matches!(self, Self::IncludedByDefault | Self::Included(_))
    }

    /// The rule that decides, or what decides instead of a rule, in a few words: `include /images`.
    pub fn rule(&self) -> String {
        match self {
            Self::NotUnderPrefix(prefix) => format!("not under the prefix {prefix}"),
            Self::FolderMarker => "an empty object that marks a folder".to_owned(),
            Self::IncludedByDefault => "no rule excludes it".to_owned(),
            Self::Included(rule) => format!("include {rule}"),
            Self::Excluded(rule) => format!("exclude {rule}"),
            Self::ExcludedAll => "exclude all".to_owned(),
            Self::NotIncluded => "no include rule matches".to_owned(),
        }
    }
}

impl fmt::Display for RuleDecision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUnderPrefix(prefix) => {
                write!(f, "not admitted: not under the prefix {prefix:?}")
            }
            Self::FolderMarker => f.write_str(
                "not admitted: an empty object whose key ends in \"/\" marks a folder \
                 (folder_markers = true admits it)",
            ),
            Self::IncludedByDefault => f.write_str("admitted: no rule excludes it"),
            Self::Included(rule) => write!(f, "admitted by the include rule {rule:?}"),
            Self::Excluded(rule) => write!(f, "not admitted: excluded by the rule {rule:?}"),
            Self::ExcludedAll => f.write_str("not admitted: exclude = \"all\""),
            Self::NotIncluded => f.write_str("not admitted: no include rule matches it"),
        }
    }
}
