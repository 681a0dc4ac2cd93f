//! What is to be set up on AWS so that the events of buckets reach the Sources' queues.
//!
//! It decides what there is to be: queues, who may send to them, what buckets send. The forms in which
//! that is printed are in [`aws_cli`], [`terraform`] and [`cloudformation`]. Nothing is asked or changed.

use std::fmt;

use crate::rights::arn;
use crate::source::{Source, queue_url};

pub mod aws_cli;
pub mod cloudformation;
mod filter;
mod name;
pub mod terraform;
mod text;

pub use filter::{event_pattern, notification_prefixes};
pub use name::{dead_letter_name, notification_id, rule_name};

/// The events that a queue is to get, of those that S3 sends itself.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
pub const EVENTS: [&str; 3] = [
    "s3:ObjectCreated:*",
    "s3:ObjectRemoved:*",
    "s3:LifecycleExpiration:*",
];

/// The same as EventBridge calls them; expirations are deletions there.
pub const DETAIL_TYPES: [&str; 2] = ["Object Created", "Object Deleted"];

/// After how many receives a message is moved away. Restarts and a busy index let a good message be
/// received some times before it is done with.
pub const MAX_RECEIVE_COUNT: u32 = 10;

/// The longest retention there is, in seconds: so long may the program be away, or a dead letter lie.
pub const RETENTION_SECONDS: u32 = 14 * 24 * 60 * 60;

/// The longest message that a queue is to take, in bytes: four times the longest event.
pub const MAX_MESSAGE_BYTES: u32 = 256 << 10;

/// What the Id of each notification, and the Sid of each statement, that is ours begins with.
pub const MARK: &str = "asset-indexer";

/// How events come from a bucket to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// S3 sends them itself.
    S3,
    /// S3 sends them to EventBridge, and a rule sends them on.
    EventBridge,
}

/// Everything that is to be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wiring {
    /// How events come.
    pub through: Through,
    /// How long a message that was received is kept from others, in seconds.
    pub visibility_seconds: u64,
    /// At least one, in the order of the Sources.
    pub queues: Vec<Queue>,
}

/// A queue, and the buckets that send to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Its Region, which is that of its buckets; `None`: it is to be found out.
    pub region: Option<String>,
    /// Where SQS is asked, if that is not AWS.
    pub endpoint_url: Option<String>,
    /// The names of all Sources that follow it.
    pub sources: Vec<String>,
    /// At least one.
    pub buckets: Vec<Bucket>,
}

/// A bucket, and which of its events one queue gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
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

/// Why events cannot be set up for these Sources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WiringError {
    /// S3 and EventBridge rules send to standard queues.
    #[error(
        "queue {0:?} is a FIFO queue, and the events of S3 need a standard queue; write another queue_url"
    )]
    Fifo(String),
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

impl Wiring {
    /// What the queues of the `chosen` Sources need; `all` are those that may share a queue with them.
    ///
    /// Sources of one bucket that have no queue yet follow that of the first of them that has one, else a
    /// new one that is named after the first.
    pub fn of(
        chosen: &[&Source],
        all: &[&Source],
        through: Through,
        visibility_seconds: u64,
    ) -> Result<Self, WiringError> {
        let mut queues: Vec<Queue> = Vec::new();
        let mut wanted: Vec<(Option<String>, String)> = Vec::new();
        for source in chosen {
            let key = queue_of(source, all);
            if !wanted.contains(&key) {
                wanted.push(key);
            }
        }
        for (endpoint_url, name) in wanted {
            let key = (endpoint_url.clone(), name.clone());
            let followers = all.iter().filter(|source| queue_of(source, all) == key);
            let followers: Vec<&Source> = followers.copied().collect();
            queues.push(queue(name, endpoint_url, &followers)?);
        }
        if through == Through::S3 {
            check_overlaps(&queues)?;
        }
        Ok(Self {
            through,
            visibility_seconds,
            queues,
        })
    }

    /// Each bucket once, with the queues that it sends to.
    pub fn by_bucket(&self) -> Vec<(&Bucket, Vec<(&Queue, &Bucket)>)> {
        let mut buckets: Vec<(&Bucket, Vec<(&Queue, &Bucket)>)> = Vec::new();
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
    pub fn needs_account(&self) -> bool {
        let mut buckets = self.queues.iter().flat_map(|queue| &queue.buckets);
        self.through == Through::S3 && buckets.any(|bucket| bucket.owner.is_none())
    }

    /// The Regions of the queues, each once, as far as they are known.
    pub fn regions(&self) -> Vec<&str> {
        let mut regions = Vec::new();
        for region in self
            .queues
            .iter()
            .filter_map(|queue| queue.region.as_deref())
        {
            if !regions.contains(&region) {
                regions.push(region);
            }
        }
        regions
    }
}

impl Queue {
    /// The Sources that follow it, in words.
    pub fn followers(&self) -> String {
        match &self.sources[..] {
            [only] => format!("Source {only}"),
            several => format!("Sources {}", several.join(", ")),
        }
    }
}

impl Bucket {
    /// Whether all of its events are wanted.
    pub fn is_whole(&self) -> bool {
        self.prefixes.iter().any(String::is_empty)
    }
}

impl fmt::Display for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::S3 => "s3",
            Self::EventBridge => "eventbridge",
        })
    }
}

/// The store and the name of the queue that a Source follows, or is to follow.
fn queue_of(source: &Source, all: &[&Source]) -> (Option<String>, String) {
    let own = |source: &Source| {
        let url = source.events.as_ref()?.queue_url.as_str();
        let store = queue_url::region(url).is_none().then(|| origin(url));
        Some((store, queue_url::name(url).to_owned()))
    };
    let is_sibling = |other: &&&Source| other.origin() == source.origin();
    let siblings: Vec<&&Source> = all.iter().filter(is_sibling).collect();
    own(source)
        .or_else(|| siblings.iter().find_map(|sibling| own(sibling)))
        .unwrap_or_else(|| {
            let first = siblings.first().map_or(source.name.as_str(), |it| &it.name);
            (source.endpoint_url.clone(), name::queue_name(first))
        })
}

/// The address up to the end of the host.
fn origin(url: &str) -> String {
    url.split('/').take(3).collect::<Vec<_>>().join("/")
}

fn queue(
    name: String,
    endpoint_url: Option<String>,
    followers: &[&Source],
) -> Result<Queue, WiringError> {
    if name.ends_with(name::FIFO) {
        return Err(WiringError::Fifo(name));
    }
    let mut queue = Queue {
        name,
        region: followers.iter().find_map(|source| {
            let events = source.events.as_ref()?;
            let named = queue_url::region(&events.queue_url);
            events.region.clone().or(named)
        }),
        endpoint_url,
        sources: followers.iter().map(|source| source.name.clone()).collect(),
        buckets: Vec::new(),
    };
    for source in followers {
        let of_bucket = arn::bucket_region(source);
        match (&queue.region, of_bucket) {
            (None, of_bucket) => queue.region = of_bucket,
            (Some(of_queue), Some(of_bucket)) if *of_queue != of_bucket => {
                return Err(WiringError::Regions {
                    queue: queue.name,
                    queue_region: of_queue.clone(),
                    bucket: source.bucket.clone(),
                    bucket_region: of_bucket,
                });
            }
            _ => {}
        }
        let is_same = |known: &&mut Bucket| {
            known.name == source.bucket && known.endpoint_url == source.endpoint_url
        };
        match queue.buckets.iter_mut().find(is_same) {
            Some(bucket) => bucket.prefixes.push(source.prefix.clone()),
            None => queue.buckets.push(Bucket {
                name: source.bucket.clone(),
                arn: arn::bucket(source),
                owner: source.expected_bucket_owner.clone(),
                endpoint_url: source.endpoint_url.clone(),
                prefixes: vec![source.prefix.clone()],
            }),
        }
    }
    for bucket in &mut queue.buckets {
        bucket.prefixes = filter::outermost(std::mem::take(&mut bucket.prefixes));
    }
    Ok(queue)
}

/// S3 refuses two notifications of the same event whose prefixes begin with each other.
fn check_overlaps(queues: &[Queue]) -> Result<(), WiringError> {
    let sent = queues.iter().flat_map(|queue| {
        let of_bucket = |bucket| {
            notification_prefixes(bucket)
                .into_iter()
                .map(move |it| (bucket, it))
        };
        let of_queue = queue.buckets.iter().flat_map(of_bucket);
        of_queue.map(move |(bucket, prefix)| (queue, bucket, prefix))
    });
    let sent: Vec<(&Queue, &Bucket, String)> = sent.collect();
    for (place, (queue, bucket, prefix)) in sent.iter().enumerate() {
        for (other, others, beside) in &sent[..place] {
            let is_same =
                (&bucket.name, &bucket.endpoint_url) == (&others.name, &others.endpoint_url);
            if is_same && (prefix.starts_with(beside) || beside.starts_with(prefix)) {
                return Err(WiringError::Overlap {
                    bucket: bucket.name.clone(),
                    queues: [other.name.clone(), queue.name.clone()],
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
