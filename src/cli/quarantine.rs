//! `quarantine`: shows messages that cannot be handled, asks the daemon to retry them, and removes copies.
//!
//! It does not touch the queue: its redrive policy decides what happens to the message there.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, anyhow};

use super::text::{printable, say};
use super::{FAILED, Failure, remove_each, terminal};
use crate::config::Config;
use crate::core::json;
use crate::core::query::hit::rfc3339;
use crate::observe::quarantine::{Quarantine, QuarantineEntry};
use crate::serve::control::{self, ControlAnswer, ControlRequest};

/// Show, retry and remove messages that cannot be handled
///
/// The daemon keeps a copy of each message that it cannot read or that fails repeatedly. It does not
/// acknowledge the message: the redrive policy of the queue decides what happens to it.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the messages, newest first
    List {
        /// Print one JSON object per line, including the bodies
        #[arg(long)]
        json: bool,
    },
    /// Show one message and its body
    Show {
        /// Id from `quarantine list`
        id: String,
        /// Print only the body, byte for byte
        #[arg(long)]
        body: bool,
    },
    /// Ask the daemon to handle messages again; those that succeed leave the quarantine
    Retry {
        /// Ids from `quarantine list`
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Remove copies; if SQS delivers the message again, the daemon may keep a new copy
    Remove {
        /// Ids from `quarantine list`
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

/// Runs the command.
pub(super) async fn run(command: &Command, config: &Config) -> Result<(), Failure> {
    let open = || Quarantine::open(&config.data_dir).map_err(anyhow::Error::from);
    match command {
        Command::List { json } => list(&open()?, *json),
        Command::Show { id, body } => show(&open()?, id, *body),
        Command::Remove { ids } => remove(&open()?, ids),
        Command::Retry { ids } => retry(ids, &config.serve.control_socket).await,
    }
}

async fn retry(ids: &[String], socket: &Path) -> Result<(), Failure> {
    let request = ControlRequest::Retry { ids: ids.to_vec() };
    let mut answers = control::send_request(socket, &request)
        .await
        .map_err(anyhow::Error::from)?;
    let mut all_done = true;
    while let Some(answer) = answers.next().await.map_err(anyhow::Error::from)? {
        match answer {
            ControlAnswer::Retried { id, problem: None } => say!("{id}: done"),
            ControlAnswer::Retried { id, problem } => {
                all_done = false;
                let problem = problem.unwrap_or_default();
                eprintln!("error: {}: {}", printable(&id), printable(&problem));
            }
            _ => {}
        }
    }
    if all_done {
        Ok(())
    } else {
        Err(Failure::Silent(FAILED))
    }
}

fn list(quarantine: &Quarantine, json: bool) -> Result<(), Failure> {
    let entries = quarantine.list().map_err(anyhow::Error::from)?;
    match json {
        true => {
            for entry in &entries {
                let line = json::to_line(entry).context("failed to write JSON")?;
                say!("{line}");
            }
        }
        false if io::stdout().is_terminal() => say!("{}", table(&entries)),
        false => {
            for entry in &entries {
                say!("{}", row(entry).join("\t"));
            }
        }
    }
    Ok(())
}

fn table(entries: &[QuarantineEntry]) -> String {
    let mut table = terminal::table();
    table
        .set_header(["ID", "QUEUE", "REASON", "SENT", "RECEIVED"])
        .add_rows(entries.iter().map(row));
    terminal::align_right(&mut table, 4);
    match entries.len() {
        0 => "no message is in quarantine".to_owned(),
        1 => format!("{table}\n1 message"),
        number => format!("{table}\n{number} messages"),
    }
}

/// Id, name of the queue, reason, time sent, receive count.
fn row(entry: &QuarantineEntry) -> [String; 5] {
    [
        entry.id.clone(),
        printable(queue_name(&entry.queue_url)),
        printable(&entry.reason),
        entry.sent.map_or("-".to_owned(), rfc3339),
        entry.receive_count.to_string(),
    ]
}

/// The last segment of a queue's URL.
fn queue_name(url: &str) -> &str {
    url.rsplit_once('/').map_or(url, |(_, name)| name)
}

fn show(quarantine: &Quarantine, id: &str, body_only: bool) -> Result<(), Failure> {
    let entry = quarantine.get(id).map_err(anyhow::Error::from)?;
    let entry = entry.ok_or_else(|| anyhow!(not_found(id)))?;
    if body_only {
        // No line break is added: the output equals the body.
        let mut stdout = io::stdout();
        let written = stdout
            .write_all(entry.body.as_bytes())
            .and_then(|()| stdout.flush());
        return match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(anyhow::Error::from(error).context("failed to print the body"))?
            }
            // A closed pipe, for example `| head`, is not a failure.
            _ => Ok(()),
        };
    }
    let time = |stamp| match stamp {
        Some(stamp) => rfc3339(stamp),
        None => "unknown".to_owned(),
    };
    say!("id          {}", entry.id);
    say!("queue       {}", printable(&entry.queue_url));
    say!("message id  {}", printable(&entry.message_id));
    say!("reason      {}", printable(&entry.reason));
    say!("sent        {}", time(entry.sent));
    say!("kept        {}", time(entry.kept_at));
    say!("received    {} times", entry.receive_count);
    say!("body        {} bytes", entry.body.len());
    for line in entry.body.lines() {
        say!("  {}", printable(line));
    }
    Ok(())
}

fn remove(quarantine: &Quarantine, ids: &[String]) -> Result<(), Failure> {
    remove_each(ids, |id| match quarantine.remove(id) {
        Ok(true) => Ok(()),
        Ok(false) => Err(not_found(id)),
        Err(error) => Err(error.to_string()),
    })
}

fn not_found(id: &str) -> String {
    format!(
        "there is no message {id:?} in quarantine; `asset-indexer quarantine list` shows the ids"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(reason: &str) -> QuarantineEntry {
        QuarantineEntry {
            id: "0123456789abcdef".to_owned(),
            queue_url: "https://sqs.us-east-1.amazonaws.com/1/events".to_owned(),
            message_id: "m".to_owned(),
            reason: reason.to_owned(),
            sent: None,
            kept_at: None,
            receive_count: 3,
            body: String::new(),
        }
    }

    #[test]
    fn table_escapes_control_characters() {
        assert_eq!(table(&[]), "no message is in quarantine");
        let text = table(&[entry("found\n\u{1b}[2J")]);
        for word in ["ID", "events", "found\\n\\u{1b}[2J", "3", "1 message"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert!(!text.contains("amazonaws"), "{text}");
    }
}
