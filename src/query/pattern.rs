//! A form of text with wildcards: `*` for any run of characters, `?` for one.

/// A form that a text has or has not; a run of `*` is any run of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
}

impl Pattern {
    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}
