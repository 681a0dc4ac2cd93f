//! Errors of searches. The caller reacts to each variant in a different way.

use std::path::PathBuf;

use crate::index::IndexError;

/// Why there is no snapshot of the index, or no answer to a search.
///
/// The text includes the cause and says what to do. The error is cloneable because one failure to
/// open the index is the answer to all callers that wait for it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// There is no index yet. Try again later.
    #[error(
        "there is no index in {} yet; run `asset-indexer reindex` or `asset-indexer serve` to build it",
        data_dir.display()
    )]
    NoIndex {
        /// The data directory.
        data_dir: PathBuf,
    },
    /// The search did not finish before its deadline. Narrow it, or ask for fewer facets.
    #[error(transparent)]
    TooSlow(IndexFailure),
    /// The position to start after is from a search with another sort order. Start with the first page.
    #[error(transparent)]
    OtherSort(IndexFailure),
    /// The index cannot be read. An operator must look at it.
    #[error(transparent)]
    Index(IndexFailure),
}

/// An error of the index. Its text says what failed, why, and what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct IndexFailure(pub(crate) IndexError);

impl From<IndexError> for SearchError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Absent { data_dir } => Self::NoIndex { data_dir },
            error @ IndexError::TooSlow { .. } => Self::TooSlow(IndexFailure(error)),
            error @ IndexError::OtherSort { .. } => Self::OtherSort(IndexFailure(error)),
            other => Self::Index(IndexFailure(other)),
        }
    }
}
