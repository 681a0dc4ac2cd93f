//! Translates conditions on the asset path: the exact path, a pattern, or a folder.
//!
//! The paths with the same start are a range of documents. A single path is found by the hash of its key.

use tantivy::query::{EmptyQuery, Query as IndexQuery};

use super::{TranslatedQuery, Translation, best_of, text_term};
use crate::core::query::{WildcardPattern, words};
use crate::core::replication::interval::{KeyInterval, KeyRange};
use crate::index::tantivy::direct_children_query::DirectChildrenQuery;
use crate::index::tantivy::identity::HashedKey;
use crate::index::tantivy::keys_query::KeysQuery;

/// Maximum number of words that find the candidates of a pattern.
const MAX_REQUIRED_WORDS: usize = 16;

impl Translation<'_> {
    pub(super) fn path(&self, path: &str) -> Box<dyn IndexQuery> {
        let Some(key) = self.source.key_of(path) else {
            return Box::new(EmptyQuery);
        };
        let key = HashedKey::new(self.id, &key);
        Box::new(KeysQuery::new(self.fields, vec![key]))
    }

    /// Finds the assets whose path starts with `start`.
    pub(super) fn path_prefix(&self, start: &str) -> TranslatedQuery {
        match self.interval_of(start) {
            Some(interval) => self.assets_in(&interval),
            None => Ok(Box::new(EmptyQuery)),
        }
    }

    /// Finds the assets whose path starts with `start` and has no `/` after it.
    pub(super) fn directly_in(&self, start: &str) -> Box<dyn IndexQuery> {
        match self.interval_of(start) {
            Some(_) => Box::new(DirectChildrenQuery::new(
                self.id,
                &self.source.prefix,
                start,
                self.budget,
            )),
            None => Box::new(EmptyQuery),
        }
    }

    pub(super) fn path_pattern(&self, pattern: &WildcardPattern) -> TranslatedQuery {
        let start = pattern.literal_prefix();
        match &pattern.text()[start.len()..] {
            "" => return Ok(self.path(start)),
            "*" if !start.is_empty() => return Ok(self.directly_in(start)),
            "**" => return self.path_prefix(start),
            _ => {}
        }
        let Some(interval) = self.interval_of(start) else {
            return Ok(Box::new(EmptyQuery));
        };
        let required_words = required_words(pattern.text()).into_iter().map(|word| {
            let fields = [self.fields.name, self.fields.folder];
            best_of(fields.map(|field| text_term(field, &word)))
        });
        let mut candidates: Vec<_> = required_words.collect();
        let parts = required_name_parts(pattern.text());
        candidates.extend(self.part_candidates(parts.iter().map(String::as_str)));
        let pattern = pattern.clone();
        self.filter_paths(&interval, candidates, move |path| pattern.matches(path))
    }

    /// Returns the interval of the keys whose paths start with `start`. `None` if no path can.
    fn interval_of(&self, start: &str) -> Option<KeyInterval> {
        if start.is_empty() {
            return Some(KeyInterval::everything());
        }
        let below_root = start.strip_prefix('/')?;
        let key = format!("{}{below_root}", self.source.prefix);
        Some(KeyRange::under(key).interval())
    }
}

/// Returns words that every path with this pattern contains, in its name or in a folder.
///
/// A word next to a wildcard may be longer in the path. Only words that start and end within the text are
/// certain: at an ASCII separator or at an end of the path.
fn required_words(pattern: &str) -> Vec<String> {
    let mut required = Vec::new();
    let mut at = 0;
    for piece in pattern.split(['*', '?']) {
        let (is_first, is_last) = (at == 0, at + piece.len() == pattern.len());
        at += piece.len() + 1;
        let is_separator = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric();
        let start = if is_first {
            Some(0)
        } else {
            piece.find(is_separator)
        };
        let end = if is_last {
            Some(piece.len())
        } else {
            piece.rfind(is_separator)
        };
        if let (Some(start), Some(end)) = (start, end)
            && start < end
        {
            words(&piece[start..end], |word, _| required.push(word.to_owned()));
        }
    }
    required.sort_unstable();
    required.dedup();
    required.truncate(MAX_REQUIRED_WORDS);
    required
}

/// Returns parts that the folded file name of every path with this pattern contains.
///
/// Only ASCII text is used: how other characters are folded depends on the characters next to them.
fn required_name_parts(pattern: &str) -> Vec<String> {
    let name = pattern.rsplit_once('/').map_or("", |(_, name)| name);
    if name.contains("**") {
        return Vec::new();
    }
    let parts = name.split(|c: char| matches!(c, '*' | '?') || !c.is_ascii());
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_words_start_and_end_within_the_text() {
        for (pattern, want) in [
            ("/shop/summer-sale/*", &["sale", "shop", "summer"][..]),
            ("/shop*/x", &["x"]),
            (
                "/*/summerSale/**.jpg",
                &["jpg", "sale", "summer", "summersale"],
            ),
            ("/a?c/*-draft_1*", &["draft"]),
            ("*", &[]),
            ("/**", &[]),
            ("/é/*é", &["e"]),
        ] {
            assert_eq!(required_words(pattern), want, "{pattern}");
        }
    }

    #[test]
    fn required_parts_come_only_from_the_name() {
        for (pattern, want) in [
            ("/shop/*-Draft.jpg", &["-draft.jpg"][..]),
            ("/**/IMG_?é*.jpg", &["img_", ".jpg"]),
            ("/shop/**.jpg", &[]),
            ("/shop*", &["shop"]),
            ("*", &[]),
        ] {
            assert_eq!(required_name_parts(pattern), want, "{pattern}");
        }
    }
}
