//! Everything that is known of one key, and why search does or does not find it.
//!
//! It gathers from the configuration, from one listing of that key alone, and from the last commit
//! of an index that somebody else has opened; it changes none of them.

use std::time::Duration;

use crate::aws::bucket::Lister;
use crate::core::replication::interval::KeyRange;
use crate::core::replication::listing::RangeWalk;
use crate::core::source::Source;
use crate::index::{Engine, IndexError};

pub(crate) mod facts;
pub(crate) mod verdict;

pub(crate) use facts::{Facts, InBucket, InIndex, SourceInIndex};
pub(crate) use verdict::{Verdict, verdict};

/// What the bucket has under the key now.
///
/// One request, but where a store sends pages without keys: of those a walk takes
/// [`MAX_EMPTY_PAGES`](crate::core::replication::listing::MAX_EMPTY_PAGES).
pub(crate) async fn in_bucket(lister: &impl Lister, key: &str) -> InBucket {
    let mut walk = RangeWalk::new(KeyRange::only(key));
    let mut request = walk.first_request();
    loop {
        let page = match lister.list(&request).await {
            Ok(page) => page,
            Err(error) => return failed(error.to_string()),
        };
        let statement = match walk.accept(page) {
            Ok(statement) => statement,
            Err(fault) => return failed(fault.to_string()),
        };
        if let Some(entry) = statement.entries.first() {
            return InBucket::There((&entry.object).into());
        }
        match statement.next {
            Some(next) => request = next,
            None => return InBucket::Absent,
        }
    }
}

fn failed(error: String) -> InBucket {
    InBucket::Failed { error }
}

/// What the last commit of the index has; `every` is the longest time between two scans.
pub(crate) fn in_index(
    engine: &impl Engine,
    source: &Source,
    key: &str,
    every: Duration,
) -> Result<InIndex, IndexError> {
    let checkpoint = engine.checkpoint()?;
    let Some(state) = checkpoint.source(&source.name) else {
        return Ok(InIndex::UnknownSource);
    };
    let records = engine.get(state.id, &[key])?;
    let record = records.first().and_then(Option::as_ref);
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
    let known = SourceInIndex::new(state, source, key, record, every);
    Ok(InIndex::Known(Box::new(known)))
}

/// Adds what the configuration says.
///
/// Whether a key that ends in `/` only marks a folder depends on its size: that in the bucket, else
/// that in the index; where neither is known, it is taken to be such a marker.
pub(crate) fn facts(source: &Source, key: &str, bucket: InBucket, index: InIndex) -> Facts {
    let listed = match &bucket {
        InBucket::There(object) => Some(object.size),
        _ => None,
    };
    let indexed = match &index {
        InIndex::Known(known) => known.live().map(|object| object.size),
        _ => None,
    };
    let assumed = u64::from(!key.ends_with('/'));
    let size = listed.or(indexed).unwrap_or(assumed);
    let decision = source.decide(key, size);
    let path = source.asset_path(key);
    Facts {
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
