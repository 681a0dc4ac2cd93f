//! Words that differ by typos.

/// Minimum number of characters of a query word that may have a typo. Too many words differ from a shorter
/// word by one edit.
pub const MIN_TYPO_CHARS: usize = 3;

/// Maximum number of edits. More make most words of a language alike.
pub const MAX_EDITS: u8 = 2;

/// Whether a query word may have a typo: it has at least [`MIN_TYPO_CHARS`] characters and is not a number.
/// Numbers match exactly, because a different number means something else.
pub fn is_editable(word: &str) -> bool {
    let is_long_enough = word.chars().nth(MIN_TYPO_CHARS - 1).is_some();
    is_long_enough && !word.chars().all(char::is_numeric)
}

/// Whether a word matches a query word: it is equal, or the query word is editable and the two differ by at most
/// `edits`. An edit adds, removes or replaces one character, or swaps two neighbors.
pub fn matches(edits: u8, query_word: &str, word: &str) -> bool {
    query_word == word || is_editable(query_word) && is_within(edits, query_word, word)
}

/// Number of edits that a search forgives in a query word: one from 4 characters on, two from 8 on, and none in
/// a number.
pub fn forgiven_edits(word: &str) -> u8 {
    if word.chars().all(char::is_numeric) {
        return 0;
    }
    match word.chars().count() {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

/// Whether at most `edits` edits turn one word into the other. No character is edited twice.
pub fn is_within(edits: u8, one: &str, other: &str) -> bool {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let edits = usize::from(edits);
    if one.len().abs_diff(other.len()) > edits {
        return false;
    }
    // The number of edits from the first characters of `one` to the first characters of `other`: the optimal
    // string alignment distance. Three rows of its table are enough.
    let mut two_before: Vec<usize> = Vec::new();
    let mut before: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let replaced = before[j] + usize::from(a != b);
            let mut least = replaced.min(before[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && (a, &one[i - 1]) == (&other[j - 1], b) {
                least = least.min(two_before[j - 1] + 1);
            }
            row.push(least);
        }
        two_before = std::mem::replace(&mut before, row);
    }
    before[other.len()] <= edits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_with_and_without_typos() {
        for (query_word, word, want) in [
            ("summer", "summer", true),
            ("sumer", "summer", true),
            ("summmer", "summer", true),
            ("sommer", "summer", true),
            ("smumer", "summer", true),
            ("summre", "summer", true),
            ("ummer", "summer", true),
            ("summe", "summer", true),
            ("summers", "summer", true),
            ("sumre", "summer", false),
            ("somner", "summer", false),
            ("musmre", "summer", false),
            ("abc", "ab", true),
            ("abc", "a", false),
            ("ab", "abc", false),
            ("ab", "ab", true),
            ("2041", "2042", false),
            ("2041", "2041", true),
            ("été", "ete", false),
            ("жар", "жара", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(1, query_word, word), want, "{query_word} {word}");
        }
    }

    #[test]
    fn longer_words_have_more_edits() {
        for (word, edits) in [
            ("sun", 0),
            ("suns", 1),
            ("sunset", 1),
            ("sunsets", 1),
            ("sunshine", 2),
            ("20240131", 0),
            ("жарко", 1),
        ] {
            assert_eq!(forgiven_edits(word), edits, "{word}");
        }
        for (one, other, edits) in [
            ("photograph", "fotograph", 2),
            ("waterfall", "watrefal", 2),
            ("waterfall", "watrefl", 3),
            ("colour", "color", 1),
            ("centre", "center", 1),
            ("ab", "ba", 1),
            ("abc", "cba", 2),
        ] {
            assert!(is_within(edits, one, other), "{one} {other}");
            assert!(!is_within(edits - 1, one, other), "{one} {other}");
        }
    }

    /// The word itself and all results of one edit.
    fn edits(word: &[char], letters: &[char]) -> Vec<Vec<char>> {
        let mut all = vec![word.to_vec()];
        for index in 0..=word.len() {
            for letter in letters {
                let mut longer = word.to_vec();
                longer.insert(index, *letter);
                all.push(longer);
            }
        }
        for index in 0..word.len() {
            let mut shorter = word.to_vec();
            shorter.remove(index);
            all.push(shorter);
            for letter in letters {
                let mut replaced = word.to_vec();
                replaced[index] = *letter;
                all.push(replaced);
            }
            if index + 1 < word.len() {
                let mut swapped = word.to_vec();
                swapped.swap(index, index + 1);
                all.push(swapped);
            }
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            cases: 2_000,
            ..ProptestConfig::default()
        })]

        #[test]
        fn agrees_with_trying_all_edits(one in "[abc]{0,5}", other in "[abc]{0,6}") {
            let chars: Vec<char> = one.chars().collect();
            let edited = edits(&chars, &['a', 'b', 'c']);
            let other_chars = other.chars().collect();
            prop_assert_eq!(is_within(1, &one, &other), edited.contains(&other_chars));
            prop_assert_eq!(is_within(0, &one, &other), one == other);
        }

        #[test]
        fn two_edits_are_one_edit_twice(one in "[ab]{0,4}", other in "[ab]{0,5}") {
            let letters = ['a', 'b'];
            let chars: Vec<char> = one.chars().collect();
            let other_chars: Vec<char> = other.chars().collect();
            let once = edits(&chars, &letters);
            let mut twice = once.iter().flat_map(|word| edits(word, &letters));
            prop_assert!(!is_within(2, &one, &other) || twice.any(|word| word == other_chars));
        }
    }
}
