//! Translates conditions on the file name: a pattern of the folded name, or the exact name byte for byte.
//!
//! Trigrams find candidates, and the path decides. For a part of up to three characters, trigrams are enough.

use tantivy::query::Query as IndexQuery;
use tantivy::tokenizer::{TokenStream, Tokenizer};

use super::words::NAME_PARTIAL_SCORE;
use super::{TranslatedQuery, Translation, scored, text_term};
use crate::core::query::WildcardPattern;
use crate::core::query::hit::file_name;
use crate::core::query::words::fold_name;
use crate::core::replication::interval::KeyInterval;
use crate::index::tantivy::trigrams::{TRIGRAM_CHARS, TrigramTokenizer};

/// Maximum number of trigrams that find candidates. More would rule out few further candidates.
const MAX_TRIGRAMS: usize = 16;

impl Translation<'_> {
    pub(super) fn name_pattern(&self, pattern: &WildcardPattern) -> TranslatedQuery {
        let score = f32::from(NAME_PARTIAL_SCORE);
        if pattern.text().chars().all(|c| c == '*') && !pattern.text().is_empty() {
            return Ok(scored(self.all_assets()?, score));
        }
        let candidates = self.part_candidates(pattern.literals());
        if let Some(part) = only_part(pattern)
            && part.chars().count() <= TRIGRAM_CHARS
        {
            // A term of this length starts at each character of a name, so there is no need to test paths.
            let found = candidates.into_iter().next();
            return Ok(scored(found.map_or_else(|| self.all_assets(), Ok)?, score));
        }
        let pattern = pattern.clone();
        let test = move |path: &str| pattern.matches(&fold_name(file_name(path)));
        let found = self.filter_paths(&KeyInterval::everything(), candidates, test)?;
        Ok(scored(found, score))
    }

    pub(super) fn name(&self, name: &str) -> TranslatedQuery {
        let mut trigrams = TrigramTokenizer::default();
        let mut terms = Vec::new();
        trigrams.token_stream(name).process(&mut |token| {
            terms.push(token.text.clone());
        });
        let candidates = self.trigram_terms(terms);
        let name = name.to_owned();
        let test = move |path: &str| file_name(path) == name;
        self.filter_paths(&KeyInterval::everything(), candidates, test)
    }

    /// Returns queries that find at least all file names that contain each of these parts in folded form.
    pub(super) fn part_candidates<'p>(
        &self,
        parts: impl Iterator<Item = &'p str>,
    ) -> Vec<Box<dyn IndexQuery>> {
        let (mut terms, mut longest_short) = (Vec::new(), "");
        for part in parts {
            let ends = part.char_indices().map(|(at, _)| at).chain([part.len()]);
            let char_starts: Vec<usize> = ends.collect();
            let trigrams = char_starts
                .iter()
                .zip(char_starts.iter().skip(TRIGRAM_CHARS));
            if trigrams.len() == 0 {
                longest_short = std::cmp::max_by_key(longest_short, part, |part| part.len());
            }
            terms.extend(trigrams.map(|(start, end)| part[*start..*end].to_owned()));
        }
        match (terms.is_empty(), longest_short) {
            (true, "") => Vec::new(),
            (true, short) => {
                let field = self.fields.name_trigrams;
                vec![Box::new(self.multi_term_queries.prefix(field, short))]
            }
            (false, _) => self.trigram_terms(terms),
        }
    }

    /// Returns queries for up to [`MAX_TRIGRAMS`] of the terms, spread over the whole name.
    fn trigram_terms(&self, mut terms: Vec<String>) -> Vec<Box<dyn IndexQuery>> {
        let step = terms.len().div_ceil(MAX_TRIGRAMS).max(1);
        terms = terms.into_iter().step_by(step).collect();
        terms.sort_unstable();
        terms.dedup();
        let field = self.fields.name_trigrams;
        terms.iter().map(|term| text_term(field, term)).collect()
    }
}

/// Returns the part if the pattern is a single part with `*` before and after it.
fn only_part(pattern: &WildcardPattern) -> Option<&str> {
    let part = pattern.text().strip_prefix('*')?.strip_suffix('*')?;
    let part = part.trim_matches('*');
    (!part.is_empty() && !WildcardPattern::has_wildcard(part)).then_some(part)
}
