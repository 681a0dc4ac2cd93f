//! The fields of a search: their names, and the signs between them and their values.

use crate::core::query::date::DateOrder;
use crate::core::query::interval::Comparison;
use crate::core::query::problem::QueryProblem;

/// What a term is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Folder,
    Path,
    Name,
    Ext,
    Type,
    Size,
    Modified(DateOrder),
    Created(DateOrder),
    Storage,
    ETag,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueType {
    Text,
    /// Short names, of which several can be written with commas.
    Labels,
    /// Sizes and dates: they have an order.
    Number,
}

/// All names of fields, folded as [`Field::from_name`] does; those behind the first are what Cloudinary,
/// ImageKit and imgix call the same.
const NAMES: [(Field, &[&str]); 12] = [
    (Field::Folder, &["folder", "assetfolder"]),
    (Field::Path, &["path", "originpath"]),
    (Field::Name, &["name", "filename", "displayname"]),
    (Field::Ext, &["ext", "extension", "format"]),
    (Field::Type, &["type", "resourcetype", "filetype", "kind"]),
    (Field::Size, &["size", "bytes", "filesize"]),
    (
        Field::Modified(DateOrder::ByAge),
        &["modified", "lastmodified"],
    ),
    (
        Field::Modified(DateOrder::ByTime),
        &["updatedat", "uploadedat", "modifiedat", "lastupdated"],
    ),
    (Field::Created(DateOrder::ByAge), &["created", "firstseen"]),
    (Field::Created(DateOrder::ByTime), &["createdat"]),
    (Field::Storage, &["storage", "storageclass"]),
    (Field::ETag, &["etag"]),
];

impl Field {
    /// The field of this name, in any case and with `_` in it or not.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let folded = name.replace('_', "").to_lowercase();
        let known = NAMES
            .iter()
            .find(|(_, names)| names.contains(&folded.as_str()));
        known.map(|(field, _)| *field)
    }

    pub(super) fn value_type(self) -> ValueType {
        match self {
            Self::Folder | Self::Path | Self::Name | Self::ETag => ValueType::Text,
            Self::Ext | Self::Type | Self::Storage => ValueType::Labels,
            Self::Size | Self::Modified(_) | Self::Created(_) => ValueType::Number,
        }
    }

    pub(super) fn missing_value(self) -> QueryProblem {
        let example = match self {
            Self::Folder => "folder:/photos",
            Self::Path => "path:/photos/a.jpg",
            Self::Name => "name:red",
            Self::Ext => "ext:jpg",
            Self::Type => "type:image",
            Self::Size => "size:>1mb",
            Self::Modified(_) => "modified:2026",
            Self::Created(_) => "created:2026",
            Self::Storage => "storage:GLACIER",
            Self::ETag => "etag:d41d8cd98f00b204e9800998ecf8427e",
        };
        QueryProblem::MissingValue { example }
    }
}

/// How a field and its value are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// `:`, in the way that is most useful for the field.
    Matches,
    /// `=`: exactly.
    Equals,
    NotEquals,
    Compares(Comparison),
    /// `IN`: is one of a list.
    In,
    NotIn,
}

impl Operator {
    /// The sign at the beginning of the text, if there is one, and the text behind it.
    pub(super) fn strip(text: &str) -> Option<(Self, &str)> {
        let behind_colon = text.strip_prefix(':');
        let (comparison, behind) = Comparison::strip(behind_colon.unwrap_or(text));
        if let Some(comparison) = comparison {
            return Some((Self::Compares(comparison), behind));
        }
        for (sign, meaning) in [
            ("=>", Self::Compares(Comparison::AtLeast)),
            ("=<", Self::Compares(Comparison::AtMost)),
            ("==", Self::Equals),
            ("=", Self::Equals),
            ("!=", Self::NotEquals),
        ] {
            if let Some(behind) = behind.strip_prefix(sign) {
                return Some((meaning, behind));
            }
        }
        behind_colon.map(|behind| (Self::Matches, behind))
    }

    /// The same for signs that are words: `IN` and `HAS` as ImageKit writes them.
    pub(super) fn strip_words(text: &str) -> Option<(Self, &str)> {
        let word = |text: &'_ str, word: &str| {
            let behind = text.strip_prefix(word)?;
            Some(text.len() - behind.trim_start().len())
        };
        let is_list = |behind: &str| behind.starts_with(['[', '(']);
        let not = word(text, "NOT").filter(|len| *len > "NOT".len());
        let positive = &text[not.unwrap_or(0)..];
        let negated = not.is_some();
        if let Some(len) = word(positive, "IN").filter(|len| is_list(&positive[*len..])) {
            let sign = if negated { Self::NotIn } else { Self::In };
            return Some((sign, &positive[len..]));
        }
        match (negated, positive.strip_prefix('=')) {
            (true, Some(behind)) => Some((Self::NotEquals, behind)),
            (true, None) => None,
            (false, _) => {
                let behind = text
                    .strip_prefix("HAS")?
                    .strip_prefix(char::is_whitespace)?;
                Some((Self::Matches, behind))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields() {
        for (name, field) in [
            ("folder", Some(Field::Folder)),
            ("FileName", Some(Field::Name)),
            ("resource_type", Some(Field::Type)),
            ("createdAt", Some(Field::Created(DateOrder::ByTime))),
            ("created_at", Some(Field::Created(DateOrder::ByTime))),
            ("created", Some(Field::Created(DateOrder::ByAge))),
            ("width", None),
            ("", None),
        ] {
            assert_eq!(Field::from_name(name), field, "{name}");
        }
    }

    #[test]
    fn signs() {
        let above = Operator::Compares(Comparison::GreaterThan);
        for (text, sign, behind) in [
            (":x", Operator::Matches, "x"),
            (":=x", Operator::Equals, "x"),
            ("==x", Operator::Equals, "x"),
            (":!=x", Operator::NotEquals, "x"),
            (">x", above, "x"),
            (":>x", above, "x"),
            ("=>x", Operator::Compares(Comparison::AtLeast), "x"),
            ("::x", Operator::Matches, ":x"),
        ] {
            assert_eq!(Operator::strip(text), Some((sign, behind)), "{text}");
        }
        for text in ["", "x", "!x", " :x", "~x"] {
            assert_eq!(Operator::strip(text), None, "{text}");
        }
        for (text, sign, behind) in [
            ("IN [a", Operator::In, "[a"),
            ("IN[a", Operator::In, "[a"),
            ("NOT IN (a", Operator::NotIn, "(a"),
            ("NOT =x", Operator::NotEquals, "x"),
            ("HAS x", Operator::Matches, "x"),
        ] {
            assert_eq!(Operator::strip_words(text), Some((sign, behind)), "{text}");
        }
        for text in [
            "IN a",
            "in [a",
            "NOTIN [a",
            "NOT x",
            "HASx",
            "NOT HAS x",
            "NOT",
        ] {
            assert_eq!(Operator::strip_words(text), None, "{text}");
        }
    }
}
