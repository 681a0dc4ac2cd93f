//! What a query means, said as simply as possible: by looking at one asset.
//!
//! An index answers the same without looking at each; its tests hold it to this. Nothing here is made
//! to be fast.

use crate::core::query::asset_type::AssetType;
use crate::core::query::hit::{Hit, extension_of, file_name};
use crate::core::query::term::{Condition, MatchMode, Query, Term, WordField};
use crate::core::query::typo;
use crate::core::query::words::{fold_name, words_with_positions};
use crate::core::replication::timestamp::Timestamp;

/// What a query looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset<'a> {
    /// The asset path: it begins with `/`.
    pub path: &'a str,
    /// Bytes.
    pub size: u64,
    /// When S3 last changed the object.
    pub last_modified: Timestamp,
    /// When the index first saw the key, if that is known.
    pub first_seen: Option<Timestamp>,
    /// The storage class, by S3's name.
    pub storage_class: &'a str,
    /// The ETag, without quotes.
    pub etag: Option<&'a str>,
}

impl<'a> From<&'a Hit> for Asset<'a> {
    fn from(hit: &'a Hit) -> Self {
        Self {
            path: &hit.path,
            size: hit.size,
            last_modified: hit.last_modified,
            first_seen: hit.first_seen,
            storage_class: &hit.storage_class,
            etag: hit.etag.as_deref(),
        }
    }
}

impl Query {
    /// Whether the query finds the asset.
    pub fn matches(&self, asset: &Asset<'_>) -> bool {
        self.condition.matches(asset)
    }
}

impl Condition {
    /// Whether the condition holds of the asset.
    pub fn matches(&self, asset: &Asset<'_>) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.matches(asset)),
            Self::Any(any) => any.iter().any(|one| one.matches(asset)),
            Self::Not(one) => !one.matches(asset),
            Self::Term(term) => term.matches(asset),
        }
    }
}

impl Term {
    /// Whether the term holds of the asset.
    pub fn matches(&self, asset: &Asset<'_>) -> bool {
        let holds_of_path = self.matches_path(asset.path);
        holds_of_path.unwrap_or_else(|| match self {
            Self::Size(interval) => interval.contains(&asset.size),
            Self::Modified(interval) => interval.contains(&asset.last_modified),
            Self::Created(interval) => {
                let first_seen = asset.first_seen.as_ref();
                first_seen.is_some_and(|stamp| interval.contains(stamp))
            }
            Self::Storage(classes) => classes.iter().any(|class| class == asset.storage_class),
            Self::ETag(etag) => asset.etag == Some(etag),
            // The others are about the path.
            _ => false,
        })
    }

    /// Whether the term holds of assets with the path; `None` where more than the path decides.
    pub fn matches_path(&self, path: &str) -> Option<bool> {
        let name = file_name(path);
        Some(match self {
            Self::Words { words, mode, field } => match field {
                WordField::Path => words_match(words, *mode, path),
                WordField::Name => words_match(words, *mode, name),
            },
            Self::NamePattern(pattern) => pattern.matches(&fold_name(name)),
            Self::Name(wanted) => name == wanted,
            Self::Path(wanted) => path == wanted,
            Self::PathPattern(pattern) => pattern.matches(path),
            Self::Ext(extensions) => ext(name).is_some_and(|ext| extensions.contains(&ext)),
            Self::Type(kinds) => kinds.contains(&AssetType::from_extension(ext(name).as_deref())),
            Self::Folder(folder) => path.starts_with(folder),
            Self::DirectlyIn(folder) => path
                .strip_prefix(folder)
                .is_some_and(|rest| !rest.contains('/')),
            Self::Size(_)
            | Self::Modified(_)
            | Self::Created(_)
            | Self::Storage(_)
            | Self::ETag(_) => return None,
        })
    }
}

fn ext(name: &str) -> Option<String> {
    extension_of(name).map(str::to_lowercase)
}

/// Whether the text, a path or a name, holds the folded words.
pub fn words_match(wanted: &[String], mode: MatchMode, text: &str) -> bool {
    let mut held = Vec::new();
    words_with_positions(text, |word, _, _| held.push(word.to_owned()));
    let is_held = |wanted: &String| held.contains(wanted);
    match mode {
        MatchMode::Whole => wanted.iter().all(is_held),
        MatchMode::Phrase => text
            .split('/')
            .any(|segment| phrases(wanted, segment).next().is_some()),
        MatchMode::Prefix => wanted.split_last().is_none_or(|(last, before)| {
            before.iter().all(is_held) && held.iter().any(|word| word.starts_with(last.as_str()))
        }),
        MatchMode::Typo => wanted
            .iter()
            .all(|wanted| held.iter().any(|word| typo::matches(wanted, word))),
    }
}

/// The byte ranges in a segment where the words stand one behind the other.
///
/// A word that case borders cut can stand there whole or as its parts: `summerSale.jpg` holds
/// `"summer sale"`, `"sale jpg"` and `"summersale jpg"`.
pub(super) fn phrases<'a>(
    wanted: &'a [String],
    segment: &str,
) -> impl Iterator<Item = std::ops::Range<usize>> + use<'a> {
    let mut held = Vec::new();
    words_with_positions(segment, |word, range, places| {
        held.push((word.to_owned(), range, places));
    });
    let mut begun: Vec<_> = match wanted.first() {
        None => vec![(0..0, 0)],
        Some(first) => {
            let first = held.iter().filter(|(word, _, _)| word == first);
            first
                .map(|(_, range, places)| (range.clone(), places.end))
                .collect()
        }
    };
    for next in wanted.iter().skip(1) {
        let longer = begun.iter().flat_map(|(so_far, end)| {
            let is_next = |word: &String, start: usize| word == next && start == *end;
            let found = held
                .iter()
                .filter(move |(word, _, places)| is_next(word, places.start));
            found.map(|(_, range, places)| (so_far.start..range.end, places.end))
        });
        begun = longer.collect();
    }
    begun.into_iter().map(|(range, _)| range)
}

#[cfg(test)]
pub(super) mod tests;
