//! The door to an index for whoever searches it: a data directory, opened read-only.
//!
//! It follows commits and rebuilds by itself, in another process than the one that writes, without a
//! thread, a lock or a write of its own. Which Sources someone may see is the caller's affair.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant};

use crate::index::IndexError;
use crate::index::directory::DataDir;
use crate::index::live::{Newest, newest};
use crate::index::tantivy::schema::SCHEMA_VERSION;

mod error;
mod view;

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
        let began = Instant::now();
        let found = self.look();
        let look = Look {
            began,
            found: found.clone(),
        };
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
        match (
            newest(&self.data_dir, known.as_ref().map(|view| &view.live))?,
            known,
        ) {
            (Newest::Other(live), _) => Ok(Arc::new(View::of(live)?)),
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
