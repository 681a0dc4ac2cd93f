//! Commands of the AWS CLI that mend a queue, to be pasted into a shell.
//!
//! They are only printed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::queue::SqsQueue;
use crate::words::printable;

/// After how many receives the printed command has a message moved away. Restarts and a busy index
/// let a good message be received some times before it is done with.
const MAX_RECEIVE_COUNT: u32 = 10;

/// The longest retention there is: a dead letter counts it from when it was first sent.
const DEAD_LETTER_RETENTION: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The longest name of a queue, in characters.
const MAX_NAME: usize = 80;

/// Commands for one queue.
pub(super) struct Shell {
    url: String,
    /// What each command needs to find the server.
    place: String,
}

impl Shell {
    /// For that queue.
    pub fn of(queue: &SqsQueue) -> Self {
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
    pub fn at(url: &str, region: &str) -> Self {
        Self {
            url: quoted(url),
            place: format!(" --region {}", quoted(region)),
        }
    }

    /// Makes a dead-letter queue beside the queue of that ARN, and uses it; nothing where the ARN is
    /// none.
    pub fn add_redrive(&self, arn: &str) -> Vec<String> {
        let Some((place, name)) = arn.rsplit_once(':') else {
            return Vec::new();
        };
        let dead_letters = dead_letter_name(name);
        let attributes = json!({
            "MessageRetentionPeriod": DEAD_LETTER_RETENTION.as_secs().to_string(),
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
    pub fn redrive_to(&self, dead_letter_arn: &str) -> String {
        let policy = json!({
            "deadLetterTargetArn": dead_letter_arn,
            "maxReceiveCount": MAX_RECEIVE_COUNT.to_string(),
        });
        self.set("RedrivePolicy", &policy.to_string())
    }

    /// Has the queue keep its messages for as long as can be.
    pub fn keep_longest(&self) -> String {
        let seconds = DEAD_LETTER_RETENTION.as_secs().to_string();
        self.set("MessageRetentionPeriod", &seconds)
    }

    /// Sets one attribute of the queue.
    pub fn set(&self, name: &str, value: &str) -> String {
        let attributes: Value = json!({ name: value });
        format!(
            "aws sqs set-queue-attributes{} --queue-url {} --attributes {}",
            self.place,
            self.url,
            quoted(&attributes.to_string())
        )
    }
}

/// A name for the dead-letter queue of the queue of that name.
fn dead_letter_name(name: &str) -> String {
    const ENDING: &str = "-dead-letters";
    let stem: String = name.chars().take(MAX_NAME - ENDING.len()).collect();
    stem + ENDING
}

/// The text as one word of a shell, whatever is in it.
pub fn quoted(text: &str) -> String {
    format!("'{}'", printable(text).replace('\'', r"'\''"))
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

    #[test]
    fn the_dead_letter_queue_has_a_name_that_a_queue_can_have() {
        let long = "q".repeat(MAX_NAME);
        for (name, want) in [
            ("events", "events-dead-letters".to_owned()),
            (&long, format!("{}-dead-letters", "q".repeat(67))),
        ] {
            assert_eq!(dead_letter_name(name), want);
        }
    }
}
