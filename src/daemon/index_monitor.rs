//! Watches an index that another process writes, and shows its state on the status board.
//!
//! It does not show what only the writing process knows: queues, running scans and lag.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::observe::outage::Outage;
use crate::observe::status::{IndexHealth, StatusBoard};
use crate::serve::http::app_state::AppState;

/// How often to read the index.
const INTERVAL: Duration = Duration::from_secs(1);

/// Watches the index until it is dropped.
pub(crate) async fn run(app: &Arc<AppState>) {
    let mut before = IndexHealth::Open;
    let outage = Outage::default();
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let reader = Arc::clone(app);
        let refreshed = tokio::task::spawn_blocking(move || reader.refresh_board()).await;
        if let Err(error) = refreshed {
            tracing::error!(%error, "reading the index panicked");
        }
        let now = app.board.index();
        log_change(&before, &now, &outage, &app.board);
        before = now;
    }
}

/// Logs when searches become possible, and when and why they are not.
fn log_change(before: &IndexHealth, now: &IndexHealth, outage: &Outage, board: &StatusBoard) {
    match now {
        IndexHealth::Open => {
            let has_recovered = outage.on_success(Instant::now());
            if has_recovered || *before == IndexHealth::Opening {
                tracing::info!("the index is open for searches");
            }
        }
        IndexHealth::Failed(error) if outage.on_failure(Instant::now()) => {
            tracing::warn!(
                error,
                "the index cannot be searched; checking it every second"
            );
        }
        IndexHealth::Opening if now != before => {
            let data_dir = board.data_dir.display();
            tracing::info!(%data_dir, "there is no index yet; waiting for it");
        }
        IndexHealth::Failed(_) | IndexHealth::Opening => {}
    }
}
