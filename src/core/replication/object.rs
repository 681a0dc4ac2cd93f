//! An object as S3 describes it in a listing: size, ETag, last-modified, storage class.
//!
//! The key is not part of it, and neither are content type, metadata and tags: no listing contains them.

use std::borrow::Cow;
use std::time::Duration;

use crate::core::replication::timestamp::Timestamp;

/// One object, as a listing describes it. Events describe less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// In bytes.
    pub size: u64,
    /// The entity tag, if known.
    pub etag: Option<ETag>,
    /// When S3 last changed the object; whole seconds on AWS, milliseconds elsewhere.
    pub last_modified: Timestamp,
    /// The storage class. [`StorageClass::Standard`] if unknown.
    pub storage_class: StorageClass,
}

impl Object {
    /// Whether both describe the same change of a key: everything is equal, except that the times may differ by
    /// `tolerance`. An event and a listing do not report exactly the same time.
    pub fn is_same_change(&self, other: &Self, tolerance: Duration) -> bool {
        let at = self.last_modified;
        let close = at.minus(tolerance)..=at.plus(tolerance);
        let with_our_time = Self {
            last_modified: at,
            ..other.clone()
        };
        close.contains(&other.last_modified) && *self == with_our_time
    }
}

/// An entity tag: opaque, and compared only for equality. S3's usual forms are stored compactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ETag {
    /// 32 lower-case hex digits. For a multipart upload, `-` and the number of parts follow.
    Hex {
        /// The 128 bits that the digits spell.
        bits: u128,
        /// The number of parts. 0 if there is no dash.
        parts: u16,
    },
    /// Any other form, without the surrounding quotes.
    Other(Box<str>),
}

impl ETag {
    /// Parses an ETag with or without quotes. `None` if it is empty.
    ///
    /// Uses the compact form only if [`ETag::to_text`] returns the same bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('"').unwrap_or(text);
        let bare = bare.strip_suffix('"').unwrap_or(bare);
        if bare.is_empty() {
            return None;
        }
        Some(Self::parse_hex(bare).unwrap_or_else(|| Self::Other(bare.into())))
    }

    fn parse_hex(bare: &str) -> Option<Self> {
        let (digits, parts) = match bare.split_once('-') {
            None => (bare, 0),
            Some((digits, parts)) => (digits, canonical_part_count(parts)?),
        };
        let is_lower_hex = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 32 || !digits.as_bytes().iter().all(is_lower_hex) {
            return None;
        }
        let bits = u128::from_str_radix(digits, 16).ok()?;
        Some(Self::Hex { bits, parts })
    }

    /// The ETag as S3 wrote it, without quotes.
    pub fn to_text(&self) -> String {
        match self {
            Self::Hex { bits, parts: 0 } => format!("{bits:032x}"),
            Self::Hex { bits, parts } => format!("{bits:032x}-{parts}"),
            Self::Other(text) => text.to_string(),
        }
    }
}

/// Parses a part count that prints exactly as written: no sign, no leading zero, not zero.
fn canonical_part_count(text: &str) -> Option<u16> {
    let canonical = text.starts_with(|c: char| c.is_ascii_digit() && c != '0');
    text.parse().ok().filter(|_| canonical)
}

/// A storage class, known today or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StorageClass {
    /// `STANDARD`. Servers that have no storage classes do not name any.
    #[default]
    Standard,
    /// Any other class, by its name in S3.
    Named(Cow<'static, str>),
}

/// The names that S3 documents for `StorageClass` in ListObjectsV2, without `STANDARD`.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
const KNOWN_CLASSES: [&str; 12] = [
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "GLACIER_IR",
    "DEEP_ARCHIVE",
    "OUTPOSTS",
    "SNOW",
    "EXPRESS_ONEZONE",
    "FSX_OPENZFS",
    "FSX_ONTAP",
];

impl StorageClass {
    /// The class of that name. Known names need no allocation.
    pub fn from_name(name: &str) -> Self {
        if name.is_empty() || name == "STANDARD" {
            return Self::Standard;
        }
        match KNOWN_CLASSES.iter().find(|known| **known == name) {
            Some(known) => Self::Named(Cow::Borrowed(known)),
            None => Self::Named(Cow::Owned(name.to_owned())),
        }
    }

    /// The class's name in S3.
    pub fn name(&self) -> &str {
        match self {
            Self::Standard => "STANDARD",
            Self::Named(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etag_text_is_preserved() {
        for text in [
            "d41d8cd98f00b204e9800998ecf8427e",
            "00000000000000000000000000000001",
            "d41d8cd98f00b204e9800998ecf8427e-17",
            "d41d8cd98f00b204e9800998ecf8427e-0",
            "d41d8cd98f00b204e9800998ecf8427e-017",
            "d41d8cd98f00b204e9800998ecf8427e-70000",
            "d41d8cd98f00b204e9800998ecf8427e-+7",
            "D41D8CD98F00B204E9800998ECF8427E",
            "+41d8cd98f00b204e9800998ecf8427e",
            "opaque",
            "a-b",
        ] {
            let quoted = format!("\"{text}\"");
            assert_eq!(ETag::parse(&quoted).unwrap().to_text(), text);
            assert_eq!(ETag::parse(text), ETag::parse(&quoted));
        }
        assert_eq!(ETag::parse("\"\""), None);
    }

    #[test]
    fn plain_and_multipart_etags_are_compact() {
        let compact = |text| matches!(ETag::parse(text), Some(ETag::Hex { .. }));
        assert!(compact("d41d8cd98f00b204e9800998ecf8427e"));
        assert!(compact("d41d8cd98f00b204e9800998ecf8427e-9999"));
        assert!(!compact("D41D8CD98F00B204E9800998ECF8427E"));
    }

    #[test]
    fn same_change_may_have_another_time() {
        let tolerance = Duration::from_secs(2);
        let object = Object {
            size: 7,
            etag: ETag::parse("d41d8cd98f00b204e9800998ecf8427e"),
            last_modified: Timestamp::from_millis(10_000),
            storage_class: StorageClass::Standard,
        };
        for (millis, want) in [
            (7_999, false),
            (8_000, true),
            (9_999, true),
            (12_000, true),
            (12_001, false),
        ] {
            let other = Object {
                last_modified: Timestamp::from_millis(millis),
                ..object.clone()
            };
            assert_eq!(object.is_same_change(&other, tolerance), want, "{millis}");
        }
        for other in [
            Object {
                size: 8,
                ..object.clone()
            },
            Object {
                etag: None,
                ..object.clone()
            },
            Object {
                storage_class: StorageClass::from_name("GLACIER"),
                ..object.clone()
            },
        ] {
            assert!(!object.is_same_change(&other, tolerance), "{other:?}");
        }
    }

    #[test]
    fn storage_class_names_are_preserved() {
        assert_eq!(StorageClass::from_name(""), StorageClass::Standard);
        for name in ["STANDARD", "GLACIER_IR", "A_CLASS_OF_TOMORROW"] {
            assert_eq!(StorageClass::from_name(name).name(), name);
        }
    }
}
