//! The asset path: the whole of it, its form, its folder.
//!
//! What a path begins with is a range of documents; one path is found by the hash of its key.

use tantivy::query::{EmptyQuery, Query as IndexQuery};

use super::{TranslatedQuery, Translation, best_of, text_term};
use crate::core::query::{WildcardPattern, words};
use crate::core::replication::interval::{KeyInterval, KeyRange};
use crate::index::tantivy::direct_children_query::DirectChildrenQuery;
use crate::index::tantivy::identity;
use crate::index::tantivy::keys_query::KeysQuery;

/// The most words that the candidates of a form are found by.
const MAX_GLOB_WORDS: usize = 16;

impl Translation<'_> {
    pub(super) fn path(&self, path: &str) -> Box<dyn IndexQuery> {
        let Some(key) = self.source.key_of(path) else {
            return Box::new(EmptyQuery);
        };
        let hash = identity::hash(&identity::ukey(self.id, &key));
        Box::new(KeysQuery::new(self.fields, vec![hash]))
    }

    /// The assets whose path begins with this.
    pub(super) fn path_prefix(&self, start: &str) -> TranslatedQuery {
        match self.interval_of(start) {
            Some(interval) => self.assets_in(&interval),
            None => Ok(Box::new(EmptyQuery)),
        }
    }

    /// The assets whose path begins with this and goes on without a `/`.
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

    pub(super) fn path_glob(&self, pattern: &WildcardPattern) -> TranslatedQuery {
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

    /// The keys of the paths that begin with this; `None` where none can.
    fn interval_of(&self, start: &str) -> Option<KeyInterval> {
        if start.is_empty() {
            return Some(KeyInterval::everything());
        }
        let below_root = start.strip_prefix('/')?;
        let key = format!("{}{below_root}", self.source.prefix);
        Some(KeyRange::under(key).interval())
    }
}

/// Words that each path of this form holds, in its name or in a folder.
///
/// A word at a wildcard may go on in what the wildcard stands for, so only words that end within the
/// text, at an ASCII separator or an end of the path, are sure.
fn required_words(pattern: &str) -> Vec<String> {
    let mut sure = Vec::new();
    let mut at = 0;
    for piece in pattern.split(['*', '?']) {
        let (first, last) = (at == 0, at + piece.len() == pattern.len());
        at += piece.len() + 1;
        let is_end = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric();
        let start = if first { Some(0) } else { piece.find(is_end) };
        let end = if last {
            Some(piece.len())
        } else {
            piece.rfind(is_end)
        };
        if let (Some(start), Some(end)) = (start, end)
            && start < end
        {
            words(&piece[start..end], |word, _| sure.push(word.to_owned()));
        }
    }
    sure.sort_unstable();
    sure.dedup();
    sure.truncate(MAX_GLOB_WORDS);
    sure
}

/// Parts that the folded file name of each path of this form holds.
///
/// Only of ASCII text: what folding makes of other characters depends on those beside them.
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
    fn sure_words_end_within_the_text() {
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
    fn sure_parts_are_of_the_name_alone() {
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
