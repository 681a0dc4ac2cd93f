//! imgix's media kinds, decided only by the extension.
//!
//! Every GIF counts as an animation, because only its content shows whether it is one.

use crate::core::query::{AssetType, Condition, Term};

/// Extensions of vector graphics.
const VECTOR: [&str; 4] = ["svg", "svgz", "ai", "eps"];
/// Extensions of animated images.
const ANIMATION: [&str; 2] = ["gif", "apng"];

/// The names of all kinds.
pub(super) const NAMES: [&str; 5] = ["IMAGE", "ANIMATION", "DOCUMENT", "VECTOR", "VIDEO"];

/// The kind of an asset with this extension and type. `None` if imgix has no name for it.
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

/// The condition that matches assets of the kind with this name, in upper or lower case. `None` if the
/// name is unknown.
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
    fn kind_depends_on_the_extension() {
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
