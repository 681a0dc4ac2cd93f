//! A key listed alone, because an event of it does not tell what is there now.
//!
//! Every page is applied, and shown, as soon as it is there; the event is settled by one whose stamp is
//! later than the event. Stamps are a second or two behind, so that takes as long.

use std::time::Duration;

use tokio::sync::Semaphore;

use super::routes::Follower;
use crate::bucket::{BucketError, Lister};
use crate::index::IndexError;
use crate::index::ledger::{Applied, LookUpReport};
use crate::index::writer::IndexHandle;
use crate::sync::interval::KeyRange;
use crate::sync::listing::{ListingFault, RangeWalk};
use crate::sync::order::Ambiguous;

/// How often a key is listed for one event.
const MAX_PAGES: u32 = 12;

/// The shortest and the longest wait between two pages.
const MIN_WAIT: Duration = Duration::from_millis(200);
const MAX_WAIT: Duration = Duration::from_secs(3);

/// Why a look-up settles nothing.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
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
    /// The pages stay older than the event or than the record.
    #[error(
        "{MAX_PAGES} listings of the key were all older than its event; is the store's clock behind?"
    )]
    Outdated,
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
pub async fn run(
    follower: &Follower,
    index: &IndexHandle,
    permits: &Semaphore,
    key: &str,
    event: &Ambiguous,
) -> Result<Applied, LookUpError> {
    for _ in 0..MAX_PAGES {
        let permit = permits.acquire().await;
        let permit = permit.expect("nobody closes the semaphore");
        let report = list(follower, key, event).await?;
        drop(permit);
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
        let statement = statement.map_err(|fault| LookUpError::Listing {
            bucket: source.bucket.clone(),
            fault,
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
