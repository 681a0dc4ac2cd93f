//! `reindex`: runs a one-shot full reindex, shows its progress and prints a summary.
//!
//! If a daemon runs, the daemon does the work.

use std::path::Path;

use anyhow::Context;
use indicatif::MultiProgress;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::index::Rebuild;
use super::text::{grouped, printable_lines, say};
use super::{FAILED, Failure, INTERRUPTED, completions, progress};
use crate::config::{Config, ConfigDigest};
use crate::core::json;
use crate::core::query::hit::rfc3339;
use crate::core::replication::scan_mode::ScanMode;
use crate::index::current::LostRecords;
use crate::index::ledger::UnconfiguredSource;
use crate::ingest::reindex::{Reindex, ReindexJob, ReindexMode, ReindexOutcome, ReindexReport};
use crate::ingest::scanner::{ScanError, ScanOutcome};
use crate::serve::control::{self, ControlAnswer, ControlRequest};
use report::Report;

mod report;

/// List every Source and make the index match
///
/// Searches keep working. Unchanged objects cost no write. If a reindex is killed, the next one resumes
/// from its last commit.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Scan only this Source; repeat it for more
    #[arg(long, value_name = "NAME", add = completions::sources())]
    source: Vec<String>,
    /// Build a new index next to the current one and swap it in when it is complete
    #[arg(long, conflicts_with_all = ["source", "dry_run"])]
    rebuild: bool,
    /// Write nothing; count what would be added, changed and removed, and the LIST requests
    #[arg(long)]
    dry_run: bool,
    /// Start from scratch even if an unfinished scan could be resumed
    #[arg(long)]
    fresh: bool,
    /// Confirm that a bucket or prefix that is new in the configuration has no assets: remove those of the
    /// former bucket or prefix
    #[arg(long)]
    allow_empty: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    json: bool,
}

impl From<Rebuild> for Arguments {
    fn from(rebuild: Rebuild) -> Self {
        let Rebuild {
            fresh,
            allow_empty,
            json,
        } = rebuild;
        Self {
            source: Vec::new(),
            rebuild: true,
            dry_run: false,
            fresh,
            allow_empty,
            json,
        }
    }
}

/// Runs the command.
pub(super) async fn run(
    arguments: Arguments,
    config: Config,
    bars: MultiProgress,
) -> Result<(), Failure> {
    let mode = match (arguments.rebuild, arguments.dry_run) {
        (true, _) => ReindexMode::Rebuild,
        (_, true) => ReindexMode::DryRun,
        _ => ReindexMode::InPlace,
    };
    let (socket, digest) = (config.serve.control_socket.clone(), config.digest());
    let reindex = Reindex::new(
        config,
        &arguments.source,
        mode,
        ScanMode::requested(arguments.fresh),
        arguments.allow_empty,
    )?;
    let stop = CancellationToken::new();
    let signals = [SignalKind::interrupt(), SignalKind::terminate()];
    for kind in signals {
        let signal = signal(kind).context("failed to listen for signals")?;
        tokio::spawn(stop_on(signal, stop.clone()));
    }
    let shown = progress::show(reindex.jobs().to_vec(), bars.clone());
    let report = tokio::select! {
        report = run_here_or_by_daemon(reindex, &digest, &socket, &stop) => report,
        () = shown => unreachable!("the progress display never ends by itself"),
    };
    // Does nothing if the display is hidden.
    let _ = bars.clear();
    let report = report?;
    if arguments.json {
        let text = json::to_pretty(&Report::of(&report, mode));
        say!("{}", text.context("failed to write JSON")?);
    } else {
        print_summary(&report.outcomes, mode);
        print_unconfigured(&report.unconfigured, mode);
        print_lost(report.lost);
    }
    warn_about(&report.outcomes, mode);
    let ReindexReport {
        outcomes, refusal, ..
    } = report;
    if stop.is_cancelled() {
        return Err(Failure::Silent(INTERRUPTED));
    }
    if let Some(refusal) = refusal {
        return Err(anyhow::Error::from(refusal).into());
    }
    if outcomes.iter().all(|outcome| outcome.scan.result.is_ok()) {
        Ok(())
    } else {
        Err(Failure::Silent(FAILED))
    }
}

/// Reindexes in this process, or asks the daemon if one runs, because it holds the index.
async fn run_here_or_by_daemon(
    reindex: Reindex,
    digest: &ConfigDigest,
    socket: &Path,
    stop: &CancellationToken,
) -> anyhow::Result<ReindexReport> {
    if reindex.writes_index() && control::is_in_use(socket).await {
        if let Some(difference) = difference_of_daemon(digest, socket).await {
            eprintln!("warning: {difference}");
        }
        tracing::info!("asking the daemon");
        return Ok(reindex.run_by_daemon(socket, stop).await?);
    }
    Ok(reindex.run(stop).await?)
}

/// The difference between this configuration and that of the daemon. `None` if there is none, or if the daemon does not
/// say.
async fn difference_of_daemon(digest: &ConfigDigest, socket: &Path) -> Option<String> {
    let mut answers = control::send_request(socket, &ControlRequest::Configuration)
        .await
        .ok()?;
    let Ok(Some(ControlAnswer::Configuration {
        digest: running, ..
    })) = answers.next().await
    else {
        return None;
    };
    let differences = digest.differences(&running);
    (!differences.is_empty()).then(|| {
        format!(
            "the daemon does the reindex with its own configuration, which differs from this one: it has {}. To let it use \
             this one, write it to the file that the daemon reads and run `systemctl reload asset-indexer` first; to \
             preview it, add --dry-run",
            differences.join(", ")
        )
    })
}

/// Stops cleanly at the first signal and at once at the second.
async fn stop_on(mut signal: Signal, stop: CancellationToken) {
    while signal.recv().await.is_some() {
        if stop.is_cancelled() {
            std::process::exit(i32::from(INTERRUPTED));
        }
        tracing::warn!("stopping after a commit; a second signal ends at once");
        stop.cancel();
    }
}

fn print_summary(outcomes: &[ReindexOutcome], mode: ReindexMode) {
    let mut sums = [0; 6];
    for outcome in outcomes {
        let figures = figures(outcome);
        for (sum, figure) in sums.iter_mut().zip(figures) {
            *sum += figure;
        }
        let name = &outcome.job.source.name;
        let seconds = outcome.scan.took.as_secs_f64();
        match &outcome.scan.result {
            Ok(ScanOutcome { resumed, as_of }) => {
                let how = match resumed {
                    true => "resumed and complete",
                    false => "complete",
                };
                let as_of = as_of.map(|stamp| format!(", as of {}", rfc3339(stamp)));
                say!(
                    "{name}: {how} in {seconds:.1} s{}: {}",
                    as_of.unwrap_or_default(),
                    sentence(figures, mode)
                );
            }
            Err(ScanError::Interrupted) => {
                say!("{name}: interrupted: {}", sentence(figures, mode));
            }
            Err(_) => {
                say!(
                    "{name}: FAILED after {seconds:.1} s: {}",
                    sentence(figures, mode)
                );
            }
        }
        print_removals(&outcome.job, mode);
    }
    if outcomes.len() > 1 {
        say!("all {} Sources: {}", outcomes.len(), sentence(sums, mode));
    }
}

/// Prints errors and warnings on standard error.
fn warn_about(outcomes: &[ReindexOutcome], mode: ReindexMode) {
    for ReindexOutcome { job, scan } in outcomes {
        if let Err(error) = &scan.result
            && !matches!(error, ScanError::Interrupted)
        {
            let error = printable_lines(&error.to_string());
            eprintln!("error: Source {:?}: {error}", job.source.name);
        }
        warn_about_large_removal(job, mode);
        warn_about_unusable(job);
    }
    let failed = outcomes
        .iter()
        .filter(|outcome| outcome.scan.result.is_err())
        .count();
    if mode == ReindexMode::Rebuild && failed > 0 {
        eprintln!("the rebuild failed; the previous index stays current");
    }
}

/// Says why a Source lost assets, unless that is because a scan did not find them.
fn print_removals(job: &ReindexJob, mode: ReindexMode) {
    let ReindexJob {
        source, progress, ..
    } = job;
    let name = &source.name;
    let would_be = would_be(mode);
    for (removed, cause) in [
        (progress.excluded.get(), "its rules have changed"),
        (progress.former.get(), "its bucket or prefix has changed"),
    ] {
        if removed > 0 {
            let assets = grouped(removed);
            say!("{would_be}removed from Source {name:?} because {cause}: {assets} assets");
        }
    }
}

fn would_be(mode: ReindexMode) -> &'static str {
    match mode {
        ReindexMode::DryRun => "would be ",
        ReindexMode::InPlace | ReindexMode::Rebuild => "",
    }
}

/// Says whether a Source lost more than half of its assets at once.
fn warn_about_large_removal(job: &ReindexJob, mode: ReindexMode) {
    let (name, progress) = (&job.source.name, &job.progress);
    let would_lose = match mode {
        ReindexMode::DryRun => "would lose",
        ReindexMode::InPlace | ReindexMode::Rebuild => "loses",
    };
    let (lost, of) = (progress.lost_at_once.get(), progress.assets_before.get());
    if lost > 0 {
        let (lost, of) = (grouped(lost), grouped(of));
        eprintln!(
            "warning: Source {name:?} {would_lose} more than half of its assets at once: {lost} of {of}. If that is a \
             mistake, correct the bucket, the prefix or the rules, or restore the objects, and run the reindex again"
        );
    }
}

/// Names some of the keys that cannot be indexed. If the daemon did the scan, only their number is known.
fn warn_about_unusable(job: &ReindexJob) {
    let count = job.progress.unusable.get();
    if count == 0 {
        return;
    }
    let examples = job.progress.unusable_examples();
    let named = if examples.is_empty() {
        "`asset-indexer status` names some of them".to_owned()
    } else {
        format!("for example {}", examples.join(", "))
    };
    eprintln!(
        "warning: {} keys skipped in Source {:?}, because they are not UTF-8 or the store encodes them wrongly; {named}",
        grouped(count),
        job.source.name
    );
}

/// Names the Sources that are no longer configured, and the number of assets that each loses.
fn print_unconfigured(unconfigured: &[UnconfiguredSource], mode: ReindexMode) {
    let dry = would_be(mode);
    for UnconfiguredSource { name, assets } in unconfigured {
        let assets = grouped(*assets);
        say!("{dry}removed because Source {name:?} is no longer configured: {assets} assets");
    }
}

/// Says how many records of the previous index a rebuild could not carry over.
fn print_lost(lost: LostRecords) {
    let records = match lost {
        LostRecords::NONE => return,
        LostRecords::Counted(records) => format!("{} records", grouped(records)),
        LostRecords::All => "all records".to_owned(),
    };
    say!("not carried over from the damaged previous index: {records}; their assets count as new");
}

fn figures(outcome: &ReindexOutcome) -> [u64; 6] {
    let progress = &outcome.job.progress;
    [
        progress.listed.get(),
        progress.admitted.get(),
        progress.added.get(),
        progress.changed.get(),
        progress.removed.get(),
        outcome.scan.list_requests,
    ]
}

fn sentence(figures: [u64; 6], mode: ReindexMode) -> String {
    let [listed, admitted, added, changed, removed, requests] = figures.map(grouped);
    let dry = if mode == ReindexMode::DryRun {
        "would be: "
    } else {
        ""
    };
    format!(
        "{listed} keys listed, {admitted} admitted; {dry}{added} added, {changed} changed, \
         {removed} removed; {requests} LIST requests"
    )
}
