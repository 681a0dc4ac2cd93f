//! The spellings of a query word that mean the same word: `münchen` is written `munchen` or `muenchen`.

use std::borrow::Cow;

/// A letter that people also write in plain letters. Query words keep it, and the index has both spellings.
struct Umlaut {
    letter: char,
    /// The letter without its mark.
    base: char,
    /// The letter after the base in the spelling with two letters.
    second: char,
}

const UMLAUTS: &[Umlaut] = &[
    umlaut('ä', 'a', 'e'),
    umlaut('ö', 'o', 'e'),
    umlaut('ü', 'u', 'e'),
    umlaut('å', 'a', 'a'),
    umlaut('ø', 'o', 'e'),
];

const fn umlaut(letter: char, base: char, second: char) -> Umlaut {
    Umlaut {
        letter,
        base,
        second,
    }
}

/// The umlaut that a mark makes of the letter before it.
pub(super) fn marked(base: char, mark: char) -> Option<char> {
    Some(match (base, mark) {
        ('a', '\u{308}') => 'ä',
        ('o', '\u{308}') => 'ö',
        ('u', '\u{308}') => 'ü',
        ('a', '\u{30A}') => 'å',
        _ => return None,
    })
}

/// The second letter of an umlaut in the spelling with two letters.
pub(super) fn second_letter(umlaut: char) -> Option<char> {
    find(umlaut).map(|it| it.second)
}

fn find(letter: char) -> Option<&'static Umlaut> {
    UMLAUTS.iter().find(|it| it.letter == letter)
}

/// The spellings of a query word in the index: without the marks of its umlauts, and with two letters for each.
pub fn spellings(query_word: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let plain = plain_spelling(query_word);
    let is_same = matches!(plain, Cow::Borrowed(_));
    let long = (!is_same).then(|| {
        let mut long = String::with_capacity(query_word.len() + 1);
        for c in query_word.chars() {
            match find(c) {
                Some(umlaut) => long.extend([umlaut.base, umlaut.second]),
                None => long.push(c),
            }
        }
        Cow::Owned(long)
    });
    std::iter::once(plain).chain(long)
}

/// A query word without the marks of its umlauts.
pub fn plain_spelling(query_word: &str) -> Cow<'_, str> {
    if query_word.is_ascii() || !query_word.contains(|c| find(c).is_some()) {
        return Cow::Borrowed(query_word);
    }
    let plain = |c| find(c).map_or(c, |umlaut| umlaut.base);
    Cow::Owned(query_word.chars().map(plain).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn umlauts_have_two_spellings() {
        for (word, want) in [
            ("sunset", &["sunset"][..]),
            ("münchen", &["munchen", "muenchen"]),
            ("smörgåsbord", &["smorgasbord", "smoergaasbord"]),
            ("smørrebrød", &["smorrebrod", "smoerrebroed"]),
            ("москва", &["москва"]),
        ] {
            assert_eq!(spellings(word).collect::<Vec<_>>(), want, "{word}");
        }
    }
}
