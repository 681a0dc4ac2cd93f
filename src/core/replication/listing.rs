//! The walk over one key range, page by page: what to request next, and which keys each page covers.
//!
//! It sends no requests. The scanner and the bucket do, and they retry.

use crate::core::replication::interval::{KeyInterval, KeyRange};
use crate::core::replication::object::Object;
use crate::core::replication::timestamp::Timestamp;

/// The maximum number of keys on a page of S3.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
pub const MAX_KEYS: u16 = 1000;

/// The maximum number of pages without a key in a row.
///
/// S3 may send empty pages if there are many delete markers. A server that never stops sending empty pages
/// must not block a scan forever.
pub const MAX_EMPTY_PAGES: u32 = 10_000;

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
    /// Every key of this interval that exists is in `entries`.
    pub interval: KeyInterval,
    /// The keys of the interval, ascending.
    pub entries: Vec<PageEntry>,
    /// See [`ListingPage::listed_at`].
    pub listed_at: Timestamp,
    /// The next request. `None` if the range is done.
    pub next: Option<PageRequest>,
    /// The last key covered by this page or an earlier one. An interrupted walk resumes after it. `None` if no
    /// key has been covered yet.
    pub resume_after: Option<String>,
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
}

/// A walk over one key range.
#[derive(Clone, Debug)]
pub struct RangeWalk {
    /// The part that is left to list. Its `after` advances with the pages.
    rest: KeyRange,
    /// The token of the last request.
    token: Option<ContinuationToken>,
    empty_pages: u32,
}

impl RangeWalk {
    /// A walk that starts at the beginning of the range.
    pub fn new(range: KeyRange) -> Self {
        Self {
            rest: range,
            token: None,
            empty_pages: 0,
        }
    }

    /// The first request of the walk.
    pub fn first_request(&self) -> PageRequest {
        PageRequest {
            prefix: self.rest.prefix.clone(),
            start_after: self.rest.after.clone(),
            token: None,
            max_keys: if self.rest.is_single_key() {
                1
            } else {
                MAX_KEYS
            },
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
            next,
            listed_at,
        } = page;
        self.check_order(&entries)?;
        if next.is_some() && next == self.token {
            return Err(ListingError::SameToken);
        }
        self.token.clone_from(&next);
        let overshoots = self.cut_at_end(&mut entries);
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
        if last_key.is_some() {
            self.rest.after = last_key;
        }
        let next = (!done).then(|| PageRequest {
            token: next,
            ..self.first_request()
        });
        Ok(PageCoverage {
            interval,
            entries,
            listed_at,
            next,
            resume_after: self.rest.after.clone(),
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

    /// Drops the entries after the end of the range. Returns whether there were any.
    fn cut_at_end(&self, entries: &mut Vec<PageEntry>) -> bool {
        let Some(until) = &self.rest.until else {
            return false;
        };
        let inside = entries.partition_point(|entry| entry.key <= *until);
        let overshoots = inside < entries.len();
        entries.truncate(inside);
        overshoots
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
mod tests {
    use super::*;
    use crate::core::replication::object::StorageClass;

    fn entry(key: &str) -> PageEntry {
        PageEntry {
            key: key.into(),
            object: Object {
                size: 1,
                etag: None,
                last_modified: Timestamp::from_millis(0),
                storage_class: StorageClass::Standard,
            },
        }
    }

    fn page(keys: &[&str], next: Option<&str>) -> ListingPage {
        ListingPage {
            entries: keys.iter().map(|key| entry(key)).collect(),
            next: next.map(|token| ContinuationToken(token.into())),
            listed_at: Timestamp::from_millis(7),
        }
    }

    /// Walks a bucket of `keys` in pages of `per_page` and checks that the coverages tile the range.
    fn walk_all(range: &KeyRange, keys: &[&str], per_page: usize) {
        let mut walk = RangeWalk::new(range.clone());
        let mut request = Some(walk.first_request());
        let mut coverages = Vec::new();
        while let Some(current) = request {
            let from = match &current.token {
                Some(token) => token.0.clone(),
                None => current.start_after.clone().unwrap_or_default(),
            };
            let all: Vec<&str> = keys
                .iter()
                .copied()
                .filter(|key| key.starts_with(&current.prefix))
                .filter(|key| *key > from.as_str() || (from.is_empty() && current.token.is_none()))
                .collect();
            let shown = &all[..all.len().min(per_page).min(current.max_keys.into())];
            let token = (shown.len() < all.len()).then(|| *shown.last().unwrap());
            let coverage = walk.accept(page(shown, token)).unwrap();
            request = coverage.next.clone();
            coverages.push(coverage);
        }
        let inside = range.interval();
        let listed: Vec<&str> = coverages
            .iter()
            .flat_map(|s| s.entries.iter().map(|e| e.key.as_str()))
            .collect();
        let want: Vec<&str> = keys
            .iter()
            .copied()
            .filter(|k| inside.contains(k))
            .collect();
        assert_eq!(listed, want, "{range:?} by {per_page}");
        for key in keys
            .iter()
            .copied()
            .chain(["", "a/aa", "a/zz", "b/b", "zz"])
        {
            let holders = coverages.iter().filter(|s| s.interval.contains(key));
            assert_eq!(
                holders.count(),
                usize::from(inside.contains(key)),
                "{key} in {range:?} by {per_page}"
            );
        }
    }

    #[test]
    fn pages_tile_their_range_without_gap_or_overlap() {
        let keys = ["", "a", "a/", "a/b", "a/c", "a/d", "a0", "b", "b/c", "é"];
        for per_page in 1..=keys.len() + 1 {
            for prefix in ["", "a", "a/", "b/", "x"] {
                for after in [None, Some("a/b"), Some("a/bb"), Some("a")] {
                    for until in [None, Some("a/c"), Some("a/cc"), Some("b/c"), Some("zzz")] {
                        let range = KeyRange {
                            prefix: prefix.into(),
                            after: after.map(Into::into),
                            until: until.map(Into::into),
                        };
                        walk_all(&range, &keys, per_page);
                    }
                }
            }
        }
    }

    #[test]
    fn walk_of_a_single_key_requests_one_key() {
        let mut walk = RangeWalk::new(KeyRange::only("a"));
        assert_eq!(walk.first_request().max_keys, 1);
        let coverage = walk.accept(page(&["a/b"], Some("t"))).unwrap();
        assert_eq!(coverage.next, None);
        assert!(coverage.entries.is_empty() && coverage.interval.contains("a"));
    }

    #[test]
    fn empty_page_with_a_token_covers_nothing() {
        let mut walk = RangeWalk::new(KeyRange::under("a/"));
        let coverage = walk.accept(page(&[], Some("t"))).unwrap();
        assert!(coverage.interval.is_empty() && !coverage.interval.contains("a/b"));
        assert_eq!(coverage.resume_after, None);
        assert_eq!(
            coverage.next.unwrap().token,
            Some(ContinuationToken("t".into()))
        );
    }

    #[test]
    fn unordered_duplicate_and_foreign_keys_are_refused() {
        for (keys, words) in [
            (&["b", "a"][..], "ascending"),
            (&["a", "a"][..], "ascending"),
        ] {
            let refused = RangeWalk::new(KeyRange::under("")).accept(page(keys, None));
            assert!(refused.unwrap_err().to_string().contains(words));
        }
        let refused = RangeWalk::new(KeyRange::under("a/")).accept(page(&["b"], None));
        assert!(refused.unwrap_err().to_string().contains("prefix"));
        let mut walk = RangeWalk::new(KeyRange::under(""));
        walk.accept(page(&["m"], Some("t"))).unwrap();
        assert!(walk.accept(page(&["c"], None)).is_err());
    }

    #[test]
    fn number_of_empty_pages_is_limited() {
        let mut walk = RangeWalk::new(KeyRange::under(""));
        for number in 0..MAX_EMPTY_PAGES {
            walk.accept(page(&[], Some(&number.to_string()))).unwrap();
        }
        assert_eq!(
            walk.accept(page(&[], Some("t"))),
            Err(ListingError::NoProgress)
        );
    }

    #[test]
    fn page_with_the_token_that_was_sent_is_refused() {
        for keys in [&[][..], &["a"]] {
            let mut walk = RangeWalk::new(KeyRange::under(""));
            walk.accept(page(&[], Some("t"))).unwrap();
            assert_eq!(
                walk.accept(page(keys, Some("t"))),
                Err(ListingError::SameToken)
            );
            let mut walk = RangeWalk::new(KeyRange::under(""));
            walk.accept(page(&[], Some("t"))).unwrap();
            walk.accept(page(keys, None)).unwrap();
        }
    }
}
