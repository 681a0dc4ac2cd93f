//! Words that people use for kinds of files, and extensions that mean the same.

use crate::core::query::asset_type::AssetType;

/// Extensions that are spellings of one another.
const SPELLINGS: &[&[&str]] = &[
    &["jpg", "jpeg", "jpe"],
    &["tif", "tiff"],
    &["htm", "html"],
    &["mpg", "mpeg"],
    &["mid", "midi"],
    &["aif", "aiff"],
    &["yml", "yaml"],
    &["md", "markdown"],
];

/// Words for types, beside their names.
const TYPE_WORDS: &[(AssetType, &[&str])] = &[
    (
        AssetType::Image,
        &[
            "images", "photo", "photos", "picture", "pictures", "pic", "pics", "img",
        ],
    ),
    (
        AssetType::Video,
        &[
            "videos", "movie", "movies", "film", "films", "clip", "clips",
        ],
    ),
    (
        AssetType::Audio,
        &["sound", "sounds", "music", "song", "songs"],
    ),
    (AssetType::Document, &["documents", "doc", "docs"]),
    (AssetType::Archive, &["archives"]),
    (AssetType::Font, &["fonts"]),
    (AssetType::ThreeD, &["3-d", "model", "models"]),
];

/// What a word for a kind of files means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A type.
    Type(AssetType),
    /// Extensions in lower case.
    Extensions(Vec<String>),
}

/// The meaning of a word in `type:`, in any letter case: a type, `raw` for camera raw files, or a known extension.
/// `None` if the word is unknown.
pub(super) fn kind_of_file(word: &str) -> Option<FileKind> {
    let word = word.to_lowercase();
    if word == "raw" {
        let raw = AssetType::raw_extensions().map(str::to_owned);
        return Some(FileKind::Extensions(raw.collect()));
    }
    let by_word = |word: &str| {
        let mut known = TYPE_WORDS.iter();
        let found = known.find(|(_, words)| words.contains(&word));
        found.map(|(asset_type, _)| *asset_type)
    };
    if let Some(asset_type) = AssetType::from_name(&word).or_else(|| by_word(&word)) {
        return Some(FileKind::Type(asset_type));
    }
    let extension = word.strip_prefix('.').unwrap_or(&word).to_owned();
    let is_known = AssetType::from_extension(Some(&extension)) != AssetType::Other;
    is_known.then(|| FileKind::Extensions(with_other_spellings(vec![extension])))
}

/// The extensions, and those that mean the same. Each is there once.
pub(super) fn with_other_spellings(extensions: Vec<String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::with_capacity(extensions.len());
    for extension in extensions {
        let mut known = SPELLINGS.iter();
        let same = known.find(|same| same.contains(&extension.as_str()));
        let others = same
            .into_iter()
            .flat_map(|same| same.iter().map(|it| (*it).to_owned()));
        for one in std::iter::once(extension.clone()).chain(others) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_kinds_of_files() {
        let extensions = |all: &[&str]| {
            let all = all.iter().map(|it| (*it).to_owned());
            Some(FileKind::Extensions(all.collect()))
        };
        for (word, want) in [
            ("image", Some(FileKind::Type(AssetType::Image))),
            ("Photo", Some(FileKind::Type(AssetType::Image))),
            ("movies", Some(FileKind::Type(AssetType::Video))),
            ("pdf", extensions(&["pdf"])),
            (".JPG", extensions(&["jpg", "jpeg", "jpe"])),
            ("tiff", extensions(&["tiff", "tif"])),
            ("picturesque", None),
            ("", None),
        ] {
            assert_eq!(kind_of_file(word), want, "{word}");
        }
        let Some(FileKind::Extensions(raw)) = kind_of_file("RAW") else {
            panic!("raw is a kind of file")
        };
        for extension in ["cr2", "nef", "dng", "raw"] {
            assert!(raw.contains(&extension.to_owned()), "{raw:?}");
        }
        assert!(!raw.contains(&"eps".to_owned()), "{raw:?}");
    }

    #[test]
    fn spellings_are_types_of_the_same_kind() {
        for same in SPELLINGS {
            let types = same.iter().map(|it| AssetType::from_extension(Some(it)));
            let types: Vec<AssetType> = types.collect();
            assert!(
                types.windows(2).all(|pair| pair[0] == pair[1]),
                "{same:?} {types:?}"
            );
        }
    }
}
