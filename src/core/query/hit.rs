//! What a search finds, and how an asset path is taken apart.
//!
//! A hit is what others read; the columns that an index keeps are its own affair.

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
    /// What it is, by its extension.
    #[serde(rename = "type")]
    pub asset_type: AssetType,
    /// The media type, by its extension.
    pub content_type: &'static str,
    /// Bytes.
    pub size: u64,
    /// When S3 last changed the object.
    #[serde(serialize_with = "serialize_stamp")]
    pub last_modified: Timestamp,
    /// When the index first saw the key, by S3's clock.
    #[serde(serialize_with = "serialize_optional_stamp")]
    pub first_seen: Option<Timestamp>,
    /// The entity tag, without quotes.
    pub etag: Option<String>,
    /// The storage class, by the name that S3 gives it.
    pub storage_class: String,
    /// Where the asset is served.
    pub url: String,
    /// Which parts of the path the search found, where that was asked for: ascending, apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highlights: Option<Vec<Highlight>>,
}

/// A part of an asset path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Highlight {
    /// Its first byte.
    pub start: usize,
    /// The byte behind it.
    pub end: usize,
}

impl Highlight {
    /// The same part of the path counted in characters (Unicode scalar values) instead of bytes.
    pub fn in_chars(self, path: &str) -> Self {
        let chars = |end: usize| path[..path.floor_char_boundary(end)].chars().count();
        Self {
            start: chars(self.start),
            end: chars(self.end),
        }
    }
}

fn serialize_stamp<S: Serializer>(stamp: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*stamp))
}

fn serialize_optional_stamp<S: Serializer>(
    stamp: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    stamp.map(rfc3339).serialize(serializer)
}

/// The stamp as RFC 3339 text in UTC, with milliseconds only where there are any.
///
/// A stamp outside of the years -9999 to 9999 is shown as the nearest inside.
pub fn rfc3339(stamp: Timestamp) -> String {
    let millis = stamp.as_millis();
    let (least, greatest) = (jiff::Timestamp::MIN, jiff::Timestamp::MAX);
    let moment = jiff::Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 {
        least
    } else {
        greatest
    });
    match millis % 1000 {
        0 => format!("{moment:.0}"),
        _ => format!("{moment:.3}"),
    }
}

/// The most characters of an extension; what is longer is a name with a dot in it.
pub const MAX_EXTENSION_CHARS: usize = 16;

/// The last segment of an asset path or a key: empty where it ends in `/`.
pub fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The folder that was meant: it begins and ends in `/`; slashes inside are part of the keys and stay.
pub fn folder_path(text: &str) -> String {
    let start = if text.starts_with('/') { "" } else { "/" };
    let end = if text.ends_with('/') || text.is_empty() {
        ""
    } else {
        "/"
    };
    format!("{start}{text}{end}")
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
    fn folders_begin_and_end_in_a_slash() {
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
    fn stamps_are_rfc_3339() {
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
    fn highlights_in_characters() {
        let path = "/é/ab";
        for ((start, end), want) in [((1, 3), (1, 2)), ((4, 6), (3, 5)), ((2, 3), (1, 2))] {
            let found = Highlight { start, end }.in_chars(path);
            assert_eq!((found.start, found.end), want);
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
