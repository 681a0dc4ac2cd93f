//! Highlights: the parts of an asset path that a query matched.
//!
//! Words, patterns of file names and whole file names are highlighted. Folders, extensions and whole paths are
//! not, because they would mark the same parts in every hit.

use std::ops::Range;

use crate::core::query::hit::{Highlight, file_name};
use crate::core::query::matches::phrases;
use crate::core::query::pattern::WildcardPattern;
use crate::core::query::term::{Condition, MatchMode, Query, Term, WordField};
use crate::core::query::typo;
use crate::core::query::word_match::word_match;
use crate::core::query::words::{fold_name, fold_with, words};

/// The parts of the path that the terms of the query matched, ascending. Adjacent parts are merged.
///
/// A negated term highlights nothing. Neither does an alternative that the path does not match.
pub fn highlights(query: &Query, path: &str) -> Vec<Highlight> {
    let mut marks = Vec::new();
    mark(&query.condition, path, &mut marks);
    marks.retain(|range| !range.is_empty());
    marks.sort_unstable_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Highlight> = Vec::with_capacity(marks.len());
    for Range { start, end } in marks {
        match merged.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => merged.push(Highlight { start, end }),
        }
    }
    merged
}

fn mark(condition: &Condition, path: &str, marks: &mut Vec<Range<usize>>) {
    match condition {
        Condition::Not(_) | Condition::Preferred(_) => {}
        Condition::All(all) if all.iter().all(|one| may_match(one, path)) => {
            all.iter().for_each(|one| mark(one, path, marks));
        }
        Condition::All(_) => {}
        Condition::Any(any) | Condition::Best(any) => {
            let matching = any.iter().filter(|one| may_match(one, path));
            matching.for_each(|one| mark(one, path, marks));
        }
        Condition::AtLeast(least, several) => {
            let matching = several.iter().filter(|one| may_match(one, path));
            if matching.clone().count() >= *least {
                matching.for_each(|one| mark(one, path, marks));
            }
        }
        Condition::Term(term) if term.matches_path(path) == Some(true) => {
            mark_term(term, path, marks);
        }
        Condition::Term(_) => {}
    }
}

/// Whether an asset with this path can match the condition.
fn may_match(condition: &Condition, path: &str) -> bool {
    matches_path(condition, path) != Some(false)
}

/// Whether assets with this path match the condition. `None` if other properties decide.
fn matches_path(condition: &Condition, path: &str) -> Option<bool> {
    // One result that equals `decisive` decides. Without one, all results must be known.
    let combine = |conditions: &[Condition], decisive: bool| {
        let results = || conditions.iter().map(|one| matches_path(one, path));
        if results().any(|result| result == Some(decisive)) {
            Some(decisive)
        } else {
            results()
                .all(|result| result.is_some())
                .then_some(!decisive)
        }
    };
    match condition {
        Condition::All(all) => combine(all, false),
        Condition::Any(any) | Condition::Best(any) => combine(any, true),
        Condition::Preferred(_) => Some(true),
        Condition::AtLeast(least, several) => {
            let results = || several.iter().map(|one| matches_path(one, path));
            let count = |is_counted: fn(Option<bool>) -> bool| {
                results().filter(|result| is_counted(*result)).count()
            };
            let (certain, possible) = (count(|it| it == Some(true)), count(|it| it != Some(false)));
            (certain >= *least || possible < *least).then_some(certain >= *least)
        }
        Condition::Not(one) => matches_path(one, path).map(|matches| !matches),
        Condition::Term(term) => term.matches_path(path),
    }
}

fn mark_term(term: &Term, path: &str, marks: &mut Vec<Range<usize>>) {
    let name_start = path.len() - file_name(path).len();
    match term {
        Term::Name(_) => marks.push(name_start..path.len()),
        Term::NamePattern(pattern) => mark_pattern(pattern, path, name_start, marks),
        Term::Words {
            words,
            mode: MatchMode::Phrase,
            field,
        } => {
            let mut start = 0;
            for segment in path.split_inclusive('/') {
                if is_within(*field, start, name_start) {
                    let found = phrases(words, segment);
                    marks.extend(found.map(|range| range.start + start..range.end + start));
                }
                start += segment.len();
            }
        }
        Term::Words { words, mode, field } => {
            mark_words(words, *mode, path, |range| {
                if is_within(*field, range.start, name_start) {
                    marks.push(range);
                }
            });
        }
        _ => {}
    }
}

fn is_within(field: WordField, start: usize, name_start: usize) -> bool {
    field == WordField::Path || start >= name_start
}

fn mark_words(
    query_words: &[String],
    mode: MatchMode,
    path: &str,
    mut found: impl FnMut(Range<usize>),
) {
    words(path, |word, range| {
        let marks = query_words.iter().enumerate().map(|(index, query_word)| {
            let is_last = index + 1 == query_words.len();
            mark_of(mode, query_word, is_last, word)
        });
        match marks.max().flatten() {
            Some(Mark::Word) => found(range),
            Some(Mark::Beginning(len)) => {
                let end = range.start + unfolded_len(&path[range.clone()], len);
                found(range.start..end);
            }
            None => {}
        }
    });
}

/// The part of a word that a query word marks. The greatest is the longest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    /// As many bytes of the folded word.
    Beginning(usize),
    /// The whole word.
    Word,
}

/// What a query word marks of a word. `is_last` says whether it is the last one of its term.
fn mark_of(mode: MatchMode, query_word: &str, is_last: bool, word: &str) -> Option<Mark> {
    let is_match = match mode {
        MatchMode::Typos(edits) => {
            return typo::matches(edits, query_word, word).then_some(Mark::Word);
        }
        MatchMode::Prefix if is_last => word.starts_with(query_word),
        MatchMode::Beginning | MatchMode::Similar => word_match(mode, query_word, word).is_some(),
        _ => query_word == word,
    };
    let is_beginning = word.starts_with(query_word) && word != query_word;
    let mark = if is_beginning {
        Mark::Beginning(query_word.len())
    } else {
        Mark::Word
    };
    is_match.then_some(mark)
}

/// The number of bytes of `text` that fold to at least `folded_len` bytes.
fn unfolded_len(text: &str, folded_len: usize) -> usize {
    let (mut folded, mut end) = (0, 0);
    fold_with(text, |part, range| {
        if folded < folded_len {
            end = range.end;
        }
        folded += part.len();
    });
    end
}

/// Marks the literal parts of a pattern at their first possible positions in the name. If the pattern
/// ends with a literal part, that part is marked at the end of the name.
fn mark_pattern(
    pattern: &WildcardPattern,
    path: &str,
    name_start: usize,
    marks: &mut Vec<Range<usize>>,
) {
    let name = &path[name_start..];
    let folded = fold_name(name);
    // The range of `name` that each byte of the folded name comes from.
    let mut origins = Vec::with_capacity(folded.len());
    fold_with(name, |part, range| {
        origins.extend(std::iter::repeat_n(range, part.len()));
    });
    let mut mark_origin = |found: Range<usize>| {
        if let (Some(first), Some(last)) = (origins.get(found.start), origins.get(found.end - 1)) {
            marks.push(name_start + first.start..name_start + last.end);
        }
    };
    let literals: Vec<&str> = pattern.literals().collect();
    let ends_in_literal = pattern.text().ends_with(|c| c != '*' && c != '?');
    let mut from = 0;
    for (index, literal) in literals.iter().enumerate() {
        let is_end = ends_in_literal && index + 1 == literals.len();
        let start = if is_end {
            folded.len().checked_sub(literal.len())
        } else {
            folded[from..].find(literal).map(|found| from + found)
        };
        let Some(start) = start else { return };
        mark_origin(start..start + literal.len());
        from = start + literal.len();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::query::asset_type::AssetType;
    use crate::core::query::matches::tests::{not, part, phrase, prefix, typo, whole};
    use crate::core::replication::timestamp::Timestamp;

    fn marked(condition: Condition, path: &str) -> String {
        let mut shown = path.to_owned();
        let query = Query { condition };
        for Highlight { start, end } in highlights(&query, path).into_iter().rev() {
            shown.insert(end, ']');
            shown.insert(start, '[');
        }
        shown
    }

    fn all(conditions: &[Condition]) -> Condition {
        Condition::All(conditions.to_vec())
    }

    fn any(conditions: &[Condition]) -> Condition {
        Condition::Any(conditions.to_vec())
    }

    #[test]
    fn marks_matched_parts() {
        let image = Condition::Term(Term::Type(vec![AssetType::Image]));
        let etag = Condition::Term(Term::ETag("x".into()));
        let name = |name: &str| Condition::Term(Term::Name(name.into()));
        for (condition, path, want) in [
            (whole("a"), "/a/b-a.jpg", "/[a]/b-[a].jpg"),
            (whole("a jpg"), "/a/b.jpg", "/[a]/b.[jpg]"),
            (whole("a nothing"), "/a/b.jpg", "/a/b.jpg"),
            (
                whole("cafe"),
                "/x/Cafe\u{301}s café",
                "/x/Cafe\u{301}s [café]",
            ),
            (whole("summersale"), "/summerSale", "/[summerSale]"),
            (whole("sale"), "/summerSale", "/summer[Sale]"),
            (whole("summer summersale"), "/summerSale", "/[summerSale]"),
            (prefix("sum"), "/a/Süm-Summer", "/a/[Süm]-[Sum]mer"),
            (prefix("a sum"), "/a/summer", "/[a]/[sum]mer"),
            (prefix("gro"), "/ｇroß", "/[ｇro]ß"),
            (prefix("gros"), "/groß", "/[groß]"),
            (typo("sumer"), "/summer", "/[summer]"),
            (
                phrase("red rose"),
                "/red/rose/a red-rose red",
                "/red/rose/a [red-rose] red",
            ),
            (
                part("*mmer*.J*"),
                "/mmer/Sümmer 1.jpg",
                "/mmer/Sü[mmer] 1[.j]pg",
            ),
            (part("s?m*.jpg"), "/sum.jpg.jpg", "/[s]u[m].jpg[.jpg]"),
            (part("*"), "/a", "/a"),
            (name("b"), "/a/b", "/a/[b]"),
            (all(&[whole("a"), not(whole("b"))]), "/a", "/[a]"),
            (not(whole("b")), "/a", "/a"),
            (any(&[whole("a"), whole("b c")]), "/a b", "/[a] b"),
            (all(&[whole("a"), image.clone()]), "/a.png", "/[a].png"),
            (all(&[whole("a"), image.clone()]), "/a.txt", "/a.txt"),
            (all(&[whole("a"), etag.clone()]), "/a", "/[a]"),
            (
                any(&[all(&[whole("a"), not(image)]), etag]),
                "/a.png",
                "/a.png",
            ),
            (all(&[whole("a"), prefix("b")]), "/ab a", "/ab a"),
            (any(&[whole("ab"), prefix("a")]), "/ab", "/[ab]"),
        ] {
            assert_eq!(marked(condition.clone(), path), want, "{condition:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn marks_are_valid_ascending_ranges_of_the_path(
            text in "(-|name:|)(\\*|)[a-cA-C가が½é ]{1,4}(\\*|~|)( OR | )[a-c?*]{1,3}",
            path in "/([a-cA-Cか\u{3099}가½é/. -]{0,8})|/\\PC{0,12}",
        ) {
            if let Ok(query) = Query::parse(&text, Timestamp::from_millis(0)) {
                let mut last_end = 0;
                for Highlight { start, end } in highlights(&query, &path) {
                    prop_assert!(start < end && (last_end < start || last_end == 0));
                    prop_assert!(path.get(start..end).is_some(), "{start}..{end}");
                    last_end = end;
                }
            }
        }
    }
}
