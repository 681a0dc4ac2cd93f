//! What a search finds, in which order, and how an asset path is taken apart.
//!
//! A hit is what others read; the columns that an index keeps are its own affair.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::sync::stamp::Stamp;

/// One asset that a search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// The name of the Source.
    pub source: String,
    /// The key in the bucket, byte for byte.
    pub key: String,
    /// The asset path: `/` and the key without the Source's prefix.
    pub path: String,
    /// The last segment of the path.
    pub name: String,
    /// The extension in lower case; see [`extension_of`].
    pub ext: Option<String>,
    /// Bytes.
    pub size: u64,
    /// When S3 last changed the object.
    #[serde(serialize_with = "serialize_stamp")]
    pub last_modified: Stamp,
    /// When the index first saw the key, by S3's clock.
    #[serde(serialize_with = "serialize_optional_stamp")]
    pub first_seen: Option<Stamp>,
    /// The entity tag, without quotes.
    pub etag: Option<String>,
    /// The storage class, by the name that S3 gives it.
    pub storage_class: String,
    /// Where the asset is served.
    pub url: String,
}

fn serialize_stamp<S: Serializer>(stamp: &Stamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*stamp))
}

fn serialize_optional_stamp<S: Serializer>(
    stamp: &Option<Stamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    stamp.map(rfc3339).serialize(serializer)
}

/// The stamp as RFC 3339 text in UTC, with milliseconds only where there are any.
///
/// A stamp outside of the years -9999 to 9999 is shown as the nearest inside.
pub fn rfc3339(stamp: Stamp) -> String {
    let millis = stamp.as_millis();
    let (least, greatest) = (Timestamp::MIN, Timestamp::MAX);
    let moment =
        Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { least } else { greatest });
    match millis % 1000 {
        0 => format!("{moment:.0}"),
        _ => format!("{moment:.3}"),
    }
}

/// What hits are ordered by; equal ones follow by path and Source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// The asset path, by its bytes.
    #[default]
    Path,
    /// The size.
    Size,
    /// When S3 last changed the object.
    Modified,
}

/// The order of hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// What is compared.
    pub by: SortBy,
    /// Whether the greatest come first.
    pub descending: bool,
}

/// A sort order that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no sort order {text:?}; write path, size or modified, with - in front for the reverse")]
pub struct SortError {
    /// What was written.
    pub text: String,
}

impl Sort {
    /// Reads `path`, `size` or `modified`, ascending, or descending with `-` in front.
    pub fn parse(text: &str) -> Result<Self, SortError> {
        let (descending, field) = match text.strip_prefix('-') {
            Some(field) => (true, field),
            None => (false, text),
        };
        let by = match field {
            "path" => SortBy::Path,
            "size" => SortBy::Size,
            "modified" => SortBy::Modified,
            _ => return Err(SortError { text: text.into() }),
        };
        Ok(Self { by, descending })
    }
}

/// The most characters of an extension; what is longer is a name with a dot in it.
pub const MAX_EXTENSION_CHARS: usize = 16;

/// The last segment of an asset path or a key: empty where it ends in `/`.
pub fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The extension of a file name, as it is written: what is behind the last dot.
///
/// A dot file without another dot has none (`.profile`), nor has a name whose last dot is followed
/// by nothing, by white space or by more than [`MAX_EXTENSION_CHARS`] characters.
pub fn extension_of(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    let short = extension.chars().nth(MAX_EXTENSION_CHARS).is_none();
    let is_extension = !extension.is_empty() && !extension.contains(char::is_whitespace) && short;
    (is_extension && !stem.is_empty()).then_some(extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions() {
        for (name, want) in [
            ("a.jpg", Some("jpg")),
            ("a.b.JPG", Some("JPG")),
            (".profile", None),
            (".config.json", Some("json")),
            ("..x", Some("x")),
            ("a.", None),
            ("a", None),
            ("", None),
            (".", None),
            ("Version 1.2 final", None),
            ("a.ééééééééééééééé1", Some("ééééééééééééééé1")),
            ("a.12345678901234567", None),
        ] {
            assert_eq!(extension_of(name), want, "{name:?}");
        }
    }

    #[test]
    fn file_names() {
        for (path, want) in [
            ("/a/b.c", "b.c"),
            ("b", "b"),
            ("/a/", ""),
            ("//x", "x"),
            ("", ""),
        ] {
            assert_eq!(file_name(path), want, "{path:?}");
        }
    }

    #[test]
    fn sort_orders() {
        let order = |by, descending| Ok(Sort { by, descending });
        assert_eq!(Sort::parse("path"), order(SortBy::Path, false));
        assert_eq!(Sort::parse("-modified"), order(SortBy::Modified, true));
        assert_eq!(Sort::parse("size"), order(SortBy::Size, false));
        for text in ["", "-", "--size", "Size", "name"] {
            let message = Sort::parse(text).unwrap_err().to_string();
            assert!(message.contains("path, size or modified"), "{message}");
        }
    }

    #[test]
    fn stamps_are_rfc_3339() {
        for (millis, want) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_767_225_600_000, "2026-01-01T00:00:00Z"),
            (1_767_225_600_050, "2026-01-01T00:00:00.050Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (i64::MAX, "9999-12-30T22:00:00.999Z"),
        ] {
            assert_eq!(rfc3339(Stamp::from_millis(millis)), want);
        }
    }

    #[test]
    fn a_hit_is_plain_json() {
        let hit = Hit {
            source: "shop".into(),
            key: "p/a.jpg".into(),
            path: "/a.jpg".into(),
            name: "a.jpg".into(),
            ext: Some("jpg".into()),
            size: 7,
            last_modified: Stamp::from_millis(1_500),
            first_seen: None,
            etag: None,
            storage_class: "STANDARD".into(),
            url: "https://shop.imgix.net/a.jpg".into(),
        };
        assert_eq!(
            serde_json::to_string(&hit).unwrap(),
            r#"{"source":"shop","key":"p/a.jpg","path":"/a.jpg","name":"a.jpg","ext":"jpg","size":7,"last_modified":"1970-01-01T00:00:01.500Z","first_seen":null,"etag":null,"storage_class":"STANDARD","url":"https://shop.imgix.net/a.jpg"}"#
        );
    }
}
