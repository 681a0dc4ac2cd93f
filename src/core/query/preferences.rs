//! What makes one match of plain words better than another, beside the words themselves.
//!
//! Preferences change the order of the hits, not which assets are found.

use super::forgiving::{MAX_FORGIVEN_WORDS, plain_tokens};
use super::term::{Condition, MatchMode, Query, Term, WordField};

/// Maximum number of characters of a word that may be an extension.
const MAX_EXTENSION_CHARS: usize = 5;

/// An attempt with the preferences of the query that was written. Parts of a text without spaces, and a number with
/// the word before it, are neighbors in a name, in this order. A text with several parts is the extension. `2024-07` prefers
/// `sale-2024-07` to `2024-01-07`, and `mp4` prefers `a.mp4` to `mp-a-4`.
pub fn prefer(attempt: &Query, written: &Query) -> Query {
    let tokens: Vec<&Vec<String>> = plain_tokens(written).collect();
    let words: usize = tokens.iter().map(|token| token.len()).sum();
    if words == 0 || words > MAX_FORGIVEN_WORDS {
        return attempt.clone();
    }
    let mut pairs: Vec<[&String; 2]> = Vec::new();
    let mut before: Option<&String> = None;
    for token in &tokens {
        for (index, word) in token.iter().enumerate() {
            if let Some(before) = before
                && (index > 0 || is_number(word))
            {
                pairs.push([before, word]);
            }
            before = Some(word);
        }
    }
    let neighbors = pairs.iter().map(|pair| Term::Words {
        words: pair.map(String::clone).to_vec(),
        mode: MatchMode::Phrase,
        field: WordField::Path,
    });
    let mut preferred: Vec<Term> = neighbors.collect();
    // Other words match the extension as a whole already.
    let in_parts = tokens.iter().filter(|token| token.len() > 1);
    let joined = in_parts.map(|token| token.concat());
    let mut extensions: Vec<String> = joined
        .filter(|it| it.is_ascii() && it.len() <= MAX_EXTENSION_CHARS)
        .collect();
    extensions.dedup();
    if !extensions.is_empty() {
        preferred.push(Term::Ext(extensions));
    }
    if preferred.is_empty() {
        return attempt.clone();
    }
    let mut all = match &attempt.condition {
        Condition::All(all) => all.clone(),
        other => vec![other.clone()],
    };
    let preferred = preferred.into_iter().map(Condition::Term);
    all.extend(preferred.map(|one| Condition::Preferred(Box::new(one))));
    Query {
        condition: Condition::All(all),
    }
}

fn is_number(word: &str) -> bool {
    word.chars().all(char::is_numeric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::replication::timestamp::Timestamp;

    #[test]
    fn prefers_neighbors_and_extensions() {
        for (text, want) in [
            ("summer sale", &[][..]),
            ("sale-2024", &["\"sale 2024\""]),
            ("sale 2024-07", &["\"sale 2024\"", "\"2024 07\""]),
            ("final_final", &["\"final final\""]),
            ("beach.mp4", &["\"beach mp\"", "\"mp 4\""]),
            ("beach mp4", &["\"mp 4\"", "ext:=mp4"]),
            ("\"beach 4\"", &[]),
            ("name:beach-4 OR ext:mp4", &[]),
        ] {
            let query = Query::parse(text, Timestamp::from_millis(0)).unwrap();
            let Condition::All(all) = prefer(&query, &query).condition else {
                assert!(want.is_empty(), "{text}");
                continue;
            };
            let preferred = all.iter().filter_map(|one| match one {
                Condition::Preferred(one) => Some(one.to_string()),
                _ => None,
            });
            assert_eq!(preferred.collect::<Vec<_>>(), want, "{text}");
        }
    }
}
