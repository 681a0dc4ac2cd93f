//! Words that are one slip of the finger apart.

/// The least characters of a word that is edited: of shorter ones every other word is a neighbour.
pub const MIN_TYPO_CHARS: usize = 3;

/// Whether a word that is looked for may be edited: it has [`MIN_TYPO_CHARS`] and not digits alone,
/// because another number is another thing.
pub fn is_editable(word: &str) -> bool {
    let long_enough = word.chars().nth(MIN_TYPO_CHARS - 1).is_some();
    long_enough && !word.chars().all(char::is_numeric)
}

/// Whether a word matches the one that is looked for: it is the same, or at most one character is
/// added, left out or another, or two neighbours are exchanged, if it is editable.
pub fn matches(wanted: &str, word: &str) -> bool {
    wanted == word || is_editable(wanted) && is_one_edit_apart(wanted, word)
}

fn is_one_edit_apart(one: &str, other: &str) -> bool {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let common = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[common..], &other[common..]);
    match (one, other) {
        ([], []) => true,
        ([_, rest @ ..], whole) | (whole, [_, rest @ ..]) if rest == whole => true,
        ([a, x @ ..], [b, y @ ..]) => {
            let is_exchanged = match (x, y) {
                ([x, rest_of_x @ ..], [y, rest_of_y @ ..]) => {
                    (a, x) == (y, b) && rest_of_x == rest_of_y
                }
                _ => false,
            };
            x == y || one == y || x == other || is_exchanged
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slips() {
        for (wanted, word, want) in [
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
            assert_eq!(matches(wanted, word), want, "{wanted} {word}");
        }
    }

    /// All that one edit makes of a word.
    fn edits(word: &[char], letters: &[char]) -> Vec<Vec<char>> {
        let mut all = vec![word.to_vec()];
        for place in 0..=word.len() {
            for letter in letters {
                let mut more = word.to_vec();
                more.insert(place, *letter);
                all.push(more);
            }
        }
        for place in 0..word.len() {
            let mut less = word.to_vec();
            less.remove(place);
            all.push(less);
            for letter in letters {
                let mut other = word.to_vec();
                other[place] = *letter;
                all.push(other);
            }
            if place + 1 < word.len() {
                let mut exchanged = word.to_vec();
                exchanged.swap(place, place + 1);
                all.push(exchanged);
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
        fn one_edit_is_what_it_is(one in "[abc]{0,5}", other in "[abc]{0,6}") {
            let chars: Vec<char> = one.chars().collect();
            let made = edits(&chars, &['a', 'b', 'c']);
            let want = made.contains(&other.chars().collect());
            prop_assert_eq!(is_one_edit_apart(&one, &other), want);
        }
    }
}
