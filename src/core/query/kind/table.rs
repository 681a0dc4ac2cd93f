//! What the library of media types does not know, or knows otherwise than a manager of assets does.

use super::Kind;

/// Extensions whose content or type is not what the library says.
///
/// Media types that are registered with IANA where there are, else those that file managers use.
pub(super) const CONTENT: &[(&str, &str, Kind)] = &[
    // Camera raw files.
    ("3fr", "image/x-hasselblad-3fr", Kind::Image),
    ("arw", "image/x-sony-arw", Kind::Image),
    ("cr2", "image/x-canon-cr2", Kind::Image),
    ("cr3", "image/x-canon-cr3", Kind::Image),
    ("crw", "image/x-canon-crw", Kind::Image),
    ("dng", "image/x-adobe-dng", Kind::Image),
    ("erf", "image/x-epson-erf", Kind::Image),
    ("iiq", "image/x-phaseone-iiq", Kind::Image),
    ("kdc", "image/x-kodak-kdc", Kind::Image),
    ("mos", "image/x-leaf-mos", Kind::Image),
    ("mrw", "image/x-minolta-mrw", Kind::Image),
    ("nef", "image/x-nikon-nef", Kind::Image),
    ("nrw", "image/x-nikon-nrw", Kind::Image),
    ("orf", "image/x-olympus-orf", Kind::Image),
    ("pef", "image/x-pentax-pef", Kind::Image),
    ("raf", "image/x-fuji-raf", Kind::Image),
    ("raw", "image/x-panasonic-raw", Kind::Image),
    ("rw2", "image/x-panasonic-rw2", Kind::Image),
    ("sr2", "image/x-sony-sr2", Kind::Image),
    ("srf", "image/x-sony-srf", Kind::Image),
    ("srw", "image/x-samsung-srw", Kind::Image),
    ("x3f", "image/x-sigma-x3f", Kind::Image),
    // Pictures whose media type does not say so.
    ("ai", "application/postscript", Kind::Image),
    ("eps", "application/postscript", Kind::Image),
    ("cur", "image/vnd.microsoft.icon", Kind::Image),
    ("emz", "image/emf", Kind::Image),
    ("exr", "image/x-exr", Kind::Image),
    ("hdr", "image/vnd.radiance", Kind::Image),
    ("icns", "image/x-icns", Kind::Image),
    ("jfif", "image/jpeg", Kind::Image),
    ("ktx2", "image/ktx2", Kind::Image),
    ("psb", "image/vnd.adobe.photoshop", Kind::Image),
    ("tga", "image/x-tga", Kind::Image),
    ("xcf", "image/x-xcf", Kind::Image),
    // Layouts, designs and drawings.
    (
        "afdesign",
        "application/x-affinity-designer",
        Kind::Document,
    ),
    ("afphoto", "application/x-affinity-photo", Kind::Image),
    ("afpub", "application/x-affinity-publisher", Kind::Document),
    ("dwf", "model/vnd.dwf", Kind::Document),
    ("dwg", "image/vnd.dwg", Kind::Document),
    ("dxf", "image/vnd.dxf", Kind::Document),
    ("fig", "application/x-figma", Kind::Document),
    (
        "idml",
        "application/vnd.adobe.indesign-idml-package",
        Kind::Document,
    ),
    ("indd", "application/x-indesign", Kind::Document),
    ("indt", "application/x-indesign", Kind::Document),
    ("key", "application/vnd.apple.keynote", Kind::Document),
    ("numbers", "application/vnd.apple.numbers", Kind::Document),
    ("pages", "application/vnd.apple.pages", Kind::Document),
    ("ps", "application/postscript", Kind::Document),
    ("sketch", "application/x-sketch", Kind::Document),
    ("srt", "application/x-subrip", Kind::Document),
    ("xd", "application/vnd.adobe.xd", Kind::Document),
    // Models.
    ("3ds", "application/x-3ds", Kind::ThreeD),
    ("3mf", "model/3mf", Kind::ThreeD),
    ("abc", "application/x-alembic", Kind::ThreeD),
    ("blend", "application/x-blender", Kind::ThreeD),
    ("c4d", "application/x-cinema-4d", Kind::ThreeD),
    ("fbx", "application/x-fbx", Kind::ThreeD),
    ("ma", "application/x-maya-ascii", Kind::ThreeD),
    ("max", "application/x-3dsmax", Kind::ThreeD),
    ("mb", "application/x-maya-binary", Kind::ThreeD),
    ("obj", "model/obj", Kind::ThreeD),
    ("ply", "model/ply", Kind::ThreeD),
    ("skp", "application/vnd.sketchup.skp", Kind::ThreeD),
    ("step", "model/step", Kind::ThreeD),
    ("stl", "model/stl", Kind::ThreeD),
    ("stp", "model/step", Kind::ThreeD),
    ("usd", "model/vnd.usd", Kind::ThreeD),
    ("usda", "model/vnd.usda", Kind::ThreeD),
    ("usdc", "model/vnd.usd", Kind::ThreeD),
    ("usdz", "model/vnd.usdz+zip", Kind::ThreeD),
    ("wrl", "model/vrml", Kind::ThreeD),
    // In a bucket of assets these are transport streams and playlists, not programs.
    ("m2ts", "video/mp2t", Kind::Video),
    ("m3u8", "application/vnd.apple.mpegurl", Kind::Video),
    ("mpd", "application/dash+xml", Kind::Video),
    ("mts", "video/mp2t", Kind::Video),
    ("mxf", "application/mxf", Kind::Video),
    ("rm", "application/vnd.rn-realmedia", Kind::Video),
    ("rmvb", "application/vnd.rn-realmedia-vbr", Kind::Video),
    ("ts", "video/mp2t", Kind::Video),
    // Archives.
    ("arj", "application/x-arj", Kind::Archive),
    ("br", "application/x-brotli", Kind::Archive),
    ("cbr", "application/vnd.comicbook-rar", Kind::Archive),
    ("cbz", "application/vnd.comicbook+zip", Kind::Archive),
    (
        "deb",
        "application/vnd.debian.binary-package",
        Kind::Archive,
    ),
    ("dmg", "application/x-apple-diskimage", Kind::Archive),
    ("iso", "application/x-iso9660-image", Kind::Archive),
    ("lz4", "application/x-lz4", Kind::Archive),
    ("lzh", "application/x-lzh-compressed", Kind::Archive),
    ("tgz", "application/gzip", Kind::Archive),
    ("tbz2", "application/x-bzip2", Kind::Archive),
    ("txz", "application/x-xz", Kind::Archive),
    // Typefaces.
    ("afm", "application/x-font-afm", Kind::Font),
    ("pfb", "application/x-font-type1", Kind::Font),
    ("pfm", "application/x-font-type1", Kind::Font),
];

/// Beginnings of subtypes of `application/` and what they are.
const APPLICATION: &[(&str, Kind)] = &[
    ("epub", Kind::Document),
    ("msword", Kind::Document),
    ("onenote", Kind::Document),
    ("pdf", Kind::Document),
    ("rtf", Kind::Document),
    ("oxps", Kind::Document),
    ("vnd.amazon.ebook", Kind::Document),
    ("vnd.apple.keynote", Kind::Document),
    ("vnd.apple.numbers", Kind::Document),
    ("vnd.apple.pages", Kind::Document),
    ("vnd.lotus", Kind::Document),
    ("vnd.ms-excel", Kind::Document),
    ("vnd.ms-powerpoint", Kind::Document),
    ("vnd.ms-project", Kind::Document),
    ("vnd.ms-visio", Kind::Document),
    ("vnd.ms-word", Kind::Document),
    ("vnd.ms-works", Kind::Document),
    ("vnd.ms-xpsdocument", Kind::Document),
    ("vnd.oasis.opendocument", Kind::Document),
    ("vnd.openxmlformats-officedocument", Kind::Document),
    ("vnd.quark.quarkxpress", Kind::Document),
    ("vnd.stardivision", Kind::Document),
    ("vnd.sun.xml", Kind::Document),
    ("vnd.visio", Kind::Document),
    ("vnd.wordperfect", Kind::Document),
    ("xhtml+xml", Kind::Document),
    ("x-abiword", Kind::Document),
    ("x-latex", Kind::Document),
    ("x-mobipocket-ebook", Kind::Document),
    ("x-mspublisher", Kind::Document),
    ("x-tex", Kind::Document),
    ("gzip", Kind::Archive),
    ("java-archive", Kind::Archive),
    ("vnd.android.package-archive", Kind::Archive),
    ("vnd.debian.binary-package", Kind::Archive),
    ("vnd.ms-cab-compressed", Kind::Archive),
    ("vnd.rar", Kind::Archive),
    ("x-7z-compressed", Kind::Archive),
    ("x-ace-compressed", Kind::Archive),
    ("x-apple-diskimage", Kind::Archive),
    ("x-bzip", Kind::Archive),
    ("x-compress", Kind::Archive),
    ("x-cpio", Kind::Archive),
    ("x-debian-package", Kind::Archive),
    ("x-gtar", Kind::Archive),
    ("x-iso9660-image", Kind::Archive),
    ("x-lzh", Kind::Archive),
    ("x-lzma", Kind::Archive),
    ("x-rar-compressed", Kind::Archive),
    ("x-rpm", Kind::Archive),
    ("x-stuffit", Kind::Archive),
    ("x-tar", Kind::Archive),
    ("x-ustar", Kind::Archive),
    ("x-xz", Kind::Archive),
    ("zip", Kind::Archive),
    ("zstd", Kind::Archive),
    ("vnd.ms-fontobject", Kind::Font),
    ("x-font", Kind::Font),
];

/// Subtypes of `text/` that people read; the others are programs, styles and lists of machines.
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

/// The type of assets with this media type.
pub(super) fn kind_of_content(content: &str) -> Kind {
    let (top, sub) = content.split_once('/').unwrap_or((content, ""));
    match top {
        "image" => Kind::Image,
        "video" => Kind::Video,
        "audio" => Kind::Audio,
        "font" => Kind::Font,
        "model" => Kind::ThreeD,
        "text" if READABLE.contains(&sub) => Kind::Document,
        "application" => {
            let known = APPLICATION.iter().find(|(begin, _)| sub.starts_with(begin));
            known.map_or(Kind::Other, |(_, kind)| *kind)
        }
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_extensions_are_lower_case_and_stand_once() {
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
    fn types_of_contents() {
        for (content, kind) in [
            ("image/anything", Kind::Image),
            ("model/gltf+json", Kind::ThreeD),
            ("text/plain", Kind::Document),
            ("text/x-rust", Kind::Other),
            ("application/epub+zip", Kind::Document),
            ("application/zip", Kind::Archive),
            ("application/x-font-type1", Kind::Font),
            ("application/json", Kind::Other),
            ("chemical/x-xyz", Kind::Other),
            ("nonsense", Kind::Other),
        ] {
            assert_eq!(kind_of_content(content), kind, "{content}");
        }
    }
}
