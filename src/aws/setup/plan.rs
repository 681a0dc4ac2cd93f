//! Which queues there are to be for Sources, and which buckets send to them.
//!
//! Why it cannot be is `error`'s to say.

mod error;

pub(crate) use error::SetupError;

use super::{EventPath, PlannedBucket, PlannedQueue, SetupPlan, filter, name};
use crate::aws::iam::arn;
use crate::core::source::{Source, queue_url};

impl SetupPlan {
    /// What the queues of the `chosen` Sources need; `all` are those that may share a queue with them.
    ///
    /// The other queues of their buckets come along: what a bucket sends is one thing, in which no two queues
    /// can have the same events. Sources of one bucket that have no queue yet follow that of the first of them
    /// that has one, else a new one that is named after the first.
    pub(crate) fn of(
        chosen: &[&Source],
        all: &[&Source],
        event_path: EventPath,
        visibility_seconds: u64,
    ) -> Result<Self, SetupError> {
        let followed = all.iter().map(|source| (*source, queue_of(source, all)));
        let followed: Vec<(&Source, QueueId)> = followed.collect();
        let mut queues: Vec<PlannedQueue> = Vec::new();
        for key in wanted(chosen, &followed, all) {
            let followers = followed.iter().filter(|(_, own)| *own == key);
            let followers: Vec<&Source> = followers.map(|(source, _)| *source).collect();
            queues.push(queue(key, &followers, all)?);
        }
        match event_path {
            EventPath::S3 => error::of_overlaps(&queues)?,
            EventPath::EventBridge => queues.iter_mut().try_for_each(settle)?,
        }
        Ok(Self {
            event_path,
            visibility_seconds,
            queues,
        })
    }
}

/// Which queue it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct QueueId {
    /// Where it is, if that is not AWS.
    store: Option<String>,
    name: String,
    /// As far as its address tells; none of one that is to be made.
    region: Option<String>,
    account: Option<String>,
}

impl QueueId {
    /// That of the queue which the Source follows already.
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

/// The queue that a Source follows, or is to follow.
fn queue_of(source: &Source, all: &[&Source]) -> QueueId {
    let siblings = all.iter().filter(|other| is_same_bucket(source, other));
    let siblings: Vec<&&Source> = siblings.collect();
    let followed =
        QueueId::of(source).or_else(|| siblings.iter().find_map(|sibling| QueueId::of(sibling)));
    followed.unwrap_or_else(|| {
        let first = siblings.first().map_or(source.name.as_str(), |it| &it.name);
        let new = QueueId {
            store: source.foreign_store().map(str::to_owned),
            name: name::queue_name(first),
            region: None,
            account: None,
        };
        // It may be there already, and a Source of another bucket follow it.
        let mut known = all.iter().filter_map(|other| QueueId::of(other));
        known
            .find(|known| is_made_as(&new, known, source))
            .unwrap_or(new)
    })
}

/// Whether making that queue for the Source would find this one.
fn is_made_as(new: &QueueId, known: &QueueId, source: &Source) -> bool {
    let same_region = match (&known.region, arn::bucket_region(source)) {
        (Some(known), Some(of_bucket)) => *known == of_bucket,
        _ => true,
    };
    (&new.store, &new.name) == (&known.store, &known.name) && same_region
}

fn is_same_bucket(one: &Source, other: &Source) -> bool {
    (&one.bucket, one.foreign_store()) == (&other.bucket, other.foreign_store())
}

/// The queues of the chosen Sources, and all to which the same buckets send.
fn wanted(chosen: &[&Source], followed: &[(&Source, QueueId)], all: &[&Source]) -> Vec<QueueId> {
    let mut wanted: Vec<QueueId> = Vec::new();
    let mut found: Vec<QueueId> = chosen.iter().map(|source| queue_of(source, all)).collect();
    while !found.is_empty() {
        let mut beside: Vec<QueueId> = Vec::new();
        for key in found {
            if wanted.contains(&key) {
                continue;
            }
            let followers = followed.iter().filter(|(_, own)| *own == key);
            let siblings = followers.flat_map(|(follower, _)| {
                let is_sibling = |(other, _): &&(&Source, QueueId)| is_same_bucket(follower, other);
                followed.iter().filter(is_sibling)
            });
            beside.extend(siblings.map(|(_, own)| own.clone()));
            wanted.push(key);
        }
        beside.retain(|key| !wanted.contains(key));
        found = beside;
    }
    wanted
}

/// The address up to the end of the host.
fn origin(url: &str) -> String {
    url.split('/').take(3).collect::<Vec<_>>().join("/")
}

fn queue(key: QueueId, followers: &[&Source], all: &[&Source]) -> Result<PlannedQueue, SetupError> {
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
        error::of_follower(source, &queue)?;
        queue.region = queue.region.take().or_else(|| arn::bucket_region(source));
        let store = source.foreign_store();
        let is_same = |known: &&mut PlannedBucket| {
            known.name == source.bucket && known.endpoint_url.as_deref() == store
        };
        match queue.buckets.iter_mut().find(is_same) {
            Some(bucket) => bucket.prefixes.push(source.prefix.clone()),
            None => queue.buckets.push(PlannedBucket {
                name: source.bucket.clone(),
                arn: arn::bucket(source),
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

/// The account of the Source's bucket, as far as a Source of that bucket tells.
fn owner_of_bucket(source: &Source, all: &[&Source]) -> Option<String> {
    let mut siblings = all.iter().filter(|other| is_same_bucket(source, other));
    siblings.find_map(|sibling| sibling.expected_bucket_owner.clone())
}

/// S3 sends to the EventBridge of the bucket's account, so that rule and queue must be there.
fn settle(queue: &mut PlannedQueue) -> Result<(), SetupError> {
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
