//! Asks a bucket what has to be known of it, request by request, and stops where no further one can succeed.
//!
//! What an answer means is judged in the rooms beside it.

use super::finding::Finding;
use super::rights::{Listed, TriedOn};
use super::{PATIENCE, clock, region, rights};
use crate::aws::bucket::notifications::NotificationConfiguration;
use crate::aws::bucket::{
    AttemptError, BucketError, BucketErrorKind, Lister, ProbeResponse, S3Bucket,
};
use crate::core::replication::interval::KeyRange;
use crate::core::replication::listing::PageRequest;
use crate::core::source::{EndpointOrder, Source};

/// How often a request is tried: who waits for an answer wants to know of a fault at once.
const ATTEMPTS: u32 = 2;

/// How many of the ranges that a scan lists are tried: a policy that leaves one out is mostly told by the
/// first of them, and who waits for an answer does not wait for hundreds.
const MAX_RANGES: usize = 16;

/// The Region that a bucket is greeted for where none is configured; the answer tells the right one.
const ANY_REGION: &str = crate::aws::credentials::DEFAULT_REGION;

/// What was learnt of a bucket, for the examination of its queue.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    /// Where it is; `None` where that is not known.
    pub region: Option<String>,
    /// What it sends where; `None` where it could not be asked.
    pub notifications: Option<Result<NotificationConfiguration, BucketError>>,
    /// Whether no request that these credentials sign is taken, whatever it is for.
    pub unusable_credentials: bool,
}

/// What is asked of a bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Whether browsers are to read its objects.
    pub previews: bool,
    /// Whether its events are to come by a queue.
    pub events: bool,
}

/// Examines the bucket of the Source.
pub(super) async fn examine(source: &Source, wanted: Wanted) -> (Vec<Finding>, Learnt) {
    let mut findings = Vec::new();
    let mut learnt = Learnt::default();
    let Some(bucket) = reach(source, &mut findings, &mut learnt).await else {
        return (findings, learnt);
    };
    let region = bucket.region().to_owned();
    learnt.region = Some(region.clone());
    let ranges = ranges(source);
    let listed = list_each(source, &bucket, &ranges).await;
    add(&mut findings, rights::list(source, &region, &listed));
    let last = listed.last().and_then(|(_, answer)| answer.as_ref().err());
    if let Some(error) = last.filter(|error| is_final(error)) {
        learnt.unusable_credentials = is_of_the_credentials(error);
        add(&mut findings, rights::bucket_failure(error));
        return (findings, learnt);
    }
    if wanted.previews {
        let (key, on) = to_be_read(&ranges, &listed);
        let answer = within(&source.bucket, bucket.has_object(&key)).await;
        findings.extend(rights::get(source, &region, on, &answer));
    }
    if wanted.events {
        learnt.notifications = Some(within(&source.bucket, bucket.notifications()).await);
    }
    (findings, learnt)
}

/// Adds a finding, in the place of one of the same subject that is not as bad; one that is stays alone.
fn add(findings: &mut Vec<Finding>, new: Finding) {
    match findings.iter_mut().find(|it| it.subject == new.subject) {
        None => findings.push(new),
        Some(known) if known.verdict < new.verdict => *known = new,
        Some(_) => {}
    }
}

/// Opens the bucket where it is, and tells of the way there: credentials, network, clock, Region.
async fn reach(
    source: &Source,
    findings: &mut Vec<Finding>,
    learnt: &mut Learnt,
) -> Option<S3Bucket> {
    let greeted = greet(source).await;
    let (bucket, greeting) = match greeted {
        Ok(greeted) => greeted,
        Err(error) => {
            learnt.unusable_credentials = is_of_the_credentials(&error);
            findings.push(rights::bucket_failure(&error));
            return None;
        }
    };
    findings.push(clock::judge(greeting.clocks));
    let signed_for = bucket.region();
    let is_fixed = source.endpoint_order == EndpointOrder::ExternalFirst;
    if source.region.is_some() || is_fixed {
        findings.push(region::configured(signed_for, &greeting));
        return match region::other_region(signed_for, &greeting) {
            None => Some(bucket),
            Some(_) if is_fixed => None,
            // The rest is examined all the same.
            Some(actual) => open_in(source, actual).await.ok(),
        };
    }
    match within(&source.bucket, S3Bucket::open(source, ATTEMPTS)).await {
        Ok(bucket) => {
            findings.push(region::found(bucket.region()));
            Some(bucket)
        }
        Err(error) => {
            learnt.unusable_credentials = is_of_the_credentials(&error);
            findings.push(rights::location(source, &error));
            None
        }
    }
}

/// Sends a request that needs no right, in the configured Region or in any.
async fn greet(source: &Source) -> Result<(S3Bucket, ProbeResponse), BucketError> {
    let bucket = open_in(source, source.region.as_deref().unwrap_or(ANY_REGION)).await?;
    let greeting = within(&source.bucket, bucket.probe()).await?;
    Ok((bucket, greeting))
}

/// Opens the bucket as one of that Region; no request is sent to it.
async fn open_in(source: &Source, region: &str) -> Result<S3Bucket, BucketError> {
    let there = Source {
        region: Some(region.to_owned()),
        ..source.clone()
    };
    within(&source.bucket, S3Bucket::open(&there, ATTEMPTS)).await
}

/// The first ranges that a scan would list.
fn ranges(source: &Source) -> Vec<KeyRange> {
    let mut ranges = source.listed_ranges();
    ranges.truncate(MAX_RANGES);
    if ranges.is_empty() {
        vec![KeyRange::under(&source.prefix)]
    } else {
        ranges
    }
}

/// What each of the ranges gives, up to the first after which no other can be listed either.
async fn list_each(source: &Source, bucket: &S3Bucket, ranges: &[KeyRange]) -> Vec<Listed> {
    let mut listed = Vec::new();
    for range in ranges {
        let answer = list(source, bucket, range).await;
        let is_last = answer.as_ref().is_err_and(is_final);
        listed.push((range.prefix.clone(), answer));
        if is_last {
            break;
        }
    }
    listed
}

/// Whether the next listing would fail for the same reason; what is denied may be so of one prefix alone.
fn is_final(error: &BucketError) -> bool {
    *error.kind() != BucketErrorKind::AccessDenied
}

/// The first key in the range; others that begin with a single key are none that a scan would list.
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
    let page = within(&source.bucket, bucket.list(&request)).await?;
    let first = page.entries.into_iter().next().map(|entry| entry.key);
    Ok(first.filter(|key| range.interval().contains(key)))
}

/// On which key it is tried whether objects can be read: one that the ranges hold, as others need not be
/// readable.
fn to_be_read(ranges: &[KeyRange], listed: &[Listed]) -> (String, TriedOn) {
    let found = listed
        .iter()
        .find_map(|(_, answer)| answer.as_ref().ok()?.clone());
    if let Some(key) = found {
        return (key, TriedOn::Listed);
    }
    let of_answers = ranges.iter().zip(listed);
    let empty = of_answers.clone().find(|(_, (_, answer))| answer.is_ok());
    let may_list = empty.is_some();
    let range = empty.or_else(|| of_answers.clone().next());
    let key = range.map(|(range, _)| missing_key(range));
    (key.unwrap_or_default(), TriedOn::Missing { may_list })
}

/// A key of the range that nobody has, as far as a listing that found none tells.
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

/// Gives a request up that is not answered.
async fn within<T>(
    bucket: &str,
    request: impl Future<Output = Result<T, BucketError>>,
) -> Result<T, BucketError> {
    let unanswered = |_| {
        Err(BucketError {
            operation: format!("get a response from bucket {bucket:?}"),
            action: "s3:ListBucket",
            cause: AttemptError::new(
                BucketErrorKind::Connection,
                &format!("no response within {} s", PATIENCE.as_secs()),
            ),
            attempts: 1,
        })
    };
    let answered = tokio::time::timeout(PATIENCE, request).await;
    answered.unwrap_or_else(unanswered)
}

/// Whether another request with the same credentials would be refused for the same reason.
fn is_of_the_credentials(error: &BucketError) -> bool {
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
