//! The walk over one key range, page by page: what to request next, and which keys each page covers.
//!
//! It sends no requests. The scanner and the bucket do, and they retry.

use std::ops::Bound;

use crate::core::replication::interval::{KeyInterval, KeyRange};
use crate::core::replication::object::Object;
use crate::core::replication::timestamp::Timestamp;
use crate::core::replication::unusable_key::UnusableKey;

/// The maximum number of keys on a page of S3.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
pub const MAX_KEYS: u16 = 1000;

/// The maximum number of pages without a key in a row.
///
/// S3 may send empty pages if there are many delete markers. A server that never stops sending empty pages
/// must not block a scan forever.
pub const MAX_EMPTY_PAGES: u32 = 10_000;

/// A walk that gets this many pages without a key in a row is reported, and again after as many more.
pub const EMPTY_PAGES_PER_REPORT: u32 = 500;

/// One key with its object, as a page lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageEntry {
    /// The key, decoded, byte for byte as it was written.
    pub key: String,
    /// The object, as the page describes it.
    pub object: Object,
}

/// One response to ListObjectsV2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingPage {
    /// The listed keys, in the order of the response.
    pub entries: Vec<PageEntry>,
    /// The listed keys that the index cannot have, in the order of the response.
    pub unusable: Vec<UnusableKey>,
    /// How to request the next page. `None` if S3 says that this is the last one.
    pub next: Option<ContinuationToken>,
    /// Never later than the snapshot of the bucket that the page shows.
    pub listed_at: Timestamp,
}

/// S3's token for the next page. It is opaque, and need not be valid after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContinuationToken(pub String);

/// A request to ListObjectsV2 for one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// List only keys that start with this prefix.
    pub prefix: String,
    /// List only keys after this key. It is not sent if there is a token, because the token takes precedence.
    pub start_after: Option<String>,
    /// The token of the previous page, if any.
    pub token: Option<ContinuationToken>,
    /// Maximum number of keys, 1 to [`MAX_KEYS`].
    pub max_keys: u16,
}

/// The facts that one page proves about its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageCoverage {
    /// Every key of this interval that exists is in `entries`, except for those in the `gaps`.
    pub interval: KeyInterval,
    /// The keys of the interval, ascending.
    pub entries: Vec<PageEntry>,
    /// The number of entries before each key whose encoding is broken, ascending. Such a key can be any between its
    /// neighbors, so the page says nothing about the keys between them.
    pub gaps: Vec<usize>,
    /// The keys of the range that the index cannot have, for people.
    pub unusable: Vec<String>,
    /// Never later than the snapshots of the bucket that this page shows, and those pages before it that ended after
    /// the interval of their coverage.
    pub listed_at: Timestamp,
    /// The next request. `None` if the range is done.
    pub next: Option<PageRequest>,
    /// The part of the range that this page lists. An interrupted walk does not list it again. `None` if the page has no
    /// key and is not the last one.
    pub listed: Option<KeyRange>,
}

/// A part of a page without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoveragePart {
    /// Every key of this interval that exists is in `entries`.
    pub interval: KeyInterval,
    /// The keys of the interval, ascending.
    pub entries: Vec<PageEntry>,
}

impl PageCoverage {
    /// Whether the page says what is under this key.
    pub fn covers(&self, key: &str) -> bool {
        let position = self
            .entries
            .partition_point(|entry| entry.key.as_str() < key);
        let is_listed = self
            .entries
            .get(position)
            .is_some_and(|entry| entry.key == key);
        self.interval.contains(key) && (is_listed || !self.gaps.contains(&position))
    }

    /// Takes the entries out of the coverage, in parts without gaps, ascending. There is at least one part, which may
    /// be empty.
    pub fn take_parts(&mut self) -> Vec<CoveragePart> {
        let mut entries = std::mem::take(&mut self.entries);
        let mut interval = self.interval.clone();
        let mut parts = Vec::new();
        for gap in self.gaps.iter().rev() {
            let after = entries.split_off(*gap);
            if let Some(first) = after.first() {
                parts.push(CoveragePart {
                    interval: KeyInterval {
                        lower: Bound::Included(first.key.clone()),
                        upper: interval.upper.clone(),
                    },
                    entries: after,
                });
            }
            interval = match entries.last() {
                Some(last) => interval.up_to(&last.key),
                None => KeyInterval::nothing(),
            };
        }
        if !interval.is_empty() || parts.is_empty() {
            parts.push(CoveragePart { interval, entries });
        }
        parts.reverse();
        parts
    }
}

/// A page contradicts its request or the order of keys. The text names no key, because it goes to logs at all
/// levels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// Two keys in the wrong order, or the same key twice.
    #[error(
        "the listing is not in ascending key order. Directory buckets and stores that list in another \
         order are not supported. At debug level, the log names the keys."
    )]
    Unordered {
        /// The previous key.
        previous: String,
        /// The key that should have been greater.
        key: String,
    },
    /// A key without the requested prefix.
    #[error(
        "the listing contains a key that does not start with the requested prefix. At debug level, the \
         log names both."
    )]
    OutsidePrefix {
        /// The requested prefix.
        prefix: String,
        /// The key.
        key: String,
    },
    /// The token for the next page is the token of this page: the next page would be this one again.
    #[error(
        "the listing makes no progress: the store returned the continuation token that it was sent"
    )]
    SameToken,
    /// More than [`MAX_EMPTY_PAGES`] pages without a key in a row.
    #[error("the listing makes no progress: {MAX_EMPTY_PAGES} pages without a key in a row")]
    NoProgress,
    /// The encoding of a key is broken, so it is unknown whether it is the requested key.
    #[error(
        "the store lists a key with a broken percent-encoding, so it is unknown whether it is this key"
    )]
    BrokenKey,
}

/// A walk over one key range.
#[derive(Clone, Debug)]
pub struct RangeWalk {
    /// The part that is left to list. Its `after` advances with the pages.
    rest: KeyRange,
    /// The token of the last request.
    token: Option<ContinuationToken>,
    /// The maximum number of keys of the last request, for ranges of more than one key.
    max_keys: u16,
    empty_pages: u32,
    /// The earliest timestamp of the pages that ended after the coverage so far.
    open_since: Option<Timestamp>,
    /// Whether a key with a broken encoding was listed after the coverage so far.
    gap_follows: bool,
}

impl RangeWalk {
    /// A walk that starts at the beginning of the range.
    pub fn new(range: KeyRange) -> Self {
        Self {
            rest: range,
            token: None,
            max_keys: MAX_KEYS,
            empty_pages: 0,
            open_since: None,
            gap_follows: false,
        }
    }

    /// The same walk with at most this many keys on the first page.
    pub fn with_first_keys(mut self, max_keys: u16) -> Self {
        self.max_keys = max_keys;
        self
    }

    /// The first request of the walk.
    pub fn first_request(&self) -> PageRequest {
        PageRequest {
            prefix: self.rest.prefix.clone(),
            start_after: self.rest.after.clone(),
            token: None,
            max_keys: self.max_keys(),
        }
    }

    /// The part that is left to list.
    pub fn rest(&self) -> &KeyRange {
        &self.rest
    }

    /// Lets the walk end at `until`, if it would end later. Another walk lists what comes after. `until` is not below a
    /// key that was listed.
    pub fn end_at(&mut self, until: Option<&str>) {
        let is_earlier = |until: &&str| self.rest.until.as_deref().is_none_or(|end| *until < end);
        if let Some(until) = until.filter(is_earlier) {
            self.rest.until = Some(until.to_owned());
        }
    }

    /// The number of pages without a key in a row, if it is time to report it.
    pub fn empty_pages_to_report(&self) -> Option<u32> {
        let is_due =
            self.empty_pages > 0 && self.empty_pages.is_multiple_of(EMPTY_PAGES_PER_REPORT);
        is_due.then_some(self.empty_pages)
    }

    fn max_keys(&self) -> u16 {
        if self.rest.is_single_key() {
            1
        } else {
            self.max_keys
        }
    }

    /// Takes the response to the last request, checks it, and returns what it proves.
    ///
    /// # Errors
    ///
    /// If the page contradicts its request, or the order of keys. Then nothing on it counts.
    pub fn accept(&mut self, page: ListingPage) -> Result<PageCoverage, ListingError> {
        let ListingPage {
            mut entries,
            mut unusable,
            next,
            listed_at,
        } = page;
        self.check_order(&entries)?;
        self.check_prefix(&unusable)?;
        if next.is_some() && next == self.token {
            return Err(ListingError::SameToken);
        }
        self.token.clone_from(&next);
        let is_full = entries.len() + unusable.len() >= usize::from(self.max_keys());
        self.max_keys = MAX_KEYS;
        let overshoots = self.cut_at_end(&mut entries, &mut unusable);
        self.count_empty(&entries)?;
        let whole_rest = self.rest.interval();
        let last_key = entries.last().map(|entry| entry.key.clone());
        let at_end = last_key.is_some() && last_key == self.rest.until;
        let done = overshoots || at_end || next.is_none();
        let interval = match &last_key {
            _ if done => whole_rest,
            Some(last) => whole_rest.up_to(last),
            None => KeyInterval::nothing(),
        };
        // A key that was put after an earlier page, and before the end of that page, is not on this page.
        let covered_since = self
            .open_since
            .map_or(listed_at, |since| since.min(listed_at));
        let gaps = self.gaps(&unusable, entries.len(), done);
        // A page that is not full can end after its last key, for example after delete markers.
        let is_open = !is_full || unusable.iter().any(|key| key.position == entries.len());
        let end = if done {
            self.rest.until.clone()
        } else {
            last_key.clone()
        };
        let listed = (done || end.is_some()).then(|| KeyRange {
            until: end,
            ..self.rest.clone()
        });
        if let Some(last) = last_key {
            self.rest.after = Some(last);
            self.open_since = is_open.then_some(listed_at);
        } else {
            self.open_since = Some(covered_since);
        }
        let unusable = unusable.into_iter().map(|key| key.text).collect();
        let next = (!done).then(|| PageRequest {
            token: next,
            ..self.first_request()
        });
        Ok(PageCoverage {
            interval,
            entries,
            gaps,
            unusable,
            listed_at: covered_since,
            next,
            listed,
        })
    }

    fn check_order(&self, entries: &[PageEntry]) -> Result<(), ListingError> {
        let mut previous = self.rest.after.as_deref();
        for PageEntry { key, .. } in entries {
            if !key.starts_with(&self.rest.prefix) {
                return Err(ListingError::OutsidePrefix {
                    prefix: self.rest.prefix.clone(),
                    key: key.clone(),
                });
            }
            if let Some(previous) = previous.filter(|previous| key.as_str() <= *previous) {
                return Err(ListingError::Unordered {
                    previous: previous.to_owned(),
                    key: key.clone(),
                });
            }
            previous = Some(key);
        }
        Ok(())
    }

    fn check_prefix(&self, unusable: &[UnusableKey]) -> Result<(), ListingError> {
        let prefix = &self.rest.prefix;
        let is_outside = |key: &&UnusableKey| {
            let bytes = key.bytes.as_ref();
            bytes.is_some_and(|bytes| !bytes.starts_with(prefix.as_bytes()))
        };
        match unusable.iter().find(is_outside) {
            None => Ok(()),
            Some(key) => Err(ListingError::OutsidePrefix {
                prefix: prefix.clone(),
                key: key.text.clone(),
            }),
        }
    }

    /// Drops the keys after the end of the range. Returns whether there were any.
    fn cut_at_end(&self, entries: &mut Vec<PageEntry>, unusable: &mut Vec<UnusableKey>) -> bool {
        let Some(until) = &self.rest.until else {
            return false;
        };
        let listed = entries.len() + unusable.len();
        let inside = entries.partition_point(|entry| entry.key <= *until);
        entries.truncate(inside);
        let is_last = |position| position == inside;
        unusable.retain(|key| match &key.bytes {
            Some(bytes) if is_last(key.position) => bytes.as_slice() <= until.as_bytes(),
            _ => key.position <= inside,
        });
        entries.len() + unusable.len() < listed
    }

    /// See [`PageCoverage::gaps`]. A gap after the last key of a page is one before the first key of the next page.
    fn gaps(&mut self, unusable: &[UnusableKey], entries: usize, done: bool) -> Vec<usize> {
        let broken = unusable.iter().filter(|key| key.bytes.is_none());
        let mut gaps: Vec<usize> = self.gap_follows.then_some(0).into_iter().collect();
        gaps.extend(broken.map(|key| key.position));
        gaps.dedup();
        if done {
            return gaps;
        }
        self.gap_follows = gaps.last() == Some(&entries);
        gaps.retain(|position| *position < entries);
        gaps
    }

    fn count_empty(&mut self, entries: &[PageEntry]) -> Result<(), ListingError> {
        self.empty_pages = if entries.is_empty() {
            self.empty_pages + 1
        } else {
            0
        };
        if self.empty_pages > MAX_EMPTY_PAGES {
            return Err(ListingError::NoProgress);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
