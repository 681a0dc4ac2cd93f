//! The order of hits, and how it is written.
//!
//! What an order means is said here; who puts hits in order is the index.

use std::fmt;

/// What hits are ordered by.
///
/// Each order is total: hits with the same value follow by asset path, then by the name of the
/// Source, both ascending by bytes. Only a descending order by path turns those round as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// How well the words are met: the best first, of equal ones those with fewer words in the file
    /// name; by path alone where no word was looked for.
    Relevance,
    /// The file name, by the bytes of [`crate::core::query::words::fold_name`].
    Name,
    /// The asset path, by its bytes.
    #[default]
    Path,
    /// When S3 last changed the object.
    Modified,
    /// The size.
    Size,
    /// When the index first saw the key.
    Created,
}

impl SortBy {
    const ALL: [Self; 6] = [
        Self::Relevance,
        Self::Name,
        Self::Path,
        Self::Modified,
        Self::Size,
        Self::Created,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Name => "name",
            Self::Path => "path",
            Self::Modified => "modified",
            Self::Size => "size",
            Self::Created => "created",
        }
    }
}

/// The order of hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// What is compared.
    pub by: SortBy,
    /// Whether the greatest come first; of relevance, the worst.
    pub descending: bool,
}

/// A sort order that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no sort order {text:?}; write relevance, name, path, modified, size or created, with - in \
     front for the reverse"
)]
pub struct SortError {
    /// What was written.
    pub text: String,
}

impl Sort {
    /// Reads the name of an order, with `-` in front for the reverse.
    pub fn parse(text: &str) -> Result<Self, SortError> {
        let (descending, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text),
        };
        let by = SortBy::ALL.into_iter().find(|by| by.name() == name);
        let by = by.ok_or_else(|| SortError { text: text.into() })?;
        Ok(Self { by, descending })
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.descending { "-" } else { "" };
        write!(out, "{sign}{}", self.by.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sort_orders() {
        for by in SortBy::ALL {
            for descending in [false, true] {
                let sort = Sort { by, descending };
                assert_eq!(Sort::parse(&sort.to_string()), Ok(sort), "{sort}");
            }
        }
        assert_eq!(Sort::default().to_string(), "path");
        assert_eq!(
            Sort::parse("-modified").map(|sort| sort.by),
            Ok(SortBy::Modified)
        );
        for text in ["", "-", "--size", "Size", "date"] {
            let message = Sort::parse(text).unwrap_err().to_string();
            assert!(message.contains("modified, size or created"), "{message}");
        }
    }
}
