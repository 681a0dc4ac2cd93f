//! Keeps a Source from taking what belongs to another one: a subdomain that is bound to it, or its queue.
//!
//! The configuration checks the subdomains of the configured Sources itself. No problem names a Source that the actor
//! cannot see.

use super::actor::Actor;
use crate::config::file::SourceFile;
use crate::config::{Config, InvalidValue};
use crate::core::replication::checkpoint::BindingError;
use crate::core::source::{Source, queue_url};

/// Checks whether the index has bound a subdomain to a Source with another name.
pub(crate) type CheckBinding<'a> = dyn Fn(&str, &str) -> Result<(), BindingError> + 'a;

/// The values of the Source that belong to another one. Values that are the same as in `old` are not checked: someone
/// who could see more has set them.
pub(super) fn taken_values(
    source: &SourceFile,
    old: Option<&SourceFile>,
    config: &Config,
    actor: &Actor,
    check_binding: &CheckBinding<'_>,
) -> Vec<InvalidValue> {
    let mut taken = Vec::new();
    let old_subdomain = old.and_then(|old| old.subdomain.as_deref());
    if let (Some(name), Some(subdomain)) = (&source.name, &source.subdomain)
        && old_subdomain != Some(subdomain)
        && let Err(BindingError::SubdomainTaken { owner, .. }) = check_binding(name, subdomain)
    {
        let owner = if actor.may_see(&owner) {
            format!("Source {owner:?}")
        } else {
            "another Source".to_owned()
        };
        let problem = format!(
            "is bound to {owner} for good, because URLs with it may still be in use; use another subdomain"
        );
        taken.push(InvalidValue::text("subdomain", subdomain, problem));
    }
    taken.extend(taken_queue(source, old, config, actor));
    taken
}

/// A queue that a Source uses which the actor cannot see. Two consumers of a queue would take events from each other,
/// and the events name the keys of the other Source.
pub(super) fn taken_queue(
    source: &SourceFile,
    old: Option<&SourceFile>,
    config: &Config,
    actor: &Actor,
) -> Option<InvalidValue> {
    let url = source.events.as_ref()?.queue_url.as_ref()?;
    let queue = queue_url::identity(url);
    let old_url = old.and_then(|old| old.events.as_ref()?.queue_url.as_deref());
    if old_url.is_some_and(|old| queue_url::identity(old) == queue) {
        return None;
    }
    let is_taken = |other: &Source| {
        let other_url = other.events.as_ref().map(|events| &events.queue_url);
        Some(&other.name) != source.name.as_ref()
            && !actor.may_see(&other.name)
            && other_url.is_some_and(|url| queue_url::identity(url) == queue)
    };
    config.sources.iter().any(|other| is_taken(other)).then(|| {
        let problem = "another Source already receives events from this queue; use a queue for this Source only";
        InvalidValue::text("events.queue_url", url, problem)
    })
}
