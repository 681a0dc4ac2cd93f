//! Words of the path: whole, in a phrase, begun, or mistyped; and what each is worth.
//!
//! All other terms are worth nothing: an asset meets them or is not found.

use tantivy::query::Query as IndexQuery;
use tantivy::schema::Field;

use super::{TranslatedQuery, Translation, all_of, best_of, scored, text_term};
use crate::core::query::hit::file_name;
use crate::core::query::matches::words_match;
use crate::core::query::typo::is_editable;
use crate::core::query::{MatchMode, WordField};
use crate::core::replication::interval::KeyInterval;
use crate::index::tantivy::multi_term_query::MultiTermQuery;

/// What a word is worth that the file name holds.
pub const NAME_WORD_SCORE: u16 = 8;

/// What a word is worth that a folder holds.
pub const FOLDER_WORD_SCORE: u16 = 4;

/// What a word is worth that the file name holds the beginning of, mistyped, or as a part.
pub const NAME_PARTIAL_SCORE: u16 = 2;

/// What a word is worth that a folder holds the beginning of, or mistyped.
pub const FOLDER_PARTIAL_SCORE: u16 = 1;

/// A place where words are looked for, and what they are worth there.
#[derive(Clone, Copy)]
struct FieldScore {
    field: Field,
    whole: u16,
    partial: u16,
}

impl Translation<'_> {
    /// Each word counts by the best place that meets it, and words add up.
    pub(super) fn words(
        &self,
        words: &[String],
        mode: MatchMode,
        field: WordField,
    ) -> TranslatedQuery {
        let Some((last, before)) = words.split_last() else {
            return self.all_assets();
        };
        let places = self.places(field);
        Ok(match mode {
            MatchMode::Whole => all_of(words.iter().map(|word| best_of(whole(&places, word)))),
            MatchMode::Phrase => self.phrase(words, field)?,
            MatchMode::Prefix => {
                let before = before.iter().map(|word| best_of(whole(&places, word)));
                let begun = |field| self.multi_term_queries.prefix(field, last);
                let begun = self.partial(&places, begun);
                let last = best_of(whole(&places, last).into_iter().chain(begun));
                all_of(before.chain([last]))
            }
            MatchMode::Typo => all_of(words.iter().map(|word| {
                let mut ways = whole(&places, word);
                if is_editable(word) {
                    let near = |field| self.multi_term_queries.typo(field, word);
                    ways.extend(self.partial(&places, near));
                }
                best_of(ways)
            })),
        })
    }

    fn places(&self, field: WordField) -> Vec<FieldScore> {
        let name = FieldScore {
            field: self.fields.name,
            whole: NAME_WORD_SCORE,
            partial: NAME_PARTIAL_SCORE,
        };
        let folder = FieldScore {
            field: self.fields.folder,
            whole: FOLDER_WORD_SCORE,
            partial: FOLDER_PARTIAL_SCORE,
        };
        match field {
            WordField::Name => vec![name],
            WordField::Path => vec![name, folder],
        }
    }

    fn partial(
        &self,
        places: &[FieldScore],
        multi_term_query: impl Fn(Field) -> MultiTermQuery,
    ) -> Vec<Box<dyn IndexQuery>> {
        let query = |place: &FieldScore| {
            let query = Box::new(multi_term_query(place.field));
            scored(query, f32::from(place.partial))
        };
        places.iter().map(query).collect()
    }

    /// A phrase lies in the file name or in one folder: its words are candidates, the path decides.
    fn phrase(&self, words: &[String], field: WordField) -> TranslatedQuery {
        let mut ways = Vec::new();
        for place in self.places(field) {
            let candidates = words.iter().map(|word| text_term(place.field, word));
            let (is_name, words) = (place.field == self.fields.name, words.to_vec());
            // At most 1,000 characters of a search: a sum of words stays exact.
            let worth = f32::from(place.whole) * words.len() as f32;
            let test = move |path: &str| {
                let name = file_name(path);
                let text = if is_name {
                    name
                } else {
                    &path[..path.len() - name.len()]
                };
                words_match(&words, MatchMode::Phrase, text)
            };
            let everything = KeyInterval::everything();
            let found = self.filter_paths(&everything, candidates.collect(), test)?;
            ways.push(scored(found, worth));
        }
        Ok(best_of(ways))
    }
}

fn whole(places: &[FieldScore], word: &str) -> Vec<Box<dyn IndexQuery>> {
    let query = |place: &FieldScore| scored(text_term(place.field, word), f32::from(place.whole));
    places.iter().map(query).collect()
}
