//! Looks at an index that another process writes, and puts on the board what can be seen of it.
//!
//! What is only known to the one that writes (queues, running scans, lag) does not appear.

use std::sync::Arc;
use std::time::Duration;

use crate::observe::status::{IndexHealth, StatusBoard};
use crate::serve::http::app_state::AppState;

/// How often it looks, at the most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks until it is dropped.
pub(crate) async fn look(app: &Arc<AppState>) {
    let mut before = IndexHealth::Open;
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let looking = Arc::clone(app);
        let looked = tokio::task::spawn_blocking(move || looking.refresh_board()).await;
        if let Err(error) = looked {
            tracing::error!(%error, "looking at the index panicked");
        }
        let now = app.board.index();
        tell(&before, &now, &app.board);
        before = now;
    }
}

/// Logs why there is nothing to search, once for each reason, and when there is again.
fn tell(before: &IndexHealth, now: &IndexHealth, board: &StatusBoard) {
    match now {
        _ if now == before => {}
        IndexHealth::Open => tracing::info!("the index can be searched"),
        IndexHealth::Failed(error) => {
            tracing::warn!(
                error,
                "the index cannot be searched; it is looked at again each second"
            );
        }
        IndexHealth::Opening => {
            let data_dir = board.data_dir.display();
            tracing::info!(%data_dir, "there is no index yet; it is waited for");
        }
    }
}
