//! Terms without a field: words, quotations, patterns and URLs.

use crate::core::query::pattern::WildcardPattern;
use crate::core::query::problem::QueryProblem;
use crate::core::query::term::{Condition, MatchMode, Term, WordField};
use crate::core::query::typo::MAX_EDITS;
use crate::core::query::words::query_words;

/// The condition of a text without quotation marks. `None` if it contains no word.
///
/// Stars only at the end make the last word a prefix. Question marks only at the end are punctuation. Any
/// other wildcard makes the text a pattern: of a file name, or of the end of a path if it contains a `/`.
pub(super) fn bare(text: &str, field: WordField) -> Option<Condition> {
    if !text.is_empty() && text.trim_end_matches('*').is_empty() {
        return Some(Condition::All(Vec::new()));
    }
    let stem = text.trim_end_matches('*');
    let is_prefix = stem.len() < text.len();
    let is_question = !is_prefix && !WildcardPattern::has_wildcard(text.trim_end_matches('?'));
    let term = if WildcardPattern::has_wildcard(stem) && !is_question {
        match field {
            WordField::Path if text.starts_with('/') => {
                Term::PathPattern(WildcardPattern::for_paths(text))
            }
            WordField::Path if text.contains('/') => {
                Term::PathPattern(WildcardPattern::for_paths(&format!("**/{text}")))
            }
            _ => Term::NamePattern(WildcardPattern::for_names(text)),
        }
    } else if is_prefix {
        words(stem, MatchMode::Prefix, field)?
    } else if let Some((stem, edits)) = typos(text) {
        words(stem, MatchMode::Typos(edits), field)?
    } else {
        words(text, MatchMode::Whole, field)?
    };
    Some(Condition::Term(term))
}

/// The text before the `~` at its end, and the number of typos that the `~` allows: `sumer~`, `sumer~2`.
fn typos(text: &str) -> Option<(&str, u8)> {
    let (stem, edits) = text.rsplit_once('~')?;
    match edits {
        "" => Some((stem, 1)),
        _ => {
            let edits = edits.parse().ok()?;
            (1..=MAX_EDITS).contains(&edits).then_some((stem, edits))
        }
    }
}

/// Whether the text ends in a `~` with a number of typos that is not allowed.
pub(super) fn has_too_many_typos(text: &str) -> bool {
    let number = text.rsplit_once('~').map(|(_, number)| number);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    number.is_some_and(is_number) && typos(text).is_none()
}

/// The condition of a quotation: its words directly after each other. With `name:`, wildcards make it a
/// pattern of file names.
pub(super) fn quoted(text: &str, field: WordField) -> Option<Condition> {
    let term = match field {
        WordField::Name if WildcardPattern::has_wildcard(text) => {
            Term::NamePattern(WildcardPattern::for_names(text))
        }
        _ => words(text, MatchMode::Phrase, field)?,
    };
    Some(Condition::Term(term))
}

fn words(text: &str, mode: MatchMode, field: WordField) -> Option<Term> {
    let (mut words, mut end) = (Vec::new(), 0);
    query_words(text, |word, range| {
        words.push(word.to_owned());
        end = range.end;
    });
    let mode = match mode {
        // Text follows the last word, so the word is complete.
        MatchMode::Prefix if end < text.len() => MatchMode::Whole,
        mode => mode,
    };
    match mode {
        // Whole words may be repeated: their neighbors count, as in `final_final`.
        MatchMode::Phrase | MatchMode::Whole => {}
        MatchMode::Prefix => {
            let last = words.pop()?;
            remove_repeated(&mut words);
            words.push(last);
        }
        MatchMode::Typos(_) | MatchMode::Beginning | MatchMode::Similar => {
            remove_repeated(&mut words);
        }
    }
    (!words.is_empty()).then_some(Term::Words { words, mode, field })
}

fn remove_repeated(words: &mut Vec<String>) {
    let mut unique: Vec<String> = Vec::with_capacity(words.len());
    for word in words.drain(..) {
        if !unique.contains(&word) {
            unique.push(word);
        }
    }
    *words = unique;
}

/// The path of the HTTP URL at the start of the text, still percent-encoded. `None` if there is no URL.
pub(super) fn url_path(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    let is_web = ["http", "https"]
        .iter()
        .any(|web| scheme.eq_ignore_ascii_case(web));
    let end = rest.find(|c: char| c.is_whitespace() || c == '?' || c == '#');
    let host_and_path = &rest[..end.unwrap_or(rest.len())];
    let path = &host_and_path[host_and_path.find('/')?..];
    (is_web && path.len() > 1).then_some(path)
}

/// The term for the path of a URL. It decodes the path.
pub(super) fn path_of_url(path: &str) -> Result<Term, QueryProblem> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => return Err(QueryProblem::InvalidUrl),
            },
            (b'%', _) => return Err(QueryProblem::InvalidUrl),
            (byte, after) => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    let path = String::from_utf8(bytes).map_err(|_| QueryProblem::InvalidUrl)?;
    Ok(Term::Path(path))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}
