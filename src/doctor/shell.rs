//! Commands that mend what was found, to be pasted into a shell: of the AWS CLI for a queue, and of this
//! program.
//!
//! They are only printed.

use serde_json::{Value, json};

use crate::aws::queue::SqsQueue;
use crate::aws::setup::{self, EventPath, MAX_RECEIVE_COUNT, RETENTION_SECONDS, dead_letter_name};
use crate::core::human::printable;

/// Prints the commands that have the events of buckets come to their queues that way.
pub(super) fn print_setup(through: EventPath) -> &'static str {
    match through {
        EventPath::S3 => "asset-indexer setup --print aws-cli",
        EventPath::EventBridge => "asset-indexer setup --print aws-cli --through eventbridge",
    }
}

/// Commands for one queue.
pub(super) struct Shell {
    url: String,
    /// What each command needs to find the server.
    place: String,
}

impl Shell {
    /// For that queue.
    pub(super) fn of(queue: &SqsQueue) -> Self {
        let endpoint = queue.endpoint_url();
        let endpoint = endpoint.map(|url| format!(" --endpoint-url {}", quoted(&url)));
        Self {
            url: quoted(queue.url()),
            place: format!(
                " --region {}{}",
                quoted(queue.region()),
                endpoint.unwrap_or_default()
            ),
        }
    }

    /// For the queue of that address on AWS.
    #[cfg(test)]
    pub(super) fn at(url: &str, region: &str) -> Self {
        Self {
            url: quoted(url),
            place: format!(" --region {}", quoted(region)),
        }
    }

    /// Makes a dead-letter queue beside the queue of that ARN, and uses it; nothing where the ARN is
    /// none.
    pub(super) fn add_redrive(&self, arn: &str) -> Vec<String> {
        let Some((place, name)) = arn.rsplit_once(':') else {
            return Vec::new();
        };
        let dead_letters = dead_letter_name(name);
        let attributes = json!({
            "MessageRetentionPeriod": RETENTION_SECONDS.to_string(),
        });
        let create = format!(
            "aws sqs create-queue{} --queue-name {} --attributes {}",
            self.place,
            quoted(&dead_letters),
            quoted(&attributes.to_string())
        );
        vec![create, self.redrive_to(&format!("{place}:{dead_letters}"))]
    }

    /// Has messages moved to the queue of that ARN, not too early.
    pub(super) fn redrive_to(&self, dead_letter_arn: &str) -> String {
        let policy = json!({
            "deadLetterTargetArn": dead_letter_arn,
            "maxReceiveCount": MAX_RECEIVE_COUNT.to_string(),
        });
        self.set("RedrivePolicy", &policy.to_string())
    }

    /// Has the queue keep its messages for as long as can be: a dead letter counts that from when it was
    /// first sent.
    pub(super) fn keep_longest(&self) -> String {
        self.set("MessageRetentionPeriod", &RETENTION_SECONDS.to_string())
    }

    /// Sets one attribute of the queue.
    pub(super) fn set(&self, name: &str, value: &str) -> String {
        let attributes: Value = json!({ name: value });
        format!(
            "aws sqs set-queue-attributes{} --queue-url {} --attributes {}",
            self.place,
            self.url,
            quoted(&attributes.to_string())
        )
    }
}

/// The text as one word of a shell, whatever is in it.
pub(crate) fn quoted(text: &str) -> String {
    setup::shell(&printable(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> Shell {
        Shell::at("https://sqs.eu-west-1.amazonaws.com/1/q", "eu-west-1")
    }

    #[test]
    fn the_commands_can_be_pasted_into_a_shell() {
        assert_eq!(
            shell().add_redrive("arn:aws:sqs:eu-west-1:1:q"),
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
    fn a_queue_that_does_not_tell_its_arn_gets_no_command() {
        assert!(shell().add_redrive("").is_empty());
    }
}
