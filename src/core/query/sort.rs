//! The order of hits, and its name in text.
//!
//! This module only defines the orders. The index sorts the hits.

use std::fmt;

use crate::core::query::term::{Condition, Query};

/// The property that hits are sorted by.
///
/// Each order is total: hits with the same value are sorted by asset path, then by the name of the
/// Source, both ascending by bytes. Only a descending order by path reverses these two as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SortBy {
    /// How well the words match, best first. Equal matches with fewer words in the file name come
    /// first. A query without words is sorted by path.
    Relevance,
    /// The file name, by the bytes of [`crate::core::query::words::fold_name`].
    Name,
    /// The asset path, by its bytes.
    #[default]
    Path,
    /// When S3 last changed the object.
    Modified,
    /// The size in bytes.
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

    /// The name of the order in text.
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
    /// The value that hits are compared by.
    pub by: SortBy,
    /// Whether the greatest value comes first. With relevance, the worst match comes first.
    pub descending: bool,
}

/// The text does not name a sort order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown sort order {text:?}; write relevance, name, path, modified, size or created, with a - in \
     front to reverse it"
)]
#[non_exhaustive]
pub struct SortError {
    /// The text that was given.
    pub text: String,
}

impl Sort {
    /// The order that a search has if the user does not choose one.
    ///
    /// It is relevance, or path if the query finds everything and so has nothing to rank by. The
    /// library, the HTTP interface and the command line all follow this rule.
    pub fn default_for(query: &Query) -> Self {
        let by = match &query.condition {
            Condition::All(none) if none.is_empty() => SortBy::Path,
            _ => SortBy::Relevance,
        };
        Self {
            by,
            descending: false,
        }
    }

    /// Reads the name of an order, with a `-` in front to reverse it.
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
    fn default_order_is_relevance_unless_everything_is_found() {
        let now = crate::core::replication::timestamp::Timestamp::from_millis(0);
        for (text, want) in [
            ("", SortBy::Path),
            (" ", SortBy::Path),
            ("summer", SortBy::Relevance),
            ("ext:jpg", SortBy::Relevance),
            ("-summer", SortBy::Relevance),
        ] {
            let query = Query::parse(text, now).unwrap();
            assert_eq!(Sort::default_for(&query).by, want, "{text:?}");
        }
    }

    #[test]
    fn reads_the_names_that_it_writes() {
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
