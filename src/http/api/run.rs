//! Runs searches beside what must not wait: as many at a time as may, each for as long as it may.

use std::sync::Arc;
use std::time::Instant;

use tokio::time::timeout;

use super::error::{ApiError, Code, panicked, too_slow};
use crate::http::site::Site;
use crate::index::IndexError;
use crate::search::{Deadline, SearchError, View};

/// Does some work on the newest view of the index.
pub async fn searching<T>(
    site: &Arc<Site>,
    work: impl FnOnce(&View, &Deadline) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
{
    looking(site, |view, deadline| work(&*view?, deadline)).await
}

/// Does some work that can do without an index.
///
/// It waits for its turn; that counts into the time that the work may take. Work whose client is gone
/// ends at its deadline at the latest.
pub async fn looking<T>(
    site: &Arc<Site>,
    work: impl FnOnce(Result<Arc<View>, ApiError>, &Deadline) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
{
    let begin = Instant::now();
    let limit = site.timeout;
    let permit = timeout(limit, Arc::clone(&site.permits).acquire_owned()).await;
    let Ok(Ok(permit)) = permit else {
        let text = "as many searches are running as may; ask again in a second";
        return Err(ApiError::new(Code::Busy, text));
    };
    let site = Arc::clone(site);
    let found = tokio::task::spawn_blocking(move || {
        // Held until the work has ended, whoever waits for it.
        let _permit = permit;
        let deadline = Deadline::after(limit.saturating_sub(begin.elapsed()));
        let view = site.index.view().map_err(|error| refused(&error, &site));
        work(view, &deadline)
    });
    found.await.unwrap_or_else(|error| Err(panicked(&error)))
}

/// Why a search has no answer; what concerns the operator alone is in the log.
pub fn refused(error: &SearchError, site: &Site) -> ApiError {
    match error {
        SearchError::Absent { .. } => {
            let text = "nothing has been indexed yet; ask again when the first commit is made";
            ApiError::new(Code::IndexAbsent, text)
        }
        SearchError::TooSlow(_) => too_slow(site.timeout),
        SearchError::OtherSort(error) => {
            ApiError::new(Code::CursorOfAnotherQuery, error.to_string()).of("cursor")
        }
        SearchError::Index(error) => unreadable(error),
    }
}

/// The index cannot be read.
pub fn unreadable(error: &IndexError) -> ApiError {
    tracing::error!(%error, "the index cannot be read");
    let text = "the index cannot be read at present; the log of asset-indexer says why";
    ApiError::new(Code::IndexFailed, text)
}
