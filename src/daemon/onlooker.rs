//! Looks at an index that another process writes, and puts on the board what can be seen of it.
//!
//! What is only known to the one that writes (queues, running scans, lag) does not appear.

use std::sync::Arc;
use std::time::Duration;

use crate::http::site::Site;

/// How often it looks, at the most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks until it is dropped.
pub async fn look(site: &Arc<Site>) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let site = Arc::clone(site);
        let looked = tokio::task::spawn_blocking(move || site.note_index()).await;
        if let Err(error) = looked {
            tracing::error!(%error, "looking at the index panicked");
        }
    }
}
