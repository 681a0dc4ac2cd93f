//! Tests whether the configuration of a queue can lose events.
//!
//! This module reads only the queue's attributes. [`super::policy`] tests who may send to it.

use std::time::Duration;

use super::commands::QueueCommands;
use super::finding::{Finding, Subject};
use super::notification::EventHistory;
use crate::aws::queue::{QueueAttributes, QueueError, QueueErrorKind, QueueInfo};
use crate::core::human::grouped;

/// Maximum size of an event from S3.
const MAX_EVENT_BYTES: u32 = 64 << 10;

/// Minimum retention: time that the daemon can be down without losing events. It is also AWS's default.
const MIN_RETENTION: Duration = Duration::from_secs(4 * DAY);

/// Minimum number of receives before a message is moved to the dead-letter queue. Restarts and a busy index
/// cause a few receives of messages that can be handled.
const MIN_RECEIVE_COUNT: u32 = 5;

/// The key that AWS manages for SQS. Its policy cannot be changed, and does not allow S3 to use it.
const AWS_MANAGED_KEY: &str = "alias/aws/sqs";

/// The remedy if the queue has no usable dead-letter queue.
const ADD_DEAD_LETTER_QUEUE: &str = "Create a dead-letter queue, and move such messages to it";

/// Seconds in a day.
const DAY: u64 = 24 * 60 * 60;

/// Inputs to the tests of a queue in addition to its `QueueInfo`.
pub(super) struct QueueContext<'a> {
    /// The region in the queue's ARN, or else the region that requests to it are signed for.
    pub region: &'a str,
    /// The region of the bucket, if known.
    pub bucket_region: Option<&'a str>,
    /// The visibility timeout that the daemon requests for each message.
    pub visibility: Duration,
    /// The attributes of the dead-letter queue. `None` if there is none, or its ARN cannot be used.
    pub dead_letters: Option<&'a Result<QueueAttributes, QueueError>>,
    /// Commands that configure the dead-letter queue, if there is one.
    pub dead_letter_commands: Option<&'a QueueCommands>,
    /// The services that may send to the queue.
    pub senders: &'a [&'static str],
    /// Earlier events that arrived through the queue.
    pub history: EventHistory,
}

/// All findings about the queue.
pub(super) fn judge(
    info: &QueueInfo,
    context: &QueueContext<'_>,
    commands: &QueueCommands,
) -> Vec<Finding> {
    let attributes = &info.attributes;
    let mut findings = vec![
        reachability(attributes, context),
        retention(attributes, commands),
        visibility(attributes, context),
        message_size(attributes, commands),
        dead_letters(attributes, context, commands),
    ];
    findings.extend(info.is_fifo.then(fifo));
    findings.extend(encryption(info, context, commands));
    findings
}

fn reachability(attributes: &QueueAttributes, context: &QueueContext<'_>) -> Finding {
    let region = context.region;
    let what = format!(
        "can be reached: about {} messages waiting, {} in flight (region {region})",
        grouped(attributes.visible),
        grouped(attributes.in_flight)
    );
    match context.bucket_region {
        Some(bucket) if bucket != region => {
            let what = format!(
                "{what}. The bucket is in {bucket}, and S3 sends directly only to queues in the bucket's region"
            );
            let remedy = format!(
                "Create the queue in {bucket}, or send the events through SNS or EventBridge."
            );
            Finding::warning(Subject::Queue, what).remedy(remedy)
        }
        _ => Finding::ok(Subject::Queue, what),
    }
}

/// A FIFO queue works behind EventBridge, but has more limits.
fn fifo() -> Finding {
    let what = "it is a FIFO queue. S3 cannot send to it directly, only EventBridge can. A message that cannot be handled \
                holds up its message group";
    let remedy = "Use a standard queue, unless a rule of EventBridge sends the events to this one. The order of a FIFO \
                  queue is not needed.";
    Finding::warning(Subject::Queue, what).remedy(remedy)
}

fn retention(attributes: &QueueAttributes, commands: &QueueCommands) -> Finding {
    let retention = duration(attributes.retention);
    if attributes.retention >= MIN_RETENTION {
        let what = format!("messages are kept for {retention}");
        return Finding::ok(Subject::QueueRetention, what);
    }
    let what = format!(
        "messages are kept for only {retention}: if the daemon is down for longer, events are lost, and only a \
         scan finds those changes"
    );
    Finding::warning(Subject::QueueRetention, what)
        .remedy(format!(
            "Keep messages for {} or longer",
            duration(MIN_RETENTION)
        ))
        .commands([commands.set_max_retention()])
}

/// Always ok: the daemon sets the visibility timeout itself.
fn visibility(attributes: &QueueAttributes, context: &QueueContext<'_>) -> Finding {
    let what = format!(
        "the daemon requests {} for each message; the queue's own timeout of {} applies to other consumers",
        duration(context.visibility),
        duration(attributes.visibility)
    );
    Finding::ok(Subject::QueueVisibility, what)
}

fn message_size(attributes: &QueueAttributes, commands: &QueueCommands) -> Finding {
    let (limit, needed) = (attributes.max_message_bytes, MAX_EVENT_BYTES);
    let limit_text = grouped(limit.into());
    if limit >= needed {
        let what = format!("messages of up to {limit_text} bytes are accepted");
        return Finding::ok(Subject::QueueMessageSize, what);
    }
    let what = format!(
        "only messages of up to {limit_text} bytes are accepted; events may have {}, and longer ones are lost",
        grouped(needed.into())
    );
    Finding::warning(Subject::QueueMessageSize, what)
        .remedy("Raise the limit")
        .commands([commands.set("MaximumMessageSize", &needed.to_string())])
}

fn dead_letters(
    attributes: &QueueAttributes,
    context: &QueueContext<'_>,
    commands: &QueueCommands,
) -> Finding {
    let subject = Subject::DeadLetters;
    let Some(redrive) = &attributes.redrive else {
        let what = "the queue has no redrive policy, so it delivers a message that cannot be handled again and \
                    again until the message expires";
        return Finding::warning(subject, what)
            .remedy(ADD_DEAD_LETTER_QUEUE)
            .commands(commands.add_dead_letter_queue(&attributes.arn));
    };
    let (arn, count) = (&redrive.dead_letter_arn, redrive.max_receive_count);
    if count < MIN_RECEIVE_COUNT {
        let what = format!(
            "messages are moved to {arn} after {count} receives. Restarts or a busy index can cause that many, \
             and then the event is lost"
        );
        return Finding::warning(subject, what)
            .remedy("Move messages after more receives")
            .commands([commands.set_redrive(arn)]);
    }
    let moved = format!("messages are moved to {arn} after {count} receives");
    match context.dead_letters {
        Some(Ok(dead)) if dead.retention < attributes.retention => {
            let what = format!(
                "{moved}. The dead-letter queue keeps a message for {} after it was first sent, which is less than the {} \
                 of this queue, so the message may expire immediately",
                duration(dead.retention),
                duration(attributes.retention)
            );
            let commands = context
                .dead_letter_commands
                .map(QueueCommands::set_max_retention);
            Finding::warning(subject, what)
                .remedy("Set the maximum retention of the dead-letter queue")
                .commands(commands)
        }
        Some(Err(error)) if error.kind == QueueErrorKind::NoSuchQueue => {
            let what = format!("{moved}, but there is no such queue");
            Finding::warning(subject, what)
                .remedy(ADD_DEAD_LETTER_QUEUE)
                .commands(commands.add_dead_letter_queue(&attributes.arn))
        }
        Some(Ok(_)) => Finding::ok(subject, moved),
        // The daemon does not need access to the dead-letter queue, so a denial is ok.
        Some(Err(_)) | None => {
            let what = format!("{moved}; the retention of the dead-letter queue cannot be read");
            Finding::ok(subject, what)
        }
    }
}

fn encryption(
    info: &QueueInfo,
    context: &QueueContext<'_>,
    commands: &QueueCommands,
) -> Option<Finding> {
    let (subject, key) = (Subject::QueueEncryption, info.kms_key.as_ref()?);
    if key.ends_with(AWS_MANAGED_KEY) {
        let what =
            format!("the queue is encrypted with {AWS_MANAGED_KEY}, which S3 cannot use to send");
        let finding = Finding::failure(subject, what).remedy(
            "Let SQS encrypt the queue with its own key as shown, or use a KMS key whose policy allows S3",
        );
        let without = commands.set("KmsMasterKeyId", "");
        let with_its_own = commands.set("SqsManagedSseEnabled", "true");
        return Some(finding.commands([without, with_its_own]));
    }
    let what = format!("the queue is encrypted with the KMS key {key}");
    if context.history.event_received {
        return Some(Finding::ok(subject, what + ", and events arrive"));
    }
    let senders = context.senders.join(" or ");
    let what = what + "; whether the key policy allows the sender to use it cannot be tested";
    let remedy = format!(
        "Make sure that the key policy allows kms:GenerateDataKey and kms:Decrypt for {senders}, and kms:Decrypt \
         for these credentials."
    );
    Some(Finding::warning(subject, what).remedy(remedy))
}

/// Formats a duration in the largest unit that divides it.
fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [
        (DAY, "day"),
        (60 * 60, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let fits = |(unit, _): &&(u64, &str)| seconds.is_multiple_of(*unit) && seconds >= *unit;
    match units.iter().find(fits) {
        Some((unit, name)) if seconds == *unit => format!("1 {name}"),
        Some((unit, name)) => format!("{} {name}s", seconds / unit),
        None => "0 seconds".to_owned(),
    }
}

#[cfg(test)]
mod tests;
