//! Everything that is known of one key, and why search does or does not find it.
//!
//! It gathers from the configuration, from one listing of that key alone, and from the last commit
//! of an index that somebody else has opened; it changes none of them.

use std::time::Duration;

use crate::aws::bucket::{ListKeyError, Lister, list_key};
use crate::core::source::Source;
use crate::index::{Engine, IndexError};

pub(crate) mod explanation;
pub(crate) mod verdict;

pub(crate) use explanation::{BucketState, Explanation, IndexState, IndexedSource};
pub(crate) use verdict::{Verdict, verdict};

/// What the bucket has under the key now.
///
/// One request, but where a store sends pages without keys: of those a walk takes
/// [`MAX_EMPTY_PAGES`](crate::core::replication::listing::MAX_EMPTY_PAGES).
pub(crate) async fn bucket_state(lister: &impl Lister, key: &str) -> BucketState {
    let error = match list_key(lister, key, || {}).await {
        Ok(listed) => {
            return match listed.object {
                Some(object) => BucketState::Present((&object).into()),
                None => BucketState::Absent,
            };
        }
        Err(ListKeyError::Bucket(error)) => error.to_string(),
        Err(ListKeyError::Listing(error)) => error.to_string(),
    };
    BucketState::Failed { error }
}

/// What the last commit of the index has; `every` is the longest time between two scans.
pub(crate) fn index_state(
    engine: &impl Engine,
    source: &Source,
    key: &str,
    every: Duration,
) -> Result<IndexState, IndexError> {
    let checkpoint = engine.checkpoint()?;
    let Some(state) = checkpoint.source(&source.name) else {
        return Ok(IndexState::UnknownSource);
    };
    let records = engine.get(state.id, &[key])?;
    let record = records.first().and_then(Option::as_ref);
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
    let known = IndexedSource::new(state, source, key, record, every);
    Ok(IndexState::Known(Box::new(known)))
}

/// Adds what the configuration says.
///
/// Whether a key that ends in `/` only marks a folder depends on its size: that in the bucket, else
/// that in the index; where neither is known, it is taken to be such a marker.
pub(crate) fn explain(
    source: &Source,
    key: &str,
    bucket: BucketState,
    index: IndexState,
) -> Explanation {
    let listed = match &bucket {
        BucketState::Present(object) => Some(object.size),
        _ => None,
    };
    let indexed = match &index {
        IndexState::Known(known) => known.live().map(|object| object.size),
        _ => None,
    };
    let assumed = u64::from(!key.ends_with('/'));
    let size = listed.or(indexed).unwrap_or(assumed);
    let decision = source.decide(key, size);
    let path = source.asset_path(key);
    Explanation {
        source: source.name.clone(),
        enabled: source.enabled,
        has_events: source.events.is_some(),
        prefix: source.prefix.clone(),
        key: key.to_owned(),
        url: path.is_some().then(|| source.asset_url(key)),
        path,
        admitted: decision.is_admitted(),
        rule: decision.to_string(),
        bucket,
        index,
    }
}

#[cfg(test)]
mod tests;
