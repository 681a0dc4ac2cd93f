//! A key listed alone, because an event of it does not tell what is there now.
//!
//! Every page is applied, and shown, as soon as it is there; the event is settled by one whose stamp is
//! later than the event. Stamps are a second or two behind, so that takes as long.

use std::time::Duration;

use tokio::sync::Semaphore;

use super::routes::ActiveSource;
use crate::aws::bucket::{BucketError, Lister};
use crate::core::replication::interval::KeyRange;
use crate::core::replication::listing::{ListingError, RangeWalk};
use crate::core::replication::order::AmbiguousEvent;
use crate::index::IndexError;
use crate::index::ledger::{Applied, EventReport, LookUpReport, Told};
use crate::index::writer::IndexHandle;

/// How often a key is listed for one event.
const MAX_PAGES: u32 = 12;

/// The shortest and the longest wait between two pages.
const MIN_WAIT: Duration = Duration::from_millis(200);
const MAX_WAIT: Duration = Duration::from_secs(3);

/// How long one key may take to be listed, attempts and all: what hangs must not hold up others.
const LIST_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a look-up settles nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookUpError {
    /// The key cannot be listed.
    #[error("failed to {0}")]
    Bucket(BucketError),
    /// The answer must not be believed.
    #[error("failed to look up a key of bucket {bucket:?}: {fault}")]
    Listing {
        /// The bucket.
        bucket: String,
        /// What is wrong with the page.
        fault: ListingError,
    },
    /// No answer came.
    #[error(
        "failed to look up a key within {} seconds; it is tried again when its event comes again",
        LIST_TIMEOUT.as_secs()
    )]
    TimedOut,
    /// The pages stay older than the event or than the record.
    #[error(
        "{MAX_PAGES} listings of the key were all older than its event; is the store's clock behind?"
    )]
    Outdated,
    /// Another key of the Source could not be listed a moment ago.
    #[error("a key of the Source could not be looked up just before; it is tried again soon")]
    Resting,
    /// The Source is not ready for events.
    #[error("the Source's records are of another bucket or folder until its scan has begun")]
    NotYet,
    /// The index refused.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// Lists the key until the event is settled, and answers when that is durable.
///
/// A permit is held while the key is listed, not while it is waited for.
pub(super) async fn run(
    active: &ActiveSource,
    index: &IndexHandle,
    permits: &Semaphore,
    key: &str,
    event: &AmbiguousEvent,
) -> Result<Applied, LookUpError> {
    for round in 0..MAX_PAGES {
        // The page of another event of the key may have settled this one meanwhile.
        if round > 0
            && let Some(settled) = is_settled(active, index, key, event).await?
        {
            return Ok(settled);
        }
        let report = list_in_turn(active, permits, key, event).await?;
        let listed_at = report.listed_at;
        match index.apply_look_up(report).await? {
            Applied::LookUp => {}
            Applied::NotYet => return Err(LookUpError::NotYet),
            settled => return Ok(settled),
        }
        let behind = event.time.as_millis() - listed_at.as_millis() + 1;
        let wait = Duration::from_millis(u64::try_from(behind).unwrap_or(0));
        tokio::time::sleep(wait.clamp(MIN_WAIT, MAX_WAIT)).await;
    }
    Err(LookUpError::Outdated)
}

/// What the index knows of the event by now; `None` where the key must still be listed.
async fn is_settled(
    active: &ActiveSource,
    index: &IndexHandle,
    key: &str,
    event: &AmbiguousEvent,
) -> Result<Option<Applied>, LookUpError> {
    let report = EventReport {
        source: active.id,
        key: key.to_owned(),
        event: Told::Ambiguous(event.clone()),
    };
    match index.apply_events(vec![report]).await?.pop() {
        Some(Applied::LookUp) | None => Ok(None),
        Some(Applied::NotYet) => Err(LookUpError::NotYet),
        Some(settled) => Ok(Some(settled)),
    }
}

/// Lists the key when it is its turn: of all look-ups, and of those of its Source, which may have no more
/// than half of them, so that a store that hangs leaves room for others.
async fn list_in_turn(
    active: &ActiveSource,
    permits: &Semaphore,
    key: &str,
    event: &AmbiguousEvent,
) -> Result<LookUpReport, LookUpError> {
    let own = active.look_ups.acquire().await;
    let _own = own.expect("nobody closes the semaphore");
    if let Some(error) = active.look_ups_rest() {
        return Err(error);
    }
    let permit = permits.acquire().await;
    let _permit = permit.expect("nobody closes the semaphore");
    let listing = tokio::time::timeout(LIST_TIMEOUT, list(active, key, event));
    let listed = listing.await.unwrap_or(Err(LookUpError::TimedOut));
    if let Err(LookUpError::Bucket(_) | LookUpError::TimedOut) = &listed {
        active.let_look_ups_rest();
    }
    listed
}

/// Asks for pages until one makes a coverage about the key; the first does, unless it is empty and
/// goes on, as where there are many delete markers. The walk bounds how many such there may be.
async fn list(
    active: &ActiveSource,
    key: &str,
    event: &AmbiguousEvent,
) -> Result<LookUpReport, LookUpError> {
    let source = &active.source;
    let mut walk = RangeWalk::new(KeyRange::only(key));
    let mut request = walk.request();
    let (listed_at, entries) = loop {
        let page = active.bucket.list(&request).await;
        active.board.look_ups.add(1);
        let coverage = walk.take(page.map_err(LookUpError::Bucket)?);
        let coverage = coverage.map_err(|fault| {
            tracing::debug!(?fault, "a page is not believed");
            LookUpError::Listing {
                bucket: source.bucket.clone(),
                fault,
            }
        })?;
        match coverage.next {
            Some(next) if !coverage.interval.contains(key) => request = next,
            _ => break (coverage.listed_at, coverage.entries),
        }
    };
    let listed = entries.into_iter().find(|entry| entry.key == key);
    let listed = listed.map(|entry| entry.object);
    Ok(LookUpReport {
        source: active.id,
        key: key.to_owned(),
        listed: listed.filter(|object| source.admits(key, object.size)),
        listed_at,
        event: event.clone(),
    })
}
