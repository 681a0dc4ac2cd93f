//! Tests a change of a stored Source before its old values are dropped: whether the new bucket can be listed with the
//! new credentials, and whether the queue accepts new credentials.
//!
//! It sends one listing, and stores nothing. Other values are not tested.

use super::draft::cut;
use super::field::{self, Field};
use super::finding::{Cause, Finding};
use super::{bucket, events, iam_permissions};
use crate::aws::bucket::BucketErrorKind;
use crate::aws::queue::QueueErrorKind;
use crate::config::{Config, InvalidValue};
use crate::core::source::Source;
use crate::managed::Actor;
use crate::managed::changes::{self, Change, ChangeError, DraftSource};
use crate::managed::store::SourceStore;

/// Resolves the change as a draft. `None` if there is nothing to test, or if the change will be refused anyway. Reads
/// files.
pub(crate) fn to_test<S: SourceStore>(
    store: &S,
    name: &str,
    change: &Change,
    config: &Config,
) -> Option<DraftSource> {
    let Change::Update { patch, if_version } = change else {
        return None;
    };
    let stored = store.get(name).ok()??;
    if if_version
        .as_ref()
        .is_some_and(|expected| *expected != stored.version)
    {
        return None;
    }
    let mut values = patch.clone();
    values.0.insert("name".to_owned(), name.into());
    // The change itself reports the problems, so nobody sees them here.
    let actor = Actor::who_sees_all("test of a change");
    let draft = changes::draft_source(store, values, config, &actor).ok()?;
    let needs_test = draft.changes.is_some_and(|it| it.bucket || it.queue);
    (needs_test && draft.source.enabled).then_some(draft)
}

/// Tests the change.
///
/// # Errors
///
/// The fields that are probably wrong, if the bucket or the queue cannot be used.
pub(crate) async fn test(draft: &DraftSource) -> Result<(), ChangeError> {
    let source = &draft.source;
    let places = draft.changes;
    let mut problems = Vec::new();
    if places.is_some_and(|places| places.bucket)
        && let Err(error) = bucket::list_once(source).await
    {
        let finding = iam_permissions::bucket_failure(&error);
        let is_outage = matches!(error.kind(), BucketErrorKind::Connection);
        problems.push(problem(&finding, is_outage, source));
    }
    if places.is_some_and(|places| places.queue)
        && problems.is_empty()
        && let Some(queue) = &source.events
        && let Err(error) = events::open_queue(source, queue, source.region.as_deref()).await
    {
        let finding = iam_permissions::queue_failure(&error);
        let is_outage = error.kind == QueueErrorKind::Connection;
        problems.push(problem(&finding, is_outage, source));
    }
    match problems {
        none if none.is_empty() => Ok(()),
        problems => Err(ChangeError::TestFailed(problems)),
    }
}

fn problem(finding: &Finding, is_outage: bool, source: &Source) -> InvalidValue {
    let otherwise = match finding.cause {
        Some(Cause::Queue(_)) => Field("events.queue_url"),
        _ => Field("bucket"),
    };
    let Field(key) = field::of(finding, source).unwrap_or(otherwise);
    let what = if is_outage {
        "the server does not answer"
    } else {
        "the test of the new values failed"
    };
    let remedy = finding.remedy.as_ref().map_or("", |remedy| &remedy.text);
    let text = format!("{what}, so the old values stay: {}. {remedy}", finding.what);
    InvalidValue::hidden(key, cut(&text))
}
