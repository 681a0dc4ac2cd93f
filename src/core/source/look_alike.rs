//! Look-alikes: names that people see as the same although their bytes differ.
//!
//! Three kinds are recognized: the composed and the decomposed forms of letters (also if a name mixes both),
//! compatibility forms such as `ﬁ` and full-width letters, and characters that are invisible. Letters of
//! different scripts that happen to have the same shape are not.

use unicode_normalization::UnicodeNormalization;

use crate::core::human::is_deceptive;
use crate::core::source::glob::GLOB_CHARACTERS;

/// Whether two names look the same although they differ.
pub fn are_look_alikes(one: &str, other: &str) -> bool {
    one != other && form(one) == form(other)
}

/// The common form of all names that look like this one.
fn form(name: &str) -> String {
    let visible = name.chars().filter(|c| !is_deceptive(*c));
    visible.nfkc().collect()
}

/// Like the common form of a name, for rules and for the keys that they match: a character that is not
/// special in a rule never becomes special.
pub(super) fn rule_form(text: &str) -> String {
    let is_special = |c: char| GLOB_CHARACTERS.contains(&c) || c == ',';
    let becomes_special = |c: char| !is_special(c) && form(&c.to_string()).contains(is_special);
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, kept)) = rest.char_indices().find(|(_, c)| becomes_special(*c)) {
        result.push_str(&form(&rest[..at]));
        result.push(kept);
        rest = &rest[at + kept.len_utf8()..];
    }
    result + &form(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_forms_mixtures_and_invisible_characters() {
        for (one, other) in [
            ("caf\u{e9}", "cafe\u{301}"),
            ("\u{e9}/e\u{301}", "e\u{301}/\u{e9}"),
            ("\u{e9}/e\u{301}", "\u{e9}/\u{e9}"),
            ("\u{fb01}n.jpg", "fin.jpg"),
            ("\u{ff21}.jpg", "A.jpg"),
            ("a\u{a0}b", "a b"),
            ("a\u{200b}b", "ab"),
            ("\u{ac00}", "\u{1100}\u{1161}"),
        ] {
            assert!(are_look_alikes(one, other), "{one:?} {other:?}");
            assert!(are_look_alikes(other, one), "{one:?} {other:?}");
        }
        for (one, other) in [("a", "a"), ("a", "A"), ("a", "\u{430}"), ("e", "\u{e9}")] {
            assert!(!are_look_alikes(one, other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn nothing_becomes_special_in_a_rule() {
        for (rule, want) in [
            ("cafe\u{301}*", "caf\u{e9}*"),
            ("\u{ff0a}.jp\u{ff47}", "\u{ff0a}.jpg"),
            ("\u{ff0c}\u{fb01}", "\u{ff0c}fi"),
            ("[\u{ff3d}]", "[\u{ff3d}]"),
        ] {
            assert_eq!(rule_form(rule), want, "{rule}");
        }
    }
}
