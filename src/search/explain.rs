//! Explains one key: everything that is known about it, and why a search finds it or not.
//!
//! The facts come from the configuration, from a listing of this key, and from the last commit of the index.
//! This module changes none of them, and does not open the index.

use std::time::Duration;

use crate::aws::bucket::{ListKeyError, Lister, list_key};
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::SourceId;
use crate::core::source::{Source, other_spellings};
use crate::index::{Engine, IndexError};

pub(crate) mod explanation;
pub(crate) mod verdict;

pub(crate) use explanation::{BucketState, Explanation, IndexState, IndexedSource};
pub(crate) use verdict::{Verdict, verdict};

/// Looks the key up in the bucket.
///
/// It usually takes one request. If the store sends empty pages, it follows up to
/// [`MAX_EMPTY_PAGES`](crate::core::replication::listing::MAX_EMPTY_PAGES) of them.
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

/// Looks the key up in the last commit of the index. `scan_every` is the maximum time between two scans.
pub(crate) fn index_state(
    engine: &impl Engine,
    source: &Source,
    key: &str,
    scan_every: Duration,
) -> Result<IndexState, IndexError> {
    let checkpoint = engine.checkpoint()?;
    let Some(state) = checkpoint.source(&source.name) else {
        return Ok(IndexState::UnknownSource);
    };
    let records = engine.get(state.id, &[key])?;
    let record = records.first().and_then(Option::as_ref);
    let scan_every = i64::try_from(scan_every.as_millis()).unwrap_or(i64::MAX);
    let mut known = IndexedSource::new(state, source, key, record, scan_every);
    if known.live().is_none() {
        known.look_alike = look_alike(engine, state.id, key)?;
    }
    Ok(IndexState::Known(Box::new(known)))
}

/// The key of an asset that differs from `key` only in its Unicode form.
fn look_alike(
    engine: &impl Engine,
    source: SourceId,
    key: &str,
) -> Result<Option<String>, IndexError> {
    let spellings = other_spellings(key);
    let keys: Vec<&str> = spellings.iter().map(String::as_str).collect();
    let records = engine.get(source, &keys)?;
    let is_asset = |record: &Record| matches!(record.content, RecordContent::Live { .. });
    let mut found = spellings.iter().zip(&records);
    let found = found.find(|(_, record)| record.as_ref().is_some_and(is_asset));
    Ok(found.map(|(key, _)| key.clone()))
}

/// Combines the facts with the decision of the Source's rules.
///
/// A key that ends in `/` marks a folder if its object is empty. The size comes from the bucket, or else from
/// the index. If neither has the object, the key counts as a folder marker.
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
