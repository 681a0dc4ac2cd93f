//! The door to an index for whoever searches it: a data directory, opened read-only.
//!
//! It follows commits and rebuilds by itself, in another process than the one that writes, without a
//! thread, a lock or a write of its own. Which Sources someone may see is the caller's affair.
//!
//! # Search
//!
//! ```
//! # mod example { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/example_index.in")); }
//! # let folder = example::example_index()?;
//! # let data_dir = folder.path();
//! use asset_indexer::search::{Deadline, Query, Request, SearchIndex, Source, Timestamp};
//! use std::time::{Duration, SystemTime, UNIX_EPOCH};
//!
//! // Once, when the service starts; `data_dir` is that of the configuration.
//! let index = SearchIndex::open(data_dir)?;
//!
//! // For each search: the newest commit, and the Sources that may be seen.
//! let view = index.view()?;
//! let sources = view.sources();
//! let scope: Vec<&Source> = sources.iter().filter(|source| source.name == "photos").collect();
//!
//! let now = Timestamp::from_millis(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64);
//! let query = Query::parse("summer ext:jpg,png", now)?;
//! let deadline = Deadline::after(Duration::from_secs(2));
//! let page = view.search(&scope, &Request::new(query), &deadline)?;
//!
//! assert_eq!(page.total.value, 3);
//! for hit in &page.hits {
//!     println!("{} {} {}", hit.path, hit.size, hit.url);
//! }
//! assert_eq!(page.hits[0].url, "https://acme.imgix.net/2024/summer/beach.jpg");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A service that has the configuration takes its Sources from there (`Config::load(path)?.sources`, those
//! that are enabled): they have the `base_url` that is configured. A Source whose bucket or prefix is
//! another than the index was made of has no assets.
//!
//! The query language is described in [`crate::core::query::parse`].
//!
//! # Pages
//!
//! A page tells where it ended, and the next one begins behind that place: what came or went meanwhile moves
//! nothing, and an asset that stays is on one page exactly. A [`Cursor`] carries the place through a
//! client as text, and the moment that `modified:<7d` counts from; it belongs to one search.
//!
//! ```
//! # mod example { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/example_index.in")); }
//! # let folder = example::example_index()?;
//! # let index = asset_indexer::search::SearchIndex::open(folder.path())?;
//! use asset_indexer::search::{Cursor, Deadline, Query, Request, Sort, Source, Timestamp, fingerprint};
//!
//! let (text, sort) = ("summer", Sort::parse("-size")?);
//! let mut cursor: Option<String> = None; // what the client sends, and gets
//! let mut sizes = Vec::new();
//! loop {
//!     // Each page may be of another view, and be answered by another process.
//!     let view = index.view()?;
//!     let sources = view.sources();
//!     let scope: Vec<&Source> = sources.iter().collect();
//!     let names: Vec<&str> = sources.iter().map(|source| &*source.name).collect();
//!
//!     let this_search = fingerprint(text, sort, &names);
//!     let before = cursor.as_deref().map(Cursor::parse).transpose()?;
//!     if before.as_ref().is_some_and(|before| before.fingerprint != this_search) {
//!         return Err("the cursor is of another search".into());
//!     }
//!     let now = Timestamp::from_millis(1_764_000_000_000);
//!     let as_of = before.as_ref().map_or(now, |before| before.as_of);
//!     let request = Request {
//!         sort,
//!         limit: 3,
//!         after: before.map(|before| before.position),
//!         ..Request::new(Query::parse(text, as_of)?)
//!     };
//!     let page = view.search(&scope, &request, &Deadline::never())?;
//!     sizes.extend(page.hits.iter().map(|hit| hit.size));
//!     let Some(position) = page.next else { break };
//!     cursor = Some(Cursor { fingerprint: this_search, as_of, position }.to_text());
//! }
//! assert_eq!(sizes, [5_000, 3_000, 2_000, 1_000]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Facets, folders, suggestions, one asset
//!
//! ```
//! # mod example { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/example_index.in")); }
//! # let folder = example::example_index()?;
//! # let index = asset_indexer::search::SearchIndex::open(folder.path())?;
//! # let everything = asset_indexer::search::Query::parse("", asset_indexer::search::Timestamp::from_millis(0))?;
//! # let deadline = &asset_indexer::search::Deadline::never();
//! use asset_indexer::search::{FacetBy, Request, Source};
//!
//! let view = index.view()?;
//! let sources = view.sources();
//! let photos: &Source = &sources[0];
//!
//! // How many of each type and folder there are among what a search finds.
//! let facets = vec![FacetBy::Type, FacetBy::Folder("/".to_owned())];
//! let request = Request { facets, ..Request::new(everything) };
//! let page = view.search(&[photos], &request, deadline)?;
//! let types = &page.facets[0].buckets;
//! assert_eq!((&*types[0].value, types[0].count), ("image", 4));
//! let folders = &page.facets[1].buckets;
//! assert_eq!((&*folders[0].value, folders[0].count), ("/2024/", 3));
//!
//! // The folders in a folder, page by page, without a search.
//! let (folders, more) = view.folders(photos, "/", None, 100, deadline)?;
//! let names: Vec<&str> = folders.iter().map(|folder| &*folder.name).collect();
//! assert_eq!((names, more), (vec!["2024", "2025", "notes"], false));
//!
//! // What someone may be about to write.
//! let suggested = view.suggest(&[photos], "bea", 10, deadline)?;
//! assert!(suggested.iter().any(|suggestion| suggestion.text == "beach.jpg"));
//!
//! // One asset, by its path.
//! let asset = view.asset(photos, "/sunset.jpg")?.ok_or("it is gone")?;
//! assert_eq!(asset.content_type, "image/jpeg");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # In a service
//!
//! - **Share one [`SearchIndex`]**, in an `Arc`; it is `Send` and `Sync`. Have a [`View`] for each search,
//!   and keep it until its answer is complete: it is one commit, whole, while others follow. A view that is
//!   kept for long also keeps files that were removed on the disk.
//! - **Searches block** the thread that asks, for milliseconds as a rule. In asynchronous code use
//!   `tokio::task::spawn_blocking`, bound how many run at once, and give each a [`Deadline`].
//! - **Freshness** is bounded by [`SearchIndex::refreshed_every`], one second by default, and costs two
//!   small files to be read while searches come, and nothing while none do.
//! - **Rights**: it needs to read the data directory. Nothing is written there, so it may be
//!   mounted read-only or belong to another user.
//! - **Errors**: [`SearchError`] tells an index that is not there yet from a search that asks for too much,
//!   and from an index that needs a person.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant};

use crate::index::IndexError;
use crate::index::directory::DataDir;
use crate::index::live::{Newest, newest};
use crate::index::tantivy::schema::SCHEMA_VERSION;

mod error;
#[cfg(feature = "program")]
pub(crate) mod explain;
mod view;

pub use crate::core::query::{
    Bucket, Count, Cursor, CursorError, Facet, FacetBy, Folder, Highlight, Hit, Kind, Page,
    Position, Query, QueryError, Request, Sort, SortBy, SortError, Suggestion, SuggestionKind,
    Total, fingerprint,
};
pub use crate::core::replication::timestamp::Timestamp;
pub use crate::core::source::Source;
pub use crate::index::deadline::Deadline;
pub use error::SearchError;
pub use view::View;

/// How old a view may be by default.
pub const DEFAULT_REFRESH: Duration = Duration::from_secs(1);

/// The index of a data directory, read-only. Share it in an [`Arc`].
pub struct SearchIndex {
    data_dir: DataDir,
    every: Duration,
    last: RwLock<Option<Look>>,
    /// Held by the one that looks at the disk.
    looking: Mutex<()>,
}

/// What was found on the disk, and when the look began.
#[derive(Clone)]
struct Look {
    began: Instant,
    found: Result<Arc<View>, SearchError>,
}

impl SearchIndex {
    /// The index in a data directory. Where there is none yet it is waited for: see
    /// [`SearchIndex::view`].
    pub fn open(data_dir: impl AsRef<Path>) -> Result<Self, SearchError> {
        let path: PathBuf = data_dir.as_ref().to_owned();
        if path.exists() && !path.is_dir() {
            let cause = std::io::ErrorKind::NotADirectory.into();
            return Err(IndexError::file("open", path)(cause).into());
        }
        Ok(Self {
            data_dir: DataDir::new(path, SCHEMA_VERSION),
            every: DEFAULT_REFRESH,
            last: RwLock::new(None),
            looking: Mutex::new(()),
        })
    }

    /// The same, with another bound on how old a view may be: a search that begins so long after a
    /// commit, or later, sees it.
    ///
    /// The disk is looked at once in half of that time at the most, and only while somebody asks.
    pub fn refreshed_every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    /// The newest commit of the live index, or one that was that within the time of
    /// [`SearchIndex::refreshed_every`].
    ///
    /// It looks at two small files; only where they tell of another commit is that opened, which takes
    /// milliseconds. One caller does so; the others have the view that there is as long as it is young
    /// enough, and wait for the new one otherwise. Errors, [`SearchError::Absent`] among them, last
    /// until the next look.
    pub fn view(&self) -> Result<Arc<View>, SearchError> {
        let asked = Instant::now();
        if let Some(found) = self.found_within(self.every / 2, asked) {
            return found;
        }
        let (_looking, waited) = match self.looking.try_lock() {
            Ok(looking) => (looking, false),
            // Nothing is left half-done by a look that panicked.
            Err(TryLockError::Poisoned(looking)) => (looking.into_inner(), false),
            Err(TryLockError::WouldBlock) => {
                if let Some(found) = self.found_within(self.every, asked) {
                    return found;
                }
                let looking = self.looking.lock();
                (looking.unwrap_or_else(PoisonError::into_inner), true)
            }
        };
        // Whoever looked meanwhile has done it for this caller too.
        let young_enough = if waited { self.every } else { self.every / 2 };
        if let Some(found) = self.found_within(young_enough, asked) {
            return found;
        }
        let look = Look {
            began: Instant::now(),
            found: self.look(),
        };
        let found = look.found.clone();
        let mut last = self.last.write().unwrap_or_else(PoisonError::into_inner);
        let before = last.replace(look);
        // Files are unmapped when a view is dropped: nobody needs to wait for that.
        drop(last);
        drop(before);
        found
    }

    /// Opens the newest commit, unless it is the one of the last look.
    fn look(&self) -> Result<Arc<View>, SearchError> {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        let known = last.as_ref().and_then(|look| look.found.clone().ok());
        drop(last);
        let newest = newest(&self.data_dir, known.as_ref().map(|view| &view.live))?;
        match (newest, known) {
            (Newest::Other(live), _) => Ok(Arc::new(View::of(*live)?)),
            (Newest::Known, Some(view)) => Ok(view),
            (Newest::Absent | Newest::Known, _) => Err(SearchError::Absent {
                data_dir: self.data_dir.path().to_owned(),
            }),
        }
    }

    /// What a look found that began less than that time before `asked`.
    fn found_within(
        &self,
        time: Duration,
        asked: Instant,
    ) -> Option<Result<Arc<View>, SearchError>> {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        let look = last.as_ref()?;
        let is_young = match asked.checked_duration_since(look.began) {
            Some(age) => age < time,
            // It began after that.
            None => true,
        };
        is_young.then(|| look.found.clone())
    }
}

#[cfg(test)]
mod tests;
