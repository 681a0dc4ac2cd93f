//! Where managed Sources are stored: the interface, its types and its errors.
//!
//! [`super::FileStore`] stores them as files. Several daemons that share one store need another implementation.

use std::fmt;
use std::io;
use std::path::PathBuf;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::history::HistoryEntry;

/// Bytes of the hash that form a version.
const VERSION_BYTES: usize = 8;

/// Identifies the content of a stored Source. It changes with every change of the content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version(String);

impl Version {
    /// The version of a Source that is stored as this text.
    pub(crate) fn of(text: &str) -> Self {
        let hash = digest(&SHA256, text.as_bytes());
        let start = &hash.as_ref()[..VERSION_BYTES];
        Self(start.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The version that a client names. It need not exist.
    pub(crate) fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A Source as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredSource {
    /// TOML in the format of `sources.d`.
    pub text: String,
    /// The version of the text.
    pub version: Version,
}

/// Stores managed Sources and their history.
///
/// One caller at a time changes the store: it holds the lock that [`SourceStore::lock`] returns.
pub(crate) trait SourceStore {
    /// What [`SourceStore::lock`] returns.
    type Lock;

    /// Waits until no other process changes the store.
    fn lock(&self) -> Result<Self::Lock, StoreError>;

    /// The names of all Sources, sorted.
    fn names(&self) -> Result<Vec<String>, StoreError>;

    /// The Source with this name, if any. `None` if no Source can have the name.
    fn get(&self, name: &str) -> Result<Option<StoredSource>, StoreError>;

    /// Creates or replaces a Source durably.
    fn put(&self, name: &str, text: &str, lock: &Self::Lock) -> Result<Version, StoreError>;

    /// Removes a Source durably. Does nothing if there is none with this name.
    fn remove(&self, name: &str, lock: &Self::Lock) -> Result<(), StoreError>;

    /// Adds an entry to the history of a Source durably. The history stays if the Source is removed.
    fn record(&self, name: &str, entry: &HistoryEntry, lock: &Self::Lock)
    -> Result<(), StoreError>;

    /// The newest entries of the history of a Source, oldest first.
    fn history(&self, name: &str) -> Result<Vec<HistoryEntry>, StoreError>;
}

/// Why the store cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// No Source can have this name.
    #[error("{name:?} cannot be the name of a Source")]
    BadName {
        /// The name.
        name: String,
    },
    /// A file could not be used.
    #[error("failed to {attempted} {}: {cause}", path.display())]
    File {
        /// The attempt, worded to follow "failed to".
        attempted: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        cause: io::Error,
    },
}
