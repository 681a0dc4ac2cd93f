//! Reasons why events cannot be set up for Sources, as far as the configuration shows them.
//!
//! AWS may refuse a setup for more reasons. The printed script reports those.

use crate::aws::iam::arn;
use crate::aws::setup::{PlannedBucket, PlannedQueue, name, notification_prefixes};
use crate::core::source::Source;

/// Why events cannot be set up for these Sources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SetupError {
    /// S3 and EventBridge rules send only to standard queues.
    #[error(
        "cannot set up queue {0:?}: it is a FIFO queue, and S3 sends only to standard queues. Set queue_url to a standard queue."
    )]
    Fifo(String),
    /// The configured bucket is the alias of an access point.
    #[error(
        "cannot set up events of bucket {0:?}: it is the alias of an access point, but events name the bucket. Set bucket to the bucket's own name."
    )]
    AccessPoint(String),
    /// A bucket sends only to queues in its own region.
    #[error(
        "cannot set up queue {queue:?}: it is in {queue_region}, but bucket {bucket:?} is in {bucket_region}, and S3 sends only to queues in the bucket's region. Set queue_url to a queue in that region."
    )]
    Regions {
        queue: String,
        queue_region: String,
        bucket: String,
        bucket_region: String,
    },
    /// A bucket sends only to the EventBridge of its own account.
    #[error(
        "cannot set up queue {queue:?}: it is in account {account}, but bucket {bucket:?} belongs to account {owner}, and S3 sends only to the EventBridge of the bucket's account. Set queue_url to a queue in account {owner}, or let S3 send to the queue directly (--through s3)."
    )]
    Accounts {
        queue: String,
        account: String,
        bucket: String,
        owner: String,
    },
    /// Two queues need the same events of a bucket.
    #[error(
        "cannot set up queues {queues:?}: both need the same events of bucket {bucket:?}, which S3 refuses. Set the same queue_url for both, or send the events through EventBridge (--through eventbridge)."
    )]
    Overlap { bucket: String, queues: [String; 2] },
}

/// Checks that the Source can receive its events from the queue.
pub(super) fn check_source(source: &Source, queue: &PlannedQueue) -> Result<(), SetupError> {
    if queue.name.ends_with(name::FIFO) {
        return Err(SetupError::Fifo(queue.name.clone()));
    }
    if source.is_access_point() {
        return Err(SetupError::AccessPoint(source.bucket.clone()));
    }
    match (&queue.region, arn::bucket_region(source)) {
        (Some(of_queue), Some(of_bucket)) if *of_queue != of_bucket => Err(SetupError::Regions {
            queue: queue.name.clone(),
            queue_region: of_queue.clone(),
            bucket: source.bucket.clone(),
            bucket_region: of_bucket,
        }),
        _ => Ok(()),
    }
}

/// Checks that no two notifications of a bucket overlap: S3 refuses them if one prefix starts with the other.
pub(super) fn check_overlaps(queues: &[PlannedQueue]) -> Result<(), SetupError> {
    let sent = queues.iter().flat_map(|queue| {
        let of_bucket = |bucket| {
            notification_prefixes(bucket)
                .into_iter()
                .map(move |it| (bucket, it))
        };
        let of_queue = queue.buckets.iter().flat_map(of_bucket);
        of_queue.map(move |(bucket, prefix)| (queue, bucket, prefix))
    });
    let sent: Vec<(&PlannedQueue, &PlannedBucket, String)> = sent.collect();
    for (index, (queue, bucket, prefix)) in sent.iter().enumerate() {
        for (other_queue, other_bucket, other_prefix) in &sent[..index] {
            let is_same = (&bucket.name, &bucket.endpoint_url)
                == (&other_bucket.name, &other_bucket.endpoint_url);
            if is_same && (prefix.starts_with(other_prefix) || other_prefix.starts_with(prefix)) {
                return Err(SetupError::Overlap {
                    bucket: bucket.name.clone(),
                    queues: [other_queue.name.clone(), queue.name.clone()],
                });
            }
        }
    }
    Ok(())
}
