//! Whether a queue is set up so that no event gets lost on it.
//!
//! It judges what the queue says of itself; who may send to it is [`super::policy`].

use std::time::Duration;

use super::finding::{Finding, Subject};
use super::notification::Evidence;
use super::shell::Shell;
use crate::aws::queue::{QueueAttributes, QueueError, QueueErrorKind, QueueInfo};
use crate::core::human::grouped;

/// The longest event that S3 sends.
const MAX_EVENT_BYTES: u32 = 64 << 10;

/// For how long a daemon may be away without a scan. It is what AWS sets where nobody does.
const MIN_RETENTION: Duration = Duration::from_secs(4 * DAY);

/// A message that restarts, or a busy index, let be received some times is none that cannot be handled.
const MIN_RECEIVE_COUNT: u32 = 5;

/// The key that AWS manages for SQS; its policy cannot be changed, and does not let S3 use it.
const AWS_MANAGED_KEY: &str = "alias/aws/sqs";

const DAY: u64 = 24 * 60 * 60;

/// What a judgement of a queue rests on besides its `QueueInfo`.
pub(super) struct Surroundings<'a> {
    /// Where the queue is, by its ARN; else where requests to it are signed for.
    pub region: &'a str,
    /// Where the bucket is, if that is known.
    pub bucket_region: Option<&'a str>,
    /// For how long the daemon asks for a message to be invisible.
    pub visibility: Duration,
    /// What the dead-letter queue says of itself; `None` where there is none, or it cannot be asked.
    pub dead_letters: Option<&'a Result<QueueAttributes, QueueError>>,
    /// The commands that set the dead-letter queue up, where there is one.
    pub dead_letters_shell: Option<&'a Shell>,
    /// The services that may be the one that sends to the queue.
    pub senders: &'a [&'static str],
    /// What has been seen of events.
    pub evidence: Evidence,
}

/// What is found of the queue.
pub(super) fn judge(info: &QueueInfo, around: &Surroundings<'_>, shell: &Shell) -> Vec<Finding> {
    let attributes = &info.attributes;
    if info.is_fifo {
        let what = "it is a FIFO queue, to which S3 sends nothing";
        let remedy = "make a standard queue, and write its address as queue_url";
        return vec![Finding::failure(Subject::Queue, what).remedy(remedy)];
    }
    let mut findings = vec![
        reached(attributes, around),
        retention(attributes, shell),
        visibility(attributes, around),
        message_size(attributes, shell),
        dead_letters(attributes, around, shell),
    ];
    findings.extend(encryption(info, around, shell));
    findings
}

fn reached(attributes: &QueueAttributes, around: &Surroundings<'_>) -> Finding {
    let region = around.region;
    let what = format!(
        "it can be reached; about {} messages wait, {} are in flight (region {region})",
        grouped(attributes.visible),
        grouped(attributes.in_flight)
    );
    match around.bucket_region {
        Some(bucket) if bucket != region => {
            let what = format!(
                "{what}; the bucket is in {bucket}, and S3 itself sends to queues of the bucket's Region \
                 alone"
            );
            let remedy = format!(
                "make the queue in {bucket}, or have the events come through SNS or EventBridge"
            );
            Finding::warning(Subject::Queue, what).remedy(remedy)
        }
        _ => Finding::ok(Subject::Queue, what),
    }
}

fn retention(attributes: &QueueAttributes, shell: &Shell) -> Finding {
    let kept = duration(attributes.retention);
    if attributes.retention >= MIN_RETENTION {
        let what = format!("a message is kept for {kept}");
        return Finding::ok(Subject::QueueRetention, what);
    }
    let what = format!(
        "a message is kept for {kept} only: what happens in the bucket while no daemon runs for longer is \
         lost, and has to be found by a scan"
    );
    Finding::warning(Subject::QueueRetention, what)
        .remedy(format!(
            "keep messages for {} or longer",
            duration(MIN_RETENTION)
        ))
        .commands([shell.keep_longest()])
}

/// It is never wrong: the daemon asks for its own.
fn visibility(attributes: &QueueAttributes, around: &Surroundings<'_>) -> Finding {
    let what = format!(
        "the daemon asks for its own of {}; the queue's, {}, is for others",
        duration(around.visibility),
        duration(attributes.visibility)
    );
    Finding::ok(Subject::QueueVisibility, what)
}

fn message_size(attributes: &QueueAttributes, shell: &Shell) -> Finding {
    let (takes, needed) = (attributes.max_message_bytes, MAX_EVENT_BYTES);
    let takes_words = grouped(takes.into());
    if takes >= needed {
        let what = format!("messages of up to {takes_words} bytes are taken");
        return Finding::ok(Subject::QueueMessageSize, what);
    }
    let what = format!(
        "it takes messages of up to {takes_words} bytes only, and longer events, up to {}, are lost",
        grouped(needed.into())
    );
    Finding::warning(Subject::QueueMessageSize, what)
        .remedy("raise it")
        .commands([shell.set("MaximumMessageSize", &needed.to_string())])
}

fn dead_letters(attributes: &QueueAttributes, around: &Surroundings<'_>, shell: &Shell) -> Finding {
    let subject = Subject::DeadLetters;
    let Some(redrive) = &attributes.redrive else {
        let what = "it has no redrive policy, so a message that cannot be read comes again and again \
                    until the queue drops it";
        return Finding::warning(subject, what)
            .remedy("make a dead-letter queue, and have such messages moved there")
            .commands(shell.add_redrive(&attributes.arn));
    };
    let (arn, count) = (&redrive.dead_letter_arn, redrive.max_receive_count);
    if count < MIN_RECEIVE_COUNT {
        let what = format!(
            "a message is moved to {arn} after {count} receives: restarts, or a busy index, can take as \
             many, and then the event is lost"
        );
        return Finding::warning(subject, what)
            .remedy("have it moved later")
            .commands([shell.redrive_to(arn)]);
    }
    let moved = format!("moved to {arn} after {count} receives");
    match around.dead_letters {
        Some(Ok(dead)) if dead.retention < attributes.retention => {
            let what = format!(
                "{moved}, which keeps a message for {} from when it was first sent: less than the {} of \
                 this queue, so it may drop what it gets at once",
                duration(dead.retention),
                duration(attributes.retention)
            );
            let commands = around.dead_letters_shell.map(Shell::keep_longest);
            Finding::warning(subject, what)
                .remedy("have it keep messages for as long as can be")
                .commands(commands)
        }
        Some(Err(error)) if error.kind == QueueErrorKind::NoSuchQueue => {
            let what = format!("{moved}, and there is no such queue");
            Finding::warning(subject, what)
                .remedy("make a dead-letter queue, and have such messages moved there")
                .commands(shell.add_redrive(&attributes.arn))
        }
        Some(Ok(_)) => Finding::ok(subject, moved),
        // The daemon needs no right to it, so the lack of one is no fault.
        Some(Err(_)) | None => {
            let what =
                format!("{moved}; for how long that one keeps messages cannot be seen from here");
            Finding::ok(subject, what)
        }
    }
}

fn encryption(info: &QueueInfo, around: &Surroundings<'_>, shell: &Shell) -> Option<Finding> {
    let (subject, key) = (Subject::QueueEncryption, info.kms_key.as_ref()?);
    if key.ends_with(AWS_MANAGED_KEY) {
        let what = format!("it is encrypted with {AWS_MANAGED_KEY}, which S3 cannot use to send");
        let finding = Finding::failure(subject, what).remedy(
            "have SQS encrypt it with a key of its own, or use a key of KMS that lets S3 use it",
        );
        let without = shell.set("KmsMasterKeyId", "");
        let with_its_own = shell.set("SqsManagedSseEnabled", "true");
        return Some(finding.commands([without, with_its_own]));
    }
    let what = format!("it is encrypted with the key {key} of KMS");
    if around.evidence.seen {
        return Some(Finding::ok(subject, what + ", and events come"));
    }
    let senders = around.senders.join(" or ");
    let what = what + "; whether the key's policy lets the sender use it cannot be seen from here";
    let remedy = format!(
        "see to it that the key's policy lets {senders} do kms:GenerateDataKey and kms:Decrypt, and these \
         credentials kms:Decrypt"
    );
    Some(Finding::warning(subject, what).remedy(remedy))
}

/// A duration in the largest unit that leaves nothing over.
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
