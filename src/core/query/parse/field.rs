//! The fields of a query: their names, and the operators between a field and its value.

use crate::core::query::date::DateOrder;
use crate::core::query::interval::Comparison;
use crate::core::query::problem::{QueryProblem, ValueProblem};

/// A property of an asset that a term tests.
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

/// The kind of values that a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueType {
    Text,
    /// Short names. Several can be separated with commas.
    Labels,
    /// Sizes and dates, which have an order.
    Number,
}

/// The names of the fields, normalized as in [`Field::from_name`]. Many are aliases: the names that
/// Cloudinary, ImageKit and imgix use.
const NAMES: [(Field, &[&str]); 12] = [
    (Field::Folder, &["folder", "assetfolder"]),
    (Field::Path, &["path", "originpath"]),
    (Field::Name, &["name", "filename", "displayname"]),
    (Field::Ext, &["ext", "extension", "format"]),
    (Field::Type, &["type", "resourcetype", "filetype", "kind"]),
    (Field::Size, &["size", "bytes", "filesize"]),
    (
        Field::Modified(DateOrder::ByAge),
        &["modified", "lastmodified", "date", "year"],
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
    /// The field with this name. Letter case and `_` do not matter.
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

    /// A value of this field.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Folder => "/photos",
            Self::Path => "/photos/a.jpg",
            Self::Name => "red",
            Self::Ext => "jpg",
            Self::Type => "image",
            Self::Size => ">1mb",
            Self::Modified(_) | Self::Created(_) => "2026",
            Self::Storage => "GLACIER",
            Self::ETag => "d41d8cd98f00b204e9800998ecf8427e",
        }
    }

    pub(super) fn missing_value(self) -> ValueProblem {
        let example = self.example();
        ValueProblem::Missing { example }
    }
}

/// A field and its operator in front of a value, as in `createdAt >`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FieldPrefix<'a> {
    pub field: Field,
    pub operator: Operator,
    /// The name of the field, as it was written.
    pub name: &'a str,
}

impl FieldPrefix<'_> {
    /// The problem of a value of this field.
    pub(super) fn problem(&self, problem: ValueProblem) -> QueryProblem {
        QueryProblem::Value {
            field: self.name.to_owned(),
            problem,
        }
    }
}

/// The comparison of a field with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// `:`. Its meaning depends on the field.
    Matches,
    /// `=`: equals exactly.
    Equals,
    NotEquals,
    Compares(Comparison),
    /// `IN`: equals a value of the list.
    In,
    NotIn,
}

impl Operator {
    /// Splits an operator sign off the start of the text. Also returns the rest.
    pub(super) fn strip(text: &str) -> Option<(Self, &str)> {
        let after_colon = text.strip_prefix(':');
        let (comparison, rest) = Comparison::strip(after_colon.unwrap_or(text));
        if let Some(comparison) = comparison {
            return Some((Self::Compares(comparison), rest));
        }
        for (sign, operator) in [
            ("=>", Self::Compares(Comparison::AtLeast)),
            ("=<", Self::Compares(Comparison::AtMost)),
            ("==", Self::Equals),
            ("=", Self::Equals),
            ("!=", Self::NotEquals),
        ] {
            if let Some(rest) = rest.strip_prefix(sign) {
                return Some((operator, rest));
            }
        }
        after_colon.map(|rest| (Self::Matches, rest))
    }

    /// Like [`Operator::strip`], for the operators that ImageKit writes as words: `IN` and `HAS`.
    pub(super) fn strip_words(text: &str) -> Option<(Self, &str)> {
        let word = |text: &'_ str, word: &str| {
            let rest = text.strip_prefix(word)?;
            Some(text.len() - rest.trim_start().len())
        };
        let is_list = |rest: &str| rest.starts_with(['[', '(']);
        let not = word(text, "NOT").filter(|len| *len > "NOT".len());
        let positive = &text[not.unwrap_or(0)..];
        let negated = not.is_some();
        if let Some(len) = word(positive, "IN").filter(|len| is_list(&positive[*len..])) {
            let operator = if negated { Self::NotIn } else { Self::In };
            return Some((operator, &positive[len..]));
        }
        match (negated, positive.strip_prefix('=')) {
            (true, Some(rest)) => Some((Self::NotEquals, rest)),
            (true, None) => None,
            (false, _) => {
                let rest = text
                    .strip_prefix("HAS")?
                    .strip_prefix(char::is_whitespace)?;
                Some((Self::Matches, rest))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_fields_by_name() {
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
    fn splits_operators_off() {
        let above = Operator::Compares(Comparison::GreaterThan);
        for (text, operator, rest) in [
            (":x", Operator::Matches, "x"),
            (":=x", Operator::Equals, "x"),
            ("==x", Operator::Equals, "x"),
            (":!=x", Operator::NotEquals, "x"),
            (">x", above, "x"),
            (":>x", above, "x"),
            ("=>x", Operator::Compares(Comparison::AtLeast), "x"),
            ("::x", Operator::Matches, ":x"),
        ] {
            assert_eq!(Operator::strip(text), Some((operator, rest)), "{text}");
        }
        for text in ["", "x", "!x", " :x", "~x"] {
            assert_eq!(Operator::strip(text), None, "{text}");
        }
        for (text, operator, rest) in [
            ("IN [a", Operator::In, "[a"),
            ("IN[a", Operator::In, "[a"),
            ("NOT IN (a", Operator::NotIn, "(a"),
            ("NOT =x", Operator::NotEquals, "x"),
            ("HAS x", Operator::Matches, "x"),
        ] {
            assert_eq!(
                Operator::strip_words(text),
                Some((operator, rest)),
                "{text}"
            );
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
