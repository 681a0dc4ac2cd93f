//! What the program must be allowed to do on AWS for its Sources, as narrowly as IAM can say it.
//!
//! It reads Sources and asks nobody: whether a right is there is what `check` finds out. How the permissions
//! of one identity become one document is in [`policy`].

use crate::core::replication::interval::KeyRange;
use crate::core::source::{Credentials, EndpointOrder, Events, Source, queue_url};

pub(crate) mod arn;
pub(crate) mod identity;
pub(crate) mod notes;
pub(crate) mod policy;

pub(crate) use identity::Identity;
pub(crate) use policy::Policy;

/// The actions that a queue is followed with.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html>
pub(crate) const QUEUE_ACTIONS: [&str; 4] = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
];

/// What the program is used for, beyond mirroring buckets.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyOptions {
    /// Whether previews are served over HTTP.
    pub previews: bool,
    /// Whether `check` is to look into the notifications of buckets.
    pub check: bool,
    /// ARNs of the keys of KMS that encrypt queues, or objects that are previewed.
    pub kms_keys: Vec<String>,
}

/// Something that an identity must be allowed to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// `sts:AssumeRole` on the role of that ARN.
    AssumeRole(String),
    /// `s3:GetBucketLocation`, where HeadBucket does not tell the Region.
    FindRegion(BucketArn),
    /// `s3:ListBucket` with a `prefix` that lies in the range: its whole prefix, or one key alone.
    List(BucketArn, KeyRange),
    /// `s3:GetObject` on the keys of the range.
    Preview(BucketArn, KeyRange),
    /// `s3:GetBucketNotification`, by which `check` sees where events go.
    ReadNotifications(BucketArn),
    /// [`QUEUE_ACTIONS`] on the queue of that ARN.
    ConsumeQueue(String),
    /// `kms:Decrypt` on the key of that ARN.
    Decrypt(String),
}

/// The ARN of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BucketArn(pub String);

/// What each identity must be allowed to do, in the order of the Sources, each right once.
///
/// No request is sent for a Source that is not enabled, and none is listed whose rules admit nothing.
pub(crate) fn of_sources(
    sources: &[&Source],
    options: &PolicyOptions,
) -> Vec<(Identity, Vec<Permission>)> {
    let mut all: Vec<(Identity, Vec<Permission>)> = Vec::new();
    let mut add = |identity: Identity, right: Permission| {
        let place = all.iter().position(|(known, _)| *known == identity);
        let place = place.unwrap_or_else(|| {
            all.push((identity, Vec::new()));
            all.len() - 1
        });
        let permissions = &mut all[place].1;
        if !permissions.contains(&right) {
            permissions.push(right);
        }
    };
    for source in sources {
        for (credentials, permissions) in of_source(source, options) {
            let identity = Identity::of(credentials);
            if let Credentials::AssumeRole { role_arn, .. } = credentials {
                add(Identity::Default, Permission::AssumeRole(role_arn.clone()));
            }
            for right in permissions {
                add(identity.clone(), right);
            }
        }
    }
    all
}

/// The permissions that one Source needs, by the credentials that need them: those of the bucket, those of
/// the queue.
pub(crate) fn of_source<'a>(
    source: &'a Source,
    options: &PolicyOptions,
) -> Vec<(&'a Credentials, Vec<Permission>)> {
    let of_bucket = (&source.credentials, of_bucket(source, options));
    let of_queue = source
        .events
        .as_ref()
        .map(|events| (&events.credentials, of_queue(events, source, options)));
    [Some(of_bucket), of_queue].into_iter().flatten().collect()
}

fn of_bucket(source: &Source, options: &PolicyOptions) -> Vec<Permission> {
    let ranges = source.listed_ranges();
    let bucket = BucketArn(arn::bucket(source));
    let mut permissions = Vec::new();
    if source.region.is_none() && source.endpoint_order == EndpointOrder::Standard {
        permissions.push(Permission::FindRegion(bucket.clone()));
    }
    let list = |range: &KeyRange| Permission::List(bucket.clone(), range.clone());
    permissions.extend(ranges.iter().map(list));
    if options.previews && is_previewed(source) {
        let preview = |range: &KeyRange| Permission::Preview(bucket.clone(), range.clone());
        permissions.extend(ranges.iter().map(preview));
        permissions.extend(options.kms_keys.iter().cloned().map(Permission::Decrypt));
    }
    if options.check && source.events.is_some() {
        permissions.push(Permission::ReadNotifications(bucket));
    }
    permissions
}

/// Whether its previews are signed with its credentials.
pub(crate) fn is_previewed(source: &Source) -> bool {
    !source.request_payer && !source.has_own_address()
}

fn of_queue(events: &Events, source: &Source, options: &PolicyOptions) -> Vec<Permission> {
    let mut permissions = vec![Permission::ConsumeQueue(arn::queue(events, source))];
    permissions.extend(options.kms_keys.iter().cloned().map(Permission::Decrypt));
    permissions
}

/// The Region of the queue, as far as the configuration tells it.
pub(crate) fn queue_region(events: &Events, source: &Source) -> Option<String> {
    let configured = events.region.clone();
    configured
        .or_else(|| queue_url::region(&events.queue_url))
        .or_else(|| source.region.clone())
}

#[cfg(test)]
mod tests;
