//! Asks a Source's queue what has to be known of it, and stops where no further request can succeed.
//!
//! What an answer means is judged in the rooms beside it.

use std::time::Duration;

use super::bucket::Learnt;
use super::finding::{Finding, Right};
use super::notification::{self, Evidence, Route};
use super::policy::{self, Origin};
use super::queue::Surroundings;
use super::shell::Shell;
use super::{PATIENCE, queue, rights};
use crate::aws::bucket::BucketError;
use crate::aws::bucket::notifications::NotificationConfiguration;
use crate::aws::iam::arn::is_access_point;
use crate::aws::queue::{
    Queue, QueueAttributes, QueueError, QueueErrorKind, QueueInfo, QueueOperation, SqsQueue,
};
use crate::core::source::{Events, Source};

/// Examines the queue of the Source.
pub(super) async fn examine(
    source: &Source,
    events: &Events,
    learnt: &Learnt,
    evidence: Evidence,
    visibility: Duration,
) -> Vec<Finding> {
    let bucket_region = learnt.region.as_deref();
    let (queue, described) = match reach(events, bucket_region).await {
        Ok(reached) => reached,
        Err(error) => return vec![rights::queue_failure(&error)],
    };
    let arn = arn_of(&queue, described.as_ref().ok());
    let notified = learnt.notifications.as_ref();
    let known = notified.and_then(|answer| answer.as_ref().ok());
    let route = known.map(|known| notification::route(known, &arn));
    let mut findings = Vec::new();
    if let Ok(info) = &described {
        let dead_letters = dead_letters(&queue, &info.attributes).await;
        let (answer, shell) = dead_letters.unzip();
        let surroundings = Surroundings {
            region: region_of(&arn).unwrap_or(queue.region()),
            bucket_region,
            visibility,
            dead_letters: answer.as_ref(),
            dead_letters_shell: shell.as_ref(),
            senders: &policy::services(route.as_ref()),
            evidence,
        };
        findings.extend(queue::judge(info, &surroundings, &Shell::of(&queue)));
    }
    findings.extend(rights_to(&queue, &arn, &described).await);
    let region = bucket_region.unwrap_or_default();
    findings.extend(notifications(source, notified, &arn, region, evidence));
    if let Ok(info) = &described {
        let region = bucket_region.unwrap_or(queue.region());
        findings.extend(admission(source, region, info, &arn, route.as_ref()));
    }
    findings.push(notification::first_event(evidence));
    findings
}

/// Opens the queue, and asks it for what it says of itself; that may be denied.
async fn reach(
    events: &Events,
    bucket_region: Option<&str>,
) -> Result<(SqsQueue, Result<QueueInfo, QueueError>), QueueError> {
    let url = &events.queue_url;
    let queue = within(
        QueueOperation::Open,
        url,
        SqsQueue::open(events, bucket_region),
    )
    .await?;
    match within(QueueOperation::Attributes, url, queue.describe()).await {
        Err(error) if error.kind != QueueErrorKind::AccessDenied => Err(error),
        described => Ok((queue, described)),
    }
}

/// What is found of the bucket's notifications, where they were asked for.
fn notifications(
    source: &Source,
    notified: Option<&Result<NotificationConfiguration, BucketError>>,
    queue_arn: &str,
    bucket_region: &str,
    evidence: Evidence,
) -> Option<Finding> {
    Some(match notified? {
        _ if is_access_point(source) => notification::of_access_point(source),
        Ok(known) => notification::judge(source, known, queue_arn, evidence),
        Err(error) => rights::notifications_unread(source, bucket_region, error),
    })
}

/// Whether the queue lets the bucket's events in; a FIFO queue gets none anyway.
fn admission(
    source: &Source,
    bucket_region: &str,
    info: &QueueInfo,
    arn: &str,
    route: Option<&Route>,
) -> Option<Finding> {
    let origin = Origin {
        bucket_arn: &rights::bucket_arn(bucket_region, &source.bucket),
        account: source.expected_bucket_owner.as_deref(),
        is_on_aws: source.non_aws_store().is_none(),
    };
    let policy = info.policy.as_deref();
    (!info.is_fifo).then(|| policy::judge(policy, arn, &origin, route))
}

/// The rights of those who receive, each tried by a request that leaves all messages where they are.
async fn rights_to(
    queue: &SqsQueue,
    arn: &str,
    described: &Result<QueueInfo, QueueError>,
) -> Vec<Finding> {
    let url = queue.url();
    let seems_empty = described
        .as_ref()
        .is_ok_and(|info| info.attributes.visible == 0);
    let receive = async {
        if seems_empty {
            queue
                .receive(1, Duration::ZERO, Duration::ZERO)
                .await
                .map(drop)
        } else {
            queue.check_receive().await
        }
    };
    let (received, acknowledged, extended) = tokio::join!(
        within(QueueOperation::Receive, url, receive),
        within(QueueOperation::Acknowledge, url, queue.check_acknowledge()),
        within(QueueOperation::Extend, url, queue.check_extend()),
    );
    let attributes = described.as_ref().map(drop).map_err(Clone::clone);
    [
        (Right::GetQueueAttributes, attributes),
        (Right::ReceiveMessage, received),
        (Right::DeleteMessage, acknowledged),
        (Right::ChangeMessageVisibility, extended),
    ]
    .iter()
    .map(|(right, answer)| rights::of_queue(*right, arn, answer))
    .collect()
}

/// The dead-letter queue, asked for what it says of itself, and the commands that set it up.
async fn dead_letters(
    queue: &SqsQueue,
    attributes: &QueueAttributes,
) -> Option<(Result<QueueAttributes, QueueError>, Shell)> {
    let redrive = attributes.redrive.as_ref()?;
    let dead = queue.with_arn(&redrive.dead_letter_arn)?;
    let answer = within(QueueOperation::Attributes, dead.url(), dead.attributes()).await;
    Some((answer, Shell::of(&dead)))
}

/// The queue's ARN, by itself or by its address; the address where it tells none.
fn arn_of(queue: &SqsQueue, info: Option<&QueueInfo>) -> String {
    let told = info.map(|info| info.attributes.arn.as_str());
    match (told, queue.account_and_name()) {
        (Some(arn), _) if !arn.is_empty() => arn.to_owned(),
        (_, Some((account, name))) => rights::queue_arn(queue.region(), account, name),
        (_, None) => queue.url().to_owned(),
    }
}

/// The Region in an ARN.
fn region_of(arn: &str) -> Option<&str> {
    let mut parts = arn.strip_prefix("arn:")?.split(':');
    parts.nth(2).filter(|region| !region.is_empty())
}

/// Gives a request up that is not answered.
async fn within<T>(
    operation: QueueOperation,
    url: &str,
    request: impl Future<Output = Result<T, QueueError>>,
) -> Result<T, QueueError> {
    let unanswered = |_| {
        let (kind, seconds) = (QueueErrorKind::Connection, PATIENCE.as_secs());
        let detail = format!("nothing came within {seconds} s");
        Err(QueueError::new(operation, url, kind, &detail))
    };
    let answered = tokio::time::timeout(PATIENCE, request).await;
    answered.unwrap_or_else(unanswered)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn events_of_an_access_point_are_missed_whatever_it_sends() {
        let sent = Ok(NotificationConfiguration {
            rules: Vec::new(),
            event_bridge: true,
        });
        for (bucket, endpoint_url, verdict) in [
            ("acme", None, Verdict::Ok),
            ("point-1-s3alias", None, Verdict::Failure),
            ("point-1-s3alias", Some("http://127.0.0.1:1"), Verdict::Ok),
        ] {
            let source = Source {
                endpoint_url: endpoint_url.map(str::to_owned),
                ..Source::new("photos", bucket, "acme")
            };
            let found = notifications(&source, Some(&sent), "", "", Evidence::default());
            assert_eq!(found.map(|it| it.verdict), Some(verdict), "{bucket}");
        }
    }
}
