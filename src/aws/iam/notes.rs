//! What a policy cannot say, and whoever options it should know.

use super::{Identity, arn, queue_region};
use crate::core::source::{Credentials, EndpointOrder, Events, Source, queue_url};

/// What is to be known about the permissions of that identity, each thing once.
pub(crate) fn of_sources(sources: &[&Source], identity: &Identity) -> Vec<String> {
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
        add(&source.credentials, of_bucket(source));
        if let Some(events) = &source.events {
            add(&events.credentials, of_queue(events, source));
        }
    }
    notes
}

fn of_bucket(source: &Source) -> Vec<String> {
    let bucket = &source.bucket;
    let mut notes = Vec::new();
    if let Some(url) = source.foreign_store() {
        notes.push(format!(
            "bucket {bucket:?} is at {url}: where that is not AWS, permissions may have other names, and \
             conditions on prefixes may not be known"
        ));
    } else if arn::is_access_point(source) {
        notes.push(format!(
            "bucket {bucket:?} is the alias of an access point, which policies do not know: write the \
             ARN of the access point and that of its bucket in the place of {:?}",
            arn::bucket(source)
        ));
    } else if source.region.is_none() && source.endpoint_order == EndpointOrder::Standard {
        notes.push(format!(
            "the Region of bucket {bucket:?} is found out: S3 tells it even where it refuses HeadBucket, \
             as it does with a policy that is limited to prefixes; s3:GetBucketLocation is allowed \
             for where it does not. With `region` in the configuration neither is asked"
        ));
    }
    let ranges = source.listed_ranges();
    let can_appear_in_policy = |text: &str| text.chars().all(arn::can_appear_in_policy);
    if let Some(range) = ranges
        .iter()
        .find(|range| !can_appear_in_policy(&range.prefix))
    {
        notes.push(format!(
            "the prefix {:?} in bucket {bucket:?} has characters that a policy cannot hold: * stands for them",
            range.prefix
        ));
    }
    notes
}

fn of_queue(events: &Events, source: &Source) -> Vec<String> {
    let url = &events.queue_url;
    let mut notes = Vec::new();
    let is_known = queue_region(events, source).is_some();
    if !is_known || queue_url::account(url).is_none() {
        notes.push(format!(
            "the address {url} does not tell Region and account of the queue: * stands for what is \
             not known; write it there"
        ));
    }
    notes
}

/// What a role that is taken on needs besides.
fn of_role(credentials: &Credentials, identity: &Identity) -> Option<String> {
    let Credentials::AssumeRole {
        role_arn,
        external_id,
    } = credentials
    else {
        return None;
    };
    let condition = match external_id {
        Some(_) => ", on the condition that sts:ExternalId is the external_id of the configuration",
        None => "",
    };
    (*identity == Identity::Role(role_arn.clone())).then(|| {
        format!(
            "the trust policy of {role_arn} must allow sts:AssumeRole to whoever the default chain \
             finds{condition}"
        )
    })
}
