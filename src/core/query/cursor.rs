//! A position as text that a client keeps and hands back for the next page.
//!
//! The text is opaque but no secret, and it grants nothing: whoever hands it back is asked again what
//! they may see. It only tells whether it belongs to the search that it is used with.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::core::query::hit::file_name;
use crate::core::query::position::{Position, SortValue};
use crate::core::query::sort::Sort;
use crate::core::query::words::fold_name;
use crate::core::replication::timestamp::Timestamp;

/// The most characters of a cursor; a path of 1,025 bytes makes 1,500.
pub const MAX_CURSOR_CHARS: usize = 4_096;

/// Raised when what a cursor holds changes; one of another version is refused.
const VERSION: u8 = 1;

/// The bytes of the checksum at the end.
const CHECK_BYTES: usize = 4;

/// Where a page ended, and of which search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Of the search: see [`fingerprint`].
    pub fingerprint: u64,
    /// The "now" of the first page, from which ages such as `modified:<7d` count to the last page.
    pub as_of: Timestamp,
    /// The last hit of the page.
    pub position: Position,
}

/// A cursor that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not a cursor, or not all of it.
    #[error("the cursor is damaged; hand back the one of the last answer as it was, or none")]
    Damaged,
    /// Of another release of the program.
    #[error("the cursor is of another version; begin again without one")]
    Version,
}

/// Tells a search by all that decides its hits and their order; the order of the Sources does not.
pub fn fingerprint(query_text: &str, sort: Sort, sources: &[&str]) -> u64 {
    let mut sources = sources.to_vec();
    sources.sort_unstable();
    sources.dedup();
    let mut hash = Xxh3::new();
    let sort = sort.to_string();
    for text in [query_text, &sort].into_iter().chain(sources) {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.digest()
}

impl Cursor {
    /// The cursor as text: letters, digits, `-` and `_` alone.
    ///
    /// The name of [`SortValue::Name`] is not in it: it follows from the path.
    pub fn to_text(&self) -> String {
        let Position {
            value,
            path,
            source,
        } = &self.position;
        let mut bytes = vec![VERSION];
        bytes.extend(self.fingerprint.to_le_bytes());
        bytes.extend(self.as_of.as_millis().to_le_bytes());
        match value {
            SortValue::Path => bytes.push(0),
            SortValue::Number(number) => {
                bytes.push(1);
                bytes.extend(number.to_le_bytes());
            }
            SortValue::Moment(moment) => {
                bytes.push(2);
                bytes.extend(moment.to_le_bytes());
            }
            SortValue::Name(_) => bytes.push(3),
            SortValue::Relevance { score, name_words } => {
                bytes.push(4);
                bytes.extend(score.to_le_bytes());
                bytes.extend(name_words.to_le_bytes());
            }
        }
        bytes.extend((source.len() as u32).to_le_bytes());
        bytes.extend(source.as_bytes());
        bytes.extend(path.as_bytes());
        bytes.extend(check(&bytes));
        base64::to_text(&bytes)
    }

    /// Reads what [`Cursor::to_text`] wrote.
    pub fn parse(text: &str) -> Result<Self, CursorError> {
        if text.len() > MAX_CURSOR_CHARS {
            return Err(CursorError::Damaged);
        }
        let bytes = base64::parse(text).ok_or(CursorError::Damaged)?;
        let (told, sum) = bytes
            .split_last_chunk::<CHECK_BYTES>()
            .ok_or(CursorError::Damaged)?;
        if check(told) != *sum {
            return Err(CursorError::Damaged);
        }
        match told.split_first() {
            Some((&VERSION, rest)) => Reader { rest }.cursor().ok_or(CursorError::Damaged),
            _ => Err(CursorError::Version),
        }
    }
}

fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    (xxh3_64(bytes) as u32).to_le_bytes()
}

/// What is left of a cursor to read.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn cursor(mut self) -> Option<Cursor> {
        let fingerprint = u64::from_le_bytes(self.take()?);
        let as_of = Timestamp::from_millis(i64::from_le_bytes(self.take()?));
        let [tag] = self.take()?;
        let mut value = match tag {
            0 => SortValue::Path,
            1 => SortValue::Number(u64::from_le_bytes(self.take()?)),
            2 => SortValue::Moment(i64::from_le_bytes(self.take()?)),
            3 => SortValue::Name(String::new()),
            4 => SortValue::Relevance {
                score: u32::from_le_bytes(self.take()?),
                name_words: u32::from_le_bytes(self.take()?),
            },
            _ => return None,
        };
        let source_len = u32::from_le_bytes(self.take()?) as usize;
        let (source, path) = self.rest.split_at_checked(source_len)?;
        let source = str::from_utf8(source).ok()?.to_owned();
        let path = str::from_utf8(path).ok()?.to_owned();
        if let SortValue::Name(name) = &mut value {
            *name = fold_name(file_name(&path));
        }
        Some(Cursor {
            fingerprint,
            as_of,
            position: Position {
                value,
                path,
                source,
            },
        })
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }
}

mod base64;

#[cfg(test)]
mod tests;
