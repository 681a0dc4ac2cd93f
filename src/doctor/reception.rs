//! Reports what only a running daemon knows about its queues and Sources: another consumer, events that no Source can
//! use, and keys that cannot be indexed.

use std::path::Path;

use super::REQUEST_TIMEOUT;
use super::finding::{Finding, Subject};
use crate::observe::status::QueueProblem;
use crate::observe::status::report::{QueueProblemReport, QueueReport, SourceReport, StatusReport};
use crate::serve::control::{self, ControlAnswer, ControlRequest};

/// Asks the daemon for its problems. Without a daemon, there are no findings.
pub(super) async fn examine(socket: &Path) -> Vec<Finding> {
    let asked = tokio::time::timeout(REQUEST_TIMEOUT, report(socket)).await;
    match asked {
        Ok(Some(report)) => findings(&report),
        _ => Vec::new(),
    }
}

async fn report(socket: &Path) -> Option<StatusReport> {
    let mut answers = control::send_request(socket, &ControlRequest::Status)
        .await
        .ok()?;
    match answers.next().await.ok()?? {
        ControlAnswer::Status(report) => Some(*report),
        _ => None,
    }
}

fn findings(report: &StatusReport) -> Vec<Finding> {
    let of_queues = report.queues.iter().flat_map(of_queue);
    let of_sources = report.sources.iter().filter_map(of_source);
    of_queues.chain(of_sources).collect()
}

fn of_queue(queue: &QueueReport) -> Vec<Finding> {
    let mut findings: Vec<Finding> = queue
        .problems
        .iter()
        .map(|problem| finding(queue, problem))
        .collect();
    let is_shared = |problem: &QueueProblemReport| problem.kind == QueueProblem::Shared.as_str();
    if queue.counts.released > 0 && !queue.problems.iter().any(is_shared) {
        let what = format!("queue {}: no other consumer was noticed", queue.url);
        findings.push(Finding::ok(Subject::QueueReception, what));
    }
    findings
}

fn finding(queue: &QueueReport, problem: &QueueProblemReport) -> Finding {
    // The text is one or two sentences: the first says what is wrong.
    let what = format!(
        "the daemon reports about queue {}: {}",
        queue.url,
        problem.text.trim_end_matches('.')
    );
    if problem.kind == QueueProblem::Shared.as_str() {
        Finding::failure(Subject::QueueReception, what).remedy(
            "Each consumer gets only a part of the events. Give each daemon a queue of its own (S3 sends an event to \
             several queues through SNS or EventBridge), stop the other consumer, and then run a reindex.",
        )
    } else {
        Finding::warning(Subject::QueueReception, what)
    }
}

fn of_source(source: &SourceReport) -> Option<Finding> {
    let unusable = source.unusable_keys.as_ref()?;
    let what = format!("Source {:?}: {}", source.name, unusable.text());
    let remedy = "Rename the objects if they should be found.";
    Some(Finding::warning(Subject::UnusableKeys, what).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;
    use crate::observe::status::{StatusBoard, UnusableKeys};

    #[test]
    fn each_problem_of_a_queue_and_a_source_is_a_finding() {
        let board = StatusBoard::new("/nowhere".into());
        let queue = board.queue("https://q");
        let found = || findings(&StatusReport::at(&board, None, board.started));
        assert!(found().is_empty(), "nothing was released yet");
        queue.counters.released.add(1);
        assert_eq!(found()[0].verdict, Verdict::Ok);
        queue.raise(QueueProblem::Shared, "another consumer receives");
        queue.raise(QueueProblem::OtherBuckets, "events of bucket \"B\"");
        board.source("photos").set_unusable_keys(Some(UnusableKeys {
            count: 2,
            examples: vec![r"caf\xE9.jpg".into()],
        }));
        let found = found();
        let verdicts: Vec<Verdict> = found.iter().map(|finding| finding.verdict).collect();
        assert_eq!(
            verdicts,
            [Verdict::Failure, Verdict::Warning, Verdict::Warning]
        );
        assert!(found[0].what.contains("https://q") && found[0].what.contains("another"));
        assert!(found[2].what.contains(r"caf\\xE9.jpg") || found[2].what.contains(r"caf\xE9.jpg"));
    }
}
