//! What can go wrong with an index, in words that say what to do.

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
/// The text holds the cause, so that it stands by itself in a log or in a line of `check`.
/// It can be cloned because one failure of the writer answers everyone who waits for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IndexError {
    /// Another process writes the index.
    #[error(
        "the index in {} is being written by {holder}; wait until it ends, or stop it",
        data_dir.display()
    )]
    Locked {
        /// The data directory.
        data_dir: PathBuf,
        /// Process id and command, as the holder left them.
        holder: String,
    },
    /// Root is about to write what another user's service has to read and replace.
    #[error(
        "the data directory {dir} is that of user #{owner}, who could not go on with what root writes there; \
         run this as that user: `runuser -u \"$(stat -c %U {dir})\" -- asset-indexer …`",
        dir = data_dir.display()
    )]
    OfAnotherUser {
        /// The data directory.
        data_dir: PathBuf,
        /// The number of the user that it belongs to.
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
    /// The index was written by a program of another schema version.
    #[error("{}", of_other_schema(path, *found, *wanted))]
    OtherSchema {
        /// Where it is.
        path: PathBuf,
        /// The version of the program that wrote it.
        found: u32,
        /// The version of this program.
        wanted: u32,
    },
    /// A file or folder of the data directory could not be used.
    #[error("failed to {attempted} {}: {cause}{}", path.display(), permission_hint(cause))]
    File {
        /// What was attempted.
        attempted: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        cause: Arc<std::io::Error>,
    },
    /// The engine refused.
    #[error("failed to {attempted}: {cause}")]
    Engine {
        /// What was attempted.
        attempted: &'static str,
        /// Why not.
        cause: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The index holds what no version of this program writes.
    #[error("the index is damaged: {what}; build a new one with `asset-indexer reindex --rebuild`")]
    Damaged {
        /// What was found.
        what: String,
    },
    /// A Source cannot have its place.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// A scan was declared complete too early.
    #[error(transparent)]
    NotComplete(#[from] NotComplete),
    /// The writer's thread is gone without an error of its own.
    #[error(
        "the thread that writes the index ended; see the log for its panic, and if it does so again, \
         build a new index with `asset-indexer reindex --rebuild`"
    )]
    WriterGone,
    /// A search took longer than it may.
    #[error(
        "the search took longer than {allowed:?}; narrow it by more words, a folder or a Source, or \
         ask for fewer facets"
    )]
    TooSlow {
        /// What it may take.
        allowed: Duration,
    },
    /// A page cannot go on where the last one ended.
    #[error("the page before was not sorted by {sort}; begin again with the first page")]
    OtherSort {
        /// What the search is sorted by.
        sort: Sort,
    },
}

/// The two versions, and which of the two programs has to change.
fn of_other_schema(path: &Path, found: u32, wanted: u32) -> String {
    let way = if found > wanted {
        "a newer release wrote it: use that one, or build one for this release beside it with \
         `asset-indexer reindex --rebuild`"
    } else {
        "build a new one beside it with `asset-indexer reindex --rebuild`"
    };
    let path = path.display();
    format!("the index {path} is of schema version {found} and not {wanted}; {way}")
}

impl IndexError {
    /// Whether the index is as it was, and only the Source that was asked for cannot be served.
    pub fn concerns_one_source(&self) -> bool {
        matches!(self, Self::Binding(_) | Self::NotComplete(_))
    }

    /// Whether the index is not as it was written, and so nothing will ever be read from it.
    pub fn is_damage(&self) -> bool {
        let no_folder = [ErrorKind::NotFound, ErrorKind::NotADirectory];
        match self {
            Self::Damaged { .. } => true,
            Self::File { cause, .. } => no_folder.contains(&cause.kind()),
            _ => false,
        }
    }

    /// Whether opening the index anew cannot help.
    pub fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::Locked { .. }
                | Self::OfAnotherUser { .. }
                | Self::OtherSchema { .. }
                | Self::Damaged { .. }
        )
    }

    /// Wraps an I/O error: what was attempted, on which path.
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

    /// Wraps an engine's error: what was attempted.
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
    fn who_may_not_read_the_index_is_told_who_may() {
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
