//! Words that differ by at most one typo.

/// Minimum number of characters of a query word that may have a typo. Too many words differ from a shorter
/// word by one edit.
pub const MIN_TYPO_CHARS: usize = 3;

/// Whether a query word may have a typo: it has at least [`MIN_TYPO_CHARS`] characters and is not a number.
/// Numbers match exactly, because a different number means something else.
pub fn is_editable(word: &str) -> bool {
    let is_long_enough = word.chars().nth(MIN_TYPO_CHARS - 1).is_some();
    is_long_enough && !word.chars().all(char::is_numeric)
}

/// Whether a word matches a query word: it is equal, or the query word is editable and the two differ by one
/// edit. An edit adds, removes or replaces one character, or swaps two neighbors.
pub fn matches(query_word: &str, word: &str) -> bool {
    query_word == word || is_editable(query_word) && is_within_one_edit(query_word, word)
}

fn is_within_one_edit(one: &str, other: &str) -> bool {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let common = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[common..], &other[common..]);
    match (one, other) {
        ([], []) => true,
        ([_, rest @ ..], whole) | (whole, [_, rest @ ..]) if rest == whole => true,
        ([a, x @ ..], [b, y @ ..]) => {
            let is_swapped = match (x, y) {
                ([x, rest_of_x @ ..], [y, rest_of_y @ ..]) => {
                    (a, x) == (y, b) && rest_of_x == rest_of_y
                }
                _ => false,
            };
            x == y || one == y || x == other || is_swapped
        }
        _ => false,
    }
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
            assert_eq!(matches(query_word, word), want, "{query_word} {word}");
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
            let want = edited.contains(&other.chars().collect());
            prop_assert_eq!(is_within_one_edit(&one, &other), want);
        }
    }
}
