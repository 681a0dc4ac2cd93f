//! The IAM permissions that the program needs for its Sources, as narrow as IAM can express them.
//!
//! This module is pure: it reads Sources and sends no requests. `doctor` checks whether the permissions exist.
//! [`policy`] turns the permissions of one identity into a policy document.

use crate::core::replication::interval::KeyRange;
use crate::core::source::{Credentials, EndpointOrder, Events, Source, queue_url};

pub(crate) mod arn;
pub(crate) mod identity;
pub(crate) mod notes;
pub(crate) mod partition;
pub(crate) mod policy;

pub(crate) use identity::Identity;
pub(crate) use partition::Partitions;
pub(crate) use policy::Policy;

/// The actions that receiving events from a queue needs.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html>
pub(crate) const QUEUE_ACTIONS: [&str; 4] = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
];

/// Optional features that need more permissions.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyOptions {
    /// Whether previews are served over HTTP.
    pub previews: bool,
    /// Whether `check` may read the notifications of buckets.
    pub check: bool,
    /// The ARNs of KMS keys that encrypt queues, or objects with previews.
    pub kms_keys: Vec<String>,
    /// The partitions of the Sources.
    pub partitions: Partitions,
}

/// Something that an identity must be allowed to do: actions on a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// `sts:AssumeRole` on the role with this ARN.
    AssumeRole(String),
    /// `s3:GetBucketLocation`, in case HeadBucket does not return the region.
    FindRegion(BucketArn),
    /// `s3:ListBucket` with a `prefix` in the range.
    List(BucketArn, KeyRange),
    /// `s3:GetObject` on the keys of the range.
    Preview(BucketArn, KeyRange),
    /// `s3:GetBucketNotification`, so that `check` can see where events go.
    ReadNotifications(BucketArn),
    /// [`QUEUE_ACTIONS`] on the queue with this ARN.
    ConsumeQueue(String),
    /// `kms:Decrypt` on the key with this ARN.
    Decrypt(String),
}

/// The ARN of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BucketArn(pub String);

/// The permissions of each identity, each once, in the order of the Sources.
///
/// The program sends no requests for a disabled Source, so callers leave it out unless the user names it.
pub(crate) fn of_sources(
    sources: &[&Source],
    options: &PolicyOptions,
) -> Vec<(Identity, Vec<Permission>)> {
    let mut all: Vec<(Identity, Vec<Permission>)> = Vec::new();
    let mut add = |identity: Identity, permission: Permission| {
        let index = all.iter().position(|(known, _)| *known == identity);
        let index = index.unwrap_or_else(|| {
            all.push((identity, Vec::new()));
            all.len() - 1
        });
        let permissions = &mut all[index].1;
        if !permissions.contains(&permission) {
            permissions.push(permission);
        }
    };
    for source in sources {
        for (credentials, permissions) in of_source(source, options) {
            let identity = Identity::of(credentials);
            if let Credentials::AssumeRole { role_arn, .. } = credentials {
                add(Identity::Default, Permission::AssumeRole(role_arn.clone()));
            }
            for permission in permissions {
                add(identity.clone(), permission);
            }
        }
    }
    all
}

/// The permissions that one Source needs: those for the bucket and those for the queue, with their credentials.
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
    let bucket = BucketArn(arn::bucket(source, &options.partitions));
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

/// Whether the program signs preview URLs for the Source.
pub(crate) fn is_previewed(source: &Source) -> bool {
    !source.request_payer && !source.has_custom_base_url() && source.thumbnail_url.is_none()
}

fn of_queue(events: &Events, source: &Source, options: &PolicyOptions) -> Vec<Permission> {
    let mut permissions = vec![Permission::ConsumeQueue(arn::queue(
        events,
        source,
        &options.partitions,
    ))];
    permissions.extend(options.kms_keys.iter().cloned().map(Permission::Decrypt));
    permissions
}

/// The region of the queue, if the configuration shows it.
pub(crate) fn queue_region(events: &Events, source: &Source) -> Option<String> {
    let configured = events.region.clone();
    configured
        .or_else(|| queue_url::region(&events.queue_url))
        .or_else(|| source.region.clone())
}

#[cfg(test)]
mod tests;
