//! The error of the index. Its texts say what to do.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::core::human::permission_hint;
use crate::core::query::Sort;
use crate::core::replication::checkpoint::BindingError;
use crate::core::replication::source_state::NotComplete;

/// Why the index could not be opened, read or written.
///
/// The text includes the cause, so that one line in a log or in `check` is complete. The error can be cloned
/// because one failure of the writer fails all waiting requests.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IndexError {
    /// Another process is writing the index.
    #[error(
        "the index in {} is being written by {holder}; wait until it ends, or stop it",
        data_dir.display()
    )]
    Locked {
        /// The data directory.
        data_dir: PathBuf,
        /// The other process, as it wrote itself into the lock file: `process` and its id.
        holder: String,
    },
    /// Root would write files that the service of another user must be able to read and replace.
    #[error(
        "the data directory {dir} belongs to user #{owner}, who could not use files that root writes there; \
         run this command as that user: `runuser -u \"$(stat -c %U {dir})\" -- asset-indexer …`",
        dir = data_dir.display()
    )]
    OwnedByAnotherUser {
        /// The data directory.
        data_dir: PathBuf,
        /// The user id of its owner.
        owner: u32,
    },
    /// There is no index yet.
    #[error(
        "there is no index in {} yet; run `asset-indexer reindex`",
        data_dir.display()
    )]
    Absent {
        /// The data directory.
        data_dir: PathBuf,
    },
    /// The index has another schema version than this program.
    #[error("{}", schema_mismatch(path, *found, *expected))]
    OtherSchema {
        /// The folder of the index.
        path: PathBuf,
        /// The schema version of the index.
        found: u32,
        /// The schema version of this program.
        expected: u32,
    },
    /// A file or folder of the data directory could not be used.
    #[error("failed to {attempted} {}: {cause}{}", path.display(), permission_hint(cause))]
    File {
        /// The attempted operation. It completes the sentence "failed to …".
        attempted: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        cause: Arc<std::io::Error>,
    },
    /// The engine failed.
    #[error("failed to {attempted}: {cause}")]
    Engine {
        /// The attempted operation. It completes the sentence "failed to …".
        attempted: &'static str,
        /// The cause.
        cause: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The index contains something that no version of this program writes.
    #[error("the index is damaged: {what}; build a new one with `asset-indexer reindex --rebuild`")]
    Damaged {
        /// The problem. It completes the sentence "the index is damaged: …".
        what: String,
    },
    /// A Source cannot be added to the index.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// A scan cannot be completed: a range is not listed to its end, or no scan is running.
    #[error(transparent)]
    NotComplete(#[from] NotComplete),
    /// A Source has moved to another bucket or prefix, and a scan has found no asset there.
    #[error(
        "failed to move Source {source_name:?} to bucket {bucket:?} with the prefix {prefix:?}: no key there is an \
         asset. Searches still find the {assets} assets of its former bucket and prefix. If the bucket, the prefix or \
         a rule is wrong, correct it. If the Source is meant to lose these assets, confirm that: `asset-indexer \
         reindex --source {source_name:?} --allow-empty`"
    )]
    NothingAtNewLocation {
        /// The name of the Source.
        source_name: String,
        /// The new bucket.
        bucket: String,
        /// The new prefix.
        prefix: String,
        /// The number of assets from its former bucket and prefix.
        assets: u64,
    },
    /// The writer thread ended without returning an error. Usually it panicked.
    #[error(
        "the thread that writes the index ended unexpectedly; see the log for its panic message. If it happens again, \
         build a new index with `asset-indexer reindex --rebuild`"
    )]
    WriterGone,
    /// A search exceeded its deadline.
    #[error(
        "the search took longer than {allowed:?}; narrow it with more words, a folder or a Source, or \
         request fewer facets"
    )]
    TooSlow {
        /// The allowed duration.
        allowed: Duration,
    },
    /// The cursor is from a search with another sort order.
    #[error(
        "the cursor is from a page that was not sorted by {sort}; start again with the first page"
    )]
    OtherSort {
        /// The sort order of the search.
        sort: Sort,
    },
}

/// The error text for two different schema versions. The advice depends on which one is newer.
fn schema_mismatch(path: &Path, found: u32, expected: u32) -> String {
    let advice = if found > expected {
        "a newer release wrote it. Use that release, or build an index for this release next to it with \
         `asset-indexer reindex --rebuild`"
    } else {
        "build a new one next to it with `asset-indexer reindex --rebuild`"
    };
    let path = path.display();
    format!(
        "the index {path} has schema version {found}, but this program needs version {expected}; {advice}"
    )
}

impl IndexError {
    /// Whether the error only affects one Source. The index is unchanged and usable for other Sources.
    pub fn is_about_one_source(&self) -> bool {
        matches!(
            self,
            Self::Binding(_) | Self::NotComplete(_) | Self::NothingAtNewLocation { .. }
        )
    }

    /// Whether the index is damaged or lacks files or folders, so that reading it again is useless.
    pub fn is_damage(&self) -> bool {
        let no_folder = [ErrorKind::NotFound, ErrorKind::NotADirectory];
        match self {
            Self::Damaged { .. } => true,
            Self::File { cause, .. } => no_folder.contains(&cause.kind()),
            _ => false,
        }
    }

    /// Whether opening the index again is useless until a person or another process changes something.
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::Locked { .. }
                | Self::OwnedByAnotherUser { .. }
                | Self::OtherSchema { .. }
                | Self::Damaged { .. }
        )
    }

    /// Wraps an I/O error of a file or folder. `attempted` completes the sentence "failed to …".
    pub fn file(
        attempted: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Self::File {
            attempted,
            path,
            cause: Arc::new(cause),
        }
    }

    /// Wraps an error of the engine. `attempted` completes the sentence "failed to …".
    pub fn engine<E>(attempted: &'static str) -> impl FnOnce(E) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        move |cause| Self::Engine {
            attempted,
            cause: Arc::new(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_error_says_who_may_read_the_index() {
        let failed = |kind: ErrorKind| IndexError::file("open", "index")(kind.into()).to_string();
        let denied = failed(ErrorKind::PermissionDenied);
        assert!(
            denied.ends_with(
                "; run it as root or as the service's user; members of the group asset-indexer may ask the daemon"
            ),
            "{denied}"
        );
        let gone = failed(ErrorKind::NotFound);
        assert!(
            gone.starts_with("failed to open index: ") && !gone.contains(';'),
            "{gone}"
        );
    }
}
