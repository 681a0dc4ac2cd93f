//! How `status` formats a report.

use super::*;
use crate::observe::status::report::ErrorReport;
use crate::observe::status::{
    IndexHealth, QueueHealth, SourceCondition, SourcePhase, StatusBoard, sample,
};

fn report(board: &StatusBoard) -> StatusReport {
    StatusReport::at(board, Some(4_096), sample::later())
}

#[test]
fn sources_have_rows_and_problems_follow_the_table() {
    let mut report = report(&sample::board());
    report.version = "1.2.3".into();
    report.sources[0].last_error = Some(ErrorReport {
        at: "2026-01-02T03:04:05Z".into(),
        text: "it passed\n".into(),
    });
    let want = r"asset-indexer 1.2.3, up 1h 30m, NOT READY, index 4.1 kB in /var/lib/asset-indexer
failed since the start: 3 commits
failed since the start: 1 new configuration
waiting: the queue https://sqs.eu-west-1.amazonaws.com/1/new has not answered yet

 NAME       STATE         ASSETS  LAG p50/p99/max    QUEUE  DRIFT  SCAN
 degraded   degraded           0                -  failing      -  -
 deployed   deployed   1,234,567  900ms/40s/1d 1h    31+32      6  as of 2026-01-02T03:04:05Z
 deploying  deploying          0                -        ?      -  1,500 of ~6,000
 disabled   disabled           0                -    31+32      -  -

degraded: access denied\u{1b}[31m
degraded: last error, at 2026-01-02T03:04:05Z: it passed\n
deployed: drift: the last scan repaired what events should have reported: 1 missing, 2 stale, 3 left over
deploying: scanning for 1h 30m (no scan has completed yet): 1,500 keys listed, 1,200 admitted; 900 added, 20 changed, 1 removed
disabled: no bucket

queue https://sqs.eu-west-1.amazonaws.com/1/bad: access denied

queue https://sqs.eu-west-1.amazonaws.com/1/good: another consumer\u{1b}[31m receives
";
    assert_eq!(render(&report), want);
}

#[test]
fn report_without_problems_ends_after_the_table() {
    let board = sample::empty_board();
    let source = board.source("a");
    source.set_phase(SourcePhase::Deployed);
    let mut report = StatusReport::at(&board, None, board.started);
    report.version = "1.2.3".into();
    let want = "asset-indexer 1.2.3, up 0ms, ready, index in /var/lib/asset-indexer

 NAME  STATE     ASSETS  LAG p50/p99/max  QUEUE  DRIFT  SCAN
 a     deployed       0                -      -      -  -
";
    assert_eq!(render(&report), want);
    report.sources.clear();
    assert!(render(&report).ends_with("\n\nno Sources\n"));
}

#[test]
fn limits_the_number_of_lines_about_queues() {
    let board = sample::empty_board();
    for number in 0..500 {
        board.queue(&format!("starting-{number:03}"));
        let failing = board.queue(&format!("failing-{number:03}"));
        failing.set_health(QueueHealth::Failing("gone".into()));
    }
    let text = render(&report(&board));
    assert_eq!(text.matches("and 490 more").count(), 2, "{text}");
    assert!(text.contains("queue failing-009: gone") && !text.contains("failing-010"));
    assert!(text.contains("starting-009 has") && !text.contains("starting-010"));
}

#[test]
fn escapes_control_characters() {
    let board = StatusBoard::new("/data\u{1b}]0;".into());
    board.set_index(IndexHealth::Failed("\u{1b}[2J".into()));
    let source = board.source("a\u{1b}[31m\n");
    source.raise(SourceCondition::Scan, "\u{7}");
    board
        .queue("q\u{9b}")
        .set_health(QueueHealth::Failing("\r".into()));
    let text = render(&report(&board));
    let is_unescaped = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(is_unescaped), "{text:?}");
    for escaped in [
        r"\u{1b}]0;",
        r"\u{1b}[2J",
        r"a\u{1b}[31m\n",
        r"\u{7}",
        r"\r",
    ] {
        assert!(text.contains(escaped), "{escaped} is not in {text}");
    }
}

#[test]
fn scan_shows_its_progress() {
    for (listed, expected, want) in [
        (10, 0, "10 listed"),
        (10, 1_000, "10 of ~1,000"),
        (2_000, 1_000, "2,000 of ~2,000"),
    ] {
        let mut source = report(&sample::board()).sources.remove(2);
        let running = source.scan.as_mut().unwrap();
        (running.counts.listed, running.counts.expected) = (listed, expected);
        assert_eq!(scan(&source), want);
    }
}

#[test]
fn durations_have_their_two_largest_units() {
    for (seconds, want) in [
        (-1.0, "0ms"),
        (0.0, "0ms"),
        (0.0994, "99ms"),
        (0.9996, "1.0s"),
        (1.25, "1.2s"),
        (9.94, "9.9s"),
        (59.9, "59s"),
        (60.0, "1m 0s"),
        (3_599.0, "59m 59s"),
        (3_600.0, "1h 0m"),
        (86_399.0, "23h 59m"),
        (86_400.0, "1d 0h"),
        (90.0 * 86_400.0 + 3_600.0, "90d 1h"),
        (f64::NAN, "0ms"),
    ] {
        assert_eq!(duration(seconds), want, "{seconds}");
    }
}
