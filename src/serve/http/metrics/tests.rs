//! Tests the output with an independent parser, and compares it with the table and `deploy/metrics.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::observe::build_info;
use crate::observe::status::sample;
use crate::observe::status::{SourceCondition, SourcePhase};

/// The type of each metric and the value of each series.
struct Parsed {
    kinds: BTreeMap<String, String>,
    series: BTreeMap<String, f64>,
}

/// Parses the text. Panics if it is not valid OpenMetrics.
fn parse(text: &str) -> Parsed {
    let body = text.strip_suffix("# EOF\n").expect("it ends with EOF");
    let mut parsed = Parsed {
        kinds: BTreeMap::new(),
        series: BTreeMap::new(),
    };
    let mut last_help = String::new();
    let mut current = (String::new(), String::new());
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a name and a text");
            assert!(!help.is_empty() && !help.contains('\\'), "{line}");
            last_help = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a type");
            assert_eq!(name, last_help, "HELP comes before TYPE");
            current = (name.to_owned(), kind.to_owned());
            let doubled = parsed.kinds.insert(name.into(), kind.into());
            assert_eq!(doubled, None, "{name} occurs twice");
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a series and a value");
            let name = &series[..series.find('{').unwrap_or(series.len())];
            let suffix = name.strip_prefix(&current.0).expect("under its own TYPE");
            let suffixes: &[&str] = match current.1.as_str() {
                "counter" => &["_total"],
                "gauge" => &[""],
                "histogram" => &["_bucket", "_sum", "_count"],
                other => panic!("a {other}"),
            };
            assert!(suffixes.contains(&suffix), "{line}");
            let value: f64 = value.parse().expect("a number");
            let doubled = parsed.series.insert(series.to_owned(), value);
            assert_eq!(doubled, None, "{series} occurs twice");
        }
    }
    parsed
}

/// The metrics of a board when all other values are known too.
fn full(board: StatusBoard) -> String {
    let mut scrape = Scrape::of(&Arc::new(board), &Grant::ALL);
    scrape.disk = DiskUsage {
        index_bytes: Some(4_096),
        available_bytes: Some(1_000),
        size_bytes: Some(2_000),
        quarantined: Some(7),
    };
    scrape.process = ProcessUsage {
        resident_bytes: Some(8_192),
        cpu: Some(Duration::from_millis(1_500)),
        open_files: Some(21),
        max_files: Some(1_024),
        panics: 3,
    };
    scrape.index = Some(IndexSize {
        segments: 5,
        records: 1_000,
        deleted: 30,
    });
    scrape.text()
}

/// The metrics of a board when no other value is known.
fn bare(board: &Arc<StatusBoard>) -> Parsed {
    parse(&Scrape::of(board, &Grant::ALL).text())
}

/// The name in the TYPE line of a metric.
fn family(metric: &Metric) -> &str {
    metric.name.strip_suffix("_total").unwrap_or(metric.name)
}

#[test]
fn serves_exactly_the_metrics_of_the_table() {
    let parsed = parse(&full(sample::board()));
    let served: BTreeSet<&str> = parsed.kinds.keys().map(String::as_str).collect();
    let named: BTreeSet<&str> = metrics().map(family).collect();
    assert_eq!(served, named);
    assert_eq!(named.len(), metrics().count(), "a name occurs twice");
    for metric in metrics() {
        let is_of = |series: &String| series.starts_with(metric.name);
        assert!(parsed.series.keys().any(is_of), "{} is empty", metric.name);
    }
}

#[test]
fn names_follow_the_conventions() {
    for metric in metrics() {
        let name = metric.name;
        let is_ours = name.starts_with("asset_indexer_");
        assert!(is_ours || name.starts_with("process_"), "{name}");
        let is_plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(name.chars().all(is_plain), "{name}");
        for other in ["millis", "_ms", "minutes", "_kb", "_count"] {
            assert!(!name.contains(other), "{name} has {other}");
        }
        assert!(!metric.help.ends_with('.'), "{name}: {}", metric.help);
    }
}

/// The columns of `deploy/metrics.md` for a metric, except the last.
fn documented(metric: &Metric) -> [String; 5] {
    let base = family(metric);
    let is_timestamp = base.ends_with("timestamp_seconds") || base.ends_with("time_seconds");
    let unit = match base.rsplit('_').next() {
        _ if is_timestamp => "seconds since 1970",
        Some("seconds") => "seconds",
        Some("bytes") => "bytes",
        _ => "–",
    };
    let labels = match metric.read.labels().join(", ") {
        none if none.is_empty() => "–".to_owned(),
        labels => labels,
    };
    [
        format!("`{}`", metric.name),
        metric.kind().as_str().to_owned(),
        labels,
        unit.to_owned(),
        metric.help.to_owned(),
    ]
}

#[test]
fn documentation_matches_the_table() {
    let text = include_str!("../../../../deploy/metrics.md");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<Vec<&str>> = rows
        .map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let documented_rows: Vec<_> = rows.iter().map(|row| row[..5].to_vec()).collect();
    let want: Vec<_> = metrics().map(documented).collect();
    assert_eq!(documented_rows, want);
    for row in rows {
        assert!(
            row.len() == 6 && row[5].ends_with(['.', '?']),
            "what to do? {row:?}"
        );
    }
}

#[test]
fn series_have_the_labels_of_the_table() {
    let parsed = parse(&full(sample::board()));
    for series in parsed.series.keys() {
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let metric = metrics().find(|metric| name.starts_with(metric.name));
        let mut want: BTreeSet<&str> = metric.unwrap().read.labels().into_iter().collect();
        if name.ends_with("_bucket") {
            want.insert("le");
        }
        // No label value of the sample contains a comma or an equals sign.
        let parts = labels.split(',').filter_map(|label| label.split_once('='));
        let found: BTreeSet<&str> = parts.map(|(name, _)| name).collect();
        assert_eq!(found, want, "{series}");
    }
}

/// Expected lines for the sample board, for every metric without a test of its own.
const LINES: &str = r#"
process_start_time_seconds 1767323045.0
asset_indexer_ready 0
asset_indexer_index_up 1
asset_indexer_index_bytes 4096
asset_indexer_commit_failures_total 3
asset_indexer_index_degraded 0
asset_indexer_merge_failures_total 0
asset_indexer_config_reloads_total{result="success"} 2
asset_indexer_config_reloads_total{result="failure"} 1
asset_indexer_assets{source="deployed"} 1234567
asset_indexer_assets{source="deploying"} 0
asset_indexer_former_assets{source="deployed"} 0
asset_indexer_large_removal_timestamp_seconds{source="deployed"} 1767323045.0
asset_indexer_large_removal_timestamp_seconds{source="removed"} 1767323045.0
asset_indexer_drift_assets{source="deployed",kind="missing"} 1
asset_indexer_drift_assets{source="deployed",kind="stale"} 2
asset_indexer_drift_assets{source="deployed",kind="left_over"} 3
asset_indexer_last_complete_scan_timestamp_seconds{source="deployed"} 1767323045.0
asset_indexer_scans_total{source="deployed",result="success"} 14
asset_indexer_scans_total{source="deployed",result="failure"} 15
asset_indexer_scan_running{source="deployed"} 0
asset_indexer_scan_running{source="deploying"} 1
asset_indexer_scan_start_time_seconds{source="deploying"} 1767323045.0
asset_indexer_scan_keys_listed{source="deploying"} 1500
asset_indexer_scan_keys_admitted{source="deploying"} 1200
asset_indexer_scan_assets_added{source="deploying"} 900
asset_indexer_scan_assets_changed{source="deploying"} 20
asset_indexer_scan_assets_removed{source="deploying"} 1
asset_indexer_scan_keys_expected{source="deploying"} 6000
asset_indexer_events_written_total{source="deployed"} 11
asset_indexer_events_stale_total{source="deployed"} 12
asset_indexer_look_ups_total{source="deployed"} 13
asset_indexer_queue_up{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 1
asset_indexer_queue_up{queue="https://sqs.eu-west-1.amazonaws.com/1/bad"} 0
asset_indexer_queue_up{queue="https://sqs.eu-west-1.amazonaws.com/1/new"} 0
asset_indexer_queue_wired{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 1
asset_indexer_queue_wired{queue="https://sqs.eu-west-1.amazonaws.com/1/new"} 0
asset_indexer_queue_messages_visible{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 31
asset_indexer_queue_messages_in_flight{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 32
asset_indexer_queue_messages_delayed{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 33
asset_indexer_queue_retention_seconds{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 345600.0
asset_indexer_queue_shared{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 1
asset_indexer_queue_shared{queue="https://sqs.eu-west-1.amazonaws.com/1/new"} 0
asset_indexer_messages_received_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 101
asset_indexer_messages_redelivered_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 102
asset_indexer_messages_acknowledged_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 103
asset_indexer_messages_unreadable_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 104
asset_indexer_messages_failed_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 105
asset_indexer_receipts_refused_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 106
asset_indexer_events_unrouted_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 107
asset_indexer_events_not_admitted_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 108
asset_indexer_events_irrelevant_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 109
asset_indexer_messages_dead_lettered_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 111
asset_indexer_messages_released_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 112
asset_indexer_messages_elsewhere_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 113
asset_indexer_events_other_bucket_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 114
asset_indexer_events_cloudtrail_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 115
asset_indexer_events_unusable_key_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 116
asset_indexer_index_segments 5
asset_indexer_index_documents 1000
asset_indexer_index_deleted_documents 30
asset_indexer_disk_available_bytes 1000
asset_indexer_disk_size_bytes 2000
asset_indexer_quarantine_messages 7
asset_indexer_commit_seconds_count 2
asset_indexer_commit_seconds_bucket{le="0.05"} 1
asset_indexer_commit_documents_total 321
asset_indexer_scan_interval_seconds{source="deployed"} 86400.0
asset_indexer_http_requests_total{route="search",status="200"} 2
asset_indexer_http_requests_total{route="search",status="503"} 1
asset_indexer_http_requests_total{route="page",status="304"} 1
asset_indexer_http_request_seconds_count{route="search"} 3
asset_indexer_http_request_seconds_bucket{le="0.25",route="search"} 2
asset_indexer_searches_refused_total{reason="busy"} 4
asset_indexer_searches_refused_total{reason="too_slow"} 5
asset_indexer_http_connections_cut_off_total 6
asset_indexer_panics_total 3
process_resident_memory_bytes 8192
process_cpu_seconds_total 1.5
process_open_fds 21
process_max_fds 1024
asset_indexer_events_unknown_total{queue="https://sqs.eu-west-1.amazonaws.com/1/good"} 110
"#;

#[test]
fn values_have_the_right_labels() {
    let text = full(sample::board());
    let served: BTreeSet<&str> = text.lines().collect();
    for line in LINES.lines().filter(|line| !line.is_empty()) {
        assert!(served.contains(line), "{line} is not in {text}");
    }
    let build = format!(
        "asset_indexer_build_info{{version=\"{}\",commit=\"{}\",commit_date=\"{}\"}} 1",
        env!("CARGO_PKG_VERSION"),
        build_info::COMMIT,
        build_info::COMMIT_DATE
    );
    assert!(served.contains(build.as_str()), "{build}");
}

#[test]
fn unknown_values_are_left_out() {
    let parsed = bare(&Arc::new(sample::board()));
    for series in [
        r#"asset_indexer_drift_assets{source="deploying",kind="missing"}"#,
        r#"asset_indexer_last_complete_scan_timestamp_seconds{source="deploying"}"#,
        r#"asset_indexer_scan_keys_listed{source="deployed"}"#,
        r#"asset_indexer_queue_messages_visible{queue="https://sqs.eu-west-1.amazonaws.com/1/new"}"#,
        r#"asset_indexer_index_bytes"#,
    ] {
        assert_eq!(parsed.series.get(series), None, "{series}");
    }
}

#[test]
fn each_source_has_exactly_one_state() {
    let parsed = bare(&Arc::new(sample::board()));
    let states = ["deploying", "deployed", "degraded", "disabled"];
    // Each Source of the sample is named after its state.
    for source in states {
        for state in states {
            let series =
                format!("asset_indexer_source_state{{source=\"{source}\",state=\"{state}\"}}");
            let want = f64::from(u8::from(source == state));
            assert_eq!(parsed.series[&series], want, "{series}");
        }
    }
}

#[test]
fn lag_is_a_histogram_and_three_quantiles() {
    let parsed = bare(&Arc::new(sample::board()));
    let name = "asset_indexer_event_lag_seconds";
    assert_eq!(parsed.kinds[name], "histogram");
    // The sample has lags of 0.1, 0.9, 40 and 90,000 seconds. Buckets are cumulative.
    for (le, want) in [
        ("0.1", 1.0),
        ("0.25", 1.0),
        ("0.5", 1.0),
        ("1.0", 2.0),
        ("2.5", 2.0),
        ("5.0", 2.0),
        ("10.0", 2.0),
        ("30.0", 2.0),
        ("60.0", 3.0),
        ("300.0", 3.0),
        ("3600.0", 3.0),
        ("86400.0", 3.0),
        ("+Inf", 4.0),
    ] {
        let series = format!("{name}_bucket{{le=\"{le}\",source=\"deployed\"}}");
        assert_eq!(parsed.series.get(&series), Some(&want), "{series}");
    }
    let of_source = "{source=\"deployed\"}";
    assert_eq!(parsed.series[&format!("{name}_count{of_source}")], 4.0);
    assert_eq!(parsed.series[&format!("{name}_sum{of_source}")], 90_041.0);
    for (quantile, want) in [("0.5", 0.9), ("0.99", 40.0), ("1", 90_000.0)] {
        let series = format!(
            "asset_indexer_event_lag_recent_seconds{{source=\"deployed\",quantile=\"{quantile}\"}}"
        );
        assert_eq!(parsed.series.get(&series), Some(&want), "{series}");
    }
}

#[test]
fn serves_metrics_without_sources_and_index() {
    let parsed = bare(&Arc::new(StatusBoard::new("/none".into())));
    assert_eq!(parsed.kinds.len(), metrics().count());
    assert_eq!(parsed.series["asset_indexer_index_up"], 0.0);
    assert_eq!(parsed.series.get("asset_indexer_index_bytes"), None);
}

#[test]
fn label_values_are_escaped() {
    let board = sample::empty_board();
    board.queue("http://q/\"} 1\n\\");
    let parsed = bare(&Arc::new(board));
    let series = r#"asset_indexer_queue_up{queue="http://q/\"} 1\n\\"}"#;
    assert_eq!(parsed.series.get(series), Some(&0.0));
}

#[test]
fn degraded_source_returns_to_deployed() {
    let board = Arc::new(sample::empty_board());
    let source = board.source("a");
    source.set_phase(SourcePhase::Deployed);
    let is = |state: &str| {
        let series = format!("asset_indexer_source_state{{source=\"a\",state=\"{state}\"}}");
        bare(&board).series[&series] == 1.0
    };
    source.raise(SourceCondition::Scan, "no bucket");
    assert!(is("degraded") && !is("deployed"));
    source.clear(SourceCondition::Scan);
    assert!(is("deployed") && !is("degraded"));
}
