//! Wildcard patterns in queries: `*` matches any characters, `?` matches one.
//!
//! In paths, `/**/` also matches a single `/`, as in the rules of a Source.
//!
//! There are no character classes, no alternatives and no escapes. To match a `*` in a name, write `?`.

use crate::core::query::words::fold_name;

/// A pattern that a text matches as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WildcardPattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Char(char),
    /// Any one character. If `in_segment`, not `/`.
    AnyChar {
        in_segment: bool,
    },
    /// Any number of characters, including none. If `in_segment`, no `/`.
    Wildcard {
        in_segment: bool,
    },
    /// Any number of folders, including none. [`Part::InFolders`] follows.
    Folders,
    /// The inside of a folder of [`Part::Folders`].
    InFolders,
}

impl WildcardPattern {
    /// A pattern for folded file names. `*` and `**` mean the same. The text is folded here.
    pub fn for_names(text: &str) -> Self {
        let text = fold_name(text);
        let parts = parts(&text, false);
        Self { text, parts }
    }

    /// A pattern for asset paths, which are not folded. `*` and `?` do not match a `/`, `**` does. `**/` at the start
    /// or after a `/` matches any number of folders, including none.
    pub fn for_paths(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            parts: parts(text, true),
        }
    }

    /// The text of the pattern. For file names it is folded.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the text contains a wildcard.
    pub fn has_wildcard(text: &str) -> bool {
        text.contains(['*', '?'])
    }

    /// The texts between the wildcards, in order. Every match contains all of them.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.text.split(['*', '?']).filter(|text| !text.is_empty())
    }

    /// The text before the first wildcard. Every match begins with it.
    pub fn literal_prefix(&self) -> &str {
        let end = self.text.find(['*', '?']);
        &self.text[..end.unwrap_or(self.text.len())]
    }

    /// Whether the text matches the pattern. For a pattern of file names, the text must be folded.
    ///
    /// It simulates a state machine, so it never backtracks. It takes at most as many steps as the product
    /// of both lengths, and usually little more than the length of the text.
    pub fn matches(&self, text: &str) -> bool {
        let (mut states, mut next) = (States::default(), States::default());
        states.add(0, &self.parts);
        for c in text.chars() {
            next.indices.clear();
            for &index in &states.indices {
                match self.parts.get(index) {
                    Some(Part::Wildcard { in_segment }) if !in_segment || c != '/' => {
                        next.add(index, &self.parts);
                    }
                    Some(Part::InFolders) => {
                        next.add(index, &self.parts);
                        if c == '/' {
                            next.add(index + 1, &self.parts);
                        }
                    }
                    Some(part) if part.matches_char(c) => next.add(index + 1, &self.parts),
                    _ => {}
                }
            }
            if next.indices.is_empty() {
                return false;
            }
            std::mem::swap(&mut states, &mut next);
        }
        states.indices.last() == Some(&self.parts.len())
    }
}

impl Part {
    /// Whether the part matches exactly one character, and this is one.
    fn matches_char(self, c: char) -> bool {
        match self {
            Self::Char(literal) => literal == c,
            Self::AnyChar { in_segment } => !in_segment || c != '/',
            Self::Wildcard { .. } | Self::Folders | Self::InFolders => false,
        }
    }
}

/// The indices of the parts that can match the next character, ascending.
#[derive(Default)]
struct States {
    indices: Vec<usize>,
}

impl States {
    /// Adds an index, and the ones after it as long as parts can match no characters. Callers add indices in ascending
    /// order. What one call adds has no gaps, so an index below the last one is there already.
    fn add(&mut self, index: usize, parts: &[Part]) {
        if self.indices.last().is_none_or(|last| *last < index) {
            self.indices.push(index);
        }
        match parts.get(index) {
            Some(Part::Wildcard { .. }) => self.add(index + 1, parts),
            Some(Part::Folders) => {
                self.add(index + 1, parts);
                self.add(index + 2, parts);
            }
            _ => {}
        }
    }
}

fn parts(text: &str, in_segment: bool) -> Vec<Part> {
    let mut parts = Vec::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let part = match c {
            '?' => Part::AnyChar { in_segment },
            // Adjacent stars become one wildcard, so that no two wildcards are adjacent.
            '*' => {
                let mut stars = 1;
                while chars.next_if_eq(&'*').is_some() {
                    stars += 1;
                }
                let is_start =
                    matches!(parts.last(), None | Some(Part::Char('/') | Part::InFolders));
                if in_segment && stars > 1 && is_start && chars.next_if_eq(&'/').is_some() {
                    parts.push(Part::Folders);
                    Part::InFolders
                } else {
                    Part::Wildcard {
                        in_segment: in_segment && stars == 1,
                    }
                }
            }
            c => Part::Char(c),
        };
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests;
