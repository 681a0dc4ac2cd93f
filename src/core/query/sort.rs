//! The order of hits, and its name in text.
//!
//! This module only defines the orders. The index sorts the hits.

use std::fmt;

use crate::core::query::advice;
use crate::core::query::term::Query;

/// The maximum number of keys of a [`Sort`], in addition to the path.
pub const MAX_SORT_KEYS: usize = 3;

/// The property that hits are sorted by.
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
    /// All orders.
    pub(crate) const ALL: [Self; 6] = [
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

/// A property to sort by, and its direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SortKey {
    /// The property.
    pub by: SortBy,
    /// Whether the greatest value comes first. With relevance, the worst match comes first.
    pub descending: bool,
}

impl SortKey {
    /// Reads the name of a property, with a `-` in front to reverse it.
    fn parse(text: &str) -> Result<Self, SortError> {
        let (descending, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text),
        };
        let by = SortBy::ALL.into_iter().find(|by| by.name() == name);
        let by = by.ok_or_else(|| SortError::Unknown { text: text.into() })?;
        Ok(Self { by, descending })
    }
}

impl fmt::Display for SortKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.descending { "-" } else { "" };
        write!(out, "{sign}{}", self.by.name())
    }
}

/// The order of hits: by up to [`MAX_SORT_KEYS`] keys, then by asset path, then by the name of the Source.
///
/// Each order is total. Path and Source ascend by bytes, unless the last key is a descending path. The order
/// `-size` is the same as `-size,path`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// The keys before the path. A key that is not used has the default, which is the path.
    keys: [SortKey; MAX_SORT_KEYS],
    /// Whether path and Source descend.
    path_descends: bool,
}

/// The order that somebody wants who writes it as in another service, as the begin of a list.
fn instead_of(text: &str) -> String {
    let is_known = |name: &str| SortBy::ALL.iter().any(|by| by.name() == name);
    let wanted = advice::of_sort(text, is_known);
    wanted
        .map(|wanted| format!("{wanted}; in general "))
        .unwrap_or_default()
}

/// Why a text or a list of keys is no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SortError {
    /// The text does not name a property.
    #[error(
        "unknown sort order {text:?}; write {}relevance, name, path, modified, size or created, with a - in \
         front to reverse it, and commas between several",
        instead_of(text)
    )]
    Unknown {
        /// The text that was given.
        text: String,
    },
    /// There are more than [`MAX_SORT_KEYS`] keys before the path.
    #[error("a sort order has at most {MAX_SORT_KEYS} keys, and path after them; leave some out")]
    TooMany,
    /// A property occurs twice.
    #[error("the sort order has {name} twice; leave one out")]
    Repeated {
        /// The name of the property.
        name: &'static str,
    },
    /// A key follows the path.
    #[error(
        "{name} cannot follow path in a sort order, because paths differ; write path as the last key"
    )]
    AfterPath {
        /// The name of the key.
        name: &'static str,
    },
}

impl Sort {
    /// The ascending order by this property, then by path.
    pub const fn by(by: SortBy) -> Self {
        const PATH: SortKey = SortKey {
            by: SortBy::Path,
            descending: false,
        };
        let first = SortKey {
            by,
            descending: false,
        };
        Self {
            keys: [first, PATH, PATH],
            path_descends: false,
        }
    }

    /// The order by these keys, the most important one first. Without a key, it is by path.
    pub fn new(keys: impl IntoIterator<Item = SortKey>) -> Result<Self, SortError> {
        let mut sort = Self::default();
        let (mut count, mut has_path) = (0, false);
        for key in keys {
            let name = key.by.name();
            if (has_path && key.by == SortBy::Path) || sort.has(key.by) {
                return Err(SortError::Repeated { name });
            }
            if has_path {
                return Err(SortError::AfterPath { name });
            }
            if key.by == SortBy::Path {
                has_path = true;
                sort.path_descends = key.descending;
                continue;
            }
            *sort.keys.get_mut(count).ok_or(SortError::TooMany)? = key;
            count += 1;
        }
        Ok(sort)
    }

    /// The order that a search has if the user does not choose one.
    ///
    /// It is relevance, or path if the query finds everything and so has nothing to rank by. The
    /// library, the HTTP interface and the command line all follow this rule.
    pub fn default_for(query: &Query) -> Self {
        if query.finds_all() {
            Self::default()
        } else {
            Self::by(SortBy::Relevance)
        }
    }

    /// Reads the names of the keys, with commas between them, and a `-` in front of a name to reverse it:
    /// `-modified,name`.
    pub fn parse(text: &str) -> Result<Self, SortError> {
        let keys = text.split(',').map(SortKey::parse);
        Self::new(keys.collect::<Result<Vec<_>, _>>()?)
    }

    /// The keys before the path, the most important one first.
    pub fn keys(&self) -> &[SortKey] {
        let used = self.keys.iter().take_while(|key| key.by != SortBy::Path);
        &self.keys[..used.count()]
    }

    /// Whether path and Source descend.
    pub fn path_descends(&self) -> bool {
        self.path_descends
    }

    /// Whether hits are sorted by this property before they are sorted by path.
    pub fn has(&self, by: SortBy) -> bool {
        self.keys().iter().any(|key| key.by == by)
    }

    /// The opposite order: the last hit comes first.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        let count = self.keys().len();
        for key in &mut self.keys[..count] {
            key.descending = !key.descending;
        }
        self.path_descends = !self.path_descends;
        self
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.keys().iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(out, "{comma}{key}")?;
        }
        match (self.keys().is_empty(), self.path_descends) {
            (true, false) => write!(out, "path"),
            (true, true) => write!(out, "-path"),
            (false, false) => Ok(()),
            (false, true) => write!(out, ",-path"),
        }
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
            assert_eq!(Sort::default_for(&query), Sort::by(want), "{text:?}");
        }
    }

    #[test]
    fn reads_the_names_that_it_writes() {
        for text in [
            "relevance",
            "-relevance",
            "path",
            "-path",
            "-size",
            "name,-path",
            "-modified,name",
            "relevance,-created,size,-path",
        ] {
            assert_eq!(Sort::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Sort::default().to_string(), "path");
        assert_eq!(Sort::parse("-size,path"), Sort::parse("-size"));
        let several = Sort::parse("-modified,name").unwrap();
        let [first, second] = several.keys() else {
            panic!("{several}");
        };
        assert_eq!((first.by, first.descending), (SortBy::Modified, true));
        assert_eq!((second.by, second.descending), (SortBy::Name, false));
    }

    #[test]
    fn refuses_what_is_no_order() {
        for (text, want) in [
            ("", "modified, size or created"),
            ("-", "modified, size or created"),
            ("--size", "\"--size\""),
            ("Size", "\"Size\""),
            ("name,", "\"\""),
            ("size,date", "\"date\""),
            ("size,-size", "size twice"),
            ("path,-path", "path twice"),
            ("path,size", "size cannot follow path"),
            ("size,name,created,modified", "at most 3"),
        ] {
            let message = Sort::parse(text).unwrap_err().to_string();
            assert!(message.contains(want), "{text}: {message}");
        }
    }

    #[test]
    fn reversed_order_is_the_opposite() {
        for (text, want) in [
            ("path", "-path"),
            ("-size", "size,-path"),
            ("-modified,name", "modified,-name,-path"),
        ] {
            let sort = Sort::parse(text).unwrap();
            assert_eq!(sort.reversed().to_string(), want);
            assert_eq!(sort.reversed().reversed(), sort);
        }
    }
}
