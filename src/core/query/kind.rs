//! What an asset is, by its extension: its type and its content type.
//!
//! Nobody looks into the object: a file whose extension lies is what its extension says. Most
//! extensions are known from the library `mime_infer`; a table of our own says what it does not.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use serde::Serialize;

mod table;

/// The type of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Pictures, vector graphics and camera raw files included.
    Image,
    /// Moving pictures, and the playlists of streamed ones.
    Video,
    /// Sound.
    Audio,
    /// Text, tables, presentations, PDF, layouts, drawings of architects.
    Document,
    /// Packed files and disk images.
    Archive,
    /// Typefaces.
    Font,
    /// Three-dimensional models.
    #[serde(rename = "3d")]
    ThreeD,
    /// Everything else, and what has no extension.
    Other,
}

/// The content type of what is not known.
pub const UNKNOWN_CONTENT: &str = "application/octet-stream";

impl Kind {
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

    /// As a search writes it.
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

    /// The type of this name, in any case; `None` where there is none.
    pub fn named(name: &str) -> Option<Self> {
        let is_it = |kind: &Self| kind.name().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(is_it)
    }

    /// The type of assets with the extension, which is in lower case, as [`super::Hit::ext`].
    pub fn of_ext(ext: Option<&str>) -> Self {
        let known = ext.and_then(|ext| KNOWN.by_ext.get(ext));
        known.map_or(Self::Other, |(kind, _)| *kind)
    }

    /// The extensions of a type, in lower case and ascending: exactly those for which
    /// [`Kind::of_ext`] says so. `Other` has none, as it is what all others are not.
    pub fn exts(self) -> &'static [&'static str] {
        match self {
            Self::Other => &[],
            kind => &KNOWN.by_kind[kind as usize],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The media type of assets with the extension, which is in lower case.
pub fn content_type(ext: Option<&str>) -> &'static str {
    let known = ext.and_then(|ext| KNOWN.by_ext.get(ext));
    known.map_or(UNKNOWN_CONTENT, |(_, content)| content)
}

struct Known {
    by_ext: HashMap<&'static str, (Kind, &'static str)>,
    by_kind: [Vec<&'static str>; Kind::ALL.len()],
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let listed = mime_infer::get_extensions("*", "*").unwrap_or(&[]);
    let mut by_ext = HashMap::with_capacity(listed.len() + table::CONTENT.len());
    // An extension has no dot in it; theirs can.
    for ext in listed.iter().filter(|ext| !ext.contains('.')) {
        if let Some(content) = mime_infer::from_ext(ext).first_raw() {
            by_ext.insert(*ext, (table::kind_of_content(content), content));
        }
    }
    // Ours last: they correct the library's.
    let ours = table::CONTENT.iter();
    by_ext.extend(ours.map(|(ext, content, kind)| (*ext, (*kind, *content))));
    let of_kind = |kind: Kind| {
        let its = by_ext.iter().filter(|(_, (its, _))| *its == kind);
        let mut exts: Vec<_> = its.map(|(ext, _)| *ext).collect();
        exts.sort_unstable();
        exts
    };
    Known {
        by_kind: Kind::ALL.map(of_kind),
        by_ext,
    }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_contents_by_extension() {
        for (ext, kind, content) in [
            ("jpg", Kind::Image, "image/jpeg"),
            ("jpeg", Kind::Image, "image/jpeg"),
            ("png", Kind::Image, "image/png"),
            ("gif", Kind::Image, "image/gif"),
            ("webp", Kind::Image, "image/webp"),
            ("avif", Kind::Image, "image/avif"),
            ("heic", Kind::Image, "image/heic"),
            ("jxl", Kind::Image, "image/jxl"),
            ("svg", Kind::Image, "image/svg+xml"),
            ("tif", Kind::Image, "image/tiff"),
            ("psd", Kind::Image, "image/vnd.adobe.photoshop"),
            ("ai", Kind::Image, "application/postscript"),
            ("eps", Kind::Image, "application/postscript"),
            ("cr2", Kind::Image, "image/x-canon-cr2"),
            ("mp4", Kind::Video, "video/mp4"),
            ("mov", Kind::Video, "video/quicktime"),
            ("webm", Kind::Video, "video/webm"),
            ("ts", Kind::Video, "video/mp2t"),
            ("m3u8", Kind::Video, "application/vnd.apple.mpegurl"),
            ("mp3", Kind::Audio, "audio/mpeg"),
            ("wav", Kind::Audio, "audio/wav"),
            ("pdf", Kind::Document, "application/pdf"),
            ("txt", Kind::Document, "text/plain"),
            ("csv", Kind::Document, "text/csv"),
            ("md", Kind::Document, "text/markdown"),
            ("doc", Kind::Document, "application/msword"),
            ("pages", Kind::Document, "application/vnd.apple.pages"),
            ("indd", Kind::Document, "application/x-indesign"),
            ("zip", Kind::Archive, "application/zip"),
            ("gz", Kind::Archive, "application/gzip"),
            ("rar", Kind::Archive, "application/vnd.rar"),
            ("zst", Kind::Archive, "application/zstd"),
            ("dmg", Kind::Archive, "application/x-apple-diskimage"),
            ("woff2", Kind::Font, "font/woff2"),
            ("ttf", Kind::Font, "font/ttf"),
            ("glb", Kind::ThreeD, "model/gltf-binary"),
            ("obj", Kind::ThreeD, "model/obj"),
            ("usdz", Kind::ThreeD, "model/vnd.usdz+zip"),
            ("fbx", Kind::ThreeD, "application/x-fbx"),
            ("js", Kind::Other, "text/javascript"),
            ("css", Kind::Other, "text/css"),
            ("json", Kind::Other, "application/json"),
            ("exe", Kind::Other, "application/octet-stream"),
            ("nosuch", Kind::Other, UNKNOWN_CONTENT),
            ("", Kind::Other, UNKNOWN_CONTENT),
        ] {
            let found = (Kind::of_ext(Some(ext)), content_type(Some(ext)));
            assert_eq!(found, (kind, content), "{ext}");
        }
        assert_eq!(Kind::of_ext(None), Kind::Other);
        assert_eq!(content_type(None), UNKNOWN_CONTENT);
    }

    #[test]
    fn every_listed_extension_is_of_its_type_and_of_no_other() {
        let mut listed = 0;
        for kind in Kind::ALL {
            assert!(kind.exts().is_sorted(), "{kind}");
            for ext in kind.exts() {
                assert_eq!(Kind::of_ext(Some(ext)), kind, "{ext}");
                assert_eq!(**ext, ext.to_lowercase());
                listed += 1;
            }
        }
        let others = KNOWN.by_kind[Kind::Other as usize].len();
        assert_eq!(listed + others, KNOWN.by_ext.len());
        assert!(Kind::Other.exts().is_empty());
        assert!(Kind::Image.exts().len() > 50 && Kind::Font.exts().len() > 5);
    }

    #[test]
    fn names() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
            assert_eq!(Kind::named(&kind.name().to_uppercase()), Some(kind));
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
        }
        assert_eq!(Kind::named("picture"), None);
    }
}
