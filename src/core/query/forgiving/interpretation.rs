//! What a forgiving search found instead of the words that were written.

use std::borrow::Cow;

use serde::Serialize;

use super::{Attempt, Step, can_be_part, halves, joined, plain_words};
use crate::core::query::hit::file_name;
use crate::core::query::term::{MatchMode, Query, Term};
use crate::core::query::word_match::{WordMatch, WordTest, WordsTest};
use crate::core::query::words::{spellings, words};

/// Maximum number of words that are shown for one written word.
pub const MAX_SHOWN_WORDS: usize = 3;

/// What a search found instead of the words that were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Interpretation {
    /// What the search forgave.
    pub step: Step,
    /// The words that not all hits of the page have as they are, in the order of the query.
    pub words: Vec<WordInterpretation>,
    /// The same in words, for people.
    pub message: String,
}

/// What hits have instead of a word that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WordInterpretation {
    /// The written word, folded.
    pub word: String,
    /// Whether some hits of the page have the word as it is.
    pub found: bool,
    /// Other words that hits of the page have instead, at most [`MAX_SHOWN_WORDS`]. If it is empty and `found` is
    /// false, the word was left out.
    pub shown: Vec<String>,
}

impl Interpretation {
    /// What the hits with these paths have instead of the words of the query that was written.
    pub(crate) fn of<'a>(
        written: &Query,
        attempt: &Attempt,
        paths: impl Iterator<Item = &'a str> + Clone,
    ) -> Self {
        let plain = plain_words(written);
        let mode = match attempt.step {
            Step::Exact | Step::Beginnings => MatchMode::Beginning,
            Step::Typos | Step::Fillers | Step::MissingWords => MatchMode::Similar,
        };
        let is_first = |index: &usize| !plain[..*index].contains(&plain[*index]);
        let indexes = (0..plain.len()).filter(is_first);
        let words = indexes.filter_map(|index| interpret(&plain, index, mode, paths.clone()));
        let words: Vec<_> = words.collect();
        let mut messages: Vec<String> = words
            .iter()
            .filter_map(WordInterpretation::message)
            .collect();
        let left_out = words.iter().filter(|it| it.is_left_out());
        let left_out: Vec<String> = left_out.map(|it| format!("{:?}", it.word)).collect();
        if !left_out.is_empty() {
            messages.push(format!("showing results without {}", left_out.join(", ")));
        }
        Self {
            step: attempt.step,
            words,
            message: messages.join("; "),
        }
    }
}

impl WordInterpretation {
    fn is_left_out(&self) -> bool {
        !self.found && self.shown.is_empty()
    }

    /// `None` if the word was left out.
    fn message(&self) -> Option<String> {
        let Self { word, found, shown } = self;
        let shown: Vec<String> = shown.iter().map(|word| format!("{word:?}")).collect();
        let shown = shown.join(", ");
        match (found, shown.is_empty()) {
            (true, true) => Some(format!("few matches for {word:?}")),
            (true, false) => Some(format!("few matches for {word:?}, also showing {shown}")),
            (false, false) => Some(format!("no exact match for {word:?}, showing {shown}")),
            (false, true) => None,
        }
    }
}

/// `None` if all hits have the word as it is.
fn interpret<'a>(
    plain: &[&str],
    index: usize,
    mode: MatchMode,
    paths: impl Iterator<Item = &'a str>,
) -> Option<WordInterpretation> {
    let word = plain[index];
    let alternatives = Alternatives::new(plain, index, mode);
    let (mut found, mut is_missing, mut shown) = (false, false, Vec::new());
    for path in paths {
        match alternatives.best(path) {
            Some((Instead::Nothing, _)) => found = true,
            Some((_, text)) => {
                is_missing = true;
                if shown.len() < MAX_SHOWN_WORDS && !shown.contains(&text) {
                    shown.push(text);
                }
            }
            None => is_missing = true,
        }
    }
    is_missing.then(|| WordInterpretation {
        word: word.to_owned(),
        found,
        shown,
    })
}

/// What a path has instead of a word. The best comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Instead {
    /// It has the word.
    Nothing,
    /// Another form of the word.
    Form,
    /// A longer word.
    Beginning,
    /// The word and its neighbors, written together.
    Joined,
    /// The word in two parts.
    Split,
    /// A word of the file name that contains it.
    Part,
    /// A word that differs by typos.
    Typo,
}

/// What a path may have instead of a word, prepared for many paths.
struct Alternatives {
    word: WordTest,
    /// The word and its neighbors, written together.
    joined: Vec<WordsTest>,
    /// Parts of the name that contain the word and its neighbors, written together.
    joined_parts: Vec<Term>,
    /// The spellings of the word, if it may be in the middle of a longer one.
    parts: Vec<String>,
    /// The two halves of the word.
    halves: Vec<([String; 2], WordsTest)>,
}

impl Alternatives {
    fn new(plain: &[&str], index: usize, mode: MatchMode) -> Self {
        let word = plain[index];
        let (mut together, mut joined_parts) = (Vec::new(), Vec::new());
        for term in joined(plain, index, mode) {
            match term {
                Term::Words { words, mode, .. } => together.push(WordsTest::new(&words, mode)),
                part => joined_parts.push(part),
            }
        }
        let may_be_part = mode == MatchMode::Similar && can_be_part(word);
        let parts = spellings(word).filter(|_| may_be_part);
        let halves = halves(word).map(|(one, other)| [one.to_owned(), other.to_owned()]);
        Self {
            word: WordTest::new(mode, word, true),
            joined: together,
            joined_parts,
            parts: parts.map(Cow::into_owned).collect(),
            halves: halves
                .map(|both| (both.clone(), WordsTest::new(&both, MatchMode::Phrase)))
                .collect(),
        }
    }

    /// The best that a path has instead of the word.
    fn best(&self, path: &str) -> Option<(Instead, String)> {
        let mut best: Option<(Instead, String)> = None;
        let mut offer = |kind, text: &str| {
            if best.as_ref().is_none_or(|(least, _)| kind < *least) {
                best = Some((kind, text.to_owned()));
            }
        };
        words(path, |its, _| {
            match self.word.matches(its) {
                Some(WordMatch::Whole) => offer(Instead::Nothing, its),
                Some(WordMatch::Form) => offer(Instead::Form, its),
                Some(WordMatch::Beginning) => offer(Instead::Beginning, its),
                Some(WordMatch::Typo) => offer(Instead::Typo, its),
                None => {}
            }
            let is_joined = self.joined.iter().any(|it| it.matches(its));
            if is_joined
                || self
                    .joined_parts
                    .iter()
                    .any(|it| it.matches_path(its) == Some(true))
            {
                offer(Instead::Joined, its);
            }
        });
        if !self.parts.is_empty() {
            words(file_name(path), |its, _| {
                if self.parts.iter().any(|part| its.contains(part)) {
                    offer(Instead::Part, its);
                }
            });
        }
        // Splitting the path into words for each way to split the word takes long, so it comes last.
        let is_decided = |(kind, _): &(Instead, String)| *kind < Instead::Split;
        if !best.as_ref().is_some_and(is_decided)
            && let Some((both, _)) = self.halves.iter().find(|(_, test)| test.matches(path))
        {
            best = Some((Instead::Split, both.join(" ")));
        }
        best
    }
}
