//! Access tokens: the text that a client sends, and its hash.
//!
//! The text is shown once, when the token is created, and not stored.
//!
//! A token is `aix_`, 43 random letters and digits, and a 6-character checksum. It matches
//! `aix_[0-9A-Za-z]{49}`, so secret scanners can recognize a leaked one offline. The checksum is the first
//! 4 bytes of the SHA-256 of the characters before it, as a big-endian number in base 62 (`0-9A-Za-z`).

use std::fmt;

use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;

pub(crate) const PREFIX: &str = "aix_";

/// 62^43 is just above 2^256.
const RANDOM_CHARACTERS: usize = 43;
/// Enough for 4 bytes: 62^6 is above 2^32.
const CHECKSUM_CHARACTERS: usize = 6;
/// The digits of base 62.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Larger random bytes are discarded, so that every character is equally likely: 248 = 4 × 62.
const FAIR_BELOW: u8 = 248;
/// Random bytes per draw. The chance that too few of them are usable is below 1 in 10^18.
const DRAW_BYTES: usize = 128;
/// More draws than this mean that the random source is broken.
const MAX_DRAWS: usize = 8;

/// The text of a token. Only [`fmt::Display`] reveals it.
pub(crate) struct Token(String);

/// Returns 43 random letters and digits: 256 bits. Returns `None` if the system provides no random bytes.
pub(super) fn random_text() -> Option<String> {
    let random = SystemRandom::new();
    for _ in 0..MAX_DRAWS {
        let mut bytes = [0; DRAW_BYTES];
        random.fill(&mut bytes).ok()?;
        let fair = bytes.iter().filter(|byte| **byte < FAIR_BELOW);
        let text = fair.map(|byte| char::from(DIGITS[usize::from(byte % 62)]));
        let text: String = text.take(RANDOM_CHARACTERS).collect();
        if text.len() == RANDOM_CHARACTERS {
            return Some(text);
        }
    }
    None
}

impl Token {
    /// Creates a random token. Returns `None` if the system provides no random bytes.
    pub(crate) fn generate() -> Option<Self> {
        let text = format!("{PREFIX}{}", random_text()?);
        let checksum = checksum(&text);
        Some(Self(text + &checksum))
    }

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

/// Whether a text has the form of a token and a valid checksum.
pub(crate) fn is_well_formed(text: &str) -> bool {
    let length = PREFIX.len() + RANDOM_CHARACTERS + CHECKSUM_CHARACTERS;
    text.len() == length
        && text.starts_with(PREFIX)
        && text.is_ascii()
        && text[length - CHECKSUM_CHARACTERS..] == checksum(&text[..length - CHECKSUM_CHARACTERS])
}

/// The checksum of the characters before it.
fn checksum(text: &str) -> String {
    let hash = TokenHash::of(text).0;
    let mut rest = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    let mut digits = [0; CHECKSUM_CHARACTERS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits.map(char::from).iter().collect()
}

/// The SHA-256 of a token's text.
///
/// Passwords need a slow, salted hash. A token does not: it has 256 random bits, so it cannot be found by
/// brute force, and no two tokens are equal.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TokenHash([u8; SHA256_OUTPUT_LEN]);

impl TokenHash {
    pub(crate) fn of(text: &str) -> Self {
        let hash = digest(&SHA256, text.as_bytes());
        let hash = hash.as_ref().try_into();
        Self(hash.expect("a SHA-256 hash has 32 bytes"))
    }

    /// Parses 64 lowercase hex digits.
    pub(crate) fn parse(hex: &str) -> Option<Self> {
        let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
        if hex.len() != 2 * SHA256_OUTPUT_LEN || !hex.as_bytes().iter().all(is_hex) {
            return None;
        }
        let mut hash = [0; SHA256_OUTPUT_LEN];
        for (index, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).ok()?;
        }
        Some(Self(hash))
    }

    /// Compares in constant time, so the duration does not reveal where the hashes differ.
    pub(crate) fn matches(&self, other: &Self) -> bool {
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
    fn new_tokens_match_the_documented_form() {
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
    fn checksum_detects_typing_errors() {
        // Must never change: secret scanners compute the checksum as documented above.
        let valid = "aix_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA41dkS8";
        assert!(is_well_formed(valid), "{}", checksum(&valid[..47]));
        for (case, text) in [
            ("one letter missing", &valid[..52]),
            ("empty", ""),
            ("only the prefix", "aix_"),
            (
                "of another service",
                "ghp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA41dkS8",
            ),
            (
                "another letter",
                "aix_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB41dkS8",
            ),
            (
                "another checksum",
                "aix_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA41dkS9",
            ),
            (
                "same length, not ASCII",
                "aix_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA41dké",
            ),
        ] {
            assert!(!is_well_formed(text), "{case}");
        }
    }

    #[test]
    fn hashes_are_formatted_parsed_and_compared() {
        // printf abc | sha256sum
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hash = TokenHash::of("abc");
        assert_eq!(hash.to_string(), hex);
        assert!(TokenHash::parse(hex).unwrap().matches(&hash));
        assert!(!TokenHash::of("abd").matches(&hash));
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
