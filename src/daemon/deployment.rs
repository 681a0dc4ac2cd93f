//! What changes in a running session when a new configuration arrives: which Sources end, and which begin.
//!
//! It only compares. The session ends and starts tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::credential_files::CredentialFiles;
use crate::config::Config;
use crate::core::source::{Events, Source, SourceLimits};

/// A Source that runs.
pub(super) struct RunningSource {
    pub source: Arc<Source>,
    /// The files with its credentials, as they were when it was started.
    pub credentials: CredentialFiles,
    /// Whether it begins again although it is the same: it has a problem whose cause may be fixed, or it was started
    /// with other settings.
    pub begins_again: bool,
}

/// A queue that is open.
pub(super) struct RunningQueue {
    pub access: QueueAccess,
    /// Whether it is opened again although it is the same: receiving from it fails, or it was opened with other
    /// settings.
    pub opens_again: bool,
}

/// What a queue was opened with. Other Sources can share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QueueAccess {
    pub events: Events,
    /// The Region of the bucket.
    pub region: Option<String>,
    pub limits: Option<Arc<SourceLimits>>,
    pub credentials: CredentialFiles,
}

impl QueueAccess {
    /// What the queue of the Source is opened with. `None` if it has no queue.
    pub(super) fn of(source: &Source, credentials: &CredentialFiles) -> Option<Self> {
        Some(Self {
            events: source.events.clone()?,
            region: source.region.clone(),
            limits: source.limits.clone(),
            credentials: credentials.clone(),
        })
    }
}

/// What a session does to use a new configuration. All other Sources and queues go on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Deployment {
    /// The running Sources that end. Those that are in `start` too begin again.
    pub end: BTreeSet<String>,
    /// The Sources that begin, in the order of the configuration.
    pub start: Vec<String>,
    /// The URLs of the queues that close. Those that a Source in `start` has are opened again.
    pub close: BTreeSet<String>,
}

/// Which settings that do not belong to a Source differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChangedSettings {
    /// `[scan]`: all Sources begin again, and their scans resume. Queues stay open.
    pub scan: bool,
    /// `[events]`: all queues are opened again, and the Sources that have one begin again.
    pub events: bool,
    /// `[index]`: only another session can use it, because the writer of the index is opened with it.
    pub index: bool,
}

impl ChangedSettings {
    /// Compares a new configuration with the one in use.
    pub(super) fn of(running: &Config, new: &Config) -> Self {
        Self {
            scan: running.scan != new.scan,
            events: running.events != new.events,
            index: running.index != new.index,
        }
    }
}

impl Deployment {
    /// Compares what runs with the Sources of a new configuration. `running` and `queues` have what runs, by name
    /// and by URL; `credentials` has the files with the credentials of each new Source, by its name.
    pub(super) fn plan(
        running: &BTreeMap<&str, RunningSource>,
        queues: &BTreeMap<&str, RunningQueue>,
        new: &[Arc<Source>],
        credentials: &BTreeMap<&str, CredentialFiles>,
    ) -> Self {
        let enabled: BTreeMap<&str, &Arc<Source>> = new
            .iter()
            .filter(|source| source.enabled)
            .map(|source| (source.name.as_str(), source))
            .collect();
        let goes_on = |(name, running): &(&&str, &RunningSource)| {
            let same_files = credentials.get(**name) == Some(&running.credentials);
            let new = enabled.get(**name);
            !running.begins_again
                && same_files
                && new.is_some_and(|new| {
                    Arc::ptr_eq(&running.source, new) || !is_changed(&running.source, new)
                })
        };
        let unchanged: BTreeSet<&str> = running
            .iter()
            .filter(goes_on)
            .map(|(name, _)| *name)
            .collect();
        // An open queue stays open if a Source would open it in the same way.
        let mut opened: BTreeMap<&str, Vec<QueueAccess>> = BTreeMap::new();
        for (name, source) in &enabled {
            let files = credentials.get(name);
            let access = files.and_then(|files| QueueAccess::of(source, files));
            if let Some((url, access)) = queue_url(source).zip(access) {
                opened.entry(url).or_default().push(access);
            }
        }
        let is_closed = |(url, queue): &(&&str, &RunningQueue)| {
            let is_opened = opened
                .get(**url)
                .is_some_and(|it| it.contains(&queue.access));
            queue.opens_again || !is_opened
        };
        let close: BTreeSet<String> = queues
            .iter()
            .filter(is_closed)
            .map(|(url, _)| (*url).to_owned())
            .collect();
        // A Source cannot go on without its queue.
        let loses_queue =
            |source: &Source| queue_url(source).is_some_and(|url| close.contains(url));
        let goes_on = |name: &str| {
            unchanged.contains(name) && !running.get(name).is_some_and(|it| loses_queue(&it.source))
        };
        let names = new.iter().filter(|source| source.enabled);
        let start = names.map(|source| source.name.clone());
        let end = running.keys().filter(|name| !goes_on(name));
        Self {
            start: start.filter(|name| !goes_on(name)).collect(),
            end: end.map(|name| (*name).to_owned()).collect(),
            close,
        }
    }
}

fn queue_url(source: &Source) -> Option<&str> {
    source.events.as_ref().map(|events| &*events.queue_url)
}

/// Whether two configurations of an enabled Source differ in a way that its tasks or the index must follow.
fn is_changed(running: &Source, new: &Source) -> bool {
    let Source {
        name: _,
        enabled,
        // Where it is configured makes no difference.
        is_managed: _,
        limits,
        bucket,
        prefix,
        region,
        endpoint_url,
        path_style,
        endpoint_order,
        subdomain,
        // Searches and people read these from the configuration.
        base_url: _,
        thumbnail_url: _,
        annotation: _,
        rules,
        folder_markers,
        credentials,
        expected_bucket_owner,
        request_payer,
        events,
        reconcile_every,
    } = running;
    let same = (
        enabled,
        bucket,
        prefix,
        region,
        endpoint_url,
        path_style,
        endpoint_order,
        subdomain,
    ) == (
        &new.enabled,
        &new.bucket,
        &new.prefix,
        &new.region,
        &new.endpoint_url,
        &new.path_style,
        &new.endpoint_order,
        &new.subdomain,
    );
    let same_access = (
        limits,
        folder_markers,
        credentials,
        expected_bucket_owner,
        request_payer,
        events,
        reconcile_every,
    ) == (
        &new.limits,
        &new.folder_markers,
        &new.credentials,
        &new.expected_bucket_owner,
        &new.request_payer,
        &new.events,
        &new.reconcile_every,
    );
    !same || !same_access || rules.canonical_text() != new.rules.canonical_text()
}

#[cfg(test)]
mod tests;
