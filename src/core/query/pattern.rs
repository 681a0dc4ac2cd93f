//! A form of text with wildcards: `*` for any run of characters, `?` for one.
//!
//! No classes, no alternatives and no escape: for a `*` in a name write `?`.

use crate::core::query::words::fold_name;

/// A form that a text has or has not, from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WildcardPattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Char(char),
    /// One character; not `/` where `in_segment`.
    One {
        in_segment: bool,
    },
    /// Any characters, also none; no `/` where `in_segment`.
    Run {
        in_segment: bool,
    },
}

impl WildcardPattern {
    /// A form of file names, folded: `*` and `**` are any run.
    pub fn for_names(text: &str) -> Self {
        let text = fold_name(text);
        let parts = parts(&text, false);
        Self { text, parts }
    }

    /// A form of asset paths, byte for byte: `*` and `?` do not cover a `/`, `**` does.
    pub fn for_paths(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            parts: parts(text, true),
        }
    }

    /// As it was written, where it is one of names in folded form.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether there is a wildcard in the text.
    pub fn has_wildcard(text: &str) -> bool {
        text.contains(['*', '?'])
    }

    /// The pieces of text between the wildcards, in order: each text of the form contains them all.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.text.split(['*', '?']).filter(|text| !text.is_empty())
    }

    /// What each text of the form begins with.
    pub fn literal_prefix(&self) -> &str {
        let end = self.text.find(['*', '?']);
        &self.text[..end.unwrap_or(self.text.len())]
    }

    /// Whether the text, in folded form for a form of names, has this form.
    ///
    /// Walks the text once with all places of the form that it can have reached: at most the product
    /// of both lengths steps, and mostly few more than the text has characters.
    pub fn matches(&self, text: &str) -> bool {
        let (mut now, mut next) = (Places::default(), Places::default());
        now.reach(0, &self.parts);
        for c in text.chars() {
            next.places.clear();
            for &place in &now.places {
                match self.parts.get(place) {
                    Some(Part::Run { in_segment }) if !in_segment || c != '/' => {
                        next.reach(place, &self.parts);
                    }
                    Some(part) if part.takes(c) => next.reach(place + 1, &self.parts),
                    _ => {}
                }
            }
            if next.places.is_empty() {
                return false;
            }
            std::mem::swap(&mut now, &mut next);
        }
        now.places.last() == Some(&self.parts.len())
    }
}

impl Part {
    /// Whether the part is this one character.
    fn takes(self, c: char) -> bool {
        match self {
            Self::Char(wanted) => wanted == c,
            Self::One { in_segment } => !in_segment || c != '/',
            Self::Run { .. } => false,
        }
    }
}

/// The parts of a form that are next after some text, ascending.
#[derive(Default)]
struct Places {
    places: Vec<usize>,
}

impl Places {
    /// Adds a place and, as a run can be empty, the one behind a run. Places come ascending.
    fn reach(&mut self, place: usize, parts: &[Part]) {
        if self.places.last().is_none_or(|last| *last < place) {
            self.places.push(place);
        }
        if let Some(Part::Run { .. }) = parts.get(place) {
            self.reach(place + 1, parts);
        }
    }
}

fn parts(text: &str, in_segment: bool) -> Vec<Part> {
    let mut parts = Vec::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '?' => Part::One { in_segment },
            // Stars side by side are one run, so that no two runs are neighbours.
            '*' => {
                let mut stars = 1;
                while chars.next_if_eq(&'*').is_some() {
                    stars += 1;
                }
                Part::Run {
                    in_segment: in_segment && stars == 1,
                }
            }
            c => Part::Char(c),
        });
    }
    parts
}

#[cfg(test)]
mod tests;
