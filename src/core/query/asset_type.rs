//! The type and the content type of an asset, both derived from its extension.
//!
//! The content of the object is never read, so a wrong extension gives a wrong type. The library
//! `mime_infer` knows most extensions. A table of our own adds to it and corrects it.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use serde::Serialize;

mod table;

/// The type of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AssetType {
    /// Images, including vector graphics and camera raw files.
    Image,
    /// Videos, and the playlists of streamed videos.
    Video,
    /// Sound files.
    Audio,
    /// Text, spreadsheets, presentations, PDF, layouts and CAD drawings.
    Document,
    /// Archives and disk images.
    Archive,
    /// Fonts.
    Font,
    /// 3D models.
    #[serde(rename = "3d")]
    ThreeD,
    /// Everything else, including assets without an extension.
    Other,
}

/// The content type of assets with an unknown extension.
pub const UNKNOWN_CONTENT: &str = "application/octet-stream";

impl AssetType {
    /// All types.
    pub const ALL: [Self; 8] = [
        Self::Image,
        Self::Video,
        Self::Audio,
        Self::Document,
        Self::Archive,
        Self::Font,
        Self::ThreeD,
        Self::Other,
    ];

    /// The name of the type in a query.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Archive => "archive",
            Self::Font => "font",
            Self::ThreeD => "3d",
            Self::Other => "other",
        }
    }

    /// The type with this name, in any letter case. `None` if no type has this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let has_name = |kind: &Self| kind.name().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(has_name)
    }

    /// The type of assets with this extension. The extension must be in lower case, as in
    /// [`super::Hit::ext`].
    pub fn from_extension(ext: Option<&str>) -> Self {
        let known = ext.and_then(|ext| KNOWN.by_ext.get(ext));
        known.map_or(Self::Other, |(kind, _)| *kind)
    }

    /// All extensions for which [`AssetType::from_extension`] returns this type, in lower case and
    /// ascending. The list is empty for `Other`, which includes every unknown extension.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Other => &[],
            kind => &KNOWN.by_kind[kind as usize],
        }
    }
}

impl AssetType {
    /// The extensions of camera raw files, in lower case.
    pub(super) fn raw_extensions() -> impl Iterator<Item = &'static str> {
        table::RAW.iter().copied()
    }
}

impl fmt::Display for AssetType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The content type of assets with this extension. The extension must be in lower case.
pub fn content_type(ext: Option<&str>) -> &'static str {
    let known = ext.and_then(|ext| KNOWN.by_ext.get(ext));
    known.map_or(UNKNOWN_CONTENT, |(_, content)| content)
}

struct Known {
    by_ext: HashMap<&'static str, (AssetType, &'static str)>,
    by_kind: [Vec<&'static str>; AssetType::ALL.len()],
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let listed = mime_infer::get_extensions("*", "*").unwrap_or(&[]);
    let mut by_ext = HashMap::with_capacity(listed.len() + table::CONTENT.len());
    // Our extensions contain no dot, but some of the library's do.
    for ext in listed.iter().filter(|ext| !ext.contains('.')) {
        if let Some(content) = mime_infer::from_ext(ext).first_raw() {
            by_ext.insert(*ext, (table::kind_of_content(content), content));
        }
    }
    // Insert our entries last, because they correct the library's.
    let ours = table::CONTENT.iter();
    by_ext.extend(ours.map(|(ext, content, kind)| (*ext, (*kind, *content))));
    let of_kind = |kind: AssetType| {
        let matching = by_ext.iter().filter(|(_, (other, _))| *other == kind);
        let mut exts: Vec<_> = matching.map(|(ext, _)| *ext).collect();
        exts.sort_unstable();
        exts
    };
    Known {
        by_kind: AssetType::ALL.map(of_kind),
        by_ext,
    }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extension_gives_type_and_content_type() {
        for (ext, kind, content) in [
            ("jpg", AssetType::Image, "image/jpeg"),
            ("jpeg", AssetType::Image, "image/jpeg"),
            ("png", AssetType::Image, "image/png"),
            ("gif", AssetType::Image, "image/gif"),
            ("webp", AssetType::Image, "image/webp"),
            ("avif", AssetType::Image, "image/avif"),
            ("heic", AssetType::Image, "image/heic"),
            ("jxl", AssetType::Image, "image/jxl"),
            ("svg", AssetType::Image, "image/svg+xml"),
            ("tif", AssetType::Image, "image/tiff"),
            ("psd", AssetType::Image, "image/vnd.adobe.photoshop"),
            ("ai", AssetType::Image, "application/postscript"),
            ("eps", AssetType::Image, "application/postscript"),
            ("cr2", AssetType::Image, "image/x-canon-cr2"),
            ("mp4", AssetType::Video, "video/mp4"),
            ("mov", AssetType::Video, "video/quicktime"),
            ("webm", AssetType::Video, "video/webm"),
            ("ts", AssetType::Video, "video/mp2t"),
            ("m3u8", AssetType::Video, "application/vnd.apple.mpegurl"),
            ("mp3", AssetType::Audio, "audio/mpeg"),
            ("wav", AssetType::Audio, "audio/wav"),
            ("pdf", AssetType::Document, "application/pdf"),
            ("txt", AssetType::Document, "text/plain"),
            ("csv", AssetType::Document, "text/csv"),
            ("md", AssetType::Document, "text/markdown"),
            ("doc", AssetType::Document, "application/msword"),
            ("pages", AssetType::Document, "application/vnd.apple.pages"),
            ("indd", AssetType::Document, "application/x-indesign"),
            ("zip", AssetType::Archive, "application/zip"),
            ("gz", AssetType::Archive, "application/gzip"),
            ("rar", AssetType::Archive, "application/vnd.rar"),
            ("zst", AssetType::Archive, "application/zstd"),
            ("dmg", AssetType::Archive, "application/x-apple-diskimage"),
            ("woff2", AssetType::Font, "font/woff2"),
            ("ttf", AssetType::Font, "font/ttf"),
            ("glb", AssetType::ThreeD, "model/gltf-binary"),
            ("obj", AssetType::ThreeD, "model/obj"),
            ("usdz", AssetType::ThreeD, "model/vnd.usdz+zip"),
            ("fbx", AssetType::ThreeD, "application/x-fbx"),
            ("js", AssetType::Other, "text/javascript"),
            ("css", AssetType::Other, "text/css"),
            ("json", AssetType::Other, "application/json"),
            ("exe", AssetType::Other, "application/octet-stream"),
            ("nosuch", AssetType::Other, UNKNOWN_CONTENT),
            ("", AssetType::Other, UNKNOWN_CONTENT),
        ] {
            let found = (
                AssetType::from_extension(Some(ext)),
                content_type(Some(ext)),
            );
            assert_eq!(found, (kind, content), "{ext}");
        }
        assert_eq!(AssetType::from_extension(None), AssetType::Other);
        assert_eq!(content_type(None), UNKNOWN_CONTENT);
    }

    #[test]
    fn each_extension_has_exactly_one_type() {
        let mut listed = 0;
        for kind in AssetType::ALL {
            assert!(kind.extensions().is_sorted(), "{kind}");
            for ext in kind.extensions() {
                assert_eq!(AssetType::from_extension(Some(ext)), kind, "{ext}");
                assert_eq!(**ext, ext.to_lowercase());
                listed += 1;
            }
        }
        let others = KNOWN.by_kind[AssetType::Other as usize].len();
        assert_eq!(listed + others, KNOWN.by_ext.len());
        assert!(AssetType::Other.extensions().is_empty());
        assert!(AssetType::Image.extensions().len() > 50 && AssetType::Font.extensions().len() > 5);
    }

    #[test]
    fn names_are_read_in_any_case() {
        for (index, kind) in AssetType::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
            assert_eq!(
                AssetType::from_name(&kind.name().to_uppercase()),
                Some(kind)
            );
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
        }
        assert_eq!(AssetType::from_name("picture"), None);
    }
}
