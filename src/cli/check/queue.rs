//! `check` on a queue: whether it can be reached, and whether it is set up so that nothing gets lost.
//!
//! It reads the queue's attributes and receives no message: that would hide it from the daemon.

use std::time::Duration;

use serde_json::json;

use super::Report;
use crate::cli::text::{grouped, printable};
use crate::queue::{Attributes, Queue, QueueError, SqsQueue};
use crate::source::Events;

/// The longest event that S3 sends.
const MAX_EVENT_BYTES: u32 = 64 << 10;

/// After how many receives the printed command has a message moved away. Restarts and a busy index
/// let a good message be received some times before it is done with.
const MAX_RECEIVE_COUNT: u32 = 10;

/// The longest retention there is: a dead letter counts it from when it was first sent.
const DEAD_LETTER_RETENTION: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The longest name of a queue, in characters.
const MAX_NAME: usize = 80;

/// Tries the queue, with one line for whether it can be reached and one for each thing to better.
pub(super) async fn try_queue(
    events: &Events,
    bucket_region: Option<&str>,
    subject: &str,
    report: &mut Report,
) {
    let (queue, attributes) = match reach(events, bucket_region).await {
        Ok(reached) => reached,
        Err(error) => return report.line(subject, Err::<String, _>(format!("failed to {error}"))),
    };
    let reached = describe(&attributes, queue.region());
    report.line(subject, Ok::<_, QueueError>(reached));
    let shell = Shell::of(&queue);
    if attributes.redrive.is_none() {
        let what = "it has no redrive policy, so a message that cannot be read comes again and \
                    again until the queue drops it; make a dead-letter queue, and have such \
                    messages moved there";
        report.warning(subject, what, &shell.add_redrive(&attributes.arn));
    }
    if attributes.max_message_bytes < MAX_EVENT_BYTES {
        let what = format!(
            "it takes messages of up to {} bytes only, and longer events, up to {}, are lost; \
             raise it",
            grouped(attributes.max_message_bytes.into()),
            grouped(MAX_EVENT_BYTES.into())
        );
        report.warning(subject, what, &[shell.raise_max_message()]);
    }
}

async fn reach(
    events: &Events,
    bucket_region: Option<&str>,
) -> Result<(SqsQueue, Attributes), QueueError> {
    let queue = SqsQueue::open(events, bucket_region).await?;
    let attributes = queue.attributes().await?;
    Ok((queue, attributes))
}

fn describe(attributes: &Attributes, region: &str) -> String {
    format!(
        "it can be reached; about {} messages wait, {} are in flight (region {region})",
        grouped(attributes.visible),
        grouped(attributes.in_flight)
    )
}

/// Commands of the AWS CLI for one queue.
struct Shell {
    url: String,
    /// What each command needs to find the server.
    place: String,
}

impl Shell {
    fn of(queue: &SqsQueue) -> Self {
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

    /// Makes a dead-letter queue beside the queue of that ARN, and uses it; nothing where the ARN is
    /// none.
    fn add_redrive(&self, arn: &str) -> Vec<String> {
        let Some((place, name)) = arn.rsplit_once(':') else {
            return Vec::new();
        };
        let dead_letters = dead_letter_name(name);
        let policy = json!({
            "deadLetterTargetArn": format!("{place}:{dead_letters}"),
            "maxReceiveCount": MAX_RECEIVE_COUNT.to_string(),
        });
        let mut attributes = json!({
            "MessageRetentionPeriod": DEAD_LETTER_RETENTION.as_secs().to_string(),
        });
        if name.ends_with(FIFO) {
            attributes["FifoQueue"] = json!("true");
        }
        let create = format!(
            "aws sqs create-queue{} --queue-name {} --attributes {}",
            self.place,
            quoted(&dead_letters),
            quoted(&attributes.to_string())
        );
        vec![
            create,
            self.set_attributes(&json!({ "RedrivePolicy": policy.to_string() })),
        ]
    }

    fn raise_max_message(&self) -> String {
        let bytes = MAX_EVENT_BYTES.to_string();
        self.set_attributes(&json!({ "MaximumMessageSize": bytes }))
    }

    fn set_attributes(&self, attributes: &serde_json::Value) -> String {
        format!(
            "aws sqs set-queue-attributes{} --queue-url {} --attributes {}",
            self.place,
            self.url,
            quoted(&attributes.to_string())
        )
    }
}

/// The ending of the names of FIFO queues, whose dead letters only another one can take.
const FIFO: &str = ".fifo";

/// A name for the dead-letter queue of the queue of that name.
fn dead_letter_name(name: &str) -> String {
    let (stem, ending) = match name.strip_suffix(FIFO) {
        Some(stem) => (stem, FIFO),
        None => (name, ""),
    };
    let ending = format!("-dead-letters{ending}");
    let stem: String = stem.chars().take(MAX_NAME - ending.len()).collect();
    format!("{stem}{ending}")
}

/// The text as one word of a shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", printable(text).replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> Shell {
        Shell {
            url: quoted("https://sqs.eu-west-1.amazonaws.com/1/q"),
            place: " --region 'eu-west-1'".into(),
        }
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
    fn the_dead_letter_queue_is_of_the_same_kind() {
        let long = "q".repeat(MAX_NAME);
        for (name, want) in [
            ("events", "events-dead-letters".to_owned()),
            ("events.fifo", "events-dead-letters.fifo".to_owned()),
            (&long, format!("{}-dead-letters", "q".repeat(67))),
        ] {
            assert_eq!(dead_letter_name(name), want);
        }
        let [create, _] = &shell().add_redrive("arn:aws:sqs:r:1:e.fifo")[..] else {
            panic!("two commands");
        };
        assert!(create.contains("\"FifoQueue\":\"true\""), "{create}");
    }
}
