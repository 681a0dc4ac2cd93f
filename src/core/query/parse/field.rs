//! The fields of a search: their names, and the signs between them and their values.

use crate::core::query::date::Clock;
use crate::core::query::interval::Comparison;
use crate::core::query::problem::Problem;

/// What a term is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Folder,
    Path,
    Name,
    Ext,
    Type,
    Size,
    Modified(Clock),
    Created(Clock),
    Storage,
    ETag,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    /// Short names, of which several can be written with commas.
    Labels,
    /// Sizes and dates: they have an order.
    Number,
}

/// All names of fields, folded as [`Field::named`] does; those behind the first are what Cloudinary,
/// ImageKit and imgix call the same.
const NAMES: [(Field, &[&str]); 12] = [
    (Field::Folder, &["folder", "assetfolder"]),
    (Field::Path, &["path", "originpath"]),
    (Field::Name, &["name", "filename", "displayname"]),
    (Field::Ext, &["ext", "extension", "format"]),
    (Field::Type, &["type", "resourcetype", "filetype", "kind"]),
    (Field::Size, &["size", "bytes", "filesize"]),
    (Field::Modified(Clock::Ages), &["modified", "lastmodified"]),
    (
        Field::Modified(Clock::Moments),
        &["updatedat", "uploadedat", "modifiedat", "lastupdated"],
    ),
    (Field::Created(Clock::Ages), &["created", "firstseen"]),
    (Field::Created(Clock::Moments), &["createdat"]),
    (Field::Storage, &["storage", "storageclass"]),
    (Field::ETag, &["etag"]),
];

impl Field {
    /// The field of this name, in any case and with `_` in it or not.
    pub(super) fn named(name: &str) -> Option<Self> {
        let folded = name.replace('_', "").to_lowercase();
        let known = NAMES
            .iter()
            .find(|(_, names)| names.contains(&folded.as_str()));
        known.map(|(field, _)| *field)
    }

    pub(super) fn shape(self) -> Shape {
        match self {
            Self::Folder | Self::Path | Self::Name | Self::ETag => Shape::Text,
            Self::Ext | Self::Type | Self::Storage => Shape::Labels,
            Self::Size | Self::Modified(_) | Self::Created(_) => Shape::Number,
        }
    }

    pub(super) fn no_value(self) -> Problem {
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
        Problem::NoValue { example }
    }
}

/// How a field and its value are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// `:`, in the way that is most useful for the field.
    Has,
    /// `=`: exactly.
    Is,
    IsNot,
    Compared(Comparison),
    /// `IN`: is one of a list.
    In,
    NotIn,
}

impl Sign {
    /// The sign at the beginning of the text, if there is one, and the text behind it.
    pub(super) fn strip(text: &str) -> Option<(Self, &str)> {
        let behind_colon = text.strip_prefix(':');
        let (comparison, behind) = Comparison::strip(behind_colon.unwrap_or(text));
        if let Some(comparison) = comparison {
            return Some((Self::Compared(comparison), behind));
        }
        for (sign, meaning) in [
            ("=>", Self::Compared(Comparison::AtLeast)),
            ("=<", Self::Compared(Comparison::AtMost)),
            ("==", Self::Is),
            ("=", Self::Is),
            ("!=", Self::IsNot),
        ] {
            if let Some(behind) = behind.strip_prefix(sign) {
                return Some((meaning, behind));
            }
        }
        behind_colon.map(|behind| (Self::Has, behind))
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
            (true, Some(behind)) => Some((Self::IsNot, behind)),
            (true, None) => None,
            (false, _) => {
                let behind = text
                    .strip_prefix("HAS")?
                    .strip_prefix(char::is_whitespace)?;
                Some((Self::Has, behind))
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
            ("createdAt", Some(Field::Created(Clock::Moments))),
            ("created_at", Some(Field::Created(Clock::Moments))),
            ("created", Some(Field::Created(Clock::Ages))),
            ("width", None),
            ("", None),
        ] {
            assert_eq!(Field::named(name), field, "{name}");
        }
    }

    #[test]
    fn signs() {
        let above = Sign::Compared(Comparison::Above);
        for (text, sign, behind) in [
            (":x", Sign::Has, "x"),
            (":=x", Sign::Is, "x"),
            ("==x", Sign::Is, "x"),
            (":!=x", Sign::IsNot, "x"),
            (">x", above, "x"),
            (":>x", above, "x"),
            ("=>x", Sign::Compared(Comparison::AtLeast), "x"),
            ("::x", Sign::Has, ":x"),
        ] {
            assert_eq!(Sign::strip(text), Some((sign, behind)), "{text}");
        }
        for text in ["", "x", "!x", " :x", "~x"] {
            assert_eq!(Sign::strip(text), None, "{text}");
        }
        for (text, sign, behind) in [
            ("IN [a", Sign::In, "[a"),
            ("IN[a", Sign::In, "[a"),
            ("NOT IN (a", Sign::NotIn, "(a"),
            ("NOT =x", Sign::IsNot, "x"),
            ("HAS x", Sign::Has, "x"),
        ] {
            assert_eq!(Sign::strip_words(text), Some((sign, behind)), "{text}");
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
            assert_eq!(Sign::strip_words(text), None, "{text}");
        }
    }
}
