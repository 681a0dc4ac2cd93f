//! Lists a single key: what a bucket has under it now.

use super::{BucketError, Lister};
use crate::core::replication::interval::KeyRange;
use crate::core::replication::listing::{ListingError, RangeWalk};
use crate::core::replication::object::Object;
use crate::core::replication::timestamp::Timestamp;

/// What a listing says about one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedKey {
    /// The object under the key, or `None` if there is none.
    pub(crate) object: Option<Object>,
    /// The timestamp of the page, which is never later than the snapshot of the bucket it shows.
    pub(crate) listed_at: Timestamp,
}

/// Why a key could not be listed.
#[derive(Debug)]
pub(crate) enum ListKeyError {
    /// The request failed.
    Bucket(BucketError),
    /// The answer cannot be a correct listing of this key.
    Listing(ListingError),
}

/// Lists one key and calls `on_answer` after each request.
///
/// Usually this takes one request. A store may send pages without keys first, for example if it has
/// many delete markers; [`MAX_EMPTY_PAGES`](crate::core::replication::listing::MAX_EMPTY_PAGES) limits
/// how many.
pub(crate) async fn list_key(
    lister: &impl Lister,
    key: &str,
    on_answer: impl Fn(),
) -> Result<ListedKey, ListKeyError> {
    let mut walk = RangeWalk::new(KeyRange::only(key));
    let mut request = walk.first_request();
    loop {
        let page = lister.list(&request).await;
        on_answer();
        let page = page.map_err(ListKeyError::Bucket)?;
        let coverage = walk.accept(page).map_err(ListKeyError::Listing)?;
        match coverage.next {
            Some(next) if !coverage.interval.contains(key) => request = next,
            _ if !coverage.covers(key) => {
                return Err(ListKeyError::Listing(ListingError::BrokenKey));
            }
            _ => {
                let mut entries = coverage.entries.into_iter();
                let entry = entries.find(|entry| entry.key == key);
                return Ok(ListedKey {
                    object: entry.map(|entry| entry.object),
                    listed_at: coverage.listed_at,
                });
            }
        }
    }
}
