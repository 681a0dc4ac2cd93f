//! A token: the text that a client holds, and the digest by which it is known here.
//!
//! Nothing here keeps a text: whoever makes a token shows it once.
//!
//! A text is [`PREFIX`], 43 random letters and digits, and 6 that check them, so that programs which
//! look for leaked secrets know one without asking: `aix_[0-9A-Za-z]{49}`, where the last 6 are the first
//! 4 bytes of the SHA-256 of all before them, as a big-endian number, in base 62 (`0-9A-Za-z`).

use std::fmt;

use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;

/// How each token begins.
pub(crate) const PREFIX: &str = "aix_";

/// Random characters: 62^43 is just above 2^256.
const RANDOM_CHARACTERS: usize = 43;
/// Characters that check the others: 62^6 is above 2^32.
const CHECK_CHARACTERS: usize = 6;
/// The digits of base 62.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Random bytes from here on are thrown away, for each character to be as likely: 4 × 62.
const UNFAIR_FROM: u8 = 248;
/// Random bytes that are taken at a time. That they do not do has a chance below one in 10^18.
const DRAW_BYTES: usize = 128;
/// How often they are taken before there must be something wrong with the machine.
const MAX_DRAWS: usize = 8;

/// A token's text; only [`fmt::Display`] shows it.
pub(crate) struct Token(String);

impl Token {
    /// A new one that nobody can guess; `None` where the system gives no random bytes.
    pub(crate) fn generate() -> Option<Self> {
        let random = SystemRandom::new();
        for _ in 0..MAX_DRAWS {
            let mut bytes = [0; DRAW_BYTES];
            random.fill(&mut bytes).ok()?;
            let fair = bytes.iter().filter(|byte| **byte < UNFAIR_FROM);
            let body = fair.map(|byte| char::from(DIGITS[usize::from(byte % 62)]));
            let body: String = body.take(RANDOM_CHARACTERS).collect();
            if body.len() == RANDOM_CHARACTERS {
                let text = format!("{PREFIX}{body}");
                return Some(Self(format!("{text}{}", check(&text))));
            }
        }
        None
    }

    /// By which it is known.
    pub(crate) fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// Whether a text is the whole text of some token.
pub(crate) fn is_well_formed(text: &str) -> bool {
    let length = PREFIX.len() + RANDOM_CHARACTERS + CHECK_CHARACTERS;
    text.len() == length
        && text.starts_with(PREFIX)
        && text.is_ascii()
        && text[length - CHECK_CHARACTERS..] == check(&text[..length - CHECK_CHARACTERS])
}

/// The characters that check the text before them.
fn check(text: &str) -> String {
    let hash = TokenHash::of(text).0;
    let mut rest = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    let mut digits = [0; CHECK_CHARACTERS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits.map(char::from).iter().collect()
}

/// The SHA-256 of a token's text.
///
/// A plain digest is enough, where passwords need a slow and salted one: the text has 256 random bits, so
/// that nobody can try through what it may be, and no two tokens are the same.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TokenHash([u8; SHA256_OUTPUT_LEN]);

impl TokenHash {
    /// Of a text.
    pub(crate) fn of(text: &str) -> Self {
        let hash = digest(&SHA256, text.as_bytes());
        let hash = hash.as_ref().try_into();
        Self(hash.expect("a SHA-256 has 32 bytes"))
    }

    /// From 64 lower-case hex digits.
    pub(crate) fn parse(hex: &str) -> Option<Self> {
        let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
        if hex.len() != 2 * SHA256_OUTPUT_LEN || !hex.as_bytes().iter().all(is_hex) {
            return None;
        }
        let mut hash = [0; SHA256_OUTPUT_LEN];
        for (place, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).ok()?;
        }
        Some(Self(hash))
    }

    /// Whether both are the same, in a time that does not tell where they differ.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_the_form_that_scanners_look_for() {
        let form = regex::Regex::new("^aix_[0-9A-Za-z]{49}$").unwrap();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..100 {
            let token = Token::generate().unwrap();
            let text = token.to_string();
            assert!(form.is_match(&text) && is_well_formed(&text), "{text}");
            assert!(!format!("{token:?} {:?}", token.hash()).contains(&text[4..]));
            assert!(seen.insert(text));
        }
    }

    #[test]
    fn the_check_finds_what_was_mistyped() {
        // For ever: whoever looks for tokens computes it by the description above.
        let whole = "aix_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA41dkS8";
        assert!(is_well_formed(whole), "{}", check(&whole[..47]));
        for (case, text) in [
            ("a letter less", &whole[..52]),
            ("none", ""),
            ("the prefix alone", "aix_"),
            (
                "of another program",
                "ghp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA41dkS8",
            ),
            (
                "another letter",
                "aix_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB41dkS8",
            ),
            (
                "another check",
                "aix_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA41dkS9",
            ),
            (
                "of the same length, not ASCII",
                "aix_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA41dké",
            ),
        ] {
            assert!(!is_well_formed(text), "{case}");
        }
    }

    #[test]
    fn hashes_are_written_and_read() {
        // printf abc | sha256sum
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hash = TokenHash::of("abc");
        assert_eq!(hash.to_string(), hex);
        assert!(TokenHash::parse(hex).unwrap().is(&hash));
        assert!(!TokenHash::of("abd").is(&hash));
        for wrong in [
            "",
            &hex[1..],
            &hex.to_uppercase(),
            &hex.replace('b', "g"),
            &hex.replacen("ba", "é", 1),
        ] {
            assert_eq!(TokenHash::parse(wrong), None, "{wrong}");
        }
    }
}
