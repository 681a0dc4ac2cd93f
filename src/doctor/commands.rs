//! Shell commands that fix a finding: AWS CLI commands for a queue, and commands of this program.
//!
//! They are only printed, never run.

use serde_json::{Value, json};

use crate::aws::queue::SqsQueue;
use crate::aws::setup::{self, EventPath, MAX_RECEIVE_COUNT, RETENTION_SECONDS, dead_letter_name};
use crate::core::human::printable;

/// The command that prints how to send the buckets' events to their queues by this path.
pub(super) fn print_setup(path: EventPath) -> &'static str {
    match path {
        EventPath::S3 => "asset-indexer setup --print aws-cli",
        EventPath::EventBridge => "asset-indexer setup --print aws-cli --through eventbridge",
    }
}

/// AWS CLI commands for one queue.
pub(super) struct QueueCommands {
    url: String,
    /// The options that select region and endpoint.
    location: String,
}

impl QueueCommands {
    /// Commands for this queue.
    pub(super) fn new(queue: &SqsQueue) -> Self {
        let endpoint = queue.endpoint_url();
        let endpoint = endpoint.map(|url| format!(" --endpoint-url {}", quoted(url)));
        Self {
            url: quoted(queue.url()),
            location: format!(
                " --region {}{}",
                quoted(queue.region()),
                endpoint.unwrap_or_default()
            ),
        }
    }

    /// Commands for the queue at this URL, on AWS.
    #[cfg(test)]
    pub(super) fn for_url(url: &str, region: &str) -> Self {
        Self {
            url: quoted(url),
            location: format!(" --region {}", quoted(region)),
        }
    }

    /// Creates a dead-letter queue for the queue with this ARN, and configures it. Empty if it is not an ARN.
    pub(super) fn add_dead_letter_queue(&self, arn: &str) -> Vec<String> {
        let Some((arn_prefix, name)) = arn.rsplit_once(':') else {
            return Vec::new();
        };
        let dead_letters = dead_letter_name(name);
        let attributes = json!({
            "MessageRetentionPeriod": RETENTION_SECONDS.to_string(),
        });
        let create = format!(
            "aws sqs create-queue{} --queue-name {} --attributes {}",
            self.location,
            quoted(&dead_letters),
            quoted(&attributes.to_string())
        );
        vec![
            create,
            self.set_redrive(&format!("{arn_prefix}:{dead_letters}")),
        ]
    }

    /// Moves messages to the queue with this ARN, after [`MAX_RECEIVE_COUNT`] receives.
    pub(super) fn set_redrive(&self, dead_letter_arn: &str) -> String {
        let policy = json!({
            "deadLetterTargetArn": dead_letter_arn,
            "maxReceiveCount": MAX_RECEIVE_COUNT.to_string(),
        });
        self.set("RedrivePolicy", &policy.to_string())
    }

    /// Sets the maximum retention. The retention of a dead letter starts when the message was first sent.
    pub(super) fn set_max_retention(&self) -> String {
        self.set("MessageRetentionPeriod", &RETENTION_SECONDS.to_string())
    }

    /// Sets an attribute of the queue.
    pub(super) fn set(&self, name: &str, value: &str) -> String {
        let attributes: Value = json!({ name: value });
        format!(
            "aws sqs set-queue-attributes{} --queue-url {} --attributes {}",
            self.location,
            self.url,
            quoted(&attributes.to_string())
        )
    }
}

/// The text as one word for a shell. Control characters are escaped.
pub(crate) fn quoted(text: &str) -> String {
    setup::shell(&printable(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands() -> QueueCommands {
        QueueCommands::for_url("https://sqs.eu-west-1.amazonaws.com/1/q", "eu-west-1")
    }

    #[test]
    fn commands_can_be_pasted_into_a_shell() {
        assert_eq!(
            commands().add_dead_letter_queue("arn:aws:sqs:eu-west-1:1:q"),
            [
                "aws sqs create-queue --region 'eu-west-1' --queue-name 'q-dead-letters' \
                 --attributes '{\"MessageRetentionPeriod\":\"1209600\"}'",
                "aws sqs set-queue-attributes --region 'eu-west-1' --queue-url \
                 'https://sqs.eu-west-1.amazonaws.com/1/q' --attributes \
                 '{\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":\
                 \\\"arn:aws:sqs:eu-west-1:1:q-dead-letters\\\",\
                 \\\"maxReceiveCount\\\":\\\"10\\\"}\"}'",
            ]
        );
        assert_eq!(quoted("a'; rm\u{1b} 'b"), r"'a'\''; rm\u{1b} '\''b'");
    }

    #[test]
    fn queue_without_an_arn_gets_no_command() {
        assert!(commands().add_dead_letter_queue("").is_empty());
    }
}
