//! Cursors: the position in a search as text, which a client sends back to get the next page.
//!
//! A cursor is opaque but not secret, and it grants no access: each page is checked against what the
//! client may see. It contains a fingerprint of its search, so that it is refused for any other search.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::core::query::forgiving::PlainWords;
use crate::core::query::hit::file_name;
use crate::core::query::position::{Position, SortValue};
use crate::core::query::sort::{MAX_SORT_KEYS, Sort, SortBy};
use crate::core::query::words::fold_name;
use crate::core::replication::timestamp::Timestamp;

/// The maximum length of a cursor in characters. A path of 1,025 bytes makes a cursor of 1,500.
pub const MAX_CURSOR_CHARS: usize = 4_096;

/// The version of the format. Raise it with every change; cursors of other versions are refused.
const VERSION: u8 = 3;

/// The length of the checksum at the end, in bytes.
const CHECKSUM_BYTES: usize = 4;

/// The position where a page ended, and the search that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cursor {
    /// The [`fingerprint`] of the search.
    pub fingerprint: u64,
    /// The time of the first page. Ages such as `modified:<7d` count back from it on every page.
    pub as_of: Timestamp,
    /// The position of the last hit on the page, or of the first one if the cursor is one of the page before it.
    pub position: Position,
    /// Whether the cursor is one of the page before the position.
    pub is_backward: bool,
}

/// Why a cursor cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CursorError {
    /// The text is not a cursor, or only a part of one.
    #[error(
        "the cursor is damaged; send the cursor of the last page unchanged, or start without one"
    )]
    Damaged,
    /// Another release of the program made the cursor.
    #[error("the cursor is from another version of the program; start again without a cursor")]
    Version,
    /// The cursor belongs to another query, sort order or set of Sources.
    #[error(
        "the cursor belongs to another query, sort order or Source; start this search without a cursor"
    )]
    OtherSearch,
}

/// Identifies a search by everything that decides its hits and their order.
///
/// The order of the Sources, and naming one twice, make no difference.
pub fn fingerprint(query_text: &str, words: PlainWords, sort: Sort, sources: &[&str]) -> u64 {
    let mut sources = sources.to_vec();
    sources.sort_unstable();
    sources.dedup();
    let mut hash = Xxh3::new();
    let sort = sort.to_string();
    hash.update(&[words as u8]);
    for text in [query_text, &sort].into_iter().chain(sources) {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.digest()
}

/// The start of one page of a search: at the first hit, or after the last hit of the previous page. Or its end: before
/// the first hit of the next page.
///
/// It reads the cursor that a client sends and writes the cursor of the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageStart {
    fingerprint: u64,
    as_of: Timestamp,
    after: Option<Position>,
    before: Option<Position>,
}

impl PageStart {
    /// The first page of the search with this [`fingerprint`].
    ///
    /// `now` is the time from which ages such as `modified:<7d` count back, on this page and on all
    /// later ones.
    pub fn first(fingerprint: u64, now: Timestamp) -> Self {
        Self {
            fingerprint,
            as_of: now,
            after: None,
            before: None,
        }
    }

    /// The page that a client requests with `cursor`, in the search with this [`fingerprint`] and sort order.
    /// The error says what is wrong with the cursor.
    pub fn from_cursor(cursor: &str, fingerprint: u64, sort: Sort) -> Result<Self, CursorError> {
        let cursor = Cursor::parse(cursor)?;
        if cursor.fingerprint != fingerprint {
            return Err(CursorError::OtherSearch);
        }
        let (values, keys) = (&cursor.position.values, sort.keys());
        let mut pairs = values.iter().zip(keys);
        if values.len() != keys.len() || !pairs.all(|(value, key)| is_value_of(value, key.by)) {
            return Err(CursorError::Damaged);
        }
        let (after, before) = if cursor.is_backward {
            (None, Some(cursor.position))
        } else {
            (Some(cursor.position), None)
        };
        Ok(Self {
            fingerprint,
            as_of: cursor.as_of,
            after,
            before,
        })
    }

    /// The time to pass to [`Query::parse`](crate::core::query::Query::parse).
    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// The position to pass to [`Request::after`](crate::core::query::Request::after); `None` on the
    /// first page.
    pub fn after(&self) -> Option<&Position> {
        self.after.as_ref()
    }

    /// The position to pass to [`Request::before`](crate::core::query::Request::before); `None` unless the client
    /// goes back.
    pub fn before(&self) -> Option<&Position> {
        self.before.as_ref()
    }

    /// Whether a cursor of another page leads to this one.
    pub fn is_continued(&self) -> bool {
        self.after.is_some() || self.before.is_some()
    }

    /// The cursor of the page after this one. `next` is [`Page::next`](crate::core::query::Page::next)
    /// of this page.
    pub fn next_cursor(&self, next: Position) -> String {
        self.cursor(next, false)
    }

    /// The cursor of the page before this one. `prev` is [`Page::prev`](crate::core::query::Page::prev)
    /// of this page.
    pub fn prev_cursor(&self, prev: Position) -> String {
        self.cursor(prev, true)
    }

    fn cursor(&self, position: Position, is_backward: bool) -> String {
        let cursor = Cursor {
            fingerprint: self.fingerprint,
            as_of: self.as_of,
            position,
            is_backward,
        };
        cursor.to_text()
    }
}

/// Whether hits in this order are sorted by this kind of value.
fn is_value_of(value: &SortValue, by: SortBy) -> bool {
    matches!(
        (value, by),
        (SortValue::Name(_), SortBy::Name)
            | (SortValue::Number(_), SortBy::Size)
            | (SortValue::Time(_), SortBy::Modified | SortBy::Created)
            | (SortValue::Relevance { .. }, SortBy::Relevance)
    )
}

impl Cursor {
    /// The cursor as text. It contains only letters, digits, `-` and `_`.
    ///
    /// The name in [`SortValue::Name`] is left out, because it follows from the path.
    pub fn to_text(&self) -> String {
        let Position {
            values,
            path,
            source,
            attempt,
            ranking,
        } = &self.position;
        let mut bytes = vec![VERSION];
        bytes.extend(self.fingerprint.to_le_bytes());
        bytes.extend(self.as_of.as_millis().to_le_bytes());
        bytes.push(u8::from(self.is_backward));
        bytes.push(*attempt);
        // A query has fewer than 256 words.
        let ranking = &ranking[..ranking.len().min(usize::from(u8::MAX))];
        bytes.push(ranking.len() as u8);
        bytes.extend(ranking);
        bytes.push(values.len() as u8);
        for value in values {
            match value {
                SortValue::Number(number) => {
                    bytes.push(1);
                    bytes.extend(number.to_le_bytes());
                }
                SortValue::Time(millis) => {
                    bytes.push(2);
                    bytes.extend(millis.to_le_bytes());
                }
                SortValue::Name(_) => bytes.push(3),
                SortValue::Relevance { score, name_words } => {
                    bytes.push(4);
                    bytes.extend(score.to_le_bytes());
                    bytes.extend(name_words.to_le_bytes());
                }
            }
        }
        bytes.extend((source.len() as u32).to_le_bytes());
        bytes.extend(source.as_bytes());
        bytes.extend(path.as_bytes());
        bytes.extend(checksum(&bytes));
        URL_SAFE_NO_PAD.encode(&bytes)
    }

    /// Reads the text that [`Cursor::to_text`] wrote.
    pub fn parse(text: &str) -> Result<Self, CursorError> {
        if text.len() > MAX_CURSOR_CHARS {
            return Err(CursorError::Damaged);
        }
        // The decoder refuses padding and unused bits that are not zero: each cursor has one text.
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| CursorError::Damaged)?;
        let (content, sum) = bytes
            .split_last_chunk::<CHECKSUM_BYTES>()
            .ok_or(CursorError::Damaged)?;
        if checksum(content) != *sum {
            return Err(CursorError::Damaged);
        }
        match content.split_first() {
            Some((&VERSION, rest)) => Reader { rest }.cursor().ok_or(CursorError::Damaged),
            _ => Err(CursorError::Version),
        }
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    (xxh3_64(bytes) as u32).to_le_bytes()
}

/// Reads the content of a cursor from its start.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn cursor(mut self) -> Option<Cursor> {
        let fingerprint = u64::from_le_bytes(self.take()?);
        let as_of = Timestamp::from_millis(i64::from_le_bytes(self.take()?));
        let is_backward = match self.take()? {
            [0] => false,
            [1] => true,
            _ => return None,
        };
        let [attempt, ranking_len] = self.take()?;
        let (ranking, rest) = self.rest.split_at_checked(usize::from(ranking_len))?;
        let ranking = ranking.to_vec();
        self.rest = rest;
        let [values_len] = self.take()?;
        if usize::from(values_len) > MAX_SORT_KEYS {
            return None;
        }
        let mut values = Vec::with_capacity(MAX_SORT_KEYS);
        for _ in 0..values_len {
            values.push(self.value()?);
        }
        let source_len = u32::from_le_bytes(self.take()?) as usize;
        let (source, path) = self.rest.split_at_checked(source_len)?;
        let source = str::from_utf8(source).ok()?.to_owned();
        let path = str::from_utf8(path).ok()?.to_owned();
        for value in &mut values {
            if let SortValue::Name(name) = value {
                *name = fold_name(file_name(&path));
            }
        }
        Some(Cursor {
            fingerprint,
            as_of,
            is_backward,
            position: Position {
                values,
                path,
                source,
                attempt,
                ranking,
            },
        })
    }

    /// The value of one key. A name is still empty.
    fn value(&mut self) -> Option<SortValue> {
        let [tag] = self.take()?;
        Some(match tag {
            1 => SortValue::Number(u64::from_le_bytes(self.take()?)),
            2 => SortValue::Time(i64::from_le_bytes(self.take()?)),
            3 => SortValue::Name(String::new()),
            4 => SortValue::Relevance {
                score: u32::from_le_bytes(self.take()?),
                name_words: u32::from_le_bytes(self.take()?),
            },
            _ => return None,
        })
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }
}

#[cfg(test)]
mod tests;
