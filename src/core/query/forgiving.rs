//! Forgiving searches: the queries that a search of plain words tries, from exact to words left out.
//!
//! It makes queries. It does not search, and [`interpretation`] describes what they found.
//!
//! Plain words are words without an operator: no field, quotation, wildcard, `~`, `-` or `OR`. All other terms of
//! a query stay as they are. A search takes the first query of [`attempts`] that finds enough, so the hits, the
//! total and the facets all belong to one query.

use serde::Serialize;

use crate::core::query::pattern::WildcardPattern;
use crate::core::query::term::{Condition, MatchMode, Query, Term, WordField};
use crate::core::query::typo::forgiven_edits;
use crate::core::query::words::plain_spelling;

pub mod interpretation;

/// Maximum number of plain words that are forgiven. A query with more of them is searched as it is.
pub const MAX_FORGIVEN_WORDS: usize = 16;

/// Minimum number of hits that make a search with whole words enough. With fewer, beginnings of words are found
/// too.
pub const ENOUGH_HITS: u64 = 5;

/// Maximum number of words that were typed separately and are found written as one.
const MAX_JOINED_WORDS: usize = 3;

/// Lengths of a word, in characters, that is also found written as two.
const SPLIT_CHARS: std::ops::RangeInclusive<usize> = 4..=24;

/// Minimum number of characters of a word that is also found in the middle of a word. One less if they are not ASCII.
const MIN_PART_CHARS: usize = 4;

/// Minimum number of characters of each half of a split word.
const MIN_HALF_CHARS: usize = 2;

/// Words that say little, in English, German, French and Spanish, such as those for any image. They are left out
/// before other words.
const FILLERS: &[&str] = &[
    "all", "find", "show", "me", "file", "image", "images", "photo", "photos", "pic", "pics",
    "picture", "pictures", "bild", "bilder", "foto", "fotos", "imagen", "a", "an", "and", "at",
    "by", "con", "das", "de", "del", "der", "des", "die", "du", "ein", "eine", "el", "et", "for",
    "from", "fur", "im", "in", "is", "la", "las", "le", "les", "los", "mit", "my", "of", "on",
    "or", "our", "por", "that", "the", "this", "to", "un", "una", "und", "une", "von", "with", "y",
    "your",
];

/// How a search treats plain words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlainWords {
    /// Each word must occur exactly as it is.
    Exact,
    /// If too little is found, beginnings of words, typos and missing words are forgiven.
    #[default]
    Forgiving,
    /// Like `Forgiving`, for a query that is still being typed: its last plain word may always be only the beginning
    /// of a word.
    Typing,
}

/// What a search forgave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// Nothing.
    Exact,
    /// Words in another form (plurals, British and American spelling), that are the beginning of a word, or that are
    /// written together or separately.
    Beginnings,
    /// Also words with typos, and parts of words.
    Typos,
    /// Also words that say little and do not occur.
    Fillers,
    /// Also other words that do not occur.
    MissingWords,
}

/// A query that a search tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What it forgives.
    pub step: Step,
    /// The query.
    pub query: Query,
}

/// The queries that a search tries, from the most exact to the most forgiving. The first one is the query itself.
pub fn attempts(query: &Query, words: PlainWords) -> Vec<Attempt> {
    let attempt = |step, condition| Attempt {
        step,
        query: Query { condition },
    };
    let as_written = match words {
        PlainWords::Typing => unfinished(&query.condition),
        PlainWords::Exact | PlainWords::Forgiving => query.condition.clone(),
    };
    let mut attempts = vec![attempt(Step::Exact, as_written)];
    let plain = plain_words(query);
    if words == PlainWords::Exact || plain.is_empty() || plain.len() > MAX_FORGIVEN_WORDS {
        return attempts;
    }
    let others: Vec<Condition> = top_level(&query.condition)
        .iter()
        .filter(|one| plain_term(one).is_none())
        .cloned()
        .collect();
    let with_others = |mut conditions: Vec<Condition>| {
        conditions.extend(others.iter().cloned());
        Condition::All(conditions)
    };
    let beginnings = (0..plain.len()).map(|index| beginning(&plain, index));
    attempts.push(attempt(Step::Beginnings, with_others(beginnings.collect())));
    let similar: Vec<Condition> = (0..plain.len())
        .map(|index| similar(&plain, index))
        .collect();
    attempts.push(attempt(Step::Typos, with_others(similar.clone())));
    let mut significant: Vec<Condition> = Vec::new();
    for (word, condition) in plain.iter().zip(&similar) {
        if !FILLERS.contains(&&*plain_spelling(word)) {
            significant.push(condition.clone());
        }
    }
    if significant.is_empty() {
        significant = similar;
    } else if significant.len() < plain.len() {
        attempts.push(attempt(Step::Fillers, with_others(significant.clone())));
    }
    for least in fewer(significant.len()) {
        let condition = Condition::AtLeast(least, significant.clone());
        attempts.push(attempt(Step::MissingWords, with_others(vec![condition])));
    }
    attempts
}

/// The plain words of a query, in its order.
pub fn plain_words(query: &Query) -> Vec<&str> {
    plain_tokens(query).flatten().map(String::as_str).collect()
}

/// The plain words of a query, in groups that were typed without a space.
pub fn plain_tokens(query: &Query) -> impl Iterator<Item = &Vec<String>> {
    top_level(&query.condition).iter().filter_map(plain_term)
}

/// The conditions that must all match.
fn top_level(condition: &Condition) -> &[Condition] {
    match condition {
        Condition::All(all) => all,
        other => std::slice::from_ref(other),
    }
}

/// The words of a term that has only plain words.
fn plain_term(condition: &Condition) -> Option<&Vec<String>> {
    match condition {
        Condition::Term(Term::Words {
            words,
            mode: MatchMode::Whole,
            field: WordField::Path,
        }) => Some(words),
        _ => None,
    }
}

/// The same condition, but its last plain word may be only the beginning of a word.
fn unfinished(condition: &Condition) -> Condition {
    let mut all = top_level(condition).to_vec();
    let mut from_last = all.iter_mut().rev();
    let last = from_last.find(|one| plain_term(one).is_some());
    if let Some(Condition::Term(Term::Words { mode, .. })) = last {
        *mode = MatchMode::Prefix;
    }
    match <[Condition; 1]>::try_from(all) {
        Ok([one]) => one,
        Err(all) => Condition::All(all),
    }
}

fn words(words: &[&str], mode: MatchMode) -> Term {
    Term::Words {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        mode,
        field: WordField::Path,
    }
}

/// Finds a word as it is, in another form, as the beginning of a word, joined with its neighbors (`whats app` also
/// finds `whatsapp`) or split (`whatsapp` also finds `whats app`).
fn beginning(plain: &[&str], index: usize) -> Condition {
    forgiven(plain, index, MatchMode::Beginning)
}

/// Finds a word like [`beginning`], with typos, or in the middle of a word of the file name.
fn similar(plain: &[&str], index: usize) -> Condition {
    forgiven(plain, index, MatchMode::Similar)
}

/// The first condition is the one of the word by itself.
fn forgiven(plain: &[&str], index: usize, mode: MatchMode) -> Condition {
    let word = plain[index];
    let mut any = vec![Condition::Term(words(&[word], mode))];
    any.extend(joined(plain, index, mode).map(Condition::Term));
    let split = halves(word).map(|(one, other)| words(&[one, other], MatchMode::Phrase));
    any.extend(split.map(Condition::Term));
    if mode == MatchMode::Similar && can_be_part(word) {
        any.push(Condition::Term(part(word)));
    }
    match any.len() {
        1 => any.remove(0),
        _ => Condition::Best(any),
    }
}

/// The words that contain this one if neighbors are written together. Two words that are long together may have one
/// typo: more would take long to look up, and a short word could be the typo.
fn joined(plain: &[&str], index: usize, mode: MatchMode) -> impl Iterator<Item = Term> {
    let may_have_typo = mode == MatchMode::Similar;
    windows(plain, index).flat_map(move |together| {
        let joined = together.concat();
        let mut terms = vec![words(&[&joined], MatchMode::Beginning)];
        if may_have_typo && together.len() == 2 && is_long(&joined) {
            terms.push(words(&[&joined], MatchMode::Typos(1)));
            terms.push(part(&joined));
        }
        terms
    })
}

/// Whether a word may be in the middle of a longer word, as in German compounds and after an Arabic article. Short
/// words are in too many others.
fn can_be_part(word: &str) -> bool {
    let least = MIN_PART_CHARS - usize::from(!word.is_ascii());
    !word.chars().all(char::is_numeric) && word.chars().count() >= least
}

/// Finds file names that contain this text.
fn part(text: &str) -> Term {
    Term::NamePattern(WildcardPattern::for_names(&format!("*{text}*")))
}

fn is_long(word: &str) -> bool {
    forgiven_edits(word) > 1
}

/// The groups of neighbors that contain this word, and could be written together.
fn windows<'a, 'b>(plain: &'a [&'b str], index: usize) -> impl Iterator<Item = &'a [&'b str]> {
    (2..=MAX_JOINED_WORDS).flat_map(move |count| {
        let first = (index + 1).saturating_sub(count)..=index;
        first.filter_map(move |first| plain.get(first..first + count))
    })
}

/// All ways to write a word as two. None for a number.
fn halves(word: &str) -> impl Iterator<Item = (&str, &str)> {
    let chars = word.chars().count();
    let is_number = word.chars().all(char::is_numeric);
    let cuts = word.char_indices().enumerate();
    let is_cut = move |index: usize| {
        !is_number
            && SPLIT_CHARS.contains(&chars)
            && index >= MIN_HALF_CHARS
            && index + MIN_HALF_CHARS <= chars
    };
    cuts.filter(move |(index, _)| is_cut(*index))
        .map(|(_, (at, _))| word.split_at(at))
}

/// How many of the words must occur, in the order of the attempts: all but one, half of them, one.
fn fewer(words: usize) -> Vec<usize> {
    let mut fewer = vec![words.saturating_sub(1), words.div_ceil(2), 1];
    fewer.retain(|least| (1..words).contains(least));
    fewer.dedup();
    fewer
}

#[cfg(test)]
mod tests;
