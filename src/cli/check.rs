//! `check`: tests everything that the daemon depends on, and prints what is wrong and what to do.
//!
//! `doctor` runs the tests and rates the findings.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use super::text::grouped;
use super::{DEFAULT_CONFIG, FAILED, Failure, completions};
use crate::config::Config;
use crate::core::json;
use crate::doctor::{self, Finding, Report, Verdict, quoted};

/// How the commands of this program start in a remedy.
const PROGRAM: &str = "asset-indexer ";

/// Test the configuration, this machine, and the bucket and queue of every Source
///
/// Prints what works, what does not, and what to do. Nothing is changed: no waiting message is received, no
/// file is written. The exit code is 1 if something does not work, and 2 if the configuration has a mistake.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Test only this Source; repeat it for more
    #[arg(long, value_name = "NAME", add = completions::sources())]
    source: Vec<String>,
    /// Exit with 1 if there are only warnings, too
    #[arg(long)]
    strict: bool,
    /// Test only the configuration files, without any request; with a mistake, the exit code is 2
    #[arg(long, conflicts_with = "source")]
    offline: bool,
    /// Print all findings as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command. `path` is the configuration file.
pub(super) async fn run(
    arguments: &Arguments,
    config: &Config,
    path: &Path,
) -> Result<(), Failure> {
    let mut report = if arguments.offline {
        doctor::examine_offline(config, path)
    } else {
        let chosen = config.choose(&arguments.source)?.into_iter();
        // A disabled Source is tested only if it is named.
        let examined = chosen.filter(|source| source.enabled || !arguments.source.is_empty());
        let examined: Vec<_> = examined.map(Arc::clone).collect();
        doctor::examine(config, path, &examined).await
    };
    name_configuration(&mut report, path);
    let text = if arguments.json {
        json::to_pretty(&report).context("failed to write JSON")? + "\n"
    } else {
        render(&report)
    };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::from(error).context("failed to print the findings"))?;
        }
        // A closed pipe, for example `| head`, is not a failure.
        _ => {}
    }
    match (report.verdict, arguments.strict) {
        (Verdict::Failure, _) | (Verdict::Warning, true) => Err(Failure::Silent(FAILED)),
        _ => Ok(()),
    }
}

/// Adds `--config` to the commands in remedies if the configuration is not the default one.
fn name_configuration(report: &mut Report, path: &Path) {
    if path == Path::new(DEFAULT_CONFIG) {
        return;
    }
    // Absolute, because the user may paste the command in another folder.
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

/// Formats the findings for people: the machine, then each Source. It ends with a line break.
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

/// Formats one finding with its remedy indented below.
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
