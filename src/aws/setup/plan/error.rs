//! Why events cannot be set up for Sources, and what to write instead.
//!
//! Only what a configuration tells is known here; what AWS refuses besides, the printed script says.

use crate::aws::iam::arn;
use crate::aws::setup::{PlannedBucket, PlannedQueue, name, notification_prefixes};
use crate::core::source::Source;

/// Why events cannot be set up for these Sources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SetupError {
    /// S3 and EventBridge rules send to standard queues.
    #[error(
        "queue {0:?} is a FIFO queue, and the events of S3 need a standard queue; write another queue_url"
    )]
    Fifo(String),
    /// An access point is a way to a bucket, and sends nothing.
    #[error(
        "bucket {0:?} is the alias of an access point, and events have the name of its bucket, so that none would be of the Source; write the bucket's own name"
    )]
    AccessPoint(String),
    /// A bucket sends to queues of its own Region alone.
    #[error(
        "queue {queue:?} is in {queue_region} and bucket {bucket:?} in {bucket_region}: events go to queues of the bucket's Region alone; write another queue_url"
    )]
    Regions {
        /// The queue.
        queue: String,
        /// Where it is.
        queue_region: String,
        /// The bucket.
        bucket: String,
        /// Where it is.
        bucket_region: String,
    },
    /// A bucket sends to the EventBridge of its own account alone.
    #[error(
        "queue {queue:?} is to be in account {account} and bucket {bucket:?} belongs to {owner}: S3 sends to the EventBridge of the bucket's account alone; write the queue_url of a queue there, or have S3 send to the queue itself (--through s3)"
    )]
    Accounts {
        /// The queue.
        queue: String,
        /// Where it is.
        account: String,
        /// The bucket.
        bucket: String,
        /// Whose it is.
        owner: String,
    },
    /// Two queues want the same events.
    #[error(
        "queues {queues:?} would get the same events of bucket {bucket:?}, which S3 refuses; write the same queue_url for both, or send them through EventBridge (--through eventbridge)"
    )]
    Overlap {
        /// The bucket.
        bucket: String,
        /// The names of both queues.
        queues: [String; 2],
    },
}

/// Whether the Source can follow the queue.
pub(super) fn of_follower(source: &Source, queue: &PlannedQueue) -> Result<(), SetupError> {
    if queue.name.ends_with(name::FIFO) {
        return Err(SetupError::Fifo(queue.name.clone()));
    }
    if arn::is_access_point(source) {
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

/// S3 refuses two notifications of the same event whose prefixes begin with each other.
pub(super) fn of_overlaps(queues: &[PlannedQueue]) -> Result<(), SetupError> {
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
    for (place, (queue, bucket, prefix)) in sent.iter().enumerate() {
        for (other, others, beside) in &sent[..place] {
            let is_same =
                (&bucket.name, &bucket.endpoint_url) == (&others.name, &others.endpoint_url);
            if is_same && (prefix.starts_with(beside) || beside.starts_with(prefix)) {
                return Err(SetupError::Overlap {
                    bucket: bucket.name.clone(),
                    queues: [other.name.clone(), queue.name.clone()],
                });
            }
        }
    }
    Ok(())
}
