//! Other forms of a word that mean the same: singular and plural, British and American spelling, the same number
//! with other leading zeros, and spellings of an extension.
//!
//! The rules are for English words. Some forms that they make are not words; those are in no file name either.

use super::file_kind::with_other_spellings;

/// Minimum number of letters of a word that has a singular or plural. Shorter ones are mostly abbreviations.
const MIN_LETTERS: usize = 3;

/// Maximum number of leading zeros of a number that make no difference.
const MAX_LEADING_ZEROS: usize = 8;

/// Endings of plural words and of their singular words.
const PLURALS: &[(&str, &str)] = &[
    ("s", ""),
    ("es", ""),
    ("ies", "y"),
    ("ves", "f"),
    ("ves", "fe"),
];

/// Parts of words in British and in American spelling.
const SPELLINGS: &[(&str, &str)] = &[
    ("aeroplane", "airplane"),
    ("aluminium", "aluminum"),
    ("armour", "armor"),
    ("behaviour", "behavior"),
    ("catalogue", "catalog"),
    ("centre", "center"),
    ("cheque", "check"),
    ("colour", "color"),
    ("cosy", "cozy"),
    ("defence", "defense"),
    ("dialogue", "dialog"),
    ("doughnut", "donut"),
    ("favour", "favor"),
    ("fibre", "fiber"),
    ("flavour", "flavor"),
    ("grey", "gray"),
    ("harbour", "harbor"),
    ("honour", "honor"),
    ("humour", "humor"),
    ("jewellery", "jewelry"),
    ("labour", "labor"),
    ("licence", "license"),
    ("litre", "liter"),
    ("metre", "meter"),
    ("mould", "mold"),
    ("moustache", "mustache"),
    ("neighbour", "neighbor"),
    ("organis", "organiz"),
    ("plough", "plow"),
    ("pyjama", "pajama"),
    ("theatre", "theater"),
    ("tyre", "tire"),
    ("whisky", "whiskey"),
];

/// Other forms of a folded word. The word itself is not among them.
pub fn other_forms(word: &str) -> Vec<String> {
    let mut forms: Vec<String> = number_spellings(word).collect();
    forms.extend(with_other_spellings(vec![word.to_owned()]));
    let has_letters =
        word.bytes().all(|byte| byte.is_ascii_lowercase()) && word.len() >= MIN_LETTERS;
    if has_letters {
        for (plural, singular) in PLURALS {
            let singular_of = word
                .strip_suffix(plural)
                .map(|stem| stem.to_owned() + singular);
            forms.extend(singular_of.filter(|singular| singular.len() >= MIN_LETTERS));
            forms.extend(
                word.strip_suffix(singular)
                    .map(|stem| stem.to_owned() + plural),
            );
        }
        for (british, american) in SPELLINGS {
            for (one, other) in [(british, american), (american, british)] {
                if word.contains(one) {
                    forms.push(word.replace(one, other));
                }
            }
        }
    }
    forms.sort_unstable();
    forms.dedup();
    forms.retain(|form| form != word);
    forms
}

/// The number with one to `MAX_LEADING_ZEROS` more zeros before it. None if the word is not a number in ASCII digits.
pub fn with_leading_zeros(word: &str) -> impl Iterator<Item = String> {
    let zeros = 1..if is_number(word) {
        MAX_LEADING_ZEROS + 1
    } else {
        1
    };
    zeros.map(move |zeros| "0".repeat(zeros) + word)
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// All words that are the same number as this one, with zero to [`MAX_LEADING_ZEROS`] leading zeros. None if it is
/// not a number in ASCII digits.
fn number_spellings(word: &str) -> impl Iterator<Item = String> {
    let digits = match word.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let zeros = 0..if is_number(word) {
        MAX_LEADING_ZEROS + 1
    } else {
        0
    };
    zeros.map(move |zeros| "0".repeat(zeros) + digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_mean_the_same() {
        for (one, other, is_form) in [
            ("handbag", "handbags", true),
            ("box", "boxes", true),
            ("battery", "batteries", true),
            ("knife", "knives", true),
            ("wolf", "wolves", true),
            ("colorblind", "colourblind", true),
            ("grey", "gray", true),
            ("jpg", "jpeg", true),
            ("42", "0042", true),
            ("0", "000", true),
            ("2041", "2042", false),
            ("gas", "ga", false),
            ("sun", "sunset", false),
            ("été", "étés", false),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                assert_eq!(
                    other_forms(one).contains(&other.to_owned()),
                    is_form,
                    "{one} {other}"
                );
            }
            assert!(!other_forms(one).contains(&one.to_owned()), "{one}");
        }
    }
}
