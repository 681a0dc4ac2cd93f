//! Runs searches on blocking threads. Their number and their duration are limited.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::error::{ApiError, ErrorCode, panicked, too_slow};
use crate::index::IndexError;
use crate::search::{Deadline, SearchError, Snapshot};
use crate::serve::http::client::ClientState;
use crate::serve::http::fair_queue::QueueFull;

/// Runs `work` on the newest snapshot of the index.
pub(super) async fn run_search<T>(
    app: &ClientState,
    work: impl FnOnce(&Snapshot, &Deadline) -> Result<T, SearchError> + Send + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
{
    run_index_task(app, |snapshot, deadline| work(&*snapshot?, deadline)).await
}

/// Runs several pieces of work one after the other, all on the same snapshot: the newest one. They share one permit and
/// one time limit. Each has its own result.
pub(super) async fn run_searches<T, W>(
    app: &ClientState,
    works: Vec<W>,
) -> Result<Vec<Result<T, ApiError>>, ApiError>
where
    T: Send + 'static,
    W: FnOnce(&Snapshot, &Deadline) -> Result<T, SearchError> + Send + 'static,
{
    run_with_permit(app, |snapshot, deadline, to_api_error| {
        let snapshot = snapshot.map_err(to_api_error)?;
        let works = works.into_iter();
        let results = works.map(|work| work(&snapshot, deadline).map_err(to_api_error));
        Ok(results.collect())
    })
    .await
}

/// Runs `work`, which also handles that there is no index.
pub(super) async fn run_index_task<T>(
    app: &ClientState,
    work: impl FnOnce(Result<Arc<Snapshot>, SearchError>, &Deadline) -> Result<T, SearchError>
    + Send
    + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
{
    run_with_permit(app, |snapshot, deadline, to_api_error| {
        work(snapshot, deadline).map_err(to_api_error)
    })
    .await
}

/// Runs `work` on a thread that may block. The function that it gets records an error, and makes the one for the client.
///
/// It first waits for a permit, in the queue of its client; the wait counts toward the time limit. If the client
/// disconnects, the work stops soon.
async fn run_with_permit<T>(
    app: &ClientState,
    work: impl FnOnce(
        Result<Arc<Snapshot>, SearchError>,
        &Deadline,
        &dyn Fn(SearchError) -> ApiError,
    ) -> Result<T, ApiError>
    + Send
    + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
{
    let begin = Instant::now();
    let limit = app.search_timeout;
    let busy = |text: &str| {
        app.board.http.busy.add(1);
        ApiError::new(ErrorCode::Busy, text)
    };
    let permit = timeout(limit, app.search_permits.acquire(&app.asker)).await;
    let permit = permit
        .map_err(|_| busy("the limit of concurrent searches is reached; retry in a second"))?
        .map_err(|QueueFull| busy("too many of your searches are waiting; send fewer at a time"))?;
    let app = Arc::clone(app);
    let cancelled = Arc::new(AtomicBool::new(false));
    let _cancel = CancelOnDrop(Arc::clone(&cancelled));
    let task = tokio::task::spawn_blocking(move || {
        // Held until the work ends, even if the client is gone.
        let _permit = permit;
        let deadline = Deadline::after(limit.saturating_sub(begin.elapsed()));
        let deadline = deadline.or_cancelled(Arc::clone(&cancelled));
        let snapshot = app.index.snapshot();
        work(snapshot.clone(), &deadline, &|error| {
            if let SearchError::Index(error) = &error
                && error.0.is_damage()
            {
                app.record_damage(snapshot.as_ref().ok(), error.to_string());
            }
            if matches!(error, SearchError::TooSlow(_)) && !cancelled.load(Ordering::Relaxed) {
                app.board.http.too_slow.add(1);
            }
            to_api_error(&error, limit)
        })
    });
    task.await.unwrap_or_else(|error| Err(panicked(&error)))
}

/// The snapshot, if there is one. Logs an error if the index cannot be read.
pub(super) fn available(snapshot: Result<Arc<Snapshot>, SearchError>) -> Option<Arc<Snapshot>> {
    let log_unreadable = |error: &SearchError| match error {
        SearchError::Index(error) => log_index_error(&error.0),
        SearchError::NoIndex { .. } | SearchError::TooSlow(_) | SearchError::OtherSort(_) => {}
    };
    snapshot.inspect_err(log_unreadable).ok()
}

/// Cancels the work when it is dropped, which also happens when the client disconnects.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The error for the client. Details of index errors only go to the log.
fn to_api_error(error: &SearchError, limit: Duration) -> ApiError {
    match error {
        SearchError::NoIndex { .. } => {
            let text = "nothing has been indexed yet; retry after the first commit";
            ApiError::new(ErrorCode::IndexAbsent, text)
        }
        SearchError::TooSlow(_) => too_slow(limit),
        SearchError::OtherSort(error) => {
            ApiError::new(ErrorCode::CursorOfAnotherQuery, error.to_string())
                .for_parameter("cursor")
        }
        SearchError::Index(error) => {
            log_index_error(&error.0);
            let text = "the index cannot be read; see the log of asset-indexer for the reason";
            ApiError::new(ErrorCode::IndexFailed, text)
        }
    }
}

fn log_index_error(error: &IndexError) {
    tracing::error!(%error, "failed to read the index");
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::observe::status::StatusBoard;
    use crate::serve::http::app_state::AppState;
    use crate::serve::http::client::ClientId;
    use crate::serve::http::fair_queue::Asker;

    fn client_state() -> ClientState {
        ClientState {
            app: AppState::without_sources(Arc::new(StatusBoard::new("/none".into()))),
            asker: Asker {
                client: ClientId::Local,
                connection: 0,
            },
        }
    }

    #[tokio::test]
    async fn disconnected_client_stops_its_search() {
        let app = client_state();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (ended, ends) = mpsc::channel();
        let work = run_index_task(&app, move |_, deadline| {
            let _ = begun.send(());
            while !deadline.is_over() {
                std::thread::yield_now();
            }
            ended.send(()).unwrap();
            Ok(())
        });
        tokio::select! {
            _ = work => panic!("the search runs until it is cancelled"),
            begun = begins => begun.unwrap(),
        }
        let ended = tokio::task::spawn_blocking(move || ends.recv());
        ended.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn panic_becomes_an_internal_error() {
        let app = client_state();
        let found: Result<(), _> = run_index_task(&app, |_, _| panic!("a defect")).await;
        assert_eq!(found.unwrap_err().code(), ErrorCode::Internal);
    }
}
