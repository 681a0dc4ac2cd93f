//! The reference semantics of a query: whether one asset matches it.
//!
//! The index gives the same answers without testing each asset, and its tests compare it with this module.
//! The code here is simple, not fast.

use crate::core::query::asset_type::AssetType;
use crate::core::query::hit::{Hit, extension_of, file_name};
use crate::core::query::term::{Condition, MatchMode, Query, Term, WordField};
use crate::core::query::word_match::WordsTest;
use crate::core::query::words::fold_name;
use crate::core::replication::timestamp::Timestamp;

/// The properties of an asset that a query can test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset<'a> {
    /// The asset path: it begins with `/`.
    pub path: &'a str,
    /// The size in bytes.
    pub size: u64,
    /// When S3 last changed the object.
    pub last_modified: Timestamp,
    /// When the index first saw the key, if known.
    pub first_seen: Option<Timestamp>,
    /// The storage class, by its name in S3.
    pub storage_class: &'a str,
    /// The entity tag, without quotes.
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
    /// Whether the asset matches the query.
    pub fn matches(&self, asset: &Asset<'_>) -> bool {
        self.condition.matches(asset)
    }
}

impl Condition {
    /// Whether the asset matches the condition.
    pub fn matches(&self, asset: &Asset<'_>) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.matches(asset)),
            Self::Any(any) | Self::Best(any) => any.iter().any(|one| one.matches(asset)),
            Self::Preferred(_) => true,
            Self::AtLeast(least, several) => {
                several.iter().filter(|one| one.matches(asset)).count() >= *least
            }
            Self::Not(one) => !one.matches(asset),
            Self::Term(term) => term.matches(asset),
        }
    }
}

impl Term {
    /// Whether the asset matches the term.
    pub fn matches(&self, asset: &Asset<'_>) -> bool {
        let path_matches = self.matches_path(asset.path);
        path_matches.unwrap_or_else(|| match self {
            Self::Size(interval) => interval.contains(&asset.size),
            Self::Modified(interval) => interval.contains(&asset.last_modified),
            Self::Created(interval) => {
                let first_seen = asset.first_seen.as_ref();
                first_seen.is_some_and(|time| interval.contains(time))
            }
            Self::Storage(classes) => classes.iter().any(|class| class == asset.storage_class),
            Self::ETag(etag) => asset.etag == Some(etag),
            // `matches_path` decides all other terms.
            _ => false,
        })
    }

    /// Whether assets with this path match the term. `None` if the term tests another property.
    pub fn matches_path(&self, path: &str) -> Option<bool> {
        let name = file_name(path);
        Some(match self {
            Self::Words { words, mode, field } => match field {
                WordField::Path => words_match(words, *mode, path),
                WordField::Name => words_match(words, *mode, name),
            },
            Self::NamePattern(pattern) => pattern.matches(&fold_name(name)),
            Self::Name(exact) => name == exact,
            Self::Path(exact) => path == exact,
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

/// Whether a path or a name contains the folded words of a query.
pub fn words_match(query_words: &[String], mode: MatchMode, text: &str) -> bool {
    WordsTest::new(query_words, mode).matches(text)
}

#[cfg(test)]
pub(super) mod tests;
