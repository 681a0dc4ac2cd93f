//! Decides which queues the Sources need, and which buckets send to them.
//!
//! `error` has the reasons why a setup is impossible.

mod error;

pub(crate) use error::SetupError;

use super::{EventPath, PlannedBucket, PlannedQueue, SetupPlan, filter, name};
use crate::aws::iam::{Partitions, arn};
use crate::core::source::{Source, queue_url};

impl SetupPlan {
    /// Plans the queues of the `chosen` Sources. `all` are the Sources that may share a queue with them.
    ///
    /// The plan includes the other queues of their buckets, because S3 has one notification configuration per
    /// bucket, and does not send the same event to two queues. Sources without a queue share the queue of the
    /// first Source of the same bucket that has one. If there is none, they share a new queue, which is named
    /// after the first of them.
    pub(crate) fn of(
        chosen: &[&Source],
        all: &[&Source],
        event_path: EventPath,
        visibility_seconds: u64,
        partitions: &Partitions,
    ) -> Result<Self, SetupError> {
        let followed = all.iter().map(|source| (*source, queue_of(source, all)));
        let followed: Vec<(&Source, QueueId)> = followed.collect();
        let mut queues: Vec<PlannedQueue> = Vec::new();
        for key in queues_to_plan(chosen, &followed, all) {
            let followers = followed.iter().filter(|(_, own)| *own == key);
            let followers: Vec<&Source> = followers.map(|(source, _)| *source).collect();
            queues.push(queue(key, &followers, all, partitions)?);
        }
        match event_path {
            EventPath::S3 => error::check_overlaps(&queues)?,
            EventPath::EventBridge => queues.iter_mut().try_for_each(set_account)?,
        }
        Ok(Self {
            event_path,
            visibility_seconds,
            queues,
        })
    }
}

/// Identifies a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
struct QueueId {
    /// The URL of the server, if that is not AWS.
    store: Option<String>,
    name: String,
    /// The region in the queue URL. `None` for a new queue.
    region: Option<String>,
    account: Option<String>,
}

impl QueueId {
    /// The configured queue of a Source.
    fn of(source: &Source) -> Option<Self> {
        let url = source.events.as_ref()?.queue_url.as_str();
        let region = queue_url::region(url);
        Some(Self {
            store: region.is_none().then(|| origin(url)),
            name: queue_url::name(url).to_owned(),
            region,
            account: queue_url::account(url).map(str::to_owned),
        })
    }
}

/// The queue of a Source: the configured one, or the one that it will get.
fn queue_of(source: &Source, all: &[&Source]) -> QueueId {
    let siblings = all.iter().filter(|other| is_same_bucket(source, other));
    let siblings: Vec<&&Source> = siblings.collect();
    let followed =
        QueueId::of(source).or_else(|| siblings.iter().find_map(|sibling| QueueId::of(sibling)));
    followed.unwrap_or_else(|| {
        let first = siblings.first().map_or(source.name.as_str(), |it| &it.name);
        let new = QueueId {
            store: source.non_aws_store().map(str::to_owned),
            name: name::queue_name(first),
            region: None,
            account: None,
        };
        // A queue with this name may already exist, for a Source of another bucket.
        let mut known = all.iter().filter_map(|other| QueueId::of(other));
        known
            .find(|known| is_same_when_created(&new, known, source))
            .unwrap_or(new)
    })
}

/// Whether creating the new queue for the Source would find the known queue.
fn is_same_when_created(new: &QueueId, known: &QueueId, source: &Source) -> bool {
    let same_region = match (&known.region, arn::bucket_region(source)) {
        (Some(known), Some(of_bucket)) => *known == of_bucket,
        _ => true,
    };
    (&new.store, &new.name) == (&known.store, &known.name) && same_region
}

fn is_same_bucket(one: &Source, other: &Source) -> bool {
    (&one.bucket, one.non_aws_store()) == (&other.bucket, other.non_aws_store())
}

/// The queues of the chosen Sources, and all other queues that the same buckets send to.
fn queues_to_plan(
    chosen: &[&Source],
    followed: &[(&Source, QueueId)],
    all: &[&Source],
) -> Vec<QueueId> {
    let mut planned: Vec<QueueId> = Vec::new();
    let mut found: Vec<QueueId> = chosen.iter().map(|source| queue_of(source, all)).collect();
    while !found.is_empty() {
        let mut next: Vec<QueueId> = Vec::new();
        for key in found {
            if planned.contains(&key) {
                continue;
            }
            let followers = followed.iter().filter(|(_, own)| *own == key);
            let siblings = followers.flat_map(|(follower, _)| {
                let is_sibling = |(other, _): &&(&Source, QueueId)| is_same_bucket(follower, other);
                followed.iter().filter(is_sibling)
            });
            next.extend(siblings.map(|(_, own)| own.clone()));
            planned.push(key);
        }
        next.retain(|key| !planned.contains(key));
        found = next;
    }
    planned
}

/// The scheme and host of a URL.
fn origin(url: &str) -> String {
    url.split('/').take(3).collect::<Vec<_>>().join("/")
}

fn queue(
    key: QueueId,
    followers: &[&Source],
    all: &[&Source],
    partitions: &Partitions,
) -> Result<PlannedQueue, SetupError> {
    let configured = |source: &&Source| source.events.as_ref()?.region.clone();
    let mut queue = PlannedQueue {
        region: followers.iter().find_map(configured).or(key.region),
        name: key.name,
        account: key.account,
        endpoint_url: key.store,
        sources: followers.iter().map(|source| source.name.clone()).collect(),
        buckets: Vec::new(),
    };
    for source in followers {
        error::check_source(source, &queue)?;
        queue.region = queue.region.take().or_else(|| arn::bucket_region(source));
        let store = source.non_aws_store();
        let is_same = |known: &&mut PlannedBucket| {
            known.name == source.bucket && known.endpoint_url.as_deref() == store
        };
        match queue.buckets.iter_mut().find(is_same) {
            Some(bucket) => bucket.prefixes.push(source.prefix.clone()),
            None => queue.buckets.push(PlannedBucket {
                name: source.bucket.clone(),
                arn: arn::bucket(source, partitions),
                is_partition_assumed: partitions.is_assumed(source),
                owner: owner_of_bucket(source, all),
                endpoint_url: store.map(str::to_owned),
                prefixes: vec![source.prefix.clone()],
            }),
        }
    }
    for bucket in &mut queue.buckets {
        bucket.prefixes = filter::outermost(std::mem::take(&mut bucket.prefixes));
    }
    Ok(queue)
}

/// The owner of the Source's bucket, if a Source of that bucket names it.
fn owner_of_bucket(source: &Source, all: &[&Source]) -> Option<String> {
    let mut siblings = all.iter().filter(|other| is_same_bucket(source, other));
    siblings.find_map(|sibling| sibling.expected_bucket_owner.clone())
}

/// Sets the account of the queue to the account of its buckets: S3 sends to the EventBridge of the bucket's
/// account, so the rule and the queue must be there too.
fn set_account(queue: &mut PlannedQueue) -> Result<(), SetupError> {
    for bucket in &queue.buckets {
        match (&queue.account, &bucket.owner) {
            (Some(account), Some(owner)) if account != owner => {
                return Err(SetupError::Accounts {
                    queue: queue.name.clone(),
                    account: account.clone(),
                    bucket: bucket.name.clone(),
                    owner: owner.clone(),
                });
            }
            (None, Some(owner)) => queue.account = Some(owner.clone()),
            _ => {}
        }
    }
    Ok(())
}
