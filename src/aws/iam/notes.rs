//! Notes for the user of a policy: facts that the policy itself cannot express.

use super::{Identity, Partitions, arn, queue_region};
use crate::core::source::{Credentials, EndpointOrder, Events, Source, queue_url};

/// The notes for the policy of this identity, each once.
pub(crate) fn of_sources(
    sources: &[&Source],
    identity: &Identity,
    partitions: &Partitions,
) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for source in sources {
        let mut add = |credentials: &Credentials, about: Vec<String>| {
            let own = (Identity::of(credentials) == *identity).then_some(about);
            for note in own
                .into_iter()
                .flatten()
                .chain(of_role(credentials, identity))
            {
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        };
        add(&source.credentials, of_bucket(source, partitions));
        if let Some(events) = &source.events {
            add(&events.credentials, of_queue(events, source));
        }
    }
    notes
}

fn of_bucket(source: &Source, partitions: &Partitions) -> Vec<String> {
    let bucket = &source.bucket;
    let mut notes = Vec::new();
    if let Some(url) = source.non_aws_store() {
        notes.push(format!(
            "bucket {bucket:?} is at {url}. If that is not AWS, actions may have other names there, and \
             the store may not support conditions on prefixes"
        ));
    } else if source.is_access_point() {
        notes.push(format!(
            "bucket {bucket:?} is the alias of an access point, which policies do not support. Replace {:?} \
             with the ARN of the access point and that of its bucket",
            arn::bucket(source, partitions)
        ));
    } else if source.region.is_none() && source.endpoint_order == EndpointOrder::Standard {
        notes.push(format!(
            "the configuration has no region for bucket {bucket:?}, so the program looks it up. It sends HeadBucket, \
             and S3 returns the region even if the policy allows only some prefixes. The policy also allows \
             s3:GetBucketLocation in case S3 does not. If you set `region`, neither is needed"
        ));
    }
    if partitions.is_assumed(source) {
        notes.push(assumed_partition(bucket));
    }
    let ranges = source.listed_ranges();
    let can_appear_in_policy = |text: &str| text.chars().all(arn::can_appear_in_policy);
    if let Some(range) = ranges
        .iter()
        .find(|range| !can_appear_in_policy(&range.prefix))
    {
        notes.push(format!(
            "the prefix {:?} of bucket {bucket:?} has characters that a policy cannot contain. A * replaces them",
            range.prefix
        ));
    }
    notes
}

/// The note for a bucket whose partition is not known.
pub(crate) fn assumed_partition(bucket: &str) -> String {
    format!(
        "neither the configuration nor the environment shows a region for bucket {bucket:?}, so its ARN assumes the \
         partition aws. If the bucket is in China, GovCloud or another partition, set `region` or AWS_REGION, and \
         print this again"
    )
}

fn of_queue(events: &Events, source: &Source) -> Vec<String> {
    let url = &events.queue_url;
    let mut notes = Vec::new();
    let is_known = queue_region(events, source).is_some();
    if !is_known || queue_url::account(url).is_none() {
        notes.push(format!(
            "the queue URL {url} does not name the region and the account of the queue. A * in its ARN replaces \
             the unknown parts. Write them there"
        ));
    }
    notes
}

/// The trust policy that an assumed role needs.
fn of_role(credentials: &Credentials, identity: &Identity) -> Option<String> {
    let Credentials::AssumeRole {
        role_arn,
        external_id,
    } = credentials
    else {
        return None;
    };
    let condition = match external_id {
        Some(_) => {
            ", with the condition that sts:ExternalId equals external_id in the configuration"
        }
        None => "",
    };
    (*identity == Identity::Role(role_arn.clone())).then(|| {
        format!(
            "the trust policy of {role_arn} must allow sts:AssumeRole for the identity that the default \
             credential chain finds{condition}"
        )
    })
}
