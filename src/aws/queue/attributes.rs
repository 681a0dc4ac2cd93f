//! What a queue says of itself.
//!
//! What is to be said to its owner about it is not decided here.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Name;
use serde_json::Value;

/// The attributes of a queue that matter here.
///
/// Queues of other stores leave some out: then a count is 0, and a setting is what AWS makes it where
/// nobody has set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueAttributes {
    /// About how many messages can be received now.
    pub visible: u64,
    /// About how many are received and neither acknowledged nor visible again.
    pub in_flight: u64,
    /// About how many cannot be received yet.
    pub delayed: u64,
    /// How long the queue keeps a message, from when it was sent.
    pub retention: Duration,
    /// How long a message is invisible where the receiver does not say.
    pub visibility: Duration,
    /// The longest message that the queue takes.
    pub max_message_bytes: u32,
    /// Where messages go that are received again and again; `None`: they stay until `retention` is over.
    pub redrive: Option<RedrivePolicy>,
    /// The queue's ARN; empty if the queue does not say.
    pub arn: String,
    /// When it was created, seconds since the epoch, if the queue says so.
    pub created: Option<i64>,
}

/// What becomes of messages that nobody acknowledges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedrivePolicy {
    /// The queue that they are moved to.
    pub dead_letter_arn: String,
    /// How often they are received before that.
    pub max_receive_count: u32,
}

/// What AWS sets where nobody has set it.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>
mod default {
    pub(super) const RETENTION_SECONDS: u64 = 4 * 24 * 60 * 60;
    pub(super) const VISIBILITY_SECONDS: u64 = 30;
    pub(super) const MAX_MESSAGE_BYTES: u32 = 1 << 20;
}

impl QueueAttributes {
    /// Reads the answer to GetQueueAttributes; an error says which part of it makes no sense.
    pub(super) fn of_answer(answer: &HashMap<Name, String>) -> Result<Self, String> {
        let visible = answer.get(&Name::ApproximateNumberOfMessages);
        let visible = visible.ok_or("the answer has no ApproximateNumberOfMessages")?;
        let redrive = answer.get(&Name::RedrivePolicy).map(String::as_str);
        // A policy that was taken away can remain as an empty one.
        let redrive = redrive.filter(|policy| !matches!(policy.trim(), "" | "{}"));
        let seconds = |name, default| number(answer, name, default).map(Duration::from_secs);
        Ok(Self {
            visible: parsed(&Name::ApproximateNumberOfMessages, visible)?,
            in_flight: number(answer, Name::ApproximateNumberOfMessagesNotVisible, 0)?,
            delayed: number(answer, Name::ApproximateNumberOfMessagesDelayed, 0)?,
            retention: seconds(Name::MessageRetentionPeriod, default::RETENTION_SECONDS)?,
            visibility: seconds(Name::VisibilityTimeout, default::VISIBILITY_SECONDS)?,
            max_message_bytes: number(
                answer,
                Name::MaximumMessageSize,
                default::MAX_MESSAGE_BYTES,
            )?,
            redrive: redrive
                .map(|policy| {
                    RedrivePolicy::of_policy(policy)
                        .ok_or_else(|| format!("a RedrivePolicy that is none: {policy}"))
                })
                .transpose()?,
            arn: answer.get(&Name::QueueArn).cloned().unwrap_or_default(),
            created: answer
                .get(&Name::CreatedTimestamp)
                .and_then(|seconds| seconds.parse().ok()),
        })
    }
}

impl RedrivePolicy {
    /// Reads the policy; the count stands in it as a number or as a text.
    fn of_policy(policy: &str) -> Option<Self> {
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

fn number<T: FromStr>(answer: &HashMap<Name, String>, name: Name, default: T) -> Result<T, String> {
    match answer.get(&name) {
        Some(text) => parsed(&name, text),
        None => Ok(default),
    }
}

fn parsed<T: FromStr>(name: &Name, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("the answer's {name} is {text:?}, which is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &[(Name, &str)]) -> Result<QueueAttributes, String> {
        let owned = |(name, text): &(Name, &str)| (name.clone(), (*text).to_owned());
        QueueAttributes::of_answer(&answer.iter().map(owned).collect())
    }

    #[test]
    fn everything_that_is_said_is_read() {
        let policy =
            r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:1:dead","maxReceiveCount":"5"}"#;
        let answer = [
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
        assert_eq!(read(&answer), Ok(want));
    }

    #[test]
    fn what_is_left_out_is_what_aws_sets() {
        let attributes = read(&[(Name::ApproximateNumberOfMessages, "0")]).unwrap();
        assert_eq!(attributes.retention, Duration::from_secs(345_600));
        assert_eq!(attributes.visibility, Duration::from_secs(30));
        assert_eq!(attributes.max_message_bytes, 1_048_576);
        assert_eq!((attributes.redrive, attributes.arn), (None, String::new()));
    }

    #[test]
    fn the_redrive_policy_is_read_in_each_spelling() {
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
    fn an_answer_that_makes_no_sense_is_refused() {
        for (answer, said) in [
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
            let refused = read(answer).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
    }
}
