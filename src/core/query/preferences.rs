//! What makes one match of plain words better than another, beside the words themselves.
//!
//! Preferences change the order of the hits, not which assets are found.

use super::forgiving::{MAX_FORGIVEN_WORDS, plain_tokens};
use super::term::{Condition, Preference, Query};

/// Maximum number of characters of a word that may be an extension.
const MAX_EXTENSION_CHARS: usize = 5;

/// An attempt with the preferences of the query that was written.
///
/// A file name that is the written words, with or without its extension, comes first. Parts of a text without spaces
/// are neighbors in a name, in this order; so is a number with the word before it, and a word that is written twice.
/// `2024-07` prefers `sale-2024-07` to `2024-01-07`. Other words are near each other. A text with several parts is
/// the extension: `mp4` prefers `a.mp4` to `mp-a-4`.
pub fn prefer(attempt: &Query, written: &Query) -> Query {
    let tokens: Vec<&Vec<String>> = plain_tokens(written).collect();
    let words: Vec<String> = tokens.iter().copied().flatten().cloned().collect();
    if words.is_empty() || words.len() > MAX_FORGIVEN_WORDS {
        return attempt.clone();
    }
    let mut preferred = vec![Preference::WholeName(words)];
    preferred.extend(pairs(&tokens));
    // Other words match the extension as a whole already.
    let in_parts = tokens.iter().filter(|token| token.len() > 1);
    let joined = in_parts.map(|token| token.concat());
    let mut extensions: Vec<String> = joined
        .filter(|it| it.is_ascii() && it.len() <= MAX_EXTENSION_CHARS)
        .collect();
    extensions.dedup();
    if !extensions.is_empty() {
        preferred.push(Preference::Ext(extensions));
    }
    let mut all = match &attempt.condition {
        Condition::All(all) => all.clone(),
        other => vec![other.clone()],
    };
    all.extend(preferred.into_iter().map(Condition::Preferred));
    Query {
        condition: Condition::All(all),
    }
}

/// The preferences for each written word and the next one.
fn pairs(tokens: &[&Vec<String>]) -> Vec<Preference> {
    let mut pairs = Vec::new();
    let mut before: Option<&String> = None;
    for token in tokens {
        for (index, word) in token.iter().enumerate() {
            if let Some(before) = before {
                let pair = [before.clone(), word.clone()];
                let are_neighbors = index > 0 || is_number(word) || before == word;
                pairs.push(if are_neighbors {
                    Preference::Neighbors(pair)
                } else {
                    Preference::Near(pair)
                });
            }
            before = Some(word);
        }
    }
    pairs
}

fn is_number(word: &str) -> bool {
    word.chars().all(char::is_numeric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::replication::timestamp::Timestamp;

    fn shown(preference: &Preference) -> String {
        match preference {
            Preference::WholeName(words) => format!("={}", words.join(" ")),
            Preference::Neighbors(pair) => pair.join("-"),
            Preference::Near(pair) => pair.join(".."),
            Preference::Ext(extensions) => format!(".{}", extensions.join(",")),
        }
    }

    #[test]
    fn prefers_whole_names_neighbors_and_extensions() {
        for (text, want) in [
            ("sale", &["=sale"][..]),
            ("summer sale", &["=summer sale", "summer..sale"]),
            ("sale-2024", &["=sale 2024", "sale-2024"]),
            ("sale 2024-07", &["=sale 2024 07", "sale-2024", "2024-07"]),
            ("final_final", &["=final final", "final-final"]),
            ("final final", &["=final final", "final-final"]),
            ("beach.mp4", &["=beach mp 4", "beach-mp", "mp-4"]),
            ("beach mp4", &["=beach mp 4", "beach..mp", "mp-4", ".mp4"]),
            ("\"beach 4\"", &[]),
            ("name:beach-4 OR ext:mp4", &[]),
            ("ext:svg heart", &["=heart"]),
        ] {
            let query = Query::parse(text, Timestamp::from_millis(0)).unwrap();
            let Condition::All(all) = prefer(&query, &query).condition else {
                assert!(want.is_empty(), "{text}");
                continue;
            };
            let preferred = all.iter().filter_map(|one| match one {
                Condition::Preferred(one) => Some(shown(one)),
                _ => None,
            });
            assert_eq!(preferred.collect::<Vec<_>>(), want, "{text}");
        }
    }
}
