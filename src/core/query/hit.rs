//! Hits: the assets that a search finds. Also the parts of an asset path: folder, file name, extension.
//!
//! This module does not say how the index stores an asset.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::core::query::asset_type::AssetType;
use crate::core::replication::timestamp::Timestamp;

/// One asset that a search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
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
    /// The type of the asset, by its extension.
    #[serde(rename = "type")]
    pub asset_type: AssetType,
    /// The content type, by the extension.
    pub content_type: &'static str,
    /// The size in bytes.
    pub size: u64,
    /// When S3 last changed the object.
    #[serde(serialize_with = "serialize_timestamp")]
    pub last_modified: Timestamp,
    /// When the index first saw the key, by S3's clock.
    #[serde(serialize_with = "serialize_optional_timestamp")]
    pub first_seen: Option<Timestamp>,
    /// The entity tag, without quotes.
    pub etag: Option<String>,
    /// The storage class, by its name in S3.
    pub storage_class: String,
    /// The URL that serves the asset.
    pub url: String,
    /// The parts of the path that matched the query, ascending and not adjacent. `None` if the request
    /// did not ask for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highlights: Option<Vec<Highlight>>,
}

/// A part of an asset path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Highlight {
    /// The byte offset of its start.
    pub start: usize,
    /// The byte offset of its end (exclusive).
    pub end: usize,
}

impl Highlight {
    /// The same part of `path` in characters (Unicode scalar values) instead of bytes.
    pub fn in_chars(self, path: &str) -> Self {
        let chars = |end: usize| path[..path.floor_char_boundary(end)].chars().count();
        Self {
            start: chars(self.start),
            end: chars(self.end),
        }
    }
}

fn serialize_timestamp<S: Serializer>(
    timestamp: &Timestamp,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*timestamp))
}

fn serialize_optional_timestamp<S: Serializer>(
    timestamp: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    timestamp.map(rfc3339).serialize(serializer)
}

/// Formats a timestamp as RFC 3339 in UTC, with milliseconds only if they are not zero.
///
/// A timestamp outside of the years -9999 to 9999 is formatted as the nearest one inside.
pub fn rfc3339(timestamp: Timestamp) -> String {
    let millis = timestamp.as_millis();
    let nearest = if millis < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    };
    let timestamp = jiff::Timestamp::from_millisecond(millis).unwrap_or(nearest);
    match millis % 1000 {
        0 => format!("{timestamp:.0}"),
        _ => format!("{timestamp:.3}"),
    }
}

/// Maximum number of characters of an extension. A longer ending is part of the name.
pub const MAX_EXTENSION_CHARS: usize = 16;

/// The last segment of an asset path or a key. It is empty if the path ends in `/`.
pub fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Adds a `/` at the start if there is none.
pub fn absolute_path(text: &str) -> Cow<'_, str> {
    if text.starts_with('/') {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("/{text}"))
    }
}

/// Adds a `/` at the start and at the end if there is none. Slashes inside are part of the keys and stay.
pub fn folder_path(text: &str) -> String {
    let mut path = absolute_path(text).into_owned();
    if !path.ends_with('/') {
        path.push('/');
    }
    path
}

/// The extension of a file name, as written: the text after the last dot.
///
/// There is none if the only dot is at the start (`.profile`), if nothing follows the last dot, or if
/// the text after it contains white space or has more than [`MAX_EXTENSION_CHARS`] characters.
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
    fn folder_path_begins_and_ends_in_slash() {
        for (text, want) in [
            ("", "/"),
            ("/", "/"),
            ("a", "/a/"),
            ("/a", "/a/"),
            ("a/b/", "/a/b/"),
            ("//", "//"),
        ] {
            assert_eq!(folder_path(text), want, "{text:?}");
        }
    }

    #[test]
    fn extension_is_text_after_last_dot() {
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
    fn file_name_is_last_segment() {
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
    fn formats_rfc3339() {
        for (millis, want) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_767_225_600_000, "2026-01-01T00:00:00Z"),
            (1_767_225_600_050, "2026-01-01T00:00:00.050Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (i64::MAX, "9999-12-30T22:00:00.999Z"),
        ] {
            assert_eq!(rfc3339(Timestamp::from_millis(millis)), want);
        }
    }

    #[test]
    fn converts_highlights_to_characters() {
        let path = "/é/ab";
        for ((start, end), want) in [((1, 3), (1, 2)), ((4, 6), (3, 5)), ((2, 3), (1, 2))] {
            let found = Highlight { start, end }.in_chars(path);
            assert_eq!((found.start, found.end), want);
        }
    }

    #[test]
    fn serializes_hit_as_json() {
        let hit = Hit {
            source: "shop".into(),
            key: "p/a.jpg".into(),
            path: "/a.jpg".into(),
            name: "a.jpg".into(),
            ext: Some("jpg".into()),
            asset_type: AssetType::Image,
            content_type: "image/jpeg",
            size: 7,
            last_modified: Timestamp::from_millis(1_500),
            first_seen: None,
            etag: None,
            storage_class: "STANDARD".into(),
            url: "https://shop.imgix.net/a.jpg".into(),
            highlights: Some(vec![Highlight { start: 1, end: 2 }]),
        };
        assert_eq!(
            serde_json::to_string(&hit).unwrap(),
            r#"{"source":"shop","key":"p/a.jpg","path":"/a.jpg","name":"a.jpg","ext":"jpg","type":"image","content_type":"image/jpeg","size":7,"last_modified":"1970-01-01T00:00:01.500Z","first_seen":null,"etag":null,"storage_class":"STANDARD","url":"https://shop.imgix.net/a.jpg","highlights":[{"start":1,"end":2}]}"#
        );
    }
}
