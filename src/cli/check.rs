//! `check`: has everything examined that the daemon depends on, and says in words what is wrong and what to
//! do about it.
//!
//! What is examined, and how bad a finding is, is `doctor`'s to say.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use super::text::grouped;
use super::{DEFAULT_CONFIG, FAILED, Failure};
use crate::config::Config;
use crate::doctor::{self, Finding, Report, Verdict, quoted};

/// How a command of this program begins that a remedy names.
const PROGRAM: &str = "asset-indexer ";

/// Examine the configuration, this machine, and every Source's bucket and queue: what works, what does not,
/// and what to do about it
///
/// Nothing is changed: no message is received that waits, no file is written. The exit code is 1 where something
/// does not work.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Examine this Source and no other; may be given several times
    #[arg(long, value_name = "NAME")]
    source: Vec<String>,
    /// Exit with 1 also where there are warnings alone
    #[arg(long)]
    strict: bool,
    /// Everything that was found as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command; `path` is the configuration's file.
pub(super) async fn run(
    arguments: &Arguments,
    config: &Config,
    path: &Path,
) -> Result<(), Failure> {
    let chosen = config.choose(&arguments.source)?.into_iter();
    // One that is disabled is examined where it is named: else its faults are nobody's concern.
    let examined = chosen.filter(|source| source.enabled || !arguments.source.is_empty());
    let examined: Vec<_> = examined.map(Arc::clone).collect();
    let mut report = doctor::examine(config, path, &examined).await;
    name_configuration(&mut report, path);
    let text = if arguments.json {
        serde_json::to_string_pretty(&report).context("failed to write JSON")? + "\n"
    } else {
        render(&report)
    };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::from(error).context("failed to print what was found"))?;
        }
        // Also where whoever reads has seen enough, as `head` has.
        _ => {}
    }
    match (report.verdict, arguments.strict) {
        (Verdict::Failure, _) | (Verdict::Warning, true) => Err(Failure::Silent(FAILED)),
        _ => Ok(()),
    }
}

/// Has each command of this program in a remedy name the configuration, where it is not the default one.
fn name_configuration(report: &mut Report, path: &Path) {
    if path == Path::new(DEFAULT_CONFIG) {
        return;
    }
    // Where it is pasted is not where it is printed.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let path = quoted(&path.to_string_lossy());
    let of_sources = report.sources.iter_mut();
    let of_sources = of_sources.flat_map(|source| &mut source.findings);
    let findings = report.machine.iter_mut().chain(of_sources);
    let remedies = findings.filter_map(|finding| finding.remedy.as_mut());
    for command in remedies.flat_map(|remedy| &mut remedy.commands) {
        if let Some(rest) = command.strip_prefix(PROGRAM) {
            *command = format!("{PROGRAM}--config {path} {rest}");
        }
    }
}

/// What was found as people read it: the machine, then each Source; it ends with a line break.
fn render(report: &Report) -> String {
    let of_sources = report.sources.iter();
    let of_sources =
        of_sources.map(|source| (format!("Source {:?}", source.name), &source.findings));
    let groups = [("This machine".to_owned(), &report.machine)];
    let groups = groups.into_iter().chain(of_sources);
    let mut text = String::new();
    for (title, findings) in groups {
        let width = findings.iter().map(|it| it.subject.as_str().len()).max();
        let lines = findings.iter().map(|it| lines(it, width.unwrap_or(0)));
        text += &format!("{title}\n{}\n", lines.collect::<String>());
    }
    let counts = &report.counts;
    let count = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        number => format!("{} {what}s", grouped(number as u64)),
    };
    text + &format!(
        "{}, {}, {} ok\n",
        count(counts.failure, "failure"),
        count(counts.warning, "warning"),
        grouped(counts.ok as u64)
    )
}

/// One finding, its remedy indented below it.
fn lines(finding: &Finding, width: usize) -> String {
    let verdict = match finding.verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::Failure => "FAILED",
    };
    let subject = finding.subject.as_str();
    let mut text = format!("  {verdict:<7}  {subject:<width$}  {}\n", finding.what);
    if let Some(remedy) = &finding.remedy {
        let colon = if remedy.commands.is_empty() { "" } else { ":" };
        text += &format!("           {}{colon}\n", remedy.text);
        for command in &remedy.commands {
            text += &format!("               {command}\n");
        }
    }
    text
}
