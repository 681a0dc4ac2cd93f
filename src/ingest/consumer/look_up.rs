//! Looks up the key of an event that does not say what is under the key now: lists this one key.
//!
//! Each page is applied, and visible to searches, as soon as it arrives. A page settles the event if
//! its timestamp is later than the event. Timestamps of pages lie a second or two before the request,
//! so a look-up right after the event takes that long.

use std::time::Duration;

use super::routes::ActiveSource;
use crate::aws::bucket::{BucketError, ListKeyError, ListedKey, list_key};
use crate::concurrency::ConcurrencyLimit;
use crate::core::replication::listing::ListingError;
use crate::core::replication::order::AmbiguousEvent;
use crate::index::IndexError;
use crate::index::ledger::{EventOutcome, EventReport, KeyEvent, LookUpReport};
use crate::index::writer::IndexHandle;

/// Maximum number of times to list a key for one event.
const MAX_ATTEMPTS: u32 = 12;

/// The shortest and the longest wait between two attempts.
const MIN_WAIT: Duration = Duration::from_millis(200);
const MAX_WAIT: Duration = Duration::from_secs(3);

/// Maximum time to list one key, including retries. A store that hangs must not hold up others.
const LIST_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a look-up did not settle its event.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookUpError {
    /// The key cannot be listed.
    #[error("{0}")]
    Bucket(BucketError),
    /// A page contradicts its request or the order of keys.
    #[error("failed to look up a key of bucket {bucket:?}: {error}")]
    Listing {
        /// The bucket.
        bucket: String,
        /// The contradiction in the page.
        error: ListingError,
    },
    /// No answer came in time.
    #[error(
        "failed to look up a key: no answer within {} seconds; it is tried again when the message is \
         redelivered",
        LIST_TIMEOUT.as_secs()
    )]
    TimedOut,
    /// Every page was older than the event or the record.
    #[error(
        "failed to look up a key: all {MAX_ATTEMPTS} listings were older than its event; check the \
         store's clock"
    )]
    Outdated,
    /// A look-up of the Source failed a moment ago.
    #[error(
        "look-ups of the Source are paused because one has just failed; it is tried again soon"
    )]
    Paused,
    /// The Source is not ready for events.
    #[error("the Source's records are of another bucket or prefix until a scan finds an asset")]
    NotYet,
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// Lists the key until the event is settled. Returns when the result is durable.
///
/// It holds a permit while it lists the key, not between two attempts.
pub(super) async fn run(
    active: &ActiveSource,
    index: &IndexHandle,
    look_ups: &ConcurrencyLimit,
    key: &str,
    event: &AmbiguousEvent,
) -> Result<EventOutcome, LookUpError> {
    for attempt in 0..MAX_ATTEMPTS {
        // Meanwhile the look-up for another event of the key may have settled this one too.
        if attempt > 0
            && let Some(settled) = settled(active, index, key, event).await?
        {
            return Ok(settled);
        }
        let report = list_with_permits(active, look_ups, key, event).await?;
        let listed_at = report.listed_at;
        match index.apply_look_up(report).await? {
            EventOutcome::NeedsLookUp => {}
            EventOutcome::NotYet => return Err(LookUpError::NotYet),
            settled => return Ok(settled),
        }
        let missing_millis = event.time.as_millis() - listed_at.as_millis() + 1;
        let wait = Duration::from_millis(u64::try_from(missing_millis).unwrap_or(0));
        tokio::time::sleep(wait.clamp(MIN_WAIT, MAX_WAIT)).await;
    }
    Err(LookUpError::Outdated)
}

/// The outcome of the event if the index can decide it now. `None` if the key must still be listed.
async fn settled(
    active: &ActiveSource,
    index: &IndexHandle,
    key: &str,
    event: &AmbiguousEvent,
) -> Result<Option<EventOutcome>, LookUpError> {
    let report = EventReport {
        source: active.id,
        key: key.to_owned(),
        event: KeyEvent::Ambiguous(event.clone()),
    };
    match index.apply_events(vec![report]).await?.pop() {
        Some(EventOutcome::NeedsLookUp) | None => Ok(None),
        Some(EventOutcome::NotYet) => Err(LookUpError::NotYet),
        Some(settled) => Ok(Some(settled)),
    }
}

/// Lists the key once it has a permit of its Source and one of the process.
///
/// The permits of a Source are at most half of those of the process, so that a store that hangs leaves
/// some for other Sources.
async fn list_with_permits(
    active: &ActiveSource,
    look_ups: &ConcurrencyLimit,
    key: &str,
    event: &AmbiguousEvent,
) -> Result<LookUpReport, LookUpError> {
    let _source_permit = active.look_ups.acquire().await;
    if active.look_ups_are_paused() {
        return Err(LookUpError::Paused);
    }
    let _permit = look_ups.acquire().await;
    let listing = tokio::time::timeout(LIST_TIMEOUT, list(active, key, event));
    let listed = listing.await.unwrap_or(Err(LookUpError::TimedOut));
    if let Err(LookUpError::Bucket(_) | LookUpError::TimedOut) = &listed {
        active.pause_look_ups();
    }
    listed
}

/// Lists the key, and counts each request.
async fn list(
    active: &ActiveSource,
    key: &str,
    event: &AmbiguousEvent,
) -> Result<LookUpReport, LookUpError> {
    let source = &active.source;
    let count_request = || active.board.look_ups.add(1);
    let listed = list_key(&*active.bucket, key, count_request).await;
    let ListedKey { object, listed_at } = listed.map_err(|error| match error {
        ListKeyError::Bucket(error) => LookUpError::Bucket(error),
        ListKeyError::Listing(error) => {
            tracing::debug!(?error, "listing rejected");
            LookUpError::Listing {
                bucket: source.bucket.clone(),
                error,
            }
        }
    })?;
    Ok(LookUpReport {
        source: active.id,
        key: key.to_owned(),
        listed: object.filter(|object| source.admits(key, object.size)),
        listed_at,
        event: event.clone(),
    })
}
