//! Which events of a bucket a queue gets: by prefix, as the two senders compare prefixes.
//!
//! Where there are more prefixes than a sender takes, more is sent than is needed: what concerns no Source is
//! dropped when it comes.

use serde::Serialize;

use super::{DETAIL_TYPES, PlannedBucket};

/// The most notifications of one bucket to one queue. S3 takes 100 of a bucket, all queues and topics together,
/// and CloudFormation needs one for each prefix and each of the three events.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
const MAX_NOTIFICATIONS: usize = 30;

/// The longest pattern of a rule of EventBridge, in characters.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const MAX_PATTERN: usize = 2_048;

/// The prefixes without those that begin with another, ascending.
pub(super) fn outermost(mut prefixes: Vec<String>) -> Vec<String> {
    prefixes.sort_unstable();
    prefixes.dedup_by(|prefix, before| prefix.starts_with(before.as_str()));
    prefixes
}

/// The prefixes of the notifications of the bucket, none of which begins with another; one that is
/// empty is of all keys.
///
/// S3 compares a filter with the key as it stands in the event, encoded, and other stores with the key
/// itself. So a filter ends before the first character that is encoded: it lets some more through, and
/// what concerns no Source is dropped when it comes.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>
pub(crate) fn notification_prefixes(bucket: &PlannedBucket) -> Vec<String> {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "/-_.".contains(*c);
    let plain = |prefix: &String| prefix.chars().take_while(is_plain).collect();
    let prefixes = outermost(bucket.prefixes.iter().map(plain).collect());
    if prefixes.len() > MAX_NOTIFICATIONS {
        vec![common(&prefixes)]
    } else {
        prefixes
    }
}

/// The prefixes of the events that a rule of EventBridge sends on, as its pattern has room for them; `None`:
/// it sends on all of the bucket.
pub(crate) fn event_prefixes(bucket: &PlannedBucket) -> Option<Vec<String>> {
    let own = bucket.prefixes.clone();
    let shared = vec![common(&bucket.prefixes)];
    let is_some = |prefixes: &Vec<String>| !prefixes.iter().any(String::is_empty);
    // Terraform writes these as six characters each.
    let extra = |text: &str| 5 * text.matches(['<', '>', '&']).count();
    let fits = |prefixes: &Vec<String>| {
        let pattern = pattern(bucket, Some(prefixes.as_slice()));
        pattern.chars().count() + extra(&pattern) <= MAX_PATTERN
    };
    let mut choices = [own, shared].into_iter().filter(is_some);
    choices.find(fits)
}

/// What all of them, ascending, begin with.
fn common(prefixes: &[String]) -> String {
    let (Some(first), Some(last)) = (prefixes.first(), prefixes.last()) else {
        return String::new();
    };
    let both = first.chars().zip(last.chars());
    let both = both.take_while(|(one, other)| one == other);
    both.map(|(one, _)| one).collect()
}

#[derive(Serialize)]
struct Pattern<'a> {
    source: [&'a str; 1],
    #[serde(rename = "detail-type")]
    detail_type: [&'a str; 2],
    detail: Detail<'a>,
}

#[derive(Serialize)]
struct Detail<'a> {
    bucket: BucketPattern<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<ObjectPattern<'a>>,
}

#[derive(Serialize)]
struct BucketPattern<'a> {
    name: [&'a str; 1],
}

#[derive(Serialize)]
struct ObjectPattern<'a> {
    key: Vec<KeyPattern<'a>>,
}

#[derive(Serialize)]
struct KeyPattern<'a> {
    prefix: &'a str,
}

/// What an event of the bucket looks like in EventBridge, where keys are not encoded, as JSON.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
pub(crate) fn event_pattern(bucket: &PlannedBucket) -> String {
    pattern(bucket, event_prefixes(bucket).as_deref())
}

fn pattern(bucket: &PlannedBucket, prefixes: Option<&[String]>) -> String {
    let pattern = Pattern {
        source: ["aws.s3"],
        detail_type: DETAIL_TYPES,
        detail: Detail {
            bucket: BucketPattern {
                name: [&bucket.name],
            },
            object: prefixes.map(|prefixes| ObjectPattern {
                key: prefixes
                    .iter()
                    .map(|prefix| KeyPattern { prefix })
                    .collect(),
            }),
        },
    };
    serde_json::to_string(&pattern).expect("texts alone become JSON")
}
