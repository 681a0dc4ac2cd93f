//! `status`: shows what the daemon is doing, as a table with notes below it.
//!
//! It only formats the report that the daemon sends.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use comfy_table::{ContentArrangement, Table, presets};

use super::Failure;
use super::terminal::align_right;
use super::text::{grouped, printable, size};
use crate::config::{Config, ConfigError};
use crate::core::json;
use crate::observe::status::StatusReport;
use crate::observe::status::report::{
    IndexState, LagReport, QueueReport, ReceiveState, SourceReport,
};
use crate::serve::control::{self, ControlAnswer, ControlRequest};

/// Maximum number of lines of one kind: there can be hundreds of queues.
const MAX_LINES: usize = 10;

/// The columns, and whether they hold numbers.
const COLUMNS: [(&str, bool); 7] = [
    ("NAME", false),
    ("STATE", false),
    ("ASSETS", true),
    ("LAG p50/p99/max", true),
    ("QUEUE", true),
    ("DRIFT", true),
    ("SCAN", false),
];

/// Show what the daemon is doing: the state, queue and scan of every Source
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print the whole report as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command. `path` is the configuration file.
pub(super) async fn run(arguments: &Arguments, path: &Path) -> Result<(), Failure> {
    let report = ask_for_report(&control_socket(path)?).await?;
    let text = if arguments.json {
        json::to_pretty(&report).context("failed to write JSON")? + "\n"
    } else {
        render(&report)
    };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::from(error).context("failed to print the report"))?
        }
        // A closed pipe, for example `| head`, is not a failure.
        _ => Ok(()),
    }
}

/// The socket of the daemon. The daemon keeps the configuration that it has, so mistakes in the file are no reason
/// to show nothing: they are printed as warnings.
fn control_socket(path: &Path) -> Result<PathBuf, ConfigError> {
    let error = match Config::load(path) {
        Ok(config) => return Ok(config.serve.control_socket),
        Err(error) => error,
    };
    let Some(socket) = Config::control_socket(path) else {
        return Err(error);
    };
    for mistake in error.mistakes() {
        eprintln!("warning: {mistake}");
    }
    eprintln!(
        "warning: the daemon keeps its last valid configuration and does not start with this one"
    );
    Ok(socket)
}

async fn ask_for_report(socket: &Path) -> anyhow::Result<StatusReport> {
    let mut answers = control::send_request(socket, &ControlRequest::Status).await?;
    match answers.next().await? {
        Some(ControlAnswer::Status(report)) => Ok(*report),
        _ => {
            anyhow::bail!(
                "the daemon sent an unexpected answer; check that it has the same version as this command"
            )
        }
    }
}

/// Formats the report for people. It ends with a line break.
///
/// The column QUEUE shows the visible messages and those in flight.
pub(super) fn render(report: &StatusReport) -> String {
    let mut lines = vec![headline(report)];
    if report.index.state == IndexState::Degraded {
        let reason = report.index.reason.as_deref().unwrap_or("unknown reason");
        lines.push(format!("index degraded: {}", printable(reason)));
    }
    lines.extend(failed(report));
    lines.extend(first(&report.waiting_for, |what| {
        format!("waiting: {}", printable(what))
    }));
    lines.push(String::new());
    if report.sources.is_empty() {
        lines.push("no Sources".to_owned())
    } else {
        lines.push(table(report).trim_fmt())
    }
    let notes: Vec<String> = report.sources.iter().flat_map(notes).collect();
    let failing = report
        .queues
        .iter()
        .filter(|queue| queue.state == ReceiveState::Failing);
    let failing: Vec<&QueueReport> = failing.collect();
    let problems = report.queues.iter().flat_map(problems).collect::<Vec<_>>();
    for part in [
        notes,
        first(&failing, |queue| failure(queue)),
        first(&problems, String::clone),
    ] {
        if !part.is_empty() {
            lines.push(String::new());
            lines.extend(part);
        }
    }
    lines.join("\n") + "\n"
}

fn headline(report: &StatusReport) -> String {
    let index = &report.index;
    let bytes = index.bytes.map(|bytes| size(bytes) + " ");
    format!(
        "asset-indexer {}, up {}, {}, index {}in {}",
        printable(&report.version),
        duration(report.uptime_seconds),
        if report.ready { "ready" } else { "NOT READY" },
        bytes.unwrap_or_default(),
        printable(&index.data_dir)
    )
}

/// Failures that belong to no Source and no queue.
fn failed(report: &StatusReport) -> Vec<String> {
    let counts = [
        (report.index.commit_failures, "commit"),
        (report.index.merge_failures, "merge"),
        (report.refused_reloads, "new configuration"),
    ];
    let failed = counts.into_iter().filter(|(count, _)| *count > 0);
    let line = |(count, what)| {
        let plural = if count == 1 { "" } else { "s" };
        format!("failed since the start: {} {what}{plural}", grouped(count))
    };
    failed.map(line).collect()
}

fn table(report: &StatusReport) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(COLUMNS.map(|(name, _)| name));
    for (place, (_, is_number)) in COLUMNS.iter().enumerate() {
        if *is_number {
            align_right(&mut table, place);
        }
    }
    for source in &report.sources {
        table.add_row(row(source, report));
    }
    table
}

fn row(source: &SourceReport, report: &StatusReport) -> [String; 7] {
    let queue = source.queue_url.as_deref();
    let drift = source.drift.as_ref();
    [
        printable(&source.name),
        source.state.as_str().to_owned(),
        grouped(source.assets),
        or_dash(source.lag.as_ref().map(lag)),
        or_dash(queue.map(|url| report.queue(url).map_or("?".to_owned(), depth))),
        or_dash(drift.map(|drift| grouped(drift.missing + drift.stale + drift.left_over))),
        scan(source),
    ]
}

fn or_dash(cell: Option<String>) -> String {
    cell.unwrap_or_else(|| "-".to_owned())
}

fn lag(lag: &LagReport) -> String {
    let figures = [lag.p50_seconds, lag.p99_seconds, lag.max_seconds];
    figures.map(duration).join("/")
}

fn depth(queue: &QueueReport) -> String {
    match (&queue.attributes, queue.state) {
        (_, ReceiveState::Failing) => "failing".to_owned(),
        (Some(known), _) => format!("{}+{}", grouped(known.visible), grouped(known.in_flight)),
        (None, _) => "?".to_owned(),
    }
}

fn scan(source: &SourceReport) -> String {
    match (&source.scan, &source.complete_as_of) {
        (Some(scan), _) if scan.counts.expected > 0 => {
            format!(
                "{} of ~{}",
                grouped(scan.counts.listed),
                grouped(scan.counts.expected.max(scan.counts.listed))
            )
        }
        (Some(scan), _) => format!("{} listed", grouped(scan.counts.listed)),
        (None, Some(as_of)) => format!("as of {}", printable(as_of)),
        (None, None) => "-".to_owned(),
    }
}

/// The notes about a Source below the table.
fn notes(source: &SourceReport) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |what: &dyn Display| {
        notes.push(format!("{}: {what}", printable(&source.name)));
    };
    for reason in &source.reasons {
        note(&printable(reason));
    }
    if let Some(error) = &source.last_error
        && !source.reasons.contains(&error.text)
    {
        let (at, text) = (printable(&error.at), printable(&error.text));
        note(&format_args!("last error, at {at}: {text}"));
    }
    if let Some(keys) = &source.unusable_keys {
        note(&printable(&keys.text()));
    }
    if let Some(scan) = &source.scan {
        note(&format_args!(
            "scanning for {} ({}): {} keys listed, {} admitted; {} added, {} changed, {} removed",
            duration(scan.seconds),
            printable(&scan.reason),
            grouped(scan.counts.listed),
            grouped(scan.counts.admitted),
            grouped(scan.counts.added),
            grouped(scan.counts.changed),
            grouped(scan.counts.removed),
        ));
    }
    if let Some(drift) = &source.drift
        && (drift.missing, drift.stale, drift.left_over) != (0, 0, 0)
    {
        note(&format_args!(
            "drift: the last scan repaired what events should have reported: {} missing, {} stale, {} left over",
            grouped(drift.missing),
            grouped(drift.stale),
            grouped(drift.left_over),
        ));
    }
    notes
}

fn problems(queue: &QueueReport) -> impl Iterator<Item = String> {
    let url = printable(&queue.url);
    let problems = queue.problems.iter();
    problems.map(move |problem| format!("queue {url}: {}", printable(&problem.text)))
}

fn failure(queue: &QueueReport) -> String {
    let reason = queue.reason.as_deref().unwrap_or("unknown reason");
    format!("queue {}: {}", printable(&queue.url), printable(reason))
}

/// The first [`MAX_LINES`] lines, and the number of omitted lines.
fn first<T>(items: &[T], line: impl Fn(&T) -> String) -> Vec<String> {
    let mut lines: Vec<String> = items.iter().take(MAX_LINES).map(line).collect();
    if items.len() > MAX_LINES {
        lines.push(format!(
            "and {} more",
            grouped((items.len() - MAX_LINES) as u64)
        ));
    }
    lines
}

/// Formats a duration in its two largest units.
fn duration(seconds: f64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = if seconds > 0.0 { seconds } else { 0.0 };
    let whole = seconds as u64;
    let two = |larger: u64, unit, smaller: u64, lesser| {
        let (greater, rest) = (whole / larger, whole % larger / smaller);
        format!("{greater}{unit} {rest}{lesser}")
    };
    match whole {
        0 if seconds < 0.9995 => format!("{:.0}ms", seconds * 1000.0),
        0..10 => format!("{seconds:.1}s"),
        10..MINUTE => format!("{whole}s"),
        MINUTE..HOUR => two(MINUTE, "m", 1, "s"),
        HOUR..DAY => two(HOUR, "h", MINUTE, "m"),
        _ => two(DAY, "d", HOUR, "h"),
    }
}

#[cfg(test)]
mod tests;
