//! Which events of a bucket a queue gets: by prefix, as the two senders compare prefixes.

use serde::Serialize;

use super::{Bucket, DETAIL_TYPES};

/// The prefixes without those that begin with another, ascending.
pub fn outermost(mut prefixes: Vec<String>) -> Vec<String> {
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
pub fn notification_prefixes(bucket: &Bucket) -> Vec<String> {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "/-_.".contains(*c);
    let plain = |prefix: &String| prefix.chars().take_while(is_plain).collect();
    outermost(bucket.prefixes.iter().map(plain).collect())
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
pub fn event_pattern(bucket: &Bucket) -> String {
    let keys = bucket.prefixes.iter().map(|prefix| KeyPattern { prefix });
    let pattern = Pattern {
        source: ["aws.s3"],
        detail_type: DETAIL_TYPES,
        detail: Detail {
            bucket: BucketPattern {
                name: [&bucket.name],
            },
            object: (!bucket.is_whole()).then(|| ObjectPattern {
                key: keys.collect(),
            }),
        },
    };
    serde_json::to_string(&pattern).expect("texts alone become JSON")
}
