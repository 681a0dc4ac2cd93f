//! What is to be set up on AWS so that the events of buckets reach the Sources' queues.
//!
//! What there is to be is decided in [`plan`]: queues, who may send to them, what buckets send. The forms
//! in which it is printed are in [`script`] and [`terraform`]. Nothing is asked or changed.

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

/// The events that a queue is to get, of those that S3 sends itself.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
pub(crate) const EVENTS: [&str; 3] = [
    "s3:ObjectCreated:*",
    "s3:ObjectRemoved:*",
    "s3:LifecycleExpiration:*",
];

/// The same as EventBridge calls them; expirations are deletions there.
pub(crate) const DETAIL_TYPES: [&str; 2] = ["Object Created", "Object Deleted"];

/// After how many receives a message is moved away. Restarts and a busy index let a good message be
/// received some times before it is done with.
pub(crate) const MAX_RECEIVE_COUNT: u32 = 10;

/// The longest retention there is, in seconds: so long may the program be away, or a dead letter lie.
pub(crate) const RETENTION_SECONDS: u32 = 14 * 24 * 60 * 60;

/// The longest message that a queue is to take, in bytes: four times the longest event.
pub(crate) const MAX_MESSAGE_BYTES: u32 = 256 << 10;

/// What the Id of each notification and of each target of a rule that is ours begins with. Statements have
/// [`EventPath::sid`], as a Sid has letters and digits alone.
pub(crate) const ID_PREFIX: &str = "asset-indexer";

/// How events come from a bucket to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventPath {
    /// S3 sends them itself.
    S3,
    /// S3 sends them to EventBridge, and a rule sends them on.
    EventBridge,
}

/// Everything that is to be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetupPlan {
    /// How events come.
    pub event_path: EventPath,
    /// How long a message that was received is kept from others, in seconds.
    pub visibility_seconds: u64,
    /// At least one, in the order of the Sources.
    pub queues: Vec<PlannedQueue>,
}

/// A queue, and the buckets that send to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedQueue {
    /// Its name.
    pub name: String,
    /// Its Region, which is that of its buckets; `None`: it is to be found out.
    pub region: Option<String>,
    /// The account that it is in, or must be made in; `None`: that of whoever makes it.
    pub account: Option<String>,
    /// Where SQS is asked, if that is not AWS.
    pub endpoint_url: Option<String>,
    /// The names of all Sources that follow it.
    pub sources: Vec<String>,
    /// At least one.
    pub buckets: Vec<PlannedBucket>,
}

/// A bucket, and which of its events one queue gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedBucket {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The account that it belongs to, if the configuration says so.
    pub owner: Option<String>,
    /// Where S3 is asked, if that is not AWS.
    pub endpoint_url: Option<String>,
    /// The prefixes of the Sources, none of which begins with another.
    pub prefixes: Vec<String>,
}

impl SetupPlan {
    /// Each bucket once, with the queues that it sends to.
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

    /// Whether an account must be found out: that of a bucket which S3 sends from.
    pub(crate) fn needs_account(&self) -> bool {
        let mut buckets = self.queues.iter().flat_map(|queue| &queue.buckets);
        self.event_path == EventPath::S3 && buckets.any(|bucket| bucket.owner.is_none())
    }

    /// The Regions of the queues, each once, as far as they are known.
    pub(crate) fn regions(&self) -> Vec<&str> {
        each_once(self.queues.iter().map(|queue| queue.region.as_deref()))
    }

    /// The accounts of the queues, each once, as far as they are known.
    pub(crate) fn accounts(&self) -> Vec<&str> {
        each_once(self.queues.iter().map(|queue| queue.account.as_deref()))
    }
}

impl PlannedQueue {
    /// The Sources that follow it, in words.
    pub(crate) fn source_list(&self) -> String {
        match &self.sources[..] {
            [only] => format!("Source {only}"),
            several => format!("Sources {}", several.join(", ")),
        }
    }
}

impl EventPath {
    /// Who sends to the queue, as it stands in a policy.
    pub(crate) const fn service(self) -> &'static str {
        match self {
            Self::S3 => "s3.amazonaws.com",
            Self::EventBridge => "events.amazonaws.com",
        }
    }

    /// The Sid of the statement that lets it send: one for each, so that neither takes the other's place.
    pub(crate) fn sid(self) -> &'static str {
        match self {
            Self::S3 => "AssetIndexerFromS3",
            Self::EventBridge => "AssetIndexerFromEventBridge",
        }
    }
}

/// What is known, in its order.
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
