//! Translates words of the path (whole words, phrases, starts of words, words with a typo) and scores them.
//!
//! Other terms have no score, except parts of names. An asset matches them or is not found.

use tantivy::query::Query as IndexQuery;
use tantivy::schema::Field;

use super::{TranslatedQuery, Translation, all_of, best_of, scored, text_term};
use crate::core::query::hit::file_name;
use crate::core::query::matches::words_match;
use crate::core::query::typo::is_editable;
use crate::core::query::{MatchMode, WordField};
use crate::core::replication::interval::KeyInterval;
use crate::index::tantivy::multi_term_query::MultiTermQuery;

/// Score of a word that is in the file name.
pub const NAME_WORD_SCORE: u16 = 8;

/// Score of a word that is in a folder name.
pub const FOLDER_WORD_SCORE: u16 = 4;

/// Score of the start of a word, a word with a typo, or a part of the name, in the file name.
pub const NAME_PARTIAL_SCORE: u16 = 2;

/// Score of the start of a word, or of a word with a typo, in a folder name.
pub const FOLDER_PARTIAL_SCORE: u16 = 1;

/// A field that is searched for words, with the scores of its matches.
#[derive(Clone, Copy)]
struct FieldScore {
    field: Field,
    whole: u16,
    partial: u16,
}

impl Translation<'_> {
    /// Each word has the score of its best match. The scores of all words are added.
    pub(super) fn words(
        &self,
        words: &[String],
        mode: MatchMode,
        field: WordField,
    ) -> TranslatedQuery {
        let Some((last, before)) = words.split_last() else {
            return self.all_assets();
        };
        let fields = self.scored_fields(field);
        Ok(match mode {
            MatchMode::Whole => all_of(words.iter().map(|word| best_of(whole(&fields, word)))),
            MatchMode::Phrase => self.phrase(words, field)?,
            MatchMode::Prefix => {
                let before = before.iter().map(|word| best_of(whole(&fields, word)));
                let prefix = |field| self.multi_term_queries.prefix(field, last);
                let prefixes = self.partial(&fields, prefix);
                let last = best_of(whole(&fields, last).into_iter().chain(prefixes));
                all_of(before.chain([last]))
            }
            MatchMode::Typo => all_of(words.iter().map(|word| {
                let mut alternatives = whole(&fields, word);
                if is_editable(word) {
                    let typo = |field| self.multi_term_queries.typo(field, word);
                    alternatives.extend(self.partial(&fields, typo));
                }
                best_of(alternatives)
            })),
        })
    }

    fn scored_fields(&self, field: WordField) -> Vec<FieldScore> {
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

    /// Matches a multi-term query in each field, with the field's score for partial matches.
    fn partial(
        &self,
        fields: &[FieldScore],
        multi_term_query: impl Fn(Field) -> MultiTermQuery,
    ) -> Vec<Box<dyn IndexQuery>> {
        let query = |field_score: &FieldScore| {
            let query = Box::new(multi_term_query(field_score.field));
            scored(query, f32::from(field_score.partial))
        };
        fields.iter().map(query).collect()
    }

    /// Finds phrases: all words of a phrase are in the file name, or in the same folder name. The words find
    /// candidates, and the path decides.
    fn phrase(&self, words: &[String], field: WordField) -> TranslatedQuery {
        let mut alternatives = Vec::new();
        for field_score in self.scored_fields(field) {
            let candidates = words.iter().map(|word| text_term(field_score.field, word));
            let (is_name, words) = (field_score.field == self.fields.name, words.to_vec());
            // A query has at most 1,000 characters, so sums of scores are exact in an `f32`.
            let score = f32::from(field_score.whole) * words.len() as f32;
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
            alternatives.push(scored(found, score));
        }
        Ok(best_of(alternatives))
    }
}

/// Matches a whole word in each field.
fn whole(fields: &[FieldScore], word: &str) -> Vec<Box<dyn IndexQuery>> {
    let query = |field_score: &FieldScore| {
        scored(
            text_term(field_score.field, word),
            f32::from(field_score.whole),
        )
    };
    fields.iter().map(query).collect()
}
