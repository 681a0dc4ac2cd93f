//! Chooses the prefix filters of a bucket's events, for S3 notifications and for EventBridge rules.
//!
//! If there are too many prefixes, a filter lets more events through than the Sources need. The daemon ignores
//! events outside of its Sources.

use serde::Serialize;

use super::{DETAIL_TYPES, PlannedBucket};

/// The maximum number of notifications from one bucket to one queue. S3 allows 100 per bucket, which the bucket
/// also needs for its other queues, topics and functions.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
const MAX_NOTIFICATIONS: usize = 30;

/// The maximum length of an EventBridge pattern, in characters.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const MAX_PATTERN: usize = 2_048;

/// Sorts the prefixes and removes each prefix that starts with another.
pub(super) fn outermost(mut prefixes: Vec<String>) -> Vec<String> {
    prefixes.sort_unstable();
    prefixes.dedup_by(|prefix, before| prefix.starts_with(before.as_str()));
    prefixes
}

/// The prefix filters for the notifications of a bucket. No filter starts with another. An empty prefix
/// matches all keys.
///
/// S3 compares a filter with the encoded key in the event. Other stores compare it with the key itself. So a
/// filter ends before the first character that is encoded.
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

/// The prefixes for an EventBridge rule: the Sources' prefixes, or their common prefix if the pattern
/// becomes too long. `None`: the rule forwards all events of the bucket.
pub(crate) fn event_prefixes(bucket: &PlannedBucket) -> Option<Vec<String>> {
    let own = bucket.prefixes.clone();
    let shared = vec![common(&bucket.prefixes)];
    let is_filter = |prefixes: &Vec<String>| !prefixes.iter().any(String::is_empty);
    // jsonencode of Terraform writes each of these characters as six characters.
    let extra = |text: &str| 5 * text.matches(['<', '>', '&']).count();
    let fits = |prefixes: &Vec<String>| {
        let pattern = pattern(bucket, Some(prefixes.as_slice()));
        pattern.chars().count() + extra(&pattern) <= MAX_PATTERN
    };
    let mut choices = [own, shared].into_iter().filter(is_filter);
    choices.find(fits)
}

/// The common prefix of sorted prefixes.
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

/// The EventBridge pattern for events of the bucket, as JSON. Keys are not encoded there.
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
    serde_json::to_string(&pattern).expect("a pattern contains only strings and lists")
}
