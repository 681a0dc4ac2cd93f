//! Examines one Source: its bucket, and the queue that its events come by.
//!
//! It asks only, within a bound; what an answer means is judged in the rooms beside it.

use std::sync::Arc;
use std::time::Duration;

use super::bucket::{Learnt, Wanted};
use super::finding::{Finding, Right, Subject};
use super::notification::{self, Evidence};
use super::policy::{self, Origin};
use super::queue::Surroundings;
use super::shell::Shell;
use super::{PATIENCE, bucket, queue, rights};
use crate::http::site::has_own_address;
use crate::queue::{
    Attributes, Description, Operation, Queue, QueueError, QueueErrorKind, SqsQueue,
};
use crate::source::{Events, Source};
use crate::sync::checkpoint::Checkpoint;

/// What all Sources have in common.
#[derive(Clone, Debug)]
pub(super) struct Around {
    /// Of the live index, if there is one.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// Whether the page for people is served.
    pub is_page_served: bool,
    /// For how long the daemon asks for a message to be invisible.
    pub visibility: Duration,
}

/// Examines the Source.
pub(super) async fn examine(source: &Source, around: &Around) -> Vec<Finding> {
    let mut findings = binding(source, around);
    let wanted = Wanted {
        previews: around.is_page_served && !has_own_address(source) && !source.request_payer,
        events: source.events.is_some(),
    };
    let (of_bucket, learnt) = bucket::examine(source, wanted).await;
    findings.extend(of_bucket);
    if let Some(events) = &source.events {
        let same_credentials = events.credentials == source.credentials;
        if !(learnt.unusable_credentials && same_credentials) {
            findings.extend(examine_queue(source, events, &learnt, around).await);
        }
    }
    findings
}

fn binding(source: &Source, around: &Around) -> Vec<Finding> {
    let checkpoint = around.checkpoint.as_deref();
    let bound = checkpoint.map(|known| known.check_binding(&source.name, &source.subdomain));
    match bound {
        Some(Err(error)) => {
            let remedy = "give it another subdomain, or the name that the subdomain belongs to";
            vec![Finding::failure(Subject::Binding, error.to_string()).remedy(remedy)]
        }
        Some(Ok(())) | None => Vec::new(),
    }
}

/// What the index tells of the Source's events.
fn evidence(source: &Source, events: &Events, around: &Around) -> Evidence {
    let checkpoint = around.checkpoint.as_deref();
    let Some(state) = checkpoint.and_then(|known| known.source(&source.name)) else {
        return Evidence::default();
    };
    let followed = state.followed.as_ref();
    Evidence {
        followed: followed.is_some_and(|followed| followed.queue.url == events.queue_url),
        seen: state.wired_queue.as_ref() == Some(&events.queue_url),
    }
}

async fn examine_queue(
    source: &Source,
    events: &Events,
    learnt: &Learnt,
    around: &Around,
) -> Vec<Finding> {
    let bucket_region = learnt.region.as_deref();
    let url = &events.queue_url;
    let queue = match within(url, SqsQueue::open(events, bucket_region)).await {
        Ok(queue) => queue,
        Err(error) => return vec![rights::queue_failure(&error)],
    };
    let described = within(url, queue.describe()).await;
    let described = match described {
        Err(error) if error.kind != QueueErrorKind::Denied => {
            return vec![rights::queue_failure(&error)];
        }
        described => described,
    };
    let arn = arn_of(&queue, described.as_ref().ok());
    let evidence = evidence(source, events, around);
    let mut findings = Vec::new();
    if let Ok(description) = &described {
        let dead_letters = dead_letters(&queue, &description.attributes).await;
        let (answer, shell) = dead_letters.unzip();
        let surroundings = Surroundings {
            region: region_of(&arn).unwrap_or(queue.region()),
            bucket_region,
            visibility: around.visibility,
            dead_letters: answer.as_ref(),
            dead_letters_shell: shell.as_ref(),
            evidence,
        };
        findings.extend(queue::judge(description, &surroundings, &Shell::of(&queue)));
    }
    findings.extend(rights_to(&queue, &arn, &described).await);
    let route = match &learnt.notifications {
        Some(Ok(notifications)) => {
            findings.push(notification::judge(source, notifications, &arn, evidence));
            Some(notification::route(notifications, &arn))
        }
        Some(Err(error)) => {
            let region = bucket_region.unwrap_or_default();
            findings.push(rights::notifications_unread(source, region, error));
            None
        }
        None => None,
    };
    if let Ok(description) = &described
        && !description.is_fifo
    {
        let region = bucket_region.unwrap_or(queue.region());
        let origin = Origin {
            bucket_arn: &rights::bucket_arn(region, &source.bucket),
            account: source.expected_bucket_owner.as_deref(),
            is_on_aws: source.endpoint_url.is_none(),
        };
        let policy = description.policy.as_deref();
        findings.push(policy::judge(policy, &arn, &origin, route.as_ref()));
    }
    findings.push(notification::first_event(evidence));
    findings
}

/// The rights of those who receive, each tried by a request that leaves all messages where they are.
async fn rights_to(
    queue: &SqsQueue,
    arn: &str,
    described: &Result<Description, QueueError>,
) -> Vec<Finding> {
    let url = queue.url();
    let seems_empty = described
        .as_ref()
        .is_ok_and(|description| description.attributes.visible == 0);
    let received = match seems_empty {
        // Where nothing is there, this is certain. What comes in this moment is visible again at once.
        true => {
            let receive = queue.receive(1, Duration::ZERO, Duration::ZERO);
            within(url, receive).await.map(drop)
        }
        false => within(url, queue.may_receive()).await,
    };
    let attributes = described.as_ref().map(drop).map_err(Clone::clone);
    [
        (Right::GetQueueAttributes, attributes),
        (Right::ReceiveMessage, received),
        (
            Right::DeleteMessage,
            within(url, queue.may_acknowledge()).await,
        ),
        (
            Right::ChangeMessageVisibility,
            within(url, queue.may_extend()).await,
        ),
    ]
    .iter()
    .map(|(right, answer)| rights::of_queue(*right, arn, answer))
    .collect()
}

/// The dead-letter queue, asked for what it says of itself, and the commands that set it up.
async fn dead_letters(
    queue: &SqsQueue,
    attributes: &Attributes,
) -> Option<(Result<Attributes, QueueError>, Shell)> {
    let redrive = attributes.redrive.as_ref()?;
    let dead = queue.of_arn(&redrive.dead_letter_arn)?;
    let answer = within(dead.url(), dead.attributes()).await;
    Some((answer, Shell::of(&dead)))
}

/// The queue's ARN, by itself or by its address; the address where it tells none.
fn arn_of(queue: &SqsQueue, description: Option<&Description>) -> String {
    let told = description.map(|description| description.attributes.arn.as_str());
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
    url: &str,
    request: impl Future<Output = Result<T, QueueError>>,
) -> Result<T, QueueError> {
    let unanswered = |_| {
        let (kind, seconds) = (QueueErrorKind::Unreachable, PATIENCE.as_secs());
        let detail = format!("nothing came within {seconds} s");
        Err(QueueError::new(Operation::Attributes, url, kind, &detail))
    };
    let answered = tokio::time::timeout(PATIENCE, request).await;
    answered.unwrap_or_else(unanswered)
}
