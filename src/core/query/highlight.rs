//! Highlights: the parts of an asset path that a query matched.
//!
//! Words, patterns of file names and whole file names are highlighted. Folders, extensions and whole paths are
//! not, because they would mark the same parts in every hit.

use std::ops::Range;

use crate::core::query::hit::{Highlight, file_name};
use crate::core::query::pattern::WildcardPattern;
use crate::core::query::term::{Condition, MatchMode, Query, Term, WordField};
use crate::core::query::word_match::{WordTest, WordsTest};
use crate::core::query::words::{fold_name, fold_with, words};

/// Finds the highlights of the hits of one search.
pub struct Highlighter<'q> {
    condition: Prepared<'q>,
}

/// A condition whose words are prepared for many paths.
enum Prepared<'q> {
    All(Vec<Prepared<'q>>),
    Any(Vec<Prepared<'q>>),
    AtLeast(usize, Vec<Prepared<'q>>),
    Not(Box<Prepared<'q>>),
    Words(WordsTest, MatchMode, WordField),
    Term(&'q Term),
}

impl<'q> Highlighter<'q> {
    /// Prepares the words of the query.
    pub fn new(query: &'q Query) -> Self {
        Self {
            condition: Prepared::new(&query.condition),
        }
    }

    /// The parts of the path that the terms of the query matched, ascending. Adjacent parts are merged.
    ///
    /// A negated term highlights nothing. Neither does an alternative that the path does not match.
    pub fn highlights(&self, path: &str) -> Vec<Highlight> {
        let mut marks = Vec::new();
        self.condition.mark(path, &mut marks);
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
}

impl<'q> Prepared<'q> {
    fn new(condition: &'q Condition) -> Self {
        let each = |several: &'q [Condition]| several.iter().map(Self::new).collect();
        match condition {
            Condition::All(all) => Self::All(each(all)),
            Condition::Any(any) | Condition::Best(any) => Self::Any(each(any)),
            Condition::AtLeast(least, several) => Self::AtLeast(*least, each(several)),
            Condition::Preferred(_) => Self::All(Vec::new()),
            Condition::Not(one) => Self::Not(Box::new(Self::new(one))),
            Condition::Term(Term::Words { words, mode, field }) => {
                Self::Words(WordsTest::new(words, *mode), *mode, *field)
            }
            Condition::Term(term) => Self::Term(term),
        }
    }

    fn mark(&self, path: &str, marks: &mut Vec<Range<usize>>) {
        match self {
            Self::Not(_) => {}
            Self::All(all) if all.iter().all(|one| one.may_match(path)) => {
                all.iter().for_each(|one| one.mark(path, marks));
            }
            Self::All(_) => {}
            Self::Any(any) => {
                let matching = any.iter().filter(|one| one.may_match(path));
                matching.for_each(|one| one.mark(path, marks));
            }
            Self::AtLeast(least, several) => {
                let matching = several.iter().filter(|one| one.may_match(path));
                if matching.clone().count() >= *least {
                    matching.for_each(|one| one.mark(path, marks));
                }
            }
            Self::Words(words, mode, field) if self.matches_path(path) == Some(true) => {
                mark_words(words, *mode, *field, path, marks);
            }
            Self::Term(term) if term.matches_path(path) == Some(true) => {
                mark_term(term, path, marks);
            }
            Self::Words(..) | Self::Term(_) => {}
        }
    }

    /// Whether an asset with this path can match the condition.
    fn may_match(&self, path: &str) -> bool {
        self.matches_path(path) != Some(false)
    }

    /// Whether assets with this path match the condition. `None` if other properties decide.
    fn matches_path(&self, path: &str) -> Option<bool> {
        // One result that equals `decisive` decides. Without one, all results must be known.
        let combine = |conditions: &[Self], decisive: bool| {
            let results = || conditions.iter().map(|one| one.matches_path(path));
            if results().any(|result| result == Some(decisive)) {
                Some(decisive)
            } else {
                results()
                    .all(|result| result.is_some())
                    .then_some(!decisive)
            }
        };
        match self {
            Self::All(all) => combine(all, false),
            Self::Any(any) => combine(any, true),
            Self::AtLeast(least, several) => {
                let results = || several.iter().map(|one| one.matches_path(path));
                let count = |is_counted: fn(Option<bool>) -> bool| {
                    results().filter(|result| is_counted(*result)).count()
                };
                let (certain, possible) =
                    (count(|it| it == Some(true)), count(|it| it != Some(false)));
                (certain >= *least || possible < *least).then_some(certain >= *least)
            }
            Self::Not(one) => one.matches_path(path).map(|matches| !matches),
            Self::Words(words, _, WordField::Path) => Some(words.matches(path)),
            Self::Words(words, _, WordField::Name) => Some(words.matches(file_name(path))),
            Self::Term(term) => term.matches_path(path),
        }
    }
}

/// Marks a term without words.
fn mark_term(term: &Term, path: &str, marks: &mut Vec<Range<usize>>) {
    let name_start = path.len() - file_name(path).len();
    match term {
        Term::Name(_) => marks.push(name_start..path.len()),
        Term::NamePattern(pattern) => mark_pattern(pattern, path, name_start, marks),
        _ => {}
    }
}

fn mark_words(
    tests: &WordsTest,
    mode: MatchMode,
    field: WordField,
    path: &str,
    marks: &mut Vec<Range<usize>>,
) {
    let name_start = path.len() - file_name(path).len();
    let is_within = |start| field == WordField::Path || start >= name_start;
    if mode == MatchMode::Phrase {
        let mut start = 0;
        for segment in path.split_inclusive('/') {
            if is_within(start) {
                let found = tests.phrases(segment);
                marks.extend(found.map(|range| range.start + start..range.end + start));
            }
            start += segment.len();
        }
        return;
    }
    words(path, |word, range| {
        if is_within(range.start) {
            let found = tests
                .words()
                .iter()
                .filter_map(|test| mark_of(test, word, &path[range.clone()]));
            marks.extend(found.max().map(|len| range.start..range.start + len));
        }
    });
}

/// The number of bytes of a word of the text that a query word marks.
fn mark_of(test: &WordTest, word: &str, text: &str) -> Option<usize> {
    test.matches(word)?;
    let beginning = test.beginning(word).filter(|it| it.len() < word.len());
    Some(beginning.map_or(text.len(), |beginning| unfolded_len(text, beginning)))
}

/// The number of bytes at the start of `text` that fold to `beginning`, which may have a second letter after an umlaut.
fn unfolded_len(text: &str, beginning: &str) -> usize {
    let (mut rest, mut end) = (beginning, 0);
    fold_with(text, |part, range| {
        let fits = |rest: &str| rest.starts_with(part) || part.starts_with(rest);
        if rest.is_empty() {
            return;
        }
        if !fits(rest) {
            // The folded name does not have the second letter of an umlaut.
            let second = rest.chars().next().map_or(0, char::len_utf8);
            rest = &rest[second..];
        }
        if !rest.is_empty() {
            end = range.end;
            rest = rest.get(part.len()..).unwrap_or_default();
        }
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
        for Highlight { start, end } in Highlighter::new(&query).highlights(path).into_iter().rev()
        {
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
            (prefix("mun"), "/München", "/[Mün]chen"),
            (prefix("muen"), "/München", "/[Mün]chen"),
            (prefix("mün"), "/Mu\u{308}nchen", "/[Mu\u{308}n]chen"),
            (prefix("mün"), "/muenchen", "/[muen]chen"),
            (
                whole("münchen"),
                "/München-Muenchen",
                "/[München]-[Muenchen]",
            ),
            (whole("htmlpage"), "/HTMLPageView", "/[HTMLPage]View"),
            (whole("42"), "/IMG_0042", "/IMG_[0042]"),
            (whole("c++"), "/c++ c", "/[c++] c"),
            (whole(".net"), "/net ASP.NET", "/net ASP[.NET]"),
            (whole("🎉"), "/a🎉\u{FE0F}b", "/a[🎉\u{FE0F}]b"),
            (whole("password"), "/pass\u{AD}word", "/[pass\u{AD}word]"),
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
                for Highlight { start, end } in Highlighter::new(&query).highlights(&path) {
                    prop_assert!(start < end && (last_end < start || last_end == 0));
                    prop_assert!(path.get(start..end).is_some(), "{start}..{end}");
                    last_end = end;
                }
            }
        }
    }
}
