//! Tests the content of status reports.

use serde_json::json;

use super::*;
use crate::observe::status::sample::{self, BAD_QUEUE, GOOD_QUEUE, NEW_QUEUE};
use crate::observe::status::{SourceCondition, SourcePhase};

fn report() -> StatusReport {
    StatusReport::at(&sample::board(), Some(4_096), sample::later())
}

#[test]
fn round_trips_through_json() {
    let report = report();
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<StatusReport>(&text).unwrap(), report);
}

#[test]
fn reader_says_that_it_only_reads() {
    let board = StatusBoard::read_only("/var/lib/asset-indexer".into());
    let mut written = serde_json::to_value(StatusReport::of(&board, None)).unwrap();
    assert_eq!(written["read_only"], true);
    // A report of an older program does not say it.
    written.as_object_mut().unwrap().remove("read_only");
    let read: StatusReport = serde_json::from_value(written).unwrap();
    assert!(!read.read_only);
}

#[test]
fn json_has_fixed_names_and_units() {
    let written = serde_json::to_value(report()).unwrap();
    assert_eq!(written["started"], "2026-01-02T03:04:05Z");
    assert_eq!(written["uptime_seconds"], 5_400.0);
    assert_eq!(written["reloads"], 2);
    assert_eq!(written["refused_reloads"], 1);
    assert_eq!(written["read_only"], false);
    let index = json!({
        "state": "open", "reason": null, "data_dir": "/var/lib/asset-indexer", "bytes": 4096,
        "commit_failures": 3,
        "merge_failures": 0,
    });
    assert_eq!(written["index"], index);
    let deployed = json!({
        "name": "deployed", "bucket": "media", "prefix": "deployed/", "subdomain": "deployed",
        "queue_url": GOOD_QUEUE, "state": "deployed", "reasons": [], "assets": 1234567,
        "scan": null, "complete_as_of": "2026-01-02T03:04:05Z",
        "drift": { "as_of": "2026-01-02T03:04:05Z", "missing": 1, "stale": 2, "left_over": 3 },
        "lag": { "p50_seconds": 0.9, "p99_seconds": 40.0, "max_seconds": 90000.0 },
        "counts": {
            "written": 11, "stale": 12, "look_ups": 13, "scans": 14, "failed_scans": 15,
        },
        "last_event_at": "2026-01-02T03:04:05Z", "last_error": null,
        "unusable_keys": null,
    });
    assert_eq!(written["sources"][1], deployed);
    let scan = json!({
        "reason": "no scan has completed yet", "since": "2026-01-02T03:04:05Z", "seconds": 5400.0,
        "listed": 1500, "admitted": 1200, "added": 900, "changed": 20, "removed": 1,
        "expected": 6000,
    });
    assert_eq!(written["sources"][2]["scan"], scan);
}

#[test]
fn json_of_a_queue_has_attributes_and_counts() {
    let report = report();
    let good = serde_json::to_value(report.queue(GOOD_QUEUE).unwrap()).unwrap();
    let want = json!({
        "url": GOOD_QUEUE, "state": "receiving", "reason": null, "wired": true,
        "problems": [{ "kind": "shared", "text": "another consumer\u{1b}[31m receives" }],
        "attributes": {
            "visible": 31, "in_flight": 32, "delayed": 33, "retention_seconds": 345600,
            "dead_letter": { "arn": "arn:aws:sqs:eu-west-1:1:dead", "max_receive_count": 5 },
        },
        "counts": {
            "received": 101, "redelivered": 102, "acknowledged": 103, "unreadable": 104,
            "failed": 105, "refused_receipts": 106, "unrouted": 107, "not_admitted": 108,
            "irrelevant": 109, "unknown": 110, "released": 112, "elsewhere": 113, "other_buckets": 114,
            "cloudtrail": 115, "unusable_keys": 116,
        },
    });
    assert_eq!(good, want);
    let bad = report.queue(BAD_QUEUE).unwrap();
    assert_eq!(bad.state, ReceiveState::Failing);
    assert_eq!(bad.reason.as_deref(), Some("access denied"));
    let new = report.queue(NEW_QUEUE).unwrap();
    assert_eq!(
        (new.state, &new.attributes),
        (ReceiveState::Starting, &None)
    );
    assert_eq!(report.queue("another"), None);
}

#[test]
fn state_is_the_phase_unless_there_are_problems() {
    for (phase, has_conditions, want) in [
        (SourcePhase::Deploying, false, DeploymentState::Deploying),
        (SourcePhase::Deployed, false, DeploymentState::Deployed),
        (SourcePhase::Disabled, false, DeploymentState::Disabled),
        (SourcePhase::Deploying, true, DeploymentState::Degraded),
        (SourcePhase::Deployed, true, DeploymentState::Degraded),
        (SourcePhase::Disabled, true, DeploymentState::Disabled),
    ] {
        assert_eq!(
            DeploymentState::of(phase, has_conditions),
            want,
            "{phase:?} {has_conditions}"
        );
    }
    for state in DeploymentState::ALL {
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
    }
}

#[test]
fn cleared_problem_remains_the_last_error() {
    let report = report();
    let degraded = &report.sources[0];
    assert_eq!(degraded.reasons, ["access denied\u{1b}[31m"]);
    assert_eq!(degraded.last_error.as_ref().unwrap().text, "look-up failed");
    assert_eq!(degraded.state, DeploymentState::Degraded);
}

#[test]
fn waits_for_the_index_and_for_starting_queues() {
    for (index, is_starting, want) in [
        (IndexHealth::Open, false, &[][..]),
        (IndexHealth::Opening, false, &["the index is being opened"]),
        (
            IndexHealth::Failed("no space".into()),
            false,
            &["the index failed: no space"],
        ),
        (
            IndexHealth::Open,
            true,
            &["the queue q has not answered yet"],
        ),
        (
            IndexHealth::Opening,
            true,
            &[
                "the index is being opened",
                "the queue q has not answered yet",
            ],
        ),
    ] {
        let board = sample::empty_board();
        board.set_index(index.clone());
        if !is_starting {
            board
                .queue("q")
                .set_health(QueueHealth::Failing("gone".into()));
        }
        board.queue("q");
        let report = StatusReport::of(&board, None);
        assert_eq!(report.waiting_for, want, "{index:?}");
        assert_eq!(report.ready, want.is_empty(), "{index:?}");
        assert_eq!(report.ready, board.is_ready(), "{index:?}");
    }
}

#[test]
fn clock_set_back_yields_no_negative_time() {
    let report = StatusReport::at(&sample::board(), None, Timestamp::from_millis(0));
    assert_eq!(report.uptime_seconds, 0.0);
    assert_eq!(report.sources[2].scan.as_ref().unwrap().seconds, 0.0);
}

#[test]
fn new_source_is_deploying() {
    let board = sample::empty_board();
    board.source("new");
    let report = StatusReport::of(&board, None);
    let new = &report.sources[0];
    assert_eq!((new.state, new.assets), (DeploymentState::Deploying, 0));
    assert_eq!((&new.scan, &new.lag, &new.drift), (&None, &None, &None));
    board
        .source("new")
        .raise(SourceCondition::Scan, "no bucket");
    let report = StatusReport::of(&board, None);
    assert_eq!(report.sources[0].state, DeploymentState::Degraded);
}
