//! Explains one key: everything that is known about it, and why a search finds it or not.
//!
//! The facts come from the configuration, from a listing of this key, and from the last commit of the index.
//! This module changes none of them, and does not open the index.

use std::time::Duration;

use crate::aws::bucket::{ListKeyError, Lister, list_key};
use crate::core::query::request::MAX_LIMIT;
use crate::core::query::{
    Condition, Count, MatchMode, Query, Request, Sort, Term, WordField, query_words,
};
use crate::core::source::look_alike::are_look_alikes;
use crate::core::source::{SearchSource, Source};
use crate::index::deadline::Deadline;
use crate::index::tantivy::TantivyEngine;
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
    engine: &TantivyEngine,
    source: &Source,
    key: &str,
    scan_every: Duration,
    deadline: &Deadline,
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
        known.look_alike = look_alike(engine, source, key, deadline)?;
    }
    Ok(IndexState::Known(Box::new(known)))
}

/// The key of an asset that looks like `key` although its bytes differ.
///
/// The index folds the words of look-alikes to the same text, so it searches for the words of the key. If more
/// than [`MAX_LIMIT`] assets have all of them, it compares only the first ones.
fn look_alike(
    engine: &TantivyEngine,
    source: &Source,
    key: &str,
    deadline: &Deadline,
) -> Result<Option<String>, IndexError> {
    let mut words = Vec::new();
    query_words(
        key.strip_prefix(&source.prefix).unwrap_or(key),
        |word, _| {
            words.push(word.to_owned());
        },
    );
    words.sort_unstable();
    words.dedup();
    if words.is_empty() {
        return Ok(None);
    }
    let condition = Condition::Term(Term::Words {
        words,
        mode: MatchMode::Whole,
        field: WordField::Path,
    });
    let request = Request::new(Query { condition })
        .sort(Sort::default())
        .limit(MAX_LIMIT)
        .count(Count::UpTo(0));
    let page = engine.search(&[&SearchSource::from(source)], &request, deadline)?;
    let mut keys = page.hits.into_iter().map(|hit| hit.key);
    Ok(keys.find(|found| are_look_alikes(found, key)))
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
    // If a search finds the key at the former location of the Source, its path and URL are those there.
    let former = match &index {
        IndexState::Known(known) if known.live().is_some() => known.other_location.as_ref(),
        _ => None,
    };
    let searched = SearchSource::from(source);
    let searched = match former {
        Some(former) => searched.at(&former.origin, &former.prefix),
        None => searched,
    };
    let path = searched.asset_path(key);
    Explanation {
        source: source.name.clone(),
        enabled: source.enabled,
        has_events: source.events.is_some(),
        prefix: source.prefix.clone(),
        key: key.to_owned(),
        url: path.is_some().then(|| searched.asset_url(key)),
        path,
        admitted: decision.is_admitted(),
        rule: decision.to_string(),
        near_miss: source.near_miss(key).map(|near_miss| near_miss.to_string()),
        bucket,
        index,
    }
}

#[cfg(test)]
mod tests;
