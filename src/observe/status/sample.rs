//! Sample boards for tests of the code that displays them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{
    IndexHealth, QueueHealth, QueueProblem, RouteGroup, ScanInProgress, SourceCondition,
    SourcePhase, SourceSettings, SourceStatus, StatusBoard,
};
use crate::aws::queue::{QueueAttributes, RedrivePolicy};
use crate::core::counters::ScanProgress;
use crate::core::replication::schedule::ScanReason;
use crate::core::replication::timestamp::Timestamp;
use crate::index::tally::Drift;

/// A queue that responds.
pub const GOOD_QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/1/good";
/// A queue that fails.
pub const BAD_QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/1/bad";
/// A queue that has not responded yet.
pub const NEW_QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/1/new";

/// 2026-01-02T03:04:05Z.
pub const STARTED: Timestamp = Timestamp::from_millis(1_767_323_045_000);

/// A ready board without Sources and queues.
pub fn empty_board() -> StatusBoard {
    let board = StatusBoard::new(PathBuf::from("/var/lib/asset-indexer"));
    board.set_index(IndexHealth::Open);
    board
}

/// A board with a Source in each state and a queue in each health. It is not ready, because one queue has not
/// responded yet.
pub fn board() -> StatusBoard {
    let mut board = empty_board();
    board.started = STARTED;
    board.reloads.add(2);
    board.refused_reloads.add(1);
    board.commit_failures.add(3);
    for removed in ["deployed", "removed"] {
        board.large_removals.note(removed, STARTED);
    }
    fill_work(&board);
    fill_deployed(&source(
        &board,
        "deployed",
        SourcePhase::Deployed,
        GOOD_QUEUE,
    ));
    let deploying = source(&board, "deploying", SourcePhase::Deploying, NEW_QUEUE);
    let progress = Arc::new(ScanProgress::default());
    progress.listed.add(1_500);
    progress.admitted.add(1_200);
    progress.added.add(900);
    progress.changed.add(20);
    progress.removed.add(1);
    progress.expected.add(6_000);
    deploying.set_scan(Some(ScanInProgress {
        reason: ScanReason::NeverComplete,
        since: STARTED,
        progress,
    }));
    let degraded = source(&board, "degraded", SourcePhase::Deployed, BAD_QUEUE);
    degraded.raise(SourceCondition::Queue, "access denied\u{1b}[31m");
    degraded.raise(SourceCondition::LookUp, "look-up failed");
    degraded.clear(SourceCondition::LookUp);
    let disabled = source(&board, "disabled", SourcePhase::Disabled, GOOD_QUEUE);
    disabled.raise(SourceCondition::Scan, "no bucket");
    fill_queues(&board);
    board
}

fn fill_work(board: &StatusBoard) {
    for millis in [40, 3_000] {
        board.commits.took.record(Duration::from_millis(millis));
    }
    board.commits.records.add(321);
    for (route, status, millis) in [
        (RouteGroup::Search, 200, 20),
        (RouteGroup::Search, 200, 200),
        (RouteGroup::Search, 503, 20_000),
        (RouteGroup::Page, 304, 1),
    ] {
        board
            .http
            .count(route, status, Duration::from_millis(millis));
    }
    board.http.busy.add(4);
    board.http.too_slow.add(5);
    board.http.cut_off.add(6);
}

fn source(
    board: &StatusBoard,
    name: &str,
    phase: SourcePhase,
    queue_url: &str,
) -> Arc<SourceStatus> {
    let source = board.source(name);
    source.set_settings(SourceSettings {
        bucket: "media".into(),
        prefix: format!("{name}/"),
        subdomain: name.into(),
        queue_url: Some(queue_url.into()),
        scan_interval: Some(Duration::from_secs(86_400)),
    });
    source.set_phase(phase);
    source
}

fn fill_deployed(source: &SourceStatus) {
    source.tally.set_assets(1_234_567);
    source.tally.set_drift(Drift {
        as_of: Some(STARTED),
        missing: 1,
        stale: 2,
        left_over: 3,
    });
    source.set_complete_as_of(Some(STARTED));
    for millis in [100, 900, 40_000, 90_000_000] {
        source.lag.record(Duration::from_millis(millis));
    }
    // Events can arrive late.
    source.saw_event(STARTED);
    source.saw_event(Timestamp::from_millis(0));
    source.written.add(11);
    source.stale.add(12);
    source.look_ups.add(13);
    source.scans.add(14);
    source.failed_scans.add(15);
}

fn fill_queues(board: &StatusBoard) {
    let good = board.queue(GOOD_QUEUE);
    good.set_health(QueueHealth::Receiving);
    good.set_wired();
    good.set_attributes(QueueAttributes {
        visible: 31,
        in_flight: 32,
        delayed: 33,
        retention: Duration::from_secs(345_600),
        visibility: Duration::from_secs(30),
        max_message_bytes: 262_144,
        redrive: Some(RedrivePolicy {
            dead_letter_arn: "arn:aws:sqs:eu-west-1:1:dead".into(),
            max_receive_count: 5,
        }),
        arn: "arn:aws:sqs:eu-west-1:1:good".into(),
        created: None,
    });
    let counters = &good.counters;
    let all = [
        &counters.received,
        &counters.redelivered,
        &counters.acknowledged,
        &counters.unreadable,
        &counters.failed,
        &counters.refused_receipts,
        &counters.unrouted,
        &counters.not_admitted,
        &counters.irrelevant,
        &counters.unknown,
        &counters.dead_lettered,
        &counters.released,
        &counters.elsewhere,
        &counters.other_buckets,
        &counters.cloudtrail,
        &counters.unusable_keys,
    ];
    for (counter, n) in all.into_iter().zip(101..) {
        counter.add(n);
    }
    good.raise(QueueProblem::Shared, "another consumer\u{1b}[31m receives");
    let bad = board.queue(BAD_QUEUE);
    bad.set_health(QueueHealth::Failing("access denied".into()));
    board.queue(NEW_QUEUE);
}

/// The time 1.5 hours after [`STARTED`].
pub fn later() -> Timestamp {
    Timestamp::from_millis(STARTED.as_millis() + 90 * 60 * 1000)
}
