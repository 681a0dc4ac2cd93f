//! Examines one Source: its subdomain, its bucket, and the queue that delivers its events.

use std::sync::Arc;
use std::time::Duration;

use super::bucket::{self, BucketChecks};
use super::events;
use super::finding::{Finding, Subject};
use super::index::IndexFacts;
use super::notification::EventHistory;
use super::{removals, rules};
use crate::aws::iam::is_previewed;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::source::Source;

/// Inputs that the tests of all Sources share.
#[derive(Clone, Debug)]
pub(super) struct SourceContext {
    /// The contents of the current index, if there is an index.
    pub index: Option<Arc<IndexFacts>>,
    /// Whether the search page is served over HTTP.
    pub is_page_served: bool,
    /// The visibility timeout that the daemon requests for each message.
    pub visibility: Duration,
}

/// Examines the Source.
pub(super) async fn examine(source: &Source, context: &SourceContext) -> Vec<Finding> {
    let index = context.index.as_deref();
    let checkpoint = index.map(|index| &index.checkpoint);
    let mut findings = Vec::from_iter(binding(source, checkpoint));
    findings.extend(rules::examine(source));
    let checks = BucketChecks {
        previews: context.is_page_served && is_previewed(source),
        events: source.events.is_some(),
    };
    let (bucket_findings, bucket_info) = bucket::examine(source, checks).await;
    findings.extend(bucket_findings);
    if bucket_info.has_no_keys
        && let Some(warning) = index.and_then(|index| removals::no_keys(source, index))
        && let Some(listed) = findings.iter_mut().find(|it| it.subject == warning.subject)
    {
        *listed = warning;
    }
    if let Some(events) = &source.events {
        let history = event_history(source, &events.queue_url, checkpoint);
        let same_credentials = events.credentials == source.credentials;
        // If the credentials do not work, the findings of the bucket already say so.
        if !(bucket_info.unusable_credentials && same_credentials) {
            let examined =
                events::examine(source, events, &bucket_info, history, context.visibility).await;
            findings.extend(examined);
        }
    }
    findings
}

/// A failure if the index does not accept the Source's subdomain.
pub(super) fn binding(source: &Source, checkpoint: Option<&Checkpoint>) -> Option<Finding> {
    let bound = checkpoint?.check_binding(&source.name, &source.subdomain);
    let error = bound.err()?;
    let remedy = "Give the Source another subdomain, or the name of the Source that the subdomain is bound to.";
    Some(Finding::failure(Subject::Binding, error.to_string()).remedy(remedy))
}

/// The events of the Source that arrived through this queue, as far as the index knows.
pub(super) fn event_history(
    source: &Source,
    queue_url: &str,
    checkpoint: Option<&Checkpoint>,
) -> EventHistory {
    let Some(state) = checkpoint.and_then(|known| known.source(&source.name)) else {
        return EventHistory::default();
    };
    let followed = state.followed.as_ref();
    EventHistory {
        queue_followed: followed.is_some_and(|followed| followed.queue.url == queue_url),
        event_received: state.wired_queue.as_deref() == Some(queue_url),
    }
}
