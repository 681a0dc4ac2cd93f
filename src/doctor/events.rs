//! Sends the requests that examine the queue of a Source, and stops if the queue cannot be reached.
//!
//! This module does not rate the responses: the modules next to it do.

use std::time::Duration;

use super::bucket::BucketInfo;
use super::commands::QueueCommands;
use super::finding::{Finding, IamAction};
use super::notification::{self, EventHistory, Route};
use super::policy::{self, SendingBucket};
use super::queue::QueueContext;
use super::{REQUEST_TIMEOUT, iam_permissions, queue};
use crate::aws::bucket::BucketError;
use crate::aws::bucket::notifications::NotificationConfiguration;
use crate::aws::queue::{
    Queue, QueueAttributes, QueueError, QueueErrorKind, QueueInfo, QueueOperation, SqsQueue,
};
use crate::core::source::{Events, Source};

/// Examines the queue of the Source.
pub(super) async fn examine(
    source: &Source,
    events: &Events,
    bucket_info: &BucketInfo,
    history: EventHistory,
    visibility: Duration,
) -> Vec<Finding> {
    let bucket_region = bucket_info.region.as_deref();
    let (queue, queue_info) = match open_queue(source, events, bucket_region).await {
        Ok(opened) => opened,
        Err(error) => return vec![iam_permissions::queue_failure(&error)],
    };
    let arn = queue_arn(&queue, queue_info.as_ref().ok());
    let bucket_notifications = bucket_info.notifications.as_ref();
    let known = bucket_notifications.and_then(|result| result.as_ref().ok());
    let route = known.map(|known| notification::route(known, &arn));
    let mut findings = Vec::new();
    if let Ok(info) = &queue_info {
        let dead_letters = dead_letters(&queue, &info.attributes).await;
        let (attributes, commands) = dead_letters.unzip();
        let context = QueueContext {
            region: arn_region(&arn).unwrap_or(queue.region()),
            bucket_region,
            visibility,
            dead_letters: attributes.as_ref(),
            dead_letter_commands: commands.as_ref(),
            senders: &policy::services(route.as_ref()),
            history,
        };
        findings.extend(queue::judge(info, &context, &QueueCommands::new(&queue)));
    }
    findings.extend(permissions(&queue, &arn, &queue_info).await);
    let region = bucket_region.unwrap_or_default();
    findings.extend(notifications(
        source,
        bucket_notifications,
        &arn,
        region,
        history,
    ));
    if let Ok(info) = &queue_info {
        let region = bucket_region.unwrap_or(queue.region());
        findings.extend(queue_policy(source, region, info, &arn, route.as_ref()));
    }
    findings.push(notification::first_event(history));
    findings
}

/// Opens the queue and reads its attributes. If access to the attributes is denied, the queue is still
/// returned.
pub(super) async fn open_queue(
    source: &Source,
    events: &Events,
    bucket_region: Option<&str>,
) -> Result<(SqsQueue, Result<QueueInfo, QueueError>), QueueError> {
    let url = &events.queue_url;
    let queue = with_timeout(
        QueueOperation::Open,
        url,
        SqsQueue::open(events, bucket_region, source.limits.as_deref()),
    )
    .await?;
    match with_timeout(QueueOperation::Attributes, url, queue.describe()).await {
        Err(error) if error.kind != QueueErrorKind::AccessDenied => Err(error),
        queue_info => Ok((queue, queue_info)),
    }
}

/// The finding about the bucket's notifications. `None` if they were not requested.
fn notifications(
    source: &Source,
    bucket_notifications: Option<&Result<NotificationConfiguration, BucketError>>,
    queue_arn: &str,
    bucket_region: &str,
    history: EventHistory,
) -> Option<Finding> {
    Some(match bucket_notifications? {
        Ok(known) => notification::judge(source, known, queue_arn, history),
        Err(error) => iam_permissions::notifications_unread(source, bucket_region, error),
    })
}

/// Whether the queue policy allows the bucket's events. `None` for a FIFO queue that only S3
/// could send to, because it cannot.
fn queue_policy(
    source: &Source,
    bucket_region: &str,
    info: &QueueInfo,
    arn: &str,
    route: Option<&Route>,
) -> Option<Finding> {
    let bucket = SendingBucket {
        bucket_arn: &iam_permissions::bucket_arn(bucket_region, &source.bucket),
        account: source.expected_bucket_owner.as_deref(),
        is_on_aws: source.non_aws_store().is_none(),
    };
    let policy = info.policy.as_deref();
    let is_indirect = matches!(route, Some(Route::Indirect { .. }));
    (!info.is_fifo || is_indirect).then(|| policy::judge(policy, arn, &bucket, route))
}

/// Tests each permission that a consumer needs. The requests do not affect any message.
async fn permissions(
    queue: &SqsQueue,
    arn: &str,
    queue_info: &Result<QueueInfo, QueueError>,
) -> Vec<Finding> {
    let url = queue.url();
    let seems_empty = queue_info
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
        with_timeout(QueueOperation::Receive, url, receive),
        with_timeout(QueueOperation::Acknowledge, url, queue.check_acknowledge()),
        with_timeout(QueueOperation::Extend, url, queue.check_extend()),
    );
    let attributes = queue_info.as_ref().map(drop).map_err(Clone::clone);
    [
        (IamAction::GetQueueAttributes, attributes),
        (IamAction::ReceiveMessage, received),
        (IamAction::DeleteMessage, acknowledged),
        (IamAction::ChangeMessageVisibility, extended),
    ]
    .iter()
    .map(|(action, result)| iam_permissions::queue_action(*action, arn, result))
    .collect()
}

/// Reads the attributes of the dead-letter queue. Also returns the commands that configure it.
async fn dead_letters(
    queue: &SqsQueue,
    attributes: &QueueAttributes,
) -> Option<(Result<QueueAttributes, QueueError>, QueueCommands)> {
    let redrive = attributes.redrive.as_ref()?;
    let dead = queue.with_arn(&redrive.dead_letter_arn)?;
    let attributes = with_timeout(QueueOperation::Attributes, dead.url(), dead.attributes()).await;
    Some((attributes, QueueCommands::new(&dead)))
}

/// The ARN of the queue, from its attributes or its URL. If neither has one, the URL.
fn queue_arn(queue: &SqsQueue, info: Option<&QueueInfo>) -> String {
    let reported = info.map(|info| info.attributes.arn.as_str());
    match (reported, queue.account_and_name()) {
        (Some(arn), _) if !arn.is_empty() => arn.to_owned(),
        (_, Some((account, name))) => iam_permissions::queue_arn(queue.region(), account, name),
        (_, None) => queue.url().to_owned(),
    }
}

/// The region in an ARN.
fn arn_region(arn: &str) -> Option<&str> {
    let mut parts = arn.strip_prefix("arn:")?.split(':');
    parts.nth(2).filter(|region| !region.is_empty())
}

/// Ends the request with an error after [`REQUEST_TIMEOUT`].
async fn with_timeout<T>(
    operation: QueueOperation,
    url: &str,
    request: impl Future<Output = Result<T, QueueError>>,
) -> Result<T, QueueError> {
    let timed_out = |_| {
        let (kind, seconds) = (QueueErrorKind::Connection, REQUEST_TIMEOUT.as_secs());
        let detail = format!("no response within {seconds} s");
        Err(QueueError::new(operation, url, kind, &detail))
    };
    let result = tokio::time::timeout(REQUEST_TIMEOUT, request).await;
    result.unwrap_or_else(timed_out)
}
