//! What of the status a grant shows.
//!
//! A grant for all Sources shows all of it. Any other shows its own Sources, the queues that bring events
//! to no other Source, and of the index whether it is open. Texts that were written for the operator are left
//! out there: they may name anything.

use crate::observe::status::report::{IndexState, QueueReport, QueueState, Report, SourceReport};
use crate::serve::access::Grant;

/// Stands for a text that may name what is not to be seen.
const HIDDEN: &str = "the log of asset-indexer says why";

/// The report as the grant shows it.
pub(super) fn report(mut report: Report, grant: &Grant) -> Report {
    if grant.sees_all() {
        return report;
    }
    let Report {
        queues, sources, ..
    } = &mut report;
    let pairs = |source: &'_ SourceReport| (source.name.clone(), source.queue_url.clone());
    let pairs: Vec<_> = sources.iter().map(pairs).collect();
    let pairs = || pairs.iter().map(|(name, url)| (&**name, url.as_deref()));
    queues.retain(|queue| may_see_queue(grant, &queue.url, pairs()));
    sources.retain(|source| grant.may_see(&source.name));
    sources.iter_mut().for_each(without_texts);
    queues
        .iter_mut()
        .for_each(|queue| queue.reason = queue.reason.take().map(hidden));
    report.waiting_for = waiting_for(&report);
    let index = &mut report.index;
    index.reason = index.reason.take().map(hidden);
    index.data_dir.clear();
    index.bytes = None;
    report
}

/// Whether the grant shows a queue: it brings events to Sources that may be seen, and to no other.
///
/// `sources` are the names of all Sources, each with the address of its queue.
pub(super) fn may_see_queue<'a>(
    grant: &Grant,
    url: &str,
    sources: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> bool {
    let of_it = sources.filter(|(_, queue)| *queue == Some(url));
    let mut of_it = of_it.peekable();
    grant.sees_all() || of_it.peek().is_some() && of_it.all(|(name, _)| grant.may_see(name))
}

fn hidden(_: String) -> String {
    HIDDEN.to_owned()
}

fn without_texts(source: &mut SourceReport) {
    source.reasons.truncate(1);
    source
        .reasons
        .iter_mut()
        .for_each(|reason| *reason = HIDDEN.to_owned());
    if let Some(error) = &mut source.last_error {
        error.text = HIDDEN.to_owned();
    }
}

/// What is missing until it is ready, as far as it is of what is in the report.
fn waiting_for(report: &Report) -> Vec<String> {
    let index = match report.index.state {
        IndexState::Opening => Some("the index is being opened".to_owned()),
        IndexState::Open => None,
        IndexState::Failed => Some("the index failed".to_owned()),
    };
    let is_silent = |queue: &&QueueReport| queue.state == QueueState::Starting;
    let silent = report.queues.iter().filter(is_silent);
    let silent = silent.map(|queue| format!("the queue {} has not answered yet", queue.url));
    let mut all: Vec<String> = index.into_iter().chain(silent).collect();
    if all.is_empty() && !report.ready {
        all.push("the service is starting".to_owned());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::status::sample::{self, BAD_QUEUE, BEGAN, GOOD_QUEUE, NEW_QUEUE};
    use crate::serve::access::{AccessLevel, SourceScope};

    fn seen_with(scope: SourceScope) -> Report {
        let full = Report::at(&sample::board(), Some(77), BEGAN);
        report(full, &Grant::new(AccessLevel::Admin, scope))
    }

    #[test]
    fn a_grant_for_all_shows_all() {
        // One report: another one has other ages in it.
        let full = Report::at(&sample::board(), Some(77), BEGAN);
        assert_eq!(
            report(
                full.clone(),
                &Grant::new(AccessLevel::Admin, SourceScope::All)
            ),
            full
        );
    }

    #[test]
    fn a_grant_for_some_shows_nothing_of_the_others() {
        for (scope, sources, queues) in [
            // Another Source has its events from the same queue.
            (&["deployed"][..], &["deployed"][..], &[][..]),
            (&["disabled"], &["disabled"], &[]),
            (
                &["deployed", "disabled"],
                &["deployed", "disabled"],
                &[GOOD_QUEUE],
            ),
            (&["degraded"], &["degraded"], &[BAD_QUEUE]),
            (&["deploying", "absent"], &["deploying"], &[NEW_QUEUE]),
            (&["absent"], &[], &[]),
        ] {
            let seen = seen_with(SourceScope::only(scope.iter().copied()));
            let names: Vec<_> = seen.sources.iter().map(|source| &*source.name).collect();
            assert_eq!(names, sources);
            let urls: Vec<_> = seen.queues.iter().map(|queue| &*queue.url).collect();
            assert_eq!(urls, queues, "{scope:?}");
            let text = serde_json::to_string(&seen).unwrap();
            let own = |name: &&str| sources.contains(name);
            for other in ["deployed", "disabled", "degraded", "deploying"] {
                let named = format!("\"name\":\"{other}\"");
                assert_eq!(text.contains(&named), own(&other), "{scope:?}: {text}");
            }
            for text_of_others in ["access denied", "no bucket", "/var/lib", "it passed"] {
                assert!(!text.contains(text_of_others), "{scope:?}: {text}");
            }
            assert_eq!(seen.index.bytes, None);
        }
    }

    #[test]
    fn what_is_waited_for_is_told_as_far_as_it_is_seen() {
        let new = format!("the queue {NEW_QUEUE} has not answered yet");
        for (scope, waiting_for) in [
            ("deploying", &*new),
            ("degraded", "the service is starting"),
        ] {
            let seen = seen_with(SourceScope::only([scope]));
            assert_eq!(
                (seen.ready, &*seen.waiting_for),
                (false, &[waiting_for.to_owned()][..])
            );
        }
    }
}
