//! Asks a bucket what has to be known of it, request by request, and stops where no further one can succeed.
//!
//! What an answer means is judged in the rooms beside it.

use super::finding::Finding;
use super::{PATIENCE, clock, region, rights};
use crate::bucket::notifications::Notifications;
use crate::bucket::{BucketError, BucketErrorKind, Fault, Greeting, Lister, S3Bucket};
use crate::source::{EndpointOrder, Source};
use crate::sync::listing::PageRequest;

/// How often a request is tried: who waits for an answer wants to know of a fault at once.
const ATTEMPTS: u32 = 2;

/// The Region that a bucket is greeted for where none is configured; the answer tells the right one.
const ANY_REGION: &str = crate::aws::DEFAULT_REGION;

/// What was learnt of a bucket, for the examination of its queue.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    /// Where it is; `None` where that is not known.
    pub region: Option<String>,
    /// What it sends where; `None` where it could not be asked.
    pub notifications: Option<Result<Notifications, BucketError>>,
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
    let prefix = first_prefix(source);
    let listed = list(source, &bucket, &prefix).await;
    add(
        &mut findings,
        rights::list(source, &region, &prefix, &listed),
    );
    if let Err(error) = &listed
        && *error.kind() != BucketErrorKind::AccessDenied
    {
        learnt.unusable_credentials = is_of_the_credentials(error);
        return (findings, learnt);
    }
    if wanted.previews {
        let (key, on) = match listed {
            Ok(Some(key)) => (key, rights::TriedOn::Listed),
            Ok(None) => (
                missing_key(source),
                rights::TriedOn::Missing { may_list: true },
            ),
            Err(_) => (
                missing_key(source),
                rights::TriedOn::Missing { may_list: false },
            ),
        };
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
async fn greet(source: &Source) -> Result<(S3Bucket, Greeting), BucketError> {
    let bucket = open_in(source, source.region.as_deref().unwrap_or(ANY_REGION)).await?;
    let greeting = within(&source.bucket, bucket.greet()).await?;
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

/// The first key that a scan would find below the prefix.
async fn list(
    source: &Source,
    bucket: &S3Bucket,
    prefix: &str,
) -> Result<Option<String>, BucketError> {
    let request = PageRequest {
        prefix: prefix.to_owned(),
        start_after: None,
        token: None,
        max_keys: 1,
    };
    let page = within(&source.bucket, bucket.list(&request)).await?;
    Ok(page.entries.into_iter().next().map(|entry| entry.key))
}

/// What a scan lists first.
fn first_prefix(source: &Source) -> String {
    let ranges = source.listed_ranges().into_iter();
    let mut prefixes = ranges.map(|range| range.prefix);
    prefixes.next().unwrap_or_else(|| source.prefix.clone())
}

/// A key that nobody has.
fn missing_key(source: &Source) -> String {
    format!(
        "{}.asset-indexer-check-{:016x}",
        source.prefix,
        fastrand::u64(..)
    )
}

/// Gives a request up that is not answered.
async fn within<T>(
    bucket: &str,
    request: impl Future<Output = Result<T, BucketError>>,
) -> Result<T, BucketError> {
    let unanswered = |_| {
        Err(BucketError {
            attempted: format!("get an answer from bucket {bucket}"),
            fault: Fault {
                kind: BucketErrorKind::Connection,
                detail: format!("nothing came within {} s", PATIENCE.as_secs()),
            },
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
