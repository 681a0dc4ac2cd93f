//! Removes from a status report what the client's grant may not see.
//!
//! A grant for all Sources sees everything. Any other grant sees its own Sources, the queues that serve only
//! those Sources, and whether the index is open. Error texts are replaced, because they may mention other
//! Sources, buckets or paths.

use crate::observe::status::report::{
    IndexState, QueueReport, ReceiveState, SourceReport, StatusReport,
};
use crate::serve::access::Grant;

/// Replaces an error text that the client may not see.
const HIDDEN: &str = "see the log of asset-indexer for the reason";

/// Removes from the report everything that the grant may not see.
pub(super) fn report(mut report: StatusReport, grant: &Grant) -> StatusReport {
    if grant.sees_all() {
        return report;
    }
    let StatusReport {
        queues, sources, ..
    } = &mut report;
    let name_and_queue = |source: &'_ SourceReport| (source.name.clone(), source.queue_url.clone());
    let all: Vec<_> = sources.iter().map(name_and_queue).collect();
    let all = || all.iter().map(|(name, url)| (&**name, url.as_deref()));
    queues.retain(|queue| may_see_queue(grant, &queue.url, all()));
    sources.retain(|source| grant.may_see(&source.name));
    sources.iter_mut().for_each(hide_texts);
    for queue in queues.iter_mut() {
        queue.reason = queue.reason.take().map(hide);
        for problem in &mut queue.problems {
            problem.text = HIDDEN.to_owned();
        }
    }
    report.waiting_for = waiting_for(&report);
    let index = &mut report.index;
    index.reason = index.reason.take().map(hide);
    index.data_dir.clear();
    index.bytes = None;
    report
}

/// Whether the grant may see a queue: the queue serves at least one Source, and the grant may see every
/// Source that it serves.
///
/// `sources` yields the name and queue URL of every configured Source.
pub(super) fn may_see_queue<'a>(
    grant: &Grant,
    url: &str,
    sources: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> bool {
    let served = sources.filter(|(_, queue)| *queue == Some(url));
    let mut served = served.peekable();
    grant.sees_all() || served.peek().is_some() && served.all(|(name, _)| grant.may_see(name))
}

fn hide(_: String) -> String {
    HIDDEN.to_owned()
}

fn hide_texts(source: &mut SourceReport) {
    source.reasons.truncate(1);
    source
        .reasons
        .iter_mut()
        .for_each(|reason| *reason = HIDDEN.to_owned());
    if let Some(error) = &mut source.last_error {
        error.text = HIDDEN.to_owned();
    }
}

/// The reasons why the service is not ready, from what is left in the report.
fn waiting_for(report: &StatusReport) -> Vec<String> {
    let index = match report.index.state {
        IndexState::Opening => Some("the index is being opened".to_owned()),
        IndexState::Open | IndexState::Degraded => None,
        IndexState::Failed => Some("the index failed".to_owned()),
    };
    let is_silent = |queue: &&QueueReport| queue.state == ReceiveState::Starting;
    let silent = report.queues.iter().filter(is_silent);
    let silent = silent.map(|queue| format!("the queue {} has not answered yet", queue.url));
    let mut reasons: Vec<String> = index.into_iter().chain(silent).collect();
    if reasons.is_empty() && !report.ready {
        reasons.push("the service is starting".to_owned());
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::status::sample::{self, BAD_QUEUE, GOOD_QUEUE, NEW_QUEUE, STARTED};
    use crate::serve::access::{AccessLevel, SourceScope};

    fn report_for(scope: SourceScope) -> StatusReport {
        let full = StatusReport::at(&sample::board(), Some(77), STARTED);
        report(full, &Grant::of_token("t", AccessLevel::Admin, scope))
    }

    #[test]
    fn grant_for_all_sees_everything() {
        // Both sides use the same report: a second one would contain different ages.
        let full = StatusReport::at(&sample::board(), Some(77), STARTED);
        assert_eq!(
            report(
                full.clone(),
                &Grant::of_token("t", AccessLevel::Admin, SourceScope::All)
            ),
            full
        );
    }

    #[test]
    fn grant_for_some_sees_nothing_of_other_sources() {
        for (scope, sources, queues) in [
            // The queue of this Source also serves another one.
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
            let report = report_for(SourceScope::only(scope.iter().copied()));
            let names: Vec<_> = report.sources.iter().map(|source| &*source.name).collect();
            assert_eq!(names, sources);
            let urls: Vec<_> = report.queues.iter().map(|queue| &*queue.url).collect();
            assert_eq!(urls, queues, "{scope:?}");
            let text = serde_json::to_string(&report).unwrap();
            let own = |name: &&str| sources.contains(name);
            for other in ["deployed", "disabled", "degraded", "deploying"] {
                let named = format!("\"name\":\"{other}\"");
                assert_eq!(text.contains(&named), own(&other), "{scope:?}: {text}");
            }
            for text_of_others in [
                "access denied",
                "no bucket",
                "/var/lib",
                "look-up failed",
                "another consumer",
            ] {
                assert!(!text.contains(text_of_others), "{scope:?}: {text}");
            }
            assert_eq!(report.index.bytes, None);
        }
    }

    #[test]
    fn readiness_reasons_name_only_visible_queues() {
        let new = format!("the queue {NEW_QUEUE} has not answered yet");
        for (scope, waiting_for) in [
            ("deploying", &*new),
            ("degraded", "the service is starting"),
        ] {
            let report = report_for(SourceScope::only([scope]));
            assert_eq!(
                (report.ready, &*report.waiting_for),
                (false, &[waiting_for.to_owned()][..])
            );
        }
    }
}
