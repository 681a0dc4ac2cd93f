//! Translates words of the path (whole words, phrases, starts of words, words with a typo) and scores them.
//!
//! Other terms have no score, except parts of names. An asset matches them or is not found.

use std::borrow::Cow;

use tantivy::Term as IndexTerm;
use tantivy::query::Query as IndexQuery;
use tantivy::schema::Field;

use super::{TranslatedQuery, Translation, all_of, best_of, scored, text_term};
use crate::core::query::hit::file_name;
use crate::core::query::typo::{forgiven_edits, is_editable};
use crate::core::query::word_match::{WordsTest, can_be_beginning, forms};
use crate::core::query::words::spellings;
use crate::core::query::{Condition, MatchMode, Term, WordField};
use crate::core::replication::interval::KeyInterval;
use crate::index::IndexError;
use crate::index::tantivy::failure::failed_read;
use crate::index::tantivy::multi_term_query::MultiTermQuery;
use crate::index::tantivy::plus_score_query::PlusScoreQuery;
use crate::index::tantivy::positions_query::{Arrangement, PositionsQuery};

/// Score of a word that is in the file name.
pub const NAME_WORD_SCORE: u16 = 64;

/// Score of another form of a word in the file name.
pub const NAME_FORM_SCORE: u16 = 56;

/// Score of a word that is in a folder name.
pub const FOLDER_WORD_SCORE: u16 = 40;

/// Score of another form of a word in a folder name.
pub const FOLDER_FORM_SCORE: u16 = 36;

/// Score of the start of a word, or a part of the name, in the file name.
pub const NAME_PARTIAL_SCORE: u16 = 28;

/// Score of the start of a word in a folder name.
pub const FOLDER_PARTIAL_SCORE: u16 = 20;

/// Additional score of the start of a word that is almost complete.
const NEAR_SCORE: u16 = 4;

/// Score of a word with one typo in the file name.
pub const NAME_TYPO_SCORE: u16 = 16;

/// Score of a word with one typo in a folder name.
pub const FOLDER_TYPO_SCORE: u16 = 8;

/// Score that a word loses by a second typo.
const SECOND_TYPO: u16 = 6;

/// Score, in a search for some of several words, for each halving of the number of assets that have a word.
const RARITY_SCORE: f32 = 16.0;

/// The halvings of a word that no asset has. Words that are similar to it often mean something else.
const UNKNOWN_HALVINGS: u8 = 4;

/// The halvings of a long word that no asset has, for assets that have it with one typo. It means the same.
const TYPO_HALVINGS: u8 = 13;

/// The decision about the rarity of a word that no asset has.
const UNKNOWN_WORD: u8 = u8::MAX;

/// A field that is searched for words, with the scores of its matches.
#[derive(Clone, Copy)]
struct FieldScore {
    field: Field,
    whole: u16,
    form: u16,
    partial: u16,
    typo: u16,
}

impl Translation<'_> {
    /// Each word has the score of its best match. The scores of all words are added.
    pub(super) fn words(
        &self,
        words: &[String],
        mode: MatchMode,
        field: WordField,
    ) -> TranslatedQuery {
        let Some(last) = words.len().checked_sub(1) else {
            return self.all_assets();
        };
        // A phrase of one word is that word.
        if mode == MatchMode::Phrase && last > 0 {
            return self.phrase(words, field);
        }
        let fields = self.scored_fields(field);
        let words = words.iter().enumerate();
        Ok(all_of(words.map(|(index, word)| {
            self.word(&fields, mode, word, index == last)
        })))
    }

    /// Finds one word. `is_last` says whether it is the last one of its term.
    fn word(
        &self,
        fields: &[FieldScore],
        mode: MatchMode,
        word: &str,
        is_last: bool,
    ) -> Box<dyn IndexQuery> {
        let mut alternatives = Vec::new();
        for word in spellings(word) {
            alternatives.extend(whole(fields, &word));
            match mode {
                MatchMode::Prefix if is_last => {
                    alternatives.extend(self.beginnings(fields, &word));
                }
                MatchMode::Beginning | MatchMode::Similar if can_be_beginning(&word) => {
                    let near = |field| self.multi_term_queries.near_prefix(field, &word);
                    alternatives.extend(multi_term(fields, |it| it.partial + NEAR_SCORE, near));
                    alternatives.extend(self.beginnings(fields, &word));
                }
                _ => {}
            }
            let edits = match mode {
                MatchMode::Typos(edits) if is_editable(&word) => edits,
                MatchMode::Similar => forgiven_edits(&word),
                _ => 0,
            };
            if edits > 0 {
                alternatives.extend(self.typos(fields, &word, edits));
            }
        }
        let forms = forms(mode, word);
        if !forms.is_empty() {
            let forms: Vec<&str> = forms.iter().map(String::as_str).collect();
            let one_of = |field| self.multi_term_queries.one_of(field, &forms);
            alternatives.extend(multi_term(fields, |it| it.form, one_of));
        }
        best_of(alternatives)
    }

    fn scored_fields(&self, field: WordField) -> Vec<FieldScore> {
        let name = FieldScore {
            field: self.fields.name,
            whole: NAME_WORD_SCORE,
            form: NAME_FORM_SCORE,
            partial: NAME_PARTIAL_SCORE,
            typo: NAME_TYPO_SCORE,
        };
        let folder = FieldScore {
            field: self.fields.folder,
            whole: FOLDER_WORD_SCORE,
            form: FOLDER_FORM_SCORE,
            partial: FOLDER_PARTIAL_SCORE,
            typo: FOLDER_TYPO_SCORE,
        };
        match field {
            WordField::Name => vec![name],
            WordField::Path => vec![name, folder],
        }
    }

    /// Matches words that begin with this text in each field.
    fn beginnings(&self, fields: &[FieldScore], text: &str) -> Vec<Box<dyn IndexQuery>> {
        let prefix = |field| self.multi_term_queries.prefix(field, text);
        multi_term(fields, |it| it.partial, prefix)
    }

    /// Matches words with at most this number of typos in each field.
    fn typos(&self, fields: &[FieldScore], word: &str, edits: u8) -> Vec<Box<dyn IndexQuery>> {
        let with = |edits| move |field| self.multi_term_queries.typo(field, word, edits);
        let mut typos = multi_term(fields, |it| it.typo, with(1));
        if edits > 1 {
            let score = |it: &FieldScore| it.typo - SECOND_TYPO;
            typos.extend(multi_term(fields, score, with(edits)));
        }
        typos
    }

    /// Number of documents that have this word in their path, or a little more.
    fn docs_with(&self, word: &str) -> Result<u64, IndexError> {
        Ok(self.docs_in(self.fields.name, word)? + self.docs_in(self.fields.folder, word)?)
    }

    pub(super) fn docs_in(&self, field: Field, word: &str) -> Result<u64, IndexError> {
        let mut docs = 0;
        for spelling in spellings(word) {
            let term = IndexTerm::from_field_text(field, &spelling);
            let found = self.snapshot.searcher.doc_freq(&term);
            docs += found.map_err(failed_read("count the assets with a word"))?;
        }
        Ok(docs)
    }

    /// Whether no document has one of the words in this field.
    fn lacks_one(&self, field: Field, words: &[String]) -> Result<bool, IndexError> {
        for word in words {
            if self.docs_in(field, word)? == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Finds the same documents, with a score that is higher if the word of the condition is rare.
    pub(super) fn by_rarity(&self, condition: &Condition) -> TranslatedQuery {
        let found = self.condition(condition)?;
        let Some(word) = forgiven_word(condition) else {
            return Ok(found);
        };
        let halvings = self.decide(|| {
            let mut docs = self.docs_with(word)?;
            for form in forms(MatchMode::Similar, word) {
                docs += self.docs_with(&form)?;
            }
            let ratio = self.snapshot.searcher.num_docs().checked_div(docs);
            // The logarithm of a `u64` is at most 63.
            Ok(ratio.map_or(UNKNOWN_WORD, |ratio| ratio.max(1).ilog2() as u8))
        })?;
        let plus = |query, halvings: u8| -> Box<dyn IndexQuery> {
            Box::new(PlusScoreQuery::new(
                query,
                RARITY_SCORE * f32::from(halvings),
            ))
        };
        if halvings != UNKNOWN_WORD {
            return Ok(plus(found, halvings));
        }
        let found = plus(found, UNKNOWN_HALVINGS);
        if forgiven_edits(word) < 2 {
            return Ok(found);
        }
        let typos = best_of(self.typos(&self.scored_fields(WordField::Path), word, 1));
        Ok(best_of([found, plus(typos, TYPO_HALVINGS)]))
    }

    /// Finds phrases: all words of a phrase are in the file name, or in the same folder name.
    fn phrase(&self, words: &[String], field: WordField) -> TranslatedQuery {
        let mut alternatives = Vec::new();
        for field_score in self.scored_fields(field) {
            // Most pairs of parts of a word do not occur, so this saves reading the postings of one of them.
            if self.lacks_one(field_score.field, words)? {
                continue;
            }
            // A query has at most 4,096 bytes, so sums of scores are exact in an `f32`.
            let score = f32::from(field_score.whole) * words.len() as f32;
            alternatives.push(if field_score.field == self.fields.name {
                let terms = words.iter().map(|word| {
                    let spellings = spellings(word);
                    spellings.map(Cow::into_owned).collect()
                });
                self.arranged(terms.collect(), Arrangement::Phrase(score))
            } else {
                scored(self.folder_phrase(words)?, score)
            });
        }
        Ok(best_of(alternatives))
    }

    /// Finds names that have words in an arrangement. `terms` has the terms that stand for each word.
    pub(super) fn arranged(
        &self,
        terms: Vec<Vec<String>>,
        arrangement: Arrangement,
    ) -> Box<dyn IndexQuery> {
        let name = self.fields.name;
        Box::new(PositionsQuery::new(name, terms, arrangement, self.budget))
    }

    /// Finds phrases in the names of folders. The words find candidates, and the path decides.
    pub(super) fn folder_phrase(&self, words: &[String]) -> TranslatedQuery {
        let candidates = words
            .iter()
            .map(|word| best_of(spellings(word).map(|word| text_term(self.fields.folder, &word))));
        let phrase = WordsTest::new(words, MatchMode::Phrase);
        let test = move |path: &str| phrase.matches(&path[..path.len() - file_name(path).len()]);
        self.filter_paths(&KeyInterval::everything(), candidates.collect(), test)
    }
}

/// The word that a condition of a forgiving search forgives.
fn forgiven_word(condition: &Condition) -> Option<&str> {
    match condition {
        Condition::Term(Term::Words {
            words,
            mode: MatchMode::Similar,
            field: WordField::Path,
        }) if words.len() == 1 => words.first().map(String::as_str),
        Condition::Best(any) => any.first().and_then(forgiven_word),
        _ => None,
    }
}

/// Matches a multi-term query in each field, with one of the field's scores.
fn multi_term(
    fields: &[FieldScore],
    score: impl Fn(&FieldScore) -> u16,
    multi_term_query: impl Fn(Field) -> MultiTermQuery,
) -> Vec<Box<dyn IndexQuery>> {
    let query = |field_score: &FieldScore| {
        let query = Box::new(multi_term_query(field_score.field));
        scored(query, f32::from(score(field_score)))
    };
    fields.iter().map(query).collect()
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
