//! Why a search has no answer, told apart by what whoever asked can do about it.

use std::path::PathBuf;

use crate::index::IndexError;

/// Why there is no view of the index, or no answer.
///
/// The text holds the cause. It can be cloned because one look at the disk answers everyone who
/// waits for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SearchError {
    /// There is no index yet: ask again later.
    #[error(
        "there is no index in {} yet; run `asset-indexer reindex`, or `asset-indexer serve`",
        data_dir.display()
    )]
    Absent {
        /// The data directory.
        data_dir: PathBuf,
    },
    /// The search took longer than its deadline allows: ask for less at once.
    #[error(transparent)]
    TooSlow(IndexError),
    /// The request is to go on where a search with another order ended: begin with the first page.
    #[error(transparent)]
    OtherSort(IndexError),
    /// The index cannot be read.
    #[error(transparent)]
    Index(IndexError),
}

impl From<IndexError> for SearchError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Absent { data_dir } => Self::Absent { data_dir },
            error @ IndexError::TooSlow { .. } => Self::TooSlow(error),
            error @ IndexError::OtherSort { .. } => Self::OtherSort(error),
            other => Self::Index(other),
        }
    }
}
