//! `source test`: tests a managed Source, or values that are not stored, and prints what is wrong.
//!
//! A running daemon does it, because it has the keys and the network of the service. Otherwise this command does.

use anyhow::anyhow;
use serde_json::Value;

use super::super::text::{printable, say};
use super::super::{FAILED, Failure};
use super::{Configured, failure, form, invalid, misused, store};
use crate::core::json;
use crate::doctor;
use crate::managed::Actor;
use crate::managed::changes::{self, Values};
use crate::serve::control::{self, AnswerStream, ControlAnswer, ControlError, ControlRequest};
use crate::serve::source_drafts::{TestFinding, TestReport, TestVerdict};

/// The Source to test.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Name of the Source. With options, the options change the stored values for the test
    name: Option<String>,
    #[command(flatten)]
    fields: form::Fields,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments, configured: Configured<'_>) -> Result<(), Failure> {
    let mut values = arguments.fields.into_values()?;
    match arguments.name {
        Some(name) => {
            values.insert("name".to_owned(), Value::from(name));
        }
        None if values.is_empty() => {
            return Err(misused(
                "nothing to test; write the name of a Source, or set its values with options or --from",
            ));
        }
        None => {}
    }
    let draft = Values(values);
    let request = ControlRequest::TestSource {
        draft: draft.clone(),
    };
    let socket = &configured.config.serve.control_socket;
    let report = match control::send_request(socket, &request).await {
        Ok(answers) => answer_of(answers).await?,
        Err(ControlError::NoDaemon { .. }) => test_here(draft, configured).await?,
        Err(error) => return Err(anyhow::Error::from(error).into()),
    };
    if arguments.json {
        say!("{}", json::to_pretty(&report).map_err(anyhow::Error::from)?);
    } else {
        say!("{}", text_of(&report).trim_end());
    }
    if report.ok {
        Ok(())
    } else {
        Err(Failure::Silent(FAILED))
    }
}

async fn answer_of(mut answers: AnswerStream) -> Result<TestReport, Failure> {
    while let Some(answer) = answers.next().await.map_err(anyhow::Error::from)? {
        match answer {
            ControlAnswer::SourceTested(report) => return Ok(report),
            ControlAnswer::InvalidSource(problems) => return Err(invalid(&problems)),
            _ => {}
        }
    }
    Err(anyhow!("the daemon closed the connection before it answered; test again").into())
}

async fn test_here(draft: Values, configured: Configured<'_>) -> Result<TestReport, Failure> {
    let config = configured.config;
    let user = Actor::who_sees_all("the user of this command");
    let draft = changes::draft_source(&store(config), draft, config, &user).map_err(failure)?;
    Ok(doctor::draft::examine(&draft, &user, config).await)
}

/// Formats the report for people, one finding in each line, with its field and its remedy below.
fn text_of(report: &TestReport) -> String {
    let subjects = report.findings.iter().map(|it| it.subject.len());
    let width = subjects.max().unwrap_or(0);
    let findings = report.findings.iter().map(|it| lines(it, width));
    let end = if report.ok {
        "The Source works."
    } else {
        "The Source does not work yet."
    };
    format!("{}\n{end}\n", findings.collect::<String>())
}

fn lines(finding: &TestFinding, width: usize) -> String {
    let verdict = match finding.verdict {
        TestVerdict::Ok => "ok",
        TestVerdict::Warning => "warning",
        TestVerdict::Failure => "FAILED",
        TestVerdict::Skipped => "skipped",
    };
    // The texts may come from another process.
    let mut text = format!(
        "{verdict:<7}  {:<width$}  {}\n",
        finding.subject,
        printable(&finding.text)
    );
    if let Some(pointer) = &finding.pointer {
        let key = pointer.trim_start_matches('/').replace('/', ".");
        text += &format!("         see {key}\n");
    }
    if let Some(remedy) = &finding.remedy {
        let colon = if finding.commands.is_empty() { "" } else { ":" };
        text += &format!("         {}{colon}\n", printable(remedy));
    }
    for command in &finding.commands {
        text += &format!("             {}\n", printable(command));
    }
    text
}
