//! Sends the requests that examine a bucket, and stops as soon as the next one would fail for the same
//! reason.
//!
//! This module does not rate the responses: the modules next to it do.

use super::finding::Finding;
use super::iam_permissions::{RangeListing, TestedKey};
use super::{REQUEST_TIMEOUT, clock, iam_permissions, region};
use crate::aws::bucket::notifications::NotificationConfiguration;
use crate::aws::bucket::{
    AttemptError, BucketError, BucketErrorKind, Lister, ProbeResponse, S3Bucket,
};
use crate::aws::credentials::DEFAULT_REGION;
use crate::aws::environment;
use crate::core::replication::interval::KeyRange;
use crate::core::replication::listing::PageRequest;
use crate::core::source::{EndpointOrder, Source};

/// Maximum number of attempts for a request. Few, because the user waits for the result.
const ATTEMPTS: u32 = 2;

/// Maximum number of a scan's ranges to list. If a policy excludes some ranges, the first 16 usually show it,
/// and the user does not have to wait for hundreds of requests.
const MAX_RANGES: usize = 16;

/// Facts about the bucket that the tests of the queue need.
#[derive(Debug, Default)]
pub(super) struct BucketInfo {
    /// The region, if it is known.
    pub region: Option<String>,
    /// The event notifications. `None` if they were not requested.
    pub notifications: Option<Result<NotificationConfiguration, BucketError>>,
    /// Whether all ranges were listed and none has a key.
    pub has_no_keys: bool,
    /// Whether the store rejects the credentials for every request.
    pub unusable_credentials: bool,
}

/// Which optional features of a bucket to test.
#[derive(Clone, Copy, Debug)]
pub(super) struct BucketChecks {
    /// Whether browsers load objects for previews.
    pub previews: bool,
    /// Whether a queue delivers the events of the bucket.
    pub events: bool,
}

/// Examines the bucket of the Source.
pub(super) async fn examine(source: &Source, checks: BucketChecks) -> (Vec<Finding>, BucketInfo) {
    let mut findings = Vec::new();
    let mut bucket_info = BucketInfo::default();
    examine_into(source, checks, &mut findings, &mut bucket_info).await;
    (findings, bucket_info)
}

/// The same. If the future is dropped, the results of the requests that were answered stay.
pub(super) async fn examine_into(
    source: &Source,
    checks: BucketChecks,
    findings: &mut Vec<Finding>,
    bucket_info: &mut BucketInfo,
) {
    let Some(bucket) = open_bucket(source, findings, bucket_info).await else {
        return;
    };
    let ranges = ranges(source);
    let listed = list_ranges(source, &bucket, &ranges).await;
    let is_empty = listed.iter().all(|(_, result)| matches!(result, Ok(None)));
    // If there may be more ranges, they may have keys.
    bucket_info.has_no_keys = is_empty && ranges.len() < MAX_RANGES;
    // Some stores name the right region only when they refuse a listing.
    let region = bucket.region();
    let configured = source.region.as_deref();
    if let Some(other) = configured.filter(|&configured| configured != region) {
        add(findings, region::moved(other, &region));
    }
    bucket_info.region = Some(region.clone());
    add(findings, iam_permissions::list(source, &region, &listed));
    let last = listed.last().and_then(|(_, result)| result.as_ref().err());
    if let Some(error) = last.filter(|error| fails_for_all_ranges(error)) {
        bucket_info.unusable_credentials = is_credentials_error(error);
        add(findings, iam_permissions::bucket_failure(error));
        return;
    }
    if checks.previews {
        let (key, tested_key) = object_to_read(&ranges, &listed);
        let result = with_timeout(source, bucket.has_object(&key)).await;
        findings.extend(iam_permissions::get(source, &region, tested_key, &result));
    }
    if checks.events {
        bucket_info.notifications = Some(with_timeout(source, bucket.notifications()).await);
    }
}

/// Adds a finding. Keeps only the worst finding of each subject, and the first of equally bad ones.
fn add(findings: &mut Vec<Finding>, new: Finding) {
    match findings.iter_mut().find(|it| it.subject == new.subject) {
        None => findings.push(new),
        Some(known) if known.verdict < new.verdict => *known = new,
        Some(_) => {}
    }
}

/// Opens the bucket in its region. Adds findings about credentials, network, clock and region.
async fn open_bucket(
    source: &Source,
    findings: &mut Vec<Finding>,
    bucket_info: &mut BucketInfo,
) -> Option<S3Bucket> {
    let probed = probe_bucket(source).await;
    let (bucket, response) = match probed {
        Ok(probed) => probed,
        Err(error) => {
            bucket_info.unusable_credentials = is_credentials_error(&error);
            findings.push(iam_permissions::bucket_failure(&error));
            return None;
        }
    };
    findings.push(clock::judge(response.clocks));
    let signed_for = bucket.region();
    let is_fixed = source.endpoint_order == EndpointOrder::ExternalFirst;
    if source.region.is_some() || is_fixed {
        let other = region::other_region(&signed_for, &response);
        findings.push(match other {
            None => region::configured(&signed_for),
            Some(actual) if is_fixed => region::fixed(&signed_for, actual),
            Some(actual) => region::moved(&signed_for, actual),
        });
        return match other {
            None => Some(bucket),
            Some(_) if is_fixed => None,
            // Continue in the right region, as a scan does.
            Some(actual) => open_in(source, actual).await.ok(),
        };
    }
    match with_timeout(source, S3Bucket::open(source, ATTEMPTS)).await {
        Ok(bucket) => {
            findings.push(region::detected(&bucket.region()));
            Some(bucket)
        }
        Err(error) => {
            bucket_info.unusable_credentials = is_credentials_error(&error);
            findings.push(iam_permissions::location(source, &signed_for, &error));
            None
        }
    }
}

/// Sends a request that needs no permission, in the configured region if there is one. Otherwise the response names
/// the right region.
async fn probe_bucket(source: &Source) -> Result<(S3Bucket, ProbeResponse), BucketError> {
    let region = match &source.region {
        Some(region) => Some(region.clone()),
        None => environment::region(&source.credentials).await,
    };
    let bucket = open_in(source, region.as_deref().unwrap_or(DEFAULT_REGION)).await?;
    let response = with_timeout(source, bucket.probe()).await?;
    Ok((bucket, response))
}

/// Opens the bucket in this region. Sends no request to it.
async fn open_in(source: &Source, region: &str) -> Result<S3Bucket, BucketError> {
    let source = Source {
        region: Some(region.to_owned()),
        ..source.clone()
    };
    with_timeout(&source, S3Bucket::open(&source, ATTEMPTS)).await
}

/// The first [`MAX_RANGES`] ranges that a scan would list. If it would list none, the whole prefix.
fn ranges(source: &Source) -> Vec<KeyRange> {
    let mut ranges = source.listed_ranges();
    ranges.truncate(MAX_RANGES);
    if ranges.is_empty() {
        vec![KeyRange::under(&source.prefix)]
    } else {
        ranges
    }
}

/// Lists the first key of each range. Stops after an error that the other ranges would have too.
async fn list_ranges(source: &Source, bucket: &S3Bucket, ranges: &[KeyRange]) -> Vec<RangeListing> {
    let mut listed = Vec::new();
    for range in ranges {
        let result = list(source, bucket, range).await;
        let is_last = result.as_ref().is_err_and(fails_for_all_ranges);
        listed.push((range.prefix.clone(), result));
        if is_last {
            break;
        }
    }
    listed
}

/// Lists the first key of the first range that a scan would list.
pub(super) async fn list_once(source: &Source) -> Result<(), BucketError> {
    let bucket = with_timeout(source, S3Bucket::open(source, ATTEMPTS)).await?;
    for range in ranges(source).iter().take(1) {
        list(source, &bucket, range).await?;
    }
    Ok(())
}

/// Whether listing another range would fail for the same reason. Access may be denied for one prefix only.
fn fails_for_all_ranges(error: &BucketError) -> bool {
    *error.kind() != BucketErrorKind::AccessDenied
}

/// The first key in the range. If the range is a single key, ignores longer keys that start with it.
async fn list(
    source: &Source,
    bucket: &S3Bucket,
    range: &KeyRange,
) -> Result<Option<String>, BucketError> {
    let request = PageRequest {
        prefix: range.prefix.clone(),
        start_after: None,
        token: None,
        max_keys: 1,
    };
    let page = with_timeout(source, bucket.list(&request)).await?;
    let first = page.entries.into_iter().next().map(|entry| entry.key);
    Ok(first.filter(|key| range.interval().contains(key)))
}

/// Chooses the key to read as a test. It is in one of the ranges, because other keys may not be readable.
fn object_to_read(ranges: &[KeyRange], listed: &[RangeListing]) -> (String, TestedKey) {
    let found = listed
        .iter()
        .find_map(|(_, result)| result.as_ref().ok()?.clone());
    if let Some(key) = found {
        return (key, TestedKey::Listed);
    }
    let mut listings = ranges.iter().zip(listed);
    let empty = listings.clone().find(|(_, (_, result))| result.is_ok());
    let may_list = empty.is_some();
    let range = empty.or_else(|| listings.next());
    let key = range.map(|(range, _)| missing_key(range));
    (key.unwrap_or_default(), TestedKey::Missing { may_list })
}

/// A key in the range that does not exist, if the range was listed and is empty.
fn missing_key(range: &KeyRange) -> String {
    if range.is_single_key() {
        range.prefix.clone()
    } else {
        format!(
            "{}.asset-indexer-check-{:016x}",
            range.prefix,
            fastrand::u64(..)
        )
    }
}

/// Ends the request with an error after [`REQUEST_TIMEOUT`].
async fn with_timeout<T>(
    source: &Source,
    request: impl Future<Output = Result<T, BucketError>>,
) -> Result<T, BucketError> {
    let timed_out = |_| {
        let store = source.endpoint_url.as_ref();
        let store = store.map(|url| format!(" at {url}")).unwrap_or_default();
        Err(BucketError {
            operation: format!("get a response from bucket {:?}{store}", source.bucket),
            action: "s3:ListBucket",
            cause: AttemptError::new(
                BucketErrorKind::Connection,
                &format!("no response within {} s", REQUEST_TIMEOUT.as_secs()),
            ),
            attempts: 1,
        })
    };
    let result = tokio::time::timeout(REQUEST_TIMEOUT, request).await;
    result.unwrap_or_else(timed_out)
}

/// Whether every other request with the same credentials would fail for the same reason.
fn is_credentials_error(error: &BucketError) -> bool {
    matches!(
        error.kind(),
        BucketErrorKind::UnknownAccessKey
            | BucketErrorKind::WrongSecret
            | BucketErrorKind::ExpiredToken
            | BucketErrorKind::NoCredentials
            | BucketErrorKind::ClockSkew
    )
}

#[cfg(test)]
mod tests;
