//! `index verify`: reads the whole index and reports defects.

use anyhow::Context;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::DataDirArgument;
use crate::cli::text::{grouped, printable, say, size};
use crate::cli::{FAILED, Failure};
use crate::config::Config;
use crate::core::json;
use crate::index::IndexError;
use crate::index::current::audit_current;
use crate::index::tantivy::audit::{AuditProgress, AuditReport};

/// Read the whole index and check that it is sound
///
/// Checks the checksum of every file, the validity of every record, and every field that is derived from
/// the key. It does not compare with the bucket: `reindex --dry-run` does. The exit code is 1 if it finds a
/// defect.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data_dir: DataDirArgument,
}

/// Template of the progress bar.
const BAR: &str = "{prefix} [{bar:20}] {percent} %";

/// What to do about a defect.
const REMEDY: &str = "build a new index from the buckets with `asset-indexer index rebuild`; it keeps the \
                      first-seen time of each record that can still be read";

/// Runs the command.
pub(super) fn run(
    arguments: &Arguments,
    config: &Config,
    bars: &MultiProgress,
) -> Result<(), Failure> {
    let data_dir = arguments.data_dir.open(config);
    let bar = new_bar(bars);
    let audited = audit_current(&data_dir, &|step| show(&bar, step));
    bar.finish_and_clear();
    let (generation, audit) = audited
        .and_then(|audited| {
            audited.ok_or_else(|| IndexError::Absent {
                data_dir: data_dir.path().to_owned(),
            })
        })
        .map_err(anyhow::Error::from)?;
    if arguments.json {
        let text = json::to_pretty(&audit).context("failed to write JSON")?;
        say!("{text}");
    } else {
        say!("{}: {}", generation.display(), summary(&audit));
        print_problems(&audit);
    }
    if audit.is_sound() {
        Ok(())
    } else {
        Err(Failure::Silent(FAILED))
    }
}

fn print_problems(audit: &AuditReport) {
    for problem in &audit.problems {
        eprintln!("error: {}", printable(&problem.to_string()));
    }
    if audit.more_problems > 0 {
        eprintln!("error: and {} more", grouped(audit.more_problems));
    }
    if !audit.is_sound() {
        eprintln!("{REMEDY}");
    }
}

fn summary(audit: &AuditReport) -> String {
    let read = format!(
        "{} assets and {} tombstones in {} segments, {} files of {}",
        grouped(audit.assets),
        grouped(audit.tombstones),
        grouped(audit.segments),
        grouped(audit.files),
        size(audit.bytes)
    );
    match audit.problems.len() as u64 + audit.more_problems {
        0 => format!("sound: {read}"),
        1 => format!("DAMAGED, 1 problem: could read {read}"),
        problems => format!("DAMAGED, {} problems: could read {read}", grouped(problems)),
    }
}

fn new_bar(bars: &MultiProgress) -> ProgressBar {
    let style = ProgressStyle::with_template(BAR);
    let style = style.expect("the template is a constant, and a test parses it");
    bars.add(ProgressBar::no_length().with_style(style.progress_chars("=> ")))
}

fn show(bar: &ProgressBar, step: AuditProgress) {
    bar.set_prefix(step.phase);
    bar.set_length(step.total);
    bar.set_position(step.done);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_is_valid() {
        new_bar(&MultiProgress::new());
    }

    #[test]
    fn summary_has_counts_and_soundness() {
        let mut audit = AuditReport {
            assets: 1_234,
            bytes: 5_000,
            ..AuditReport::default()
        };
        assert!(summary(&audit).starts_with("sound: 1,234 assets"));
        audit.more_problems = 2;
        let text = summary(&audit);
        assert!(
            text.starts_with("DAMAGED, 2 problems: could read"),
            "{text}"
        );
    }
}
