//! Additions and corrections to the extensions and media types that `mime_infer` knows.

use super::AssetType;

/// Extensions of camera raw files. All are in [`CONTENT`] too.
pub(super) const RAW: &[&str] = &[
    "3fr", "arw", "cr2", "cr3", "crw", "dng", "erf", "iiq", "kdc", "mos", "mrw", "nef", "nrw",
    "orf", "pef", "raf", "raw", "rw2", "sr2", "srf", "srw", "x3f",
];

/// Extensions whose content type or asset type differs from the library's.
///
/// The content types are the ones registered with IANA. If none is registered, they are the ones that
/// file managers use.
pub(super) const CONTENT: &[(&str, &str, AssetType)] = &[
    // Camera raw files.
    ("3fr", "image/x-hasselblad-3fr", AssetType::Image),
    ("arw", "image/x-sony-arw", AssetType::Image),
    ("cr2", "image/x-canon-cr2", AssetType::Image),
    ("cr3", "image/x-canon-cr3", AssetType::Image),
    ("crw", "image/x-canon-crw", AssetType::Image),
    ("dng", "image/x-adobe-dng", AssetType::Image),
    ("erf", "image/x-epson-erf", AssetType::Image),
    ("iiq", "image/x-phaseone-iiq", AssetType::Image),
    ("kdc", "image/x-kodak-kdc", AssetType::Image),
    ("mos", "image/x-leaf-mos", AssetType::Image),
    ("mrw", "image/x-minolta-mrw", AssetType::Image),
    ("nef", "image/x-nikon-nef", AssetType::Image),
    ("nrw", "image/x-nikon-nrw", AssetType::Image),
    ("orf", "image/x-olympus-orf", AssetType::Image),
    ("pef", "image/x-pentax-pef", AssetType::Image),
    ("raf", "image/x-fuji-raf", AssetType::Image),
    ("raw", "image/x-panasonic-raw", AssetType::Image),
    ("rw2", "image/x-panasonic-rw2", AssetType::Image),
    ("sr2", "image/x-sony-sr2", AssetType::Image),
    ("srf", "image/x-sony-srf", AssetType::Image),
    ("srw", "image/x-samsung-srw", AssetType::Image),
    ("x3f", "image/x-sigma-x3f", AssetType::Image),
    // Images whose media type is not an image type, and image types that the library lacks.
    ("ai", "application/postscript", AssetType::Image),
    ("eps", "application/postscript", AssetType::Image),
    ("cur", "image/vnd.microsoft.icon", AssetType::Image),
    ("emz", "image/emf", AssetType::Image),
    ("exr", "image/x-exr", AssetType::Image),
    ("hdr", "image/vnd.radiance", AssetType::Image),
    ("icns", "image/x-icns", AssetType::Image),
    ("jfif", "image/jpeg", AssetType::Image),
    ("ktx2", "image/ktx2", AssetType::Image),
    ("psb", "image/vnd.adobe.photoshop", AssetType::Image),
    ("tga", "image/x-tga", AssetType::Image),
    ("xcf", "image/x-xcf", AssetType::Image),
    // Layouts, designs and drawings.
    (
        "afdesign",
        "application/x-affinity-designer",
        AssetType::Document,
    ),
    ("afphoto", "application/x-affinity-photo", AssetType::Image),
    (
        "afpub",
        "application/x-affinity-publisher",
        AssetType::Document,
    ),
    ("dwf", "model/vnd.dwf", AssetType::Document),
    ("dwg", "image/vnd.dwg", AssetType::Document),
    ("dxf", "image/vnd.dxf", AssetType::Document),
    ("fig", "application/x-figma", AssetType::Document),
    (
        "idml",
        "application/vnd.adobe.indesign-idml-package",
        AssetType::Document,
    ),
    ("indd", "application/x-indesign", AssetType::Document),
    ("indt", "application/x-indesign", AssetType::Document),
    ("key", "application/vnd.apple.keynote", AssetType::Document),
    (
        "numbers",
        "application/vnd.apple.numbers",
        AssetType::Document,
    ),
    ("pages", "application/vnd.apple.pages", AssetType::Document),
    ("ps", "application/postscript", AssetType::Document),
    ("sketch", "application/x-sketch", AssetType::Document),
    ("srt", "application/x-subrip", AssetType::Document),
    ("xd", "application/vnd.adobe.xd", AssetType::Document),
    // 3D models.
    ("3ds", "application/x-3ds", AssetType::ThreeD),
    ("3mf", "model/3mf", AssetType::ThreeD),
    ("abc", "application/x-alembic", AssetType::ThreeD),
    ("blend", "application/x-blender", AssetType::ThreeD),
    ("c4d", "application/x-cinema-4d", AssetType::ThreeD),
    ("fbx", "application/x-fbx", AssetType::ThreeD),
    ("ma", "application/x-maya-ascii", AssetType::ThreeD),
    ("max", "application/x-3dsmax", AssetType::ThreeD),
    ("mb", "application/x-maya-binary", AssetType::ThreeD),
    ("obj", "model/obj", AssetType::ThreeD),
    ("ply", "model/ply", AssetType::ThreeD),
    ("skp", "application/vnd.sketchup.skp", AssetType::ThreeD),
    ("step", "model/step", AssetType::ThreeD),
    ("stl", "model/stl", AssetType::ThreeD),
    ("stp", "model/step", AssetType::ThreeD),
    ("usd", "model/vnd.usd", AssetType::ThreeD),
    ("usda", "model/vnd.usda", AssetType::ThreeD),
    ("usdc", "model/vnd.usd", AssetType::ThreeD),
    ("usdz", "model/vnd.usdz+zip", AssetType::ThreeD),
    ("wrl", "model/vrml", AssetType::ThreeD),
    // In a bucket of assets these are transport streams and playlists, not source code.
    ("m2ts", "video/mp2t", AssetType::Video),
    ("m3u8", "application/vnd.apple.mpegurl", AssetType::Video),
    ("mpd", "application/dash+xml", AssetType::Video),
    ("mts", "video/mp2t", AssetType::Video),
    ("mxf", "application/mxf", AssetType::Video),
    ("rm", "application/vnd.rn-realmedia", AssetType::Video),
    ("rmvb", "application/vnd.rn-realmedia-vbr", AssetType::Video),
    ("ts", "video/mp2t", AssetType::Video),
    // Archives.
    ("arj", "application/x-arj", AssetType::Archive),
    ("br", "application/x-brotli", AssetType::Archive),
    ("cbr", "application/vnd.comicbook-rar", AssetType::Archive),
    ("cbz", "application/vnd.comicbook+zip", AssetType::Archive),
    (
        "deb",
        "application/vnd.debian.binary-package",
        AssetType::Archive,
    ),
    ("dmg", "application/x-apple-diskimage", AssetType::Archive),
    ("iso", "application/x-iso9660-image", AssetType::Archive),
    ("lz4", "application/x-lz4", AssetType::Archive),
    ("lzh", "application/x-lzh-compressed", AssetType::Archive),
    ("tgz", "application/gzip", AssetType::Archive),
    ("tbz2", "application/x-bzip2", AssetType::Archive),
    ("txz", "application/x-xz", AssetType::Archive),
    // Fonts.
    ("afm", "application/x-font-afm", AssetType::Font),
    ("pfb", "application/x-font-type1", AssetType::Font),
    ("pfm", "application/x-font-type1", AssetType::Font),
];

/// Prefixes of the subtypes of `application/`, and their asset types.
const APPLICATION: &[(&str, AssetType)] = &[
    ("epub", AssetType::Document),
    ("msword", AssetType::Document),
    ("onenote", AssetType::Document),
    ("pdf", AssetType::Document),
    ("rtf", AssetType::Document),
    ("oxps", AssetType::Document),
    ("vnd.amazon.ebook", AssetType::Document),
    ("vnd.apple.keynote", AssetType::Document),
    ("vnd.apple.numbers", AssetType::Document),
    ("vnd.apple.pages", AssetType::Document),
    ("vnd.lotus", AssetType::Document),
    ("vnd.ms-excel", AssetType::Document),
    ("vnd.ms-powerpoint", AssetType::Document),
    ("vnd.ms-project", AssetType::Document),
    ("vnd.ms-visio", AssetType::Document),
    ("vnd.ms-word", AssetType::Document),
    ("vnd.ms-works", AssetType::Document),
    ("vnd.ms-xpsdocument", AssetType::Document),
    ("vnd.oasis.opendocument", AssetType::Document),
    ("vnd.openxmlformats-officedocument", AssetType::Document),
    ("vnd.quark.quarkxpress", AssetType::Document),
    ("vnd.stardivision", AssetType::Document),
    ("vnd.sun.xml", AssetType::Document),
    ("vnd.visio", AssetType::Document),
    ("vnd.wordperfect", AssetType::Document),
    ("xhtml+xml", AssetType::Document),
    ("x-abiword", AssetType::Document),
    ("x-latex", AssetType::Document),
    ("x-mobipocket-ebook", AssetType::Document),
    ("x-mspublisher", AssetType::Document),
    ("x-tex", AssetType::Document),
    ("gzip", AssetType::Archive),
    ("java-archive", AssetType::Archive),
    ("vnd.android.package-archive", AssetType::Archive),
    ("vnd.debian.binary-package", AssetType::Archive),
    ("vnd.ms-cab-compressed", AssetType::Archive),
    ("vnd.rar", AssetType::Archive),
    ("x-7z-compressed", AssetType::Archive),
    ("x-ace-compressed", AssetType::Archive),
    ("x-apple-diskimage", AssetType::Archive),
    ("x-bzip", AssetType::Archive),
    ("x-compress", AssetType::Archive),
    ("x-cpio", AssetType::Archive),
    ("x-debian-package", AssetType::Archive),
    ("x-gtar", AssetType::Archive),
    ("x-iso9660-image", AssetType::Archive),
    ("x-lzh", AssetType::Archive),
    ("x-lzma", AssetType::Archive),
    ("x-rar-compressed", AssetType::Archive),
    ("x-rpm", AssetType::Archive),
    ("x-stuffit", AssetType::Archive),
    ("x-tar", AssetType::Archive),
    ("x-ustar", AssetType::Archive),
    ("x-xz", AssetType::Archive),
    ("zip", AssetType::Archive),
    ("zstd", AssetType::Archive),
    ("vnd.ms-fontobject", AssetType::Font),
    ("x-font", AssetType::Font),
];

/// Subtypes of `text/` that are documents. The others are source code, style sheets and data.
const READABLE: &[&str] = &[
    "calendar",
    "csv",
    "html",
    "markdown",
    "plain",
    "richtext",
    "rtf",
    "tab-separated-values",
    "troff",
    "vcard",
    "vtt",
    "x-markdown",
    "x-nfo",
    "x-setext",
];

/// The asset type of a media type.
pub(super) fn kind_of_content(content: &str) -> AssetType {
    let (top, sub) = content.split_once('/').unwrap_or((content, ""));
    match top {
        "image" => AssetType::Image,
        "video" => AssetType::Video,
        "audio" => AssetType::Audio,
        "font" => AssetType::Font,
        "model" => AssetType::ThreeD,
        "text" if READABLE.contains(&sub) => AssetType::Document,
        "application" => {
            let known = APPLICATION.iter().find(|(begin, _)| sub.starts_with(begin));
            known.map_or(AssetType::Other, |(_, kind)| *kind)
        }
        _ => AssetType::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_lower_case_and_unique() {
        let mut exts: Vec<&str> = CONTENT.iter().map(|(ext, _, _)| *ext).collect();
        exts.sort_unstable();
        for pair in exts.windows(2) {
            assert_ne!(pair[0], pair[1]);
        }
        assert!(
            exts.iter()
                .all(|ext| !ext.contains('.') && **ext == ext.to_lowercase())
        );
    }

    #[test]
    fn media_type_gives_asset_type() {
        for (content, kind) in [
            ("image/anything", AssetType::Image),
            ("model/gltf+json", AssetType::ThreeD),
            ("text/plain", AssetType::Document),
            ("text/x-rust", AssetType::Other),
            ("application/epub+zip", AssetType::Document),
            ("application/zip", AssetType::Archive),
            ("application/x-font-type1", AssetType::Font),
            ("application/json", AssetType::Other),
            ("chemical/x-xyz", AssetType::Other),
            ("nonsense", AssetType::Other),
        ] {
            assert_eq!(kind_of_content(content), kind, "{content}");
        }
    }
}
