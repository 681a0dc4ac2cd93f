//! The attributes of a queue, decoded from GetQueueAttributes.
//!
//! This module does not judge them.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Name;
use serde_json::Value;

/// The attributes of a queue that matter here.
///
/// Other servers than AWS leave some out. Then a count is 0, and a setting has the default of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueAttributes {
    /// The approximate number of messages that can be received now.
    pub visible: u64,
    /// The approximate number of messages that are received, and neither acknowledged nor visible again.
    pub in_flight: u64,
    /// The approximate number of messages that cannot be received yet.
    pub delayed: u64,
    /// How long the queue keeps a message after it was sent.
    pub retention: Duration,
    /// The default visibility timeout, for requests that do not set one.
    pub visibility: Duration,
    /// The maximum size of a message.
    pub max_message_bytes: u32,
    /// Where a message goes after too many receives. `None`: it stays until `retention` is over.
    pub redrive: Option<RedrivePolicy>,
    /// The queue's ARN; empty if the queue does not say.
    pub arn: String,
    /// When it was created, in seconds since the epoch, if the queue says so.
    pub created: Option<i64>,
}

/// When a message moves to the dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedrivePolicy {
    /// The ARN of the dead-letter queue.
    pub dead_letter_arn: String,
    /// How many times a message is received before it moves.
    pub max_receive_count: u32,
}

/// The defaults of AWS.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>
mod default {
    pub(super) const RETENTION_SECONDS: u64 = 4 * 24 * 60 * 60;
    pub(super) const VISIBILITY_SECONDS: u64 = 30;
    pub(super) const MAX_MESSAGE_BYTES: u32 = 1 << 20;
}

impl QueueAttributes {
    /// Decodes the response to GetQueueAttributes. The error names the attribute that is missing or invalid.
    pub(super) fn from_response(response: &HashMap<Name, String>) -> Result<Self, String> {
        let visible = response.get(&Name::ApproximateNumberOfMessages);
        let visible = visible.ok_or("the response has no ApproximateNumberOfMessages")?;
        let redrive = response.get(&Name::RedrivePolicy).map(String::as_str);
        // After a policy is removed, the attribute can remain with an empty policy.
        let redrive = redrive.filter(|policy| !matches!(policy.trim(), "" | "{}"));
        let seconds = |name, default| number(response, name, default).map(Duration::from_secs);
        Ok(Self {
            visible: parsed(&Name::ApproximateNumberOfMessages, visible)?,
            in_flight: number(response, Name::ApproximateNumberOfMessagesNotVisible, 0)?,
            delayed: number(response, Name::ApproximateNumberOfMessagesDelayed, 0)?,
            retention: seconds(Name::MessageRetentionPeriod, default::RETENTION_SECONDS)?,
            visibility: seconds(Name::VisibilityTimeout, default::VISIBILITY_SECONDS)?,
            max_message_bytes: number(
                response,
                Name::MaximumMessageSize,
                default::MAX_MESSAGE_BYTES,
            )?,
            redrive: redrive
                .map(|policy| {
                    RedrivePolicy::from_json(policy)
                        .ok_or_else(|| format!("invalid RedrivePolicy: {policy}"))
                })
                .transpose()?,
            arn: response.get(&Name::QueueArn).cloned().unwrap_or_default(),
            created: response
                .get(&Name::CreatedTimestamp)
                .and_then(|seconds| seconds.parse().ok()),
        })
    }
}

impl RedrivePolicy {
    /// Decodes the policy. The count is a number or a string.
    fn from_json(policy: &str) -> Option<Self> {
        let policy: Value = serde_json::from_str(policy).ok()?;
        let count = match policy.get("maxReceiveCount")? {
            Value::String(count) => count.parse().ok()?,
            count => u32::try_from(count.as_u64()?).ok()?,
        };
        Some(Self {
            dead_letter_arn: policy.get("deadLetterTargetArn")?.as_str()?.to_owned(),
            max_receive_count: count,
        })
    }
}

fn number<T: FromStr>(
    response: &HashMap<Name, String>,
    name: Name,
    default: T,
) -> Result<T, String> {
    match response.get(&name) {
        Some(text) => parsed(&name, text),
        None => Ok(default),
    }
}

fn parsed<T: FromStr>(name: &Name, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{name} is {text:?}, not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(response: &[(Name, &str)]) -> Result<QueueAttributes, String> {
        let owned = |(name, text): &(Name, &str)| (name.clone(), (*text).to_owned());
        QueueAttributes::from_response(&response.iter().map(owned).collect())
    }

    #[test]
    fn decodes_all_attributes() {
        let policy =
            r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:1:dead","maxReceiveCount":"5"}"#;
        let response = [
            (Name::ApproximateNumberOfMessages, "3"),
            (Name::ApproximateNumberOfMessagesNotVisible, "2"),
            (Name::ApproximateNumberOfMessagesDelayed, "1"),
            (Name::MessageRetentionPeriod, "60"),
            (Name::VisibilityTimeout, "0"),
            (Name::MaximumMessageSize, "1024"),
            (Name::RedrivePolicy, policy),
            (Name::QueueArn, "arn:aws:sqs:eu-west-1:1:q"),
            (Name::CreatedTimestamp, "1700000000"),
            (Name::from("SomethingNew"), "?"),
        ];
        let want = QueueAttributes {
            visible: 3,
            in_flight: 2,
            delayed: 1,
            retention: Duration::from_secs(60),
            visibility: Duration::ZERO,
            max_message_bytes: 1024,
            redrive: Some(RedrivePolicy {
                dead_letter_arn: "arn:aws:sqs:eu-west-1:1:dead".into(),
                max_receive_count: 5,
            }),
            arn: "arn:aws:sqs:eu-west-1:1:q".into(),
            created: Some(1_700_000_000),
        };
        assert_eq!(read(&response), Ok(want));
    }

    #[test]
    fn missing_settings_have_the_defaults_of_aws() {
        let attributes = read(&[(Name::ApproximateNumberOfMessages, "0")]).unwrap();
        assert_eq!(attributes.retention, Duration::from_secs(345_600));
        assert_eq!(attributes.visibility, Duration::from_secs(30));
        assert_eq!(attributes.max_message_bytes, 1_048_576);
        assert_eq!((attributes.redrive, attributes.arn), (None, String::new()));
    }

    #[test]
    fn decodes_each_spelling_of_the_redrive_policy() {
        let arn = r#""deadLetterTargetArn":"arn:dead""#;
        for (policy, want) in [
            (format!(r#"{{{arn},"maxReceiveCount":7}}"#), Ok(Some(7))),
            (format!(r#"{{{arn},"maxReceiveCount":"7"}}"#), Ok(Some(7))),
            (String::new(), Ok(None)),
            (" {} ".into(), Ok(None)),
            (format!("{{{arn}}}"), Err(())),
            (r#"{"maxReceiveCount":7}"#.into(), Err(())),
            ("dead".into(), Err(())),
        ] {
            let count = [
                (Name::ApproximateNumberOfMessages, "0"),
                (Name::RedrivePolicy, &policy),
            ];
            let read = read(&count).map_err(drop);
            let count = read.map(|read| read.redrive.map(|redrive| redrive.max_receive_count));
            assert_eq!(count, want, "{policy}");
        }
    }

    #[test]
    fn rejects_missing_and_invalid_attributes() {
        for (response, expected) in [
            (&[][..], "no ApproximateNumberOfMessages"),
            (&[(Name::ApproximateNumberOfMessages, "many")][..], "many"),
            (
                &[
                    (Name::ApproximateNumberOfMessages, "0"),
                    (Name::VisibilityTimeout, "-1"),
                ][..],
                "VisibilityTimeout",
            ),
        ] {
            let error = read(response).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
