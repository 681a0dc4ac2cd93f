//! Searches the index from Rust: opens a data directory read-only and answers searches.
//!
//! It runs in any process, next to the daemon that writes the index, and follows the daemon's commits
//! and rebuilds. It starts no threads, takes no locks on the data directory and writes nothing there.
//! It does not decide who may see which Source: the caller does.
//!
//! # Search
//!
//! ```
//! # mod example { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/example_index.in")); }
//! # let folder = example::example_index()?;
//! # let data_dir = folder.path();
//! use std::time::Duration;
//!
//! use asset_indexer::search::{Deadline, Query, Request, SearchIndex, now};
//!
//! // Once, when the service starts. `data_dir` is the one in the daemon's configuration.
//! let index = SearchIndex::open(data_dir)?;
//!
//! // For each search: take a snapshot of the newest commit and choose the Sources to search.
//! let snapshot = index.snapshot()?;
//! let photos = snapshot.source("photos").ok_or("the index has no Source \"photos\"")?;
//!
//! let query = Query::parse("summer ext:jpg,png", now())?;
//! let deadline = Deadline::after(Duration::from_secs(2));
//! let page = snapshot.search([photos], &Request::new(query), &deadline)?;
//!
//! assert_eq!(page.total.value, 3);
//! for hit in &page.hits {
//!     println!("{} {} {}", hit.path, hit.size, hit.url);
//! }
//! let beach = page.hits.iter().find(|hit| hit.name == "beach.jpg").ok_or("no beach.jpg")?;
//! assert_eq!(beach.url, "https://acme.imgix.net/2024/summer/beach.jpg");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Pass `snapshot.sources()` to search all Sources. Hits are sorted by relevance unless the request sets
//! another order with [`Request::sort`], such as `Sort::parse("-modified,name")`. [`query_language`] describes the query
//! language.
//!
//! # Sources
//!
//! The index knows the name, bucket, prefix and newest subdomain of each Source, but not the `base_url`
//! in the configuration. A program with access to the configuration takes its Sources from there, with
//! the feature `config`: `SearchSource::from(&*source)` for each enabled Source of
//! `Config::load(path)?.sources`. A program without it can set the address with
//! [`SearchSource::with_base_url`]. [`Snapshot::complete_as_of`] says how current a Source is.
//!
//! # Pages
//!
//! Each page contains the position of its last hit, and the next page starts after that position. Assets
//! that are added or removed in the meantime do not shift the pages: an asset that stays in the index is on
//! exactly one page.
//! [`Page::prev`] and [`Request::before`] do the same for the way back.
//! A *cursor* carries the position through a client as text. It also carries
//! the time from which `modified:<7d` counts back, and it is valid for one search only. [`PageStart`] reads and writes
//! cursors.
//!
//! ```
//! # mod example { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/example_index.in")); }
//! # let folder = example::example_index()?;
//! # let index = asset_indexer::search::SearchIndex::open(folder.path())?;
//! use asset_indexer::search::{
//!     Deadline, PageStart, PlainWords, Query, Request, SearchIndex, Sort, fingerprint, now,
//! };
//!
//! /// Answers one request of a client: the sizes of the assets found, and the next cursor.
//! fn answer(
//!     index: &SearchIndex,
//!     text: &str,
//!     sort: Sort,
//!     cursor: Option<&str>,
//! ) -> Result<(Vec<u64>, Option<String>), Box<dyn std::error::Error>> {
//!     let snapshot = index.snapshot()?;
//!     let names: Vec<&str> = snapshot.sources().iter().map(|source| &*source.name).collect();
//!     let this_search = fingerprint(text, PlainWords::Forgiving, sort, &names);
//!     let start = match cursor {
//!         Some(cursor) => PageStart::from_cursor(cursor, this_search, sort)?,
//!         None => PageStart::first(this_search, now()),
//!     };
//!     let request = Request::new(Query::parse(text, start.as_of())?)
//!         .sort(sort)
//!         .limit(3)
//!         .after(start.after().cloned());
//!     let page = snapshot.search(snapshot.sources(), &request, &Deadline::never())?;
//!     let sizes = page.hits.iter().map(|hit| hit.size).collect();
//!     Ok((sizes, page.next.map(|position| start.next_cursor(position))))
//! }
//!
//! let largest_first = Sort::parse("-size")?;
//! let (sizes, cursor) = answer(&index, "summer", largest_first, None)?;
//! assert_eq!(sizes, [5_000, 3_000, 2_000]);
//! let (sizes, end) = answer(&index, "summer", largest_first, cursor.as_deref())?;
//! assert_eq!((sizes, end), (vec![1_000], None));
//! // The cursor of one search is refused by another one.
//! assert!(answer(&index, "winter", largest_first, cursor.as_deref()).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Facets, folders, suggestions, one asset
//!
//! ```
//! # mod example { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/example_index.in")); }
//! # let folder = example::example_index()?;
//! # let index = asset_indexer::search::SearchIndex::open(folder.path())?;
//! # let deadline = &asset_indexer::search::Deadline::never();
//! use asset_indexer::search::{FacetBy, Request, SuggestRequest};
//!
//! let snapshot = index.snapshot()?;
//! let photos = snapshot.source("photos").ok_or("the index has no Source \"photos\"")?;
//!
//! // Count the assets that a search finds, by type and by folder. This one finds everything.
//! let request = Request::default().facets([FacetBy::Type, FacetBy::Folder("/".to_owned())]);
//! let page = snapshot.search([photos], &request, deadline)?;
//! let types = &page.facets[0].counts;
//! assert_eq!((&*types[0].value, types[0].count), ("image", 4));
//! let folders = &page.facets[1].counts;
//! assert_eq!((&*folders[0].value, folders[0].count), ("/2024/", 3));
//!
//! // List the folders in a folder, page by page.
//! let page = snapshot.folders(photos, "/", None, 100, deadline)?;
//! let names: Vec<&str> = page.folders.iter().map(|folder| &*folder.name).collect();
//! assert_eq!((names, page.more), (vec!["2024", "2025", "notes"], false));
//!
//! // Complete what a user is typing.
//! let suggestions = snapshot.suggest([photos], &SuggestRequest::new("bea"), deadline)?;
//! assert!(suggestions.iter().any(|suggestion| suggestion.text == "beach.jpg"));
//!
//! // Look up one asset by its path.
//! let asset = snapshot.asset(photos, "/sunset.jpg")?.ok_or("no such asset")?;
//! assert_eq!(asset.content_type, "image/jpeg");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # In a service
//!
//! - **Share one [`SearchIndex`]** in an `Arc`; it is `Send` and `Sync`. Take a [`Snapshot`] for each
//!   search and drop it after the answer. A snapshot keeps its files on disk, even deleted ones, until it
//!   is dropped.
//! - **Searches block** the calling thread, usually for milliseconds. In async code, use
//!   `tokio::task::spawn_blocking`, limit how many searches run at once, and give each a [`Deadline`].
//! - **Freshness**: a search sees every commit that is older than [`SearchIndex::max_age`], by default
//!   one second. Looking for a new commit reads two small files, and only happens when a search runs.
//! - **Permissions**: the process needs read access to the data directory. The directory can be mounted
//!   read-only and can belong to another user.
//! - **Errors**: [`SearchError`] distinguishes an index that does not exist yet, a search that asks for
//!   too much, and an index that an operator must repair.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant};

use crate::index::IndexError;
use crate::index::current::{NewestCommit, newest_commit};
use crate::index::directory::DataDir;
use crate::index::tantivy::schema::SCHEMA_VERSION;

mod error;
#[cfg(feature = "program")]
pub(crate) mod explain;
mod forgiving;
#[cfg(feature = "program")]
pub(crate) mod named;
mod snapshot;

#[doc(inline)]
pub use crate::core::query::parse as query_language;
pub use crate::core::query::{
    AssetType, Count, CursorError, Facet, FacetBy, FacetCount, Folder, FolderPage, Highlight, Hit,
    Interpretation, Page, PageStart, PlainWords, Position, Query, QueryError, QueryProblem,
    Request, Sort, SortBy, SortError, SortKey, Step, SuggestRequest, Suggestion, SuggestionKind,
    Total, ValueProblem, WordInterpretation, fingerprint,
};
pub use crate::core::replication::timestamp::Timestamp;
pub use crate::core::source::SearchSource;
pub use crate::index::deadline::Deadline;
pub use error::{IndexFailure, SearchError};
pub use snapshot::Snapshot;

/// The default of [`SearchIndex::max_age`].
pub const DEFAULT_MAX_AGE: Duration = Duration::from_secs(1);

/// The current time by this machine's clock, for [`Query::parse`] and [`PageStart::first`].
pub fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}

/// The index of a data directory, read-only. Share it in an [`Arc`].
pub struct SearchIndex {
    data_dir: DataDir,
    max_age: Duration,
    /// The result of the last refresh.
    last: RwLock<Option<Refresh>>,
    /// Locked by the caller that looks for a new commit.
    refreshing: Mutex<()>,
}

/// The result of a look for a new commit: the newest snapshot or an error, and when the look began.
#[derive(Clone)]
struct Refresh {
    began: Instant,
    found: Result<Arc<Snapshot>, SearchError>,
}

impl SearchIndex {
    /// Opens the index in a data directory. It may not exist yet: [`SearchIndex::snapshot`] then returns
    /// [`SearchError::NoIndex`] until the daemon has made it.
    pub fn open(data_dir: impl AsRef<Path>) -> Result<Self, SearchError> {
        let path: PathBuf = data_dir.as_ref().to_owned();
        if path.exists() && !path.is_dir() {
            let cause = std::io::ErrorKind::NotADirectory.into();
            return Err(IndexError::file("open", path)(cause).into());
        }
        Ok(Self {
            data_dir: DataDir::new(path, SCHEMA_VERSION),
            max_age: DEFAULT_MAX_AGE,
            last: RwLock::new(None),
            refreshing: Mutex::new(()),
        })
    }

    /// Sets the maximum age of a snapshot: a search that begins this long after a commit sees it.
    ///
    /// The disk is read at most once in half of this time, and only when a search runs.
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age, ..self }
    }

    /// Returns a snapshot of the newest commit, or of one that was the newest within the time set by
    /// [`SearchIndex::max_age`].
    ///
    /// It reads two small files. If they name a new commit, it opens that commit, which takes
    /// milliseconds. Only one caller at a time does this. The other callers get the previous snapshot
    /// while it is young enough; otherwise they wait for the new one. An error, for example
    /// [`SearchError::NoIndex`], is returned to all callers until the disk is read the next time.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, SearchError> {
        let called_at = Instant::now();
        if let Some(found) = self.found_within(self.max_age / 2, called_at) {
            return found;
        }
        let (_refreshing, waited) = match self.refreshing.try_lock() {
            Ok(refreshing) => (refreshing, false),
            // A refresh that panicked has changed nothing.
            Err(TryLockError::Poisoned(refreshing)) => (refreshing.into_inner(), false),
            Err(TryLockError::WouldBlock) => {
                if let Some(found) = self.found_within(self.max_age, called_at) {
                    return found;
                }
                let refreshing = self.refreshing.lock();
                (refreshing.unwrap_or_else(PoisonError::into_inner), true)
            }
        };
        // Another caller may have refreshed in the meantime.
        let young_enough = if waited {
            self.max_age
        } else {
            self.max_age / 2
        };
        if let Some(found) = self.found_within(young_enough, called_at) {
            return found;
        }
        let refresh = Refresh {
            began: Instant::now(),
            found: self.open_newest(),
        };
        let found = refresh.found.clone();
        let mut last = self.last.write().unwrap_or_else(PoisonError::into_inner);
        let previous = last.replace(refresh);
        // Dropping a snapshot unmaps its files. Do it after releasing the lock, so that no caller waits.
        drop(last);
        drop(previous);
        found
    }

    /// Opens the newest commit, or returns the last snapshot if there is no newer commit.
    fn open_newest(&self) -> Result<Arc<Snapshot>, SearchError> {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        let known = last.as_ref().and_then(|refresh| refresh.found.clone().ok());
        drop(last);
        let newest = newest_commit(
            &self.data_dir,
            known.as_ref().map(|snapshot| &snapshot.current),
        )?;
        match (newest, known) {
            (NewestCommit::Changed(current), _) => Ok(Arc::new(Snapshot::of(*current)?)),
            (NewestCommit::Unchanged, Some(snapshot)) => Ok(snapshot),
            (NewestCommit::NoIndex | NewestCommit::Unchanged, _) => Err(SearchError::NoIndex {
                data_dir: self.data_dir.path().to_owned(),
            }),
        }
    }

    /// The result of the last refresh, if it began less than `time` before `called_at`.
    fn found_within(
        &self,
        time: Duration,
        called_at: Instant,
    ) -> Option<Result<Arc<Snapshot>, SearchError>> {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        let refresh = last.as_ref()?;
        let is_young = match called_at.checked_duration_since(refresh.began) {
            Some(age) => age < time,
            // It began after the call.
            None => true,
        };
        is_young.then(|| refresh.found.clone())
    }
}

#[cfg(test)]
mod tests;
