//! Which queues there are to be for Sources, and which buckets send to them.

use super::{Bucket, Queue, Through, Wiring, filter, name, notification_prefixes};
use crate::rights::arn;
use crate::source::{Source, queue_url};

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
