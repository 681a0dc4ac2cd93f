//! Plans and prints the setup on AWS that delivers the events of buckets to the queues of Sources.
//!
//! [`plan`] decides which queues are needed, and which buckets send to them. [`script`] and [`terraform`]
//! print the plan. This module is pure: it sends no requests.

use std::fmt;

mod filter;
mod name;
pub(crate) mod plan;
mod quote;
pub(crate) mod script;
pub(crate) mod terraform;

pub(crate) use filter::{event_pattern, event_prefixes, notification_prefixes};
pub(crate) use name::{dead_letter_name, notification_id, rule_name};
pub(crate) use quote::shell;

/// The event types that S3 sends directly to a queue.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
pub(crate) const EVENTS: [&str; 3] = [
    "s3:ObjectCreated:*",
    "s3:ObjectRemoved:*",
    "s3:LifecycleExpiration:*",
];

/// The same events as EventBridge names them. Expirations are deletions there.
pub(crate) const DETAIL_TYPES: [&str; 2] = ["Object Created", "Object Deleted"];

/// The number of receives after which a message moves to the dead-letter queue. A valid message can be
/// received several times because of restarts and a busy index.
pub(crate) const MAX_RECEIVE_COUNT: u32 = 10;

/// How long the queues keep messages, in seconds: the maximum of SQS. The daemon may be down for this long.
pub(crate) const RETENTION_SECONDS: u32 = 14 * 24 * 60 * 60;

/// The maximum message size of the queues, in bytes: four times the longest event.
pub(crate) const MAX_MESSAGE_BYTES: u32 = 256 << 10;

/// The prefix of the ids of our notifications and rule targets. Policy statements use [`EventPath::sid`]
/// instead, because a Sid can have only letters and digits.
pub(crate) const ID_PREFIX: &str = "asset-indexer";

/// How events get from a bucket to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventPath {
    /// S3 sends them to the queue.
    S3,
    /// S3 sends them to EventBridge, and a rule forwards them to the queue.
    EventBridge,
}

/// The queues to create, and the buckets that send to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetupPlan {
    /// How the events get to the queues.
    pub event_path: EventPath,
    /// The visibility timeout of the queues, in seconds.
    pub visibility_seconds: u64,
    /// The queues, in the order of the Sources. At least one.
    pub queues: Vec<PlannedQueue>,
}

/// A queue, and the buckets that send to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedQueue {
    pub name: String,
    /// The region of the queue and of its buckets. `None`: the script finds it.
    pub region: Option<String>,
    /// The account of the queue. `None`: the account that creates it.
    pub account: Option<String>,
    /// The URL of the SQS server, if that is not AWS.
    pub endpoint_url: Option<String>,
    /// The names of all Sources that receive from it.
    pub sources: Vec<String>,
    /// The buckets that send to it. At least one.
    pub buckets: Vec<PlannedBucket>,
}

/// A bucket, and the events that it sends to one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedBucket {
    pub name: String,
    pub arn: String,
    /// Whether the partition in the ARN is only assumed.
    pub is_partition_assumed: bool,
    /// The account that owns the bucket, if the configuration names it.
    pub owner: Option<String>,
    /// The URL of the S3 server, if that is not AWS.
    pub endpoint_url: Option<String>,
    /// The prefixes of the Sources. No prefix starts with another.
    pub prefixes: Vec<String>,
}

impl SetupPlan {
    /// Each bucket once, with all queues that it sends to.
    pub(crate) fn by_bucket(&self) -> Vec<(&PlannedBucket, Vec<(&PlannedQueue, &PlannedBucket)>)> {
        let mut buckets: Vec<(&PlannedBucket, Vec<(&PlannedQueue, &PlannedBucket)>)> = Vec::new();
        for queue in &self.queues {
            for bucket in &queue.buckets {
                let known = buckets.iter_mut().find(|(known, _)| {
                    (&known.name, &known.endpoint_url) == (&bucket.name, &bucket.endpoint_url)
                });
                match known {
                    Some((_, queues)) => queues.push((queue, bucket)),
                    None => buckets.push((bucket, vec![(queue, bucket)])),
                }
            }
        }
        buckets
    }

    /// Whether the printed setup must look up the current account, because S3 sends events from a bucket
    /// with an unknown owner.
    pub(crate) fn needs_account(&self) -> bool {
        let mut buckets = self.queues.iter().flat_map(|queue| &queue.buckets);
        self.event_path == EventPath::S3 && buckets.any(|bucket| bucket.owner.is_none())
    }

    /// The known regions of the queues, each once.
    pub(crate) fn regions(&self) -> Vec<&str> {
        each_once(self.queues.iter().map(|queue| queue.region.as_deref()))
    }

    /// The known accounts of the queues, each once.
    pub(crate) fn accounts(&self) -> Vec<&str> {
        each_once(self.queues.iter().map(|queue| queue.account.as_deref()))
    }
}

impl PlannedQueue {
    /// The names of the Sources, for comments: `Sources a, b`.
    pub(crate) fn source_list(&self) -> String {
        match &self.sources[..] {
            [only] => format!("Source {only}"),
            several => format!("Sources {}", several.join(", ")),
        }
    }
}

impl PlannedBucket {
    /// A comment if the partition in the ARN is only assumed. It has several lines, each of which starts with `#`.
    fn partition_comment(&self) -> Option<String> {
        self.is_partition_assumed.then(|| {
            format!(
                "# The ARN of bucket {} assumes the partition aws, because neither the configuration nor the\n\
                 # environment shows a region. If the bucket is in China, GovCloud or another partition, set region\n\
                 # in the configuration, and print this again.",
                self.name
            )
        })
    }
}

impl EventPath {
    /// The service that sends to the queue, as a policy names it.
    pub(crate) const fn service(self) -> &'static str {
        match self {
            Self::S3 => "s3.amazonaws.com",
            Self::EventBridge => "events.amazonaws.com",
        }
    }

    /// The Sid of the policy statement that allows it to send. Each path has its own, so that setting up one
    /// does not replace the other.
    pub(crate) fn sid(self) -> &'static str {
        match self {
            Self::S3 => "AssetIndexerFromS3",
            Self::EventBridge => "AssetIndexerFromEventBridge",
        }
    }
}

/// The known values, each once, in their order.
fn each_once<'a>(all: impl Iterator<Item = Option<&'a str>>) -> Vec<&'a str> {
    let mut known = Vec::new();
    for one in all.flatten() {
        if !known.contains(&one) {
            known.push(one);
        }
    }
    known
}

impl fmt::Display for EventPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::S3 => "s3",
            Self::EventBridge => "eventbridge",
        })
    }
}

#[cfg(test)]
mod tests;
