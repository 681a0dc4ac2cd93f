//! Translates preferences: they add to the score of an asset and never decide whether it is found.
//!
//! Reading positions and paths takes time, so a preference for common words is left out. All pages of a search leave
//! out the same ones.

use tantivy::query::Query as IndexQuery;
use tantivy::schema::Field;

use super::{Translation, best_of, scored};
use crate::core::query::term::Preference;
use crate::core::query::word_match::exact_forms;
use crate::index::IndexError;
use crate::index::tantivy::positions_query::Arrangement;

/// Score of a file name that is the words of the query.
const NAME_SCORE: f32 = 40.0;

/// Score of a file name that is the words of the query and an extension.
const STEM_SCORE: f32 = 32.0;

/// Score of neighbors, and of an extension.
const PREFERRED_SCORE: f32 = 24.0;

/// Score of words that directly follow each other. Each word between them takes 1 away. It must stay below the
/// difference between a word and another form of it.
const NEAR_SCORE: f32 = 6.0;

/// Maximum number of documents whose positions a preference reads.
const MAX_ARRANGED_DOCS: u64 = 200_000;

/// Maximum number of documents whose paths a preference reads.
const MAX_PREFERRED_DOCS: u64 = 20_000;

impl Translation<'_> {
    /// Finds what a preference prefers, with its scores. `None` if finding it takes too long.
    pub(super) fn preferred(
        &self,
        preference: &Preference,
    ) -> Result<Option<Box<dyn IndexQuery>>, IndexError> {
        match preference {
            Preference::WholeName(words) => {
                let (name, stem) = (NAME_SCORE, STEM_SCORE);
                self.preferred_in_name(words, Arrangement::WholeName { name, stem })
            }
            Preference::Near(pair) => {
                let (adjacent, near) = (NEAR_SCORE, NEAR_SCORE);
                self.preferred_in_name(pair, Arrangement::Near { adjacent, near })
            }
            Preference::Neighbors(pair) => {
                let (adjacent, near) = (PREFERRED_SCORE, NEAR_SCORE);
                let in_name = self.preferred_in_name(pair, Arrangement::Near { adjacent, near })?;
                let is_common = self.is_common(self.fields.folder, pair, MAX_PREFERRED_DOCS)?;
                let in_folder = (!is_common)
                    .then(|| self.folder_phrase(pair))
                    .transpose()?
                    .map(|query| scored(query, PREFERRED_SCORE));
                let any: Vec<_> = in_name.into_iter().chain(in_folder).collect();
                Ok((!any.is_empty()).then(|| best_of(any)))
            }
            Preference::Ext(extensions) => {
                let found = self.extensions(extensions.iter().map(String::as_str));
                Ok(Some(scored(found, PREFERRED_SCORE)))
            }
        }
    }

    fn preferred_in_name(
        &self,
        words: &[String],
        arrangement: Arrangement,
    ) -> Result<Option<Box<dyn IndexQuery>>, IndexError> {
        let is_common = self.is_common(self.fields.name, words, MAX_ARRANGED_DOCS)?;
        let terms = words.iter().map(|word| exact_forms(word).collect());
        Ok((!is_common).then(|| self.arranged(terms.collect(), arrangement)))
    }

    /// Whether more documents than this have all words, as far as the numbers of their documents say.
    fn is_common(&self, field: Field, words: &[String], most: u64) -> Result<bool, IndexError> {
        let is_common = self.decide(|| {
            let mut fewest = u64::MAX;
            for word in words {
                fewest = fewest.min(self.docs_in(field, word)?);
            }
            Ok(u8::from(fewest > most))
        })?;
        Ok(is_common != 0)
    }
}
