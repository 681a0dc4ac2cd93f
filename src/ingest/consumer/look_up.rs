//! A key listed alone, because an event of it does not tell what is there now.
//!
//! Every page is applied, and shown, as soon as it is there; the event is settled by one whose stamp is
//! later than the event. Stamps are a second or two behind, so that takes as long.

use std::time::Duration;

use tokio::sync::Semaphore;

use super::routes::Follower;
use crate::aws::bucket::{BucketError, Lister};
use crate::core::replication::interval::KeyRange;
use crate::core::replication::listing::{ListingFault, RangeWalk};
use crate::core::replication::order::Ambiguous;
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
        fault: ListingFault,
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
    follower: &Follower,
    index: &IndexHandle,
    permits: &Semaphore,
    key: &str,
    event: &Ambiguous,
) -> Result<Applied, LookUpError> {
    for round in 0..MAX_PAGES {
        // The page of another event of the key may have settled this one meanwhile.
        if round > 0
            && let Some(settled) = is_settled(follower, index, key, event).await?
        {
            return Ok(settled);
        }
        let report = list_in_turn(follower, permits, key, event).await?;
        let stamp = report.stamp;
        match index.apply_look_up(report).await? {
            Applied::LookUp => {}
            Applied::NotYet => return Err(LookUpError::NotYet),
            settled => return Ok(settled),
        }
        let behind = event.time.as_millis() - stamp.as_millis() + 1;
        let wait = Duration::from_millis(u64::try_from(behind).unwrap_or(0));
        tokio::time::sleep(wait.clamp(MIN_WAIT, MAX_WAIT)).await;
    }
    Err(LookUpError::Outdated)
}

/// What the index knows of the event by now; `None` where the key must still be listed.
async fn is_settled(
    follower: &Follower,
    index: &IndexHandle,
    key: &str,
    event: &Ambiguous,
) -> Result<Option<Applied>, LookUpError> {
    let report = EventReport {
        source: follower.id,
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
    follower: &Follower,
    permits: &Semaphore,
    key: &str,
    event: &Ambiguous,
) -> Result<LookUpReport, LookUpError> {
    let own = follower.look_ups.acquire().await;
    let _own = own.expect("nobody closes the semaphore");
    if let Some(error) = follower.look_ups_rest() {
        return Err(error);
    }
    let permit = permits.acquire().await;
    let _permit = permit.expect("nobody closes the semaphore");
    let listing = tokio::time::timeout(LIST_TIMEOUT, list(follower, key, event));
    let listed = listing.await.unwrap_or(Err(LookUpError::TimedOut));
    if let Err(LookUpError::Bucket(_) | LookUpError::TimedOut) = &listed {
        follower.let_look_ups_rest();
    }
    listed
}

/// Asks for pages until one makes a statement about the key; the first does, unless it is empty and
/// goes on, as where there are many delete markers. The walk bounds how many such there may be.
async fn list(
    follower: &Follower,
    key: &str,
    event: &Ambiguous,
) -> Result<LookUpReport, LookUpError> {
    let source = &follower.source;
    let mut walk = RangeWalk::new(KeyRange::only(key));
    let mut request = walk.request();
    let (stamp, entries) = loop {
        let page = follower.bucket.list(&request).await;
        follower.board.look_ups.add(1);
        let statement = walk.take(page.map_err(LookUpError::Bucket)?);
        let statement = statement.map_err(|fault| {
            tracing::debug!(?fault, "a page is not believed");
            LookUpError::Listing {
                bucket: source.bucket.clone(),
                fault,
            }
        })?;
        match statement.next {
            Some(next) if !statement.interval.contains(key) => request = next,
            _ => break (statement.stamp, statement.entries),
        }
    };
    let listed = entries.into_iter().find(|entry| entry.key == key);
    let listed = listed.map(|entry| entry.object);
    Ok(LookUpReport {
        source: follower.id,
        key: key.to_owned(),
        listed: listed.filter(|object| source.admits(key, object.size)),
        stamp,
        event: event.clone(),
    })
}
