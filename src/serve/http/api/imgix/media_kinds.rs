//! imgix's kinds of media, by the extension alone.
//!
//! Whether a GIF moves is not known without looking into it: it counts as an animation.

use crate::core::query::{AssetType, Condition, Term};

/// Extensions of drawings.
const VECTOR: [&str; 4] = ["svg", "svgz", "ai", "eps"];
/// Extensions of moving pictures that are no videos.
const ANIMATION: [&str; 2] = ["gif", "apng"];

/// imgix's words.
pub(super) const NAMES: [&str; 5] = ["IMAGE", "ANIMATION", "DOCUMENT", "VECTOR", "VIDEO"];

/// imgix's word for an asset of that extension and type; `None` where it has none.
pub(super) fn name(ext: Option<&str>, kind: AssetType) -> Option<&'static str> {
    let is_in = |exts: &[&str]| ext.is_some_and(|ext| exts.contains(&ext));
    match kind {
        _ if is_in(&VECTOR) => Some("VECTOR"),
        _ if is_in(&ANIMATION) => Some("ANIMATION"),
        AssetType::Image => Some("IMAGE"),
        AssetType::Document => Some("DOCUMENT"),
        AssetType::Video => Some("VIDEO"),
        _ => None,
    }
}

/// What is of the kind of that name, in any case; `None` where there is no such kind.
pub(super) fn condition(name: &str) -> Option<Condition> {
    let exts = |exts: &[&str]| {
        let exts = exts.iter().map(|ext| (*ext).to_owned());
        Condition::Term(Term::Ext(exts.collect()))
    };
    let kind = |kind| Condition::Term(Term::Type(vec![kind]));
    let others = [VECTOR.as_slice(), ANIMATION.as_slice()].concat();
    Some(match name.to_ascii_uppercase().as_str() {
        "VECTOR" => exts(&VECTOR),
        "ANIMATION" => exts(&ANIMATION),
        "IMAGE" => Condition::All(vec![
            kind(AssetType::Image),
            Condition::Not(Box::new(exts(&others))),
        ]),
        "DOCUMENT" => kind(AssetType::Document),
        "VIDEO" => kind(AssetType::Video),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_extension() {
        for (ext, want) in [
            (Some("jpg"), Some("IMAGE")),
            (Some("svg"), Some("VECTOR")),
            (Some("gif"), Some("ANIMATION")),
            (Some("pdf"), Some("DOCUMENT")),
            (Some("mp4"), Some("VIDEO")),
            (Some("mp3"), None),
            (None, None),
        ] {
            assert_eq!(name(ext, AssetType::from_extension(ext)), want, "{ext:?}");
        }
        for known in NAMES {
            assert!(condition(known).is_some(), "{known}");
            assert_eq!(condition(&known.to_lowercase()), condition(known));
        }
        assert_eq!(condition("AUDIO"), None);
    }
}
