//! How words, quotations, forms of names and addresses are told apart.

use crate::core::query::pattern::WildcardPattern;
use crate::core::query::problem::QueryProblem;
use crate::core::query::term::{Condition, MatchMode, Term, WordField};
use crate::core::query::words::query_words;

/// What text without quotation marks asks for; `None` where it holds no word.
///
/// Wildcards at its end alone: stars make a beginning of a word, question marks are punctuation.
/// Anywhere else they make a form of file names, or where there is a `/` of the ends of paths.
pub(super) fn bare(text: &str, field: WordField) -> Option<Condition> {
    if !text.is_empty() && text.trim_end_matches('*').is_empty() {
        return Some(Condition::All(Vec::new()));
    }
    let stem = text.trim_end_matches('*');
    let is_begun = stem.len() < text.len();
    let is_question = !is_begun && !WildcardPattern::has_wildcard(text.trim_end_matches('?'));
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
    } else if is_begun {
        words(stem, MatchMode::Prefix, field)?
    } else if text.ends_with('~') {
        words(text, MatchMode::Typo, field)?
    } else {
        words(text, MatchMode::Whole, field)?
    };
    Some(Condition::Term(term))
}

/// What a quotation asks for: its words one behind the other, or for `name:` a form of names.
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
        // The last word is whole where something stands behind it.
        MatchMode::Prefix if end < text.len() => MatchMode::Whole,
        MatchMode::Phrase if words.len() == 1 => MatchMode::Whole,
        mode => mode,
    };
    match mode {
        MatchMode::Phrase => {}
        MatchMode::Prefix => {
            let last = words.pop()?;
            drop_repeated(&mut words);
            words.push(last);
        }
        MatchMode::Whole | MatchMode::Typo => drop_repeated(&mut words),
    }
    (!words.is_empty()).then_some(Term::Words { words, mode, field })
}

fn drop_repeated(words: &mut Vec<String>) {
    let mut kept: Vec<String> = Vec::with_capacity(words.len());
    for word in words.drain(..) {
        if !kept.contains(&word) {
            kept.push(word);
        }
    }
    *words = kept;
}

/// The path in an address of the web that the text begins with, as it was written.
pub(super) fn address(text: &str) -> Option<&str> {
    let (scheme, behind) = text.split_once("://")?;
    let is_web = ["http", "https"]
        .iter()
        .any(|web| scheme.eq_ignore_ascii_case(web));
    let end = behind.find(|c: char| c.is_whitespace() || c == '?' || c == '#');
    let host_and_path = &behind[..end.unwrap_or(behind.len())];
    let path = &host_and_path[host_and_path.find('/')?..];
    (is_web && path.len() > 1).then_some(path)
}

/// The asset path of an address, percent-decoded.
pub(super) fn path_of_address(path: &str) -> Result<Term, QueryProblem> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, behind @ ..] = rest {
        let (byte, behind) = match (first, behind) {
            (b'%', [high, low, behind @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, behind),
                _ => return Err(QueryProblem::InvalidUrl),
            },
            (b'%', _) => return Err(QueryProblem::InvalidUrl),
            (byte, behind) => (*byte, behind),
        };
        bytes.push(byte);
        rest = behind;
    }
    let path = String::from_utf8(bytes).map_err(|_| QueryProblem::InvalidUrl)?;
    Ok(Term::Path(path))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}
