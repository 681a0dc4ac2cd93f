//! Runs searches beside what must not wait: as many at a time as may, each for as long as it may.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::error::{ApiError, ErrorCode, panicked, too_slow};
use crate::index::IndexError;
use crate::search::{Deadline, SearchError, Snapshot};
use crate::serve::http::app_state::AppState;

/// Does some work on the newest snapshot of the index.
pub(super) async fn run_search<T>(
    app: &Arc<AppState>,
    work: impl FnOnce(&Snapshot, &Deadline) -> Result<T, SearchError> + Send + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
{
    run_index_task(app, |snapshot, deadline| work(&*snapshot?, deadline)).await
}

/// Does some work that can do without an index.
///
/// It waits for its turn; that counts into the time that the work may take. Work whose client is gone
/// ends soon.
pub(super) async fn run_index_task<T>(
    app: &Arc<AppState>,
    work: impl FnOnce(Result<Arc<Snapshot>, SearchError>, &Deadline) -> Result<T, SearchError>
    + Send
    + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
{
    let begin = Instant::now();
    let limit = app.search_timeout;
    let permit = timeout(limit, Arc::clone(&app.search_permits).acquire_owned()).await;
    let Ok(Ok(permit)) = permit else {
        app.board.http.busy.add(1);
        let text = "as many searches are running as may; ask again in a second";
        return Err(ApiError::new(ErrorCode::Busy, text));
    };
    let app = Arc::clone(app);
    let given_up = Arc::new(AtomicBool::new(false));
    let _waiting = Waiting(Arc::clone(&given_up));
    let found = tokio::task::spawn_blocking(move || {
        // Held until the work has ended, whoever waits for it.
        let _permit = permit;
        let deadline = Deadline::after(limit.saturating_sub(begin.elapsed()));
        let deadline = deadline.or_given_up(Arc::clone(&given_up));
        let snapshot = app.index.snapshot();
        work(snapshot.clone(), &deadline).map_err(|error| {
            if let SearchError::Index(error) = &error
                && error.0.is_damage()
            {
                app.record_damage(snapshot.as_ref().ok(), error.to_string());
            }
            if matches!(error, SearchError::TooSlow(_)) && !given_up.load(Ordering::Relaxed) {
                app.board.http.too_slow.add(1);
            }
            refused(&error, limit)
        })
    });
    found.await.unwrap_or_else(|error| Err(panicked(&error)))
}

/// The snapshot, if there is one; that the index cannot be read is in the log then.
pub(super) fn available(snapshot: Result<Arc<Snapshot>, SearchError>) -> Option<Arc<Snapshot>> {
    let note_unreadable = |error: &SearchError| match error {
        SearchError::Index(error) => note(&error.0),
        SearchError::NoIndex { .. } | SearchError::TooSlow(_) | SearchError::OtherSort(_) => {}
    };
    snapshot.inspect_err(note_unreadable).ok()
}

/// Gives the work up when it is dropped, as it is with a request whose client is gone.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Why a search, which had so long, has no answer; what concerns the operator alone is in the log.
fn refused(error: &SearchError, limit: Duration) -> ApiError {
    match error {
        SearchError::NoIndex { .. } => {
            let text = "nothing has been indexed yet; ask again when the first commit is made";
            ApiError::new(ErrorCode::IndexAbsent, text)
        }
        SearchError::TooSlow(_) => too_slow(limit),
        SearchError::OtherSort(error) => {
            ApiError::new(ErrorCode::CursorOfAnotherQuery, error.to_string())
                .for_parameter("cursor")
        }
        SearchError::Index(error) => {
            note(&error.0);
            let text = "the index cannot be read at present; the log of asset-indexer says why";
            ApiError::new(ErrorCode::IndexFailed, text)
        }
    }
}

fn note(error: &IndexError) {
    tracing::error!(%error, "the index cannot be read");
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::observe::status::StatusBoard;

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_given_up_and_leaves_its_place() {
        let app = AppState::without_sources(Arc::new(StatusBoard::new("/none".into())));
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
            _ = work => panic!("it ends by being given up"),
            begun = begins => begun.unwrap(),
        }
        let ended = tokio::task::spawn_blocking(move || ends.recv());
        ended.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_answered() {
        let app = AppState::without_sources(Arc::new(StatusBoard::new("/none".into())));
        let found: Result<(), _> = run_index_task(&app, |_, _| panic!("a defect")).await;
        assert_eq!(found.unwrap_err().code(), ErrorCode::Internal);
    }
}
