//! Previews the rules of a draft: applies them to the keys in the index, to some listed pages, and to paths of the
//! client.
//!
//! The index has only keys that the current rules admit. Keys that they reject come from the listed pages.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::aws::bucket::{BucketError, Lister, S3Bucket};
use crate::config::Config;
use crate::core::replication::interval::{KeyInterval, KeyRange};
use crate::core::replication::listing::{MAX_KEYS, PageRequest};
use crate::core::source::Source;
use crate::core::source::rule_preview::{Example, RuleCounts, RulePreview};
use crate::index::{Engine, RecordFilter};
use crate::managed::changes::DraftSource;
use crate::search::{SearchError, SearchIndex};
use crate::serve::source_drafts::{IndexCounts, JudgedPath, ListedCounts, PathRule, Preview};

/// Maximum time for reading the index.
const INDEX_LIMIT: Duration = Duration::from_secs(2);

/// Maximum number of keys to read from the index.
const MAX_INDEX_KEYS: u64 = 2_000_000;

/// Number of records to read at once.
const CHUNK: usize = 4_000;

/// Maximum time for listing.
const LIST_LIMIT: Duration = Duration::from_secs(8);

/// Maximum number of pages below include rules, in addition to one page of the whole prefix.
const MAX_PAGES: usize = 16;

/// Maximum number of attempts for a request. Few, because the user waits for the result.
const ATTEMPTS: u32 = 2;

/// The preview. `paths` are asset paths, keys or URLs.
pub(super) async fn preview(draft: &DraftSource, paths: &[String], config: &Config) -> Preview {
    let source = &draft.source;
    let listed = list(source).await;
    let (judged, config) = (draft.clone(), config.clone());
    let paths = paths.to_vec();
    // Reading the index and matching the rules block.
    let work = move || of_keys(&judged, listed, &paths, &config);
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Preview {
        index: None,
        listed: None,
        listed_error: Some("the preview failed because of a fault in this program".to_owned()),
        admitted: Vec::new(),
        rejected: Vec::new(),
        paths: Vec::new(),
        address: None,
    })
}

/// The keys of listed pages, with their sizes.
struct Listed {
    keys: BTreeMap<String, u64>,
    /// Whether these are all keys under the prefix.
    is_complete: bool,
}

fn of_keys(
    draft: &DraftSource,
    listed: Result<Listed, String>,
    paths: &[String],
    config: &Config,
) -> Preview {
    let source = &draft.source;
    let mut preview = RulePreview::new(source);
    let (listed, listed_error) = match listed {
        Ok(listed) => (Some(count_listed(&listed, &mut preview)), None),
        Err(error) => (None, Some(error)),
    };
    let index = count_index(source, config, &mut preview);
    let (admitted, rejected) = preview.into_examples();
    let first = admitted.first().filter(|_| draft.has_address());
    Preview {
        index,
        listed,
        listed_error,
        address: first.map(|example| source.asset_url(&example.key)),
        admitted: shown(admitted, source),
        rejected: shown(rejected, source),
        paths: paths.iter().map(|path| judge(source, path)).collect(),
    }
}

fn shown(examples: Vec<Example>, source: &Source) -> Vec<PathRule> {
    let path = |example: Example| PathRule {
        path: source.asset_path(&example.key).unwrap_or(example.key),
        rule: example.rule,
    };
    examples.into_iter().map(path).collect()
}

/// Judges a path as `rules test` does.
fn judge(source: &Source, path: &str) -> JudgedPath {
    let (admitted, rule) = match source.key_of_reference(path) {
        Ok(key) => {
            let size = u64::from(!key.ends_with('/'));
            let decision = source.decide(&key, size);
            let near_miss = source.near_miss(&key);
            let hint = near_miss.map_or_else(String::new, |hint| format!("; {hint}"));
            (decision.is_admitted(), decision.rule() + &hint)
        }
        Err(error) => (false, error.to_string()),
    };
    JudgedPath {
        path: path.to_owned(),
        admitted,
        rule,
    }
}

fn count_listed(listed: &Listed, preview: &mut RulePreview<'_>) -> ListedCounts {
    let mut counts = RuleCounts::default();
    for (key, size) in &listed.keys {
        preview.add(key, *size, &mut counts);
    }
    ListedCounts {
        admitted: counts.admitted,
        rejected: counts.rejected,
        keys: counts.admitted + counts.rejected,
        is_complete: listed.is_complete,
    }
}

/// Counts the keys of the Source in the index. `None` if the index has none of this bucket, or cannot be read.
fn count_index(
    source: &Source,
    config: &Config,
    preview: &mut RulePreview<'_>,
) -> Option<IndexCounts> {
    match read_index(source, config, preview) {
        Ok(counts) => counts,
        Err(error) => {
            tracing::warn!(source = source.name, %error, "a preview failed to read the index");
            None
        }
    }
}

fn read_index(
    source: &Source,
    config: &Config,
    preview: &mut RulePreview<'_>,
) -> Result<Option<IndexCounts>, SearchError> {
    let end = Instant::now() + INDEX_LIMIT;
    let snapshot = match SearchIndex::open(&config.data_dir)?.snapshot() {
        Err(SearchError::NoIndex { .. }) => return Ok(None),
        snapshot => snapshot?,
    };
    let engine = snapshot.engine();
    let checkpoint = engine.checkpoint()?;
    let state = checkpoint.source(&source.name);
    let Some(state) = state.filter(|state| state.origin == source.origin()) else {
        return Ok(None);
    };
    let mut counts = RuleCounts::default();
    let mut rest = KeyInterval::everything();
    let is_complete = loop {
        let records = engine.read(state.id, &rest, RecordFilter::All, CHUNK)?;
        for (key, record) in &records {
            if let Some(object) = record.object() {
                preview.add(key, object.size, &mut counts);
            }
        }
        match records.last().filter(|_| records.len() >= CHUNK) {
            None => break true,
            Some((last, _)) => rest = rest.after(last),
        }
        if counts.admitted + counts.rejected >= MAX_INDEX_KEYS || Instant::now() >= end {
            break false;
        }
    };
    Ok(Some(IndexCounts {
        admitted: counts.admitted,
        rejected: counts.rejected,
        total: counts.admitted + counts.rejected,
        is_complete,
    }))
}

/// Lists one page of the Source's prefix. If that does not have all keys, lists one page below each include rule as
/// well. The error is the reason why nothing could be listed.
async fn list(source: &Source) -> Result<Listed, String> {
    let mut listed = Listed {
        keys: BTreeMap::new(),
        is_complete: false,
    };
    let mut result = Err(format!(
        "the store did not answer within {} s",
        LIST_LIMIT.as_secs()
    ));
    let all = list_pages(source, &mut listed, &mut result);
    // The pages that were listed in time are used.
    let _ = tokio::time::timeout(LIST_LIMIT, all).await;
    result.map(|()| listed)
}

/// Adds the keys page by page. `result` is a success as soon as one page is listed.
async fn list_pages(source: &Source, listed: &mut Listed, result: &mut Result<(), String>) {
    let bucket = match S3Bucket::open(source, ATTEMPTS).await {
        Ok(bucket) => bucket,
        Err(error) => {
            *result = Err(error.to_string());
            return;
        }
    };
    let whole = KeyRange::under(&source.prefix);
    let mut ranges = source.listed_ranges();
    ranges.retain(|range| *range != whole);
    ranges.truncate(MAX_PAGES);
    for (number, range) in [whole].iter().chain(&ranges).enumerate() {
        match list_page(&bucket, range, &mut listed.keys).await {
            Ok(is_complete) => {
                *result = Ok(());
                listed.is_complete |= is_complete && number == 0;
            }
            Err(error) if result.is_err() => *result = Err(error.to_string()),
            Err(_) => {}
        }
        if listed.is_complete {
            return;
        }
    }
}

/// Lists one page. Returns whether there is no other.
async fn list_page(
    bucket: &S3Bucket,
    range: &KeyRange,
    keys: &mut BTreeMap<String, u64>,
) -> Result<bool, BucketError> {
    let request = PageRequest {
        prefix: range.prefix.clone(),
        start_after: None,
        token: None,
        max_keys: MAX_KEYS,
    };
    let page = bucket.list(&request).await?;
    let entries = page.entries.into_iter();
    keys.extend(entries.map(|entry| (entry.key, entry.object.size)));
    Ok(page.next.is_none())
}
