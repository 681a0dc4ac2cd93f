//! The characters that keys consist of, and how keys divide the space between two keys.
//!
//! It answers how far two keys are apart, and which text lies at a distance from a key. A distance has no unit: only
//! the ratio of two distances means something. It guesses, because it knows a few keys only. No guess can lose a key.

use std::collections::BTreeSet;

/// The maximum number of characters that are remembered. Texts with other characters are compared all the same.
const MAX_CHARS: usize = 256;

/// The weight of a character of another class than the characters seen at its position, where 1 is the weight of one of
/// the same class.
const OTHER_CLASS: f64 = 1.0 / 16.0;

/// The maximum number of characters that decide the distance of two keys after the characters that they share. An `f64`
/// is not more precise.
const PRECISE_CHARS: usize = 16;

/// The smallest part of a position's characters that an `f64` can tell apart.
const PRECISION: f64 = 1e-14;

/// A kind of character. Names that differ at a position usually have the same kind there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Digit,
    Lower,
    Upper,
    Other,
}

const CLASSES: [Class; 4] = [Class::Digit, Class::Lower, Class::Upper, Class::Other];

impl Class {
    fn of(c: char) -> Self {
        match c {
            '0'..='9' => Self::Digit,
            'a'..='z' => Self::Lower,
            'A'..='Z' => Self::Upper,
            _ => Self::Other,
        }
    }
}

/// The characters that keys consist of.
#[derive(Clone, Debug)]
pub(super) struct Alphabet {
    chars: BTreeSet<char>,
    /// For each class: the characters in ascending order, with the share of all characters before each.
    tables: [Vec<(char, f64)>; 4],
}

impl Alphabet {
    /// Digits and letters of ASCII.
    pub(super) fn new() -> Self {
        let mut alphabet = Self {
            chars: ('0'..='9').chain('a'..='z').chain('A'..='Z').collect(),
            tables: Default::default(),
        };
        alphabet.build_tables();
        alphabet
    }

    /// Learns the characters of a key.
    pub(super) fn learn(&mut self, key: &str) {
        let known = self.chars.len();
        for c in key.chars() {
            if self.chars.len() < MAX_CHARS {
                self.chars.insert(c);
            }
        }
        if self.chars.len() > known {
            self.build_tables();
        }
    }

    fn build_tables(&mut self) {
        self.tables = CLASSES.map(|class| {
            let total: f64 = self.chars.iter().map(|c| weight(class, *c)).sum();
            let mut before = 0.0;
            let row = |c: &char| {
                let row = (*c, before / total);
                before += weight(class, *c);
                row
            };
            self.chars.iter().map(row).collect()
        });
    }

    /// The share of the characters before `c` at a position of this class, and the share of `c`.
    fn place(&self, class: Class, c: char) -> (f64, f64) {
        let table = &self.tables[class as usize];
        let at = table.partition_point(|(other, _)| *other < c);
        let before = table.get(at).map_or(1.0, |(_, before)| *before);
        let end = match table.get(at) {
            Some((other, _)) if *other == c => table.get(at + 1).map_or(1.0, |(_, end)| *end),
            _ => before,
        };
        // A character that is not remembered gets a little space, or keys after it would have no distance.
        let least = OTHER_CLASS / table.len() as f64;
        (before, (end - before).max(least))
    }

    /// The character at this share of a position of this class.
    fn char_at(&self, class: Class, share: f64) -> Option<char> {
        let table = &self.tables[class as usize];
        let at = table.partition_point(|(_, before)| *before <= share);
        table.get(at.checked_sub(1)?).map(|(c, _)| *c)
    }
}

fn weight(class: Class, c: char) -> f64 {
    if Class::of(c) == class {
        1.0
    } else {
        OTHER_CLASS
    }
}

/// The end of a space.
#[derive(Clone, Copy, Debug)]
pub(super) enum End<'a> {
    /// This text.
    At(&'a str),
    /// The end of all texts that start with the prefix of the space.
    OfPrefix,
}

/// The space of keys around a key. All distances in it can be compared.
#[derive(Debug)]
pub(super) struct KeySpace<'a> {
    alphabet: &'a Alphabet,
    /// The characters of the prefix that all keys of the space start with.
    prefix: usize,
    /// The key. Other keys are expected to have characters of the same class at the same position.
    near: Vec<char>,
}

impl<'a> KeySpace<'a> {
    /// The keys that start with the prefix of `near`, which has this number of characters.
    pub(super) fn around(alphabet: &'a Alphabet, prefix: usize, near: &str) -> Self {
        Self {
            alphabet,
            prefix,
            near: near.chars().collect(),
        }
    }

    fn class(&self, position: usize) -> Class {
        self.near
            .get(position)
            .map_or(Class::Lower, |c| Class::of(*c))
    }

    /// The binary logarithm of the share of the space that starts with the first `length` characters of `key`.
    fn log_share(&self, key: &[char], length: usize) -> f64 {
        let shares = (self.prefix..length).map(|at| {
            let (_, share) = self.alphabet.place(self.class(at), key[at]);
            share.log2()
        });
        shares.sum()
    }

    /// Where `key` lies among the keys that share its first `from` characters, from 0 to 1.
    fn place(&self, key: &[char], from: usize) -> f64 {
        let (mut place, mut size) = (0.0, 1.0);
        for (at, c) in key.iter().enumerate().skip(from).take(PRECISE_CHARS) {
            let (before, share) = self.alphabet.place(self.class(at), *c);
            place += size * before;
            size *= share;
        }
        place
    }

    /// The place of an end, from 0 to 1, among the keys that share the first `from` characters of `key`; and how many
    /// characters it shares with it.
    fn end_place(&self, key: &[char], end: End<'_>, from: usize) -> f64 {
        match end {
            End::At(end) => {
                let end: Vec<char> = end.chars().collect();
                if shared(key, &end) >= from {
                    self.place(&end, from)
                } else {
                    1.0
                }
            }
            End::OfPrefix => 1.0,
        }
    }

    /// The binary logarithm of the distance from `key` to the end. Very low if they are too close to tell.
    pub(super) fn log_distance(&self, key: &str, end: End<'_>) -> f64 {
        let key: Vec<char> = key.chars().collect();
        let from = match end {
            End::At(end) => shared(&key, &end.chars().collect::<Vec<char>>()),
            End::OfPrefix => 0,
        };
        let from = from.max(self.prefix).min(key.len());
        let distance = self.end_place(&key, end, from) - self.place(&key, from);
        self.log_share(&key, from) + distance.max(PRECISION).log2()
    }

    /// A text at about this distance after `key` and before the end. `None` if there is none.
    pub(super) fn text_at(&self, key: &str, log_distance: f64, end: End<'_>) -> Option<String> {
        let chars: Vec<char> = key.chars().collect();
        let mut log_shares = vec![0.0];
        for at in self.prefix..chars.len() {
            let (_, share) = self.alphabet.place(self.class(at), chars[at]);
            log_shares.push(log_shares[at - self.prefix] + share.log2());
        }
        // The most characters that the text can share with the key.
        let longest = log_shares
            .iter()
            .rposition(|share| *share >= log_distance)?;
        (self.prefix..=self.prefix + longest)
            .rev()
            .find_map(|from| {
                let distance = (log_distance - log_shares[from - self.prefix]).exp2();
                let place = self.place(&chars, from) + distance;
                if place >= self.end_place(&chars, end, from) {
                    return None;
                }
                let text = self.spell(&chars[..from], place, distance / 8.0);
                let is_before_end = match end {
                    End::At(end) => text.as_str() < end,
                    End::OfPrefix => true,
                };
                (text.as_str() > key && is_before_end).then_some(text)
            })
    }

    /// The text at this place among those that start with `begin`, as short as the precision allows.
    fn spell(&self, begin: &[char], mut place: f64, mut precision: f64) -> String {
        let mut text: String = begin.iter().collect();
        for at in begin.len()..begin.len() + PRECISE_CHARS {
            let Some(c) = self.alphabet.char_at(self.class(at), place) else {
                break;
            };
            let (before, share) = self.alphabet.place(self.class(at), c);
            text.push(c);
            place = ((place - before) / share).clamp(0.0, 1.0);
            precision /= share;
            // What is left out lies within the precision.
            if precision >= 1.0 || place <= precision {
                break;
            }
        }
        text
    }
}

/// The number of characters that both begin with.
fn shared(one: &[char], other: &[char]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}
