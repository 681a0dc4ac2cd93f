//! Whether a key is an asset, and why: what `rules test` shows for a path.

use std::fmt;

/// The verdict on one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleDecision<'a> {
    /// Not an asset: the key does not start with this prefix of the Source.
    NotUnderPrefix(&'a str),
    /// Not an asset: an empty object that stands for a folder.
    FolderMarker,
    /// An asset: no rule is against it, and there is no list of what to include.
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
