//! Examines one Source: its place in the index, its bucket, and the queue that its events come by.

use std::sync::Arc;
use std::time::Duration;

use super::bucket::{self, Wanted};
use super::events;
use super::finding::{Finding, Subject};
use super::notification::Evidence;
use crate::aws::iam::is_previewed;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::source::Source;

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
    let checkpoint = around.checkpoint.as_deref();
    let mut findings = Vec::from_iter(binding(source, checkpoint));
    let wanted = Wanted {
        previews: around.is_page_served && is_previewed(source),
        events: source.events.is_some(),
    };
    let (of_bucket, learnt) = bucket::examine(source, wanted).await;
    findings.extend(of_bucket);
    if let Some(events) = &source.events {
        let evidence = evidence(source, &events.queue_url, checkpoint);
        let same_credentials = events.credentials == source.credentials;
        // What is wrong with them is told already.
        if !(learnt.unusable_credentials && same_credentials) {
            let examined =
                events::examine(source, events, &learnt, evidence, around.visibility).await;
            findings.extend(examined);
        }
    }
    findings
}

/// What is wrong with the Source's subdomain, if something is.
fn binding(source: &Source, checkpoint: Option<&Checkpoint>) -> Option<Finding> {
    let bound = checkpoint?.check_binding(&source.name, &source.subdomain);
    let error = bound.err()?;
    let remedy = "give it another subdomain, or the name that the subdomain belongs to";
    Some(Finding::failure(Subject::Binding, error.to_string()).remedy(remedy))
}

/// What the index tells of events that came by the queue.
fn evidence(source: &Source, queue_url: &str, checkpoint: Option<&Checkpoint>) -> Evidence {
    let Some(state) = checkpoint.and_then(|known| known.source(&source.name)) else {
        return Evidence::default();
    };
    let followed = state.followed.as_ref();
    Evidence {
        followed: followed.is_some_and(|followed| followed.queue.url == queue_url),
        seen: state.wired_queue.as_deref() == Some(queue_url),
    }
}
