//! Single questions on the terminal, and their answers as typed.
//!
//! It does not know what the answers are for.

use std::io::{self, BufRead, Write};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use crate::cli::source::misused;
use crate::cli::text::printable;
use crate::cli::{Failure, INTERRUPTED};

/// The error if a person ends the input instead of answering.
const ENDED: &str = "the input ended before the last answer; nothing was changed";

/// The answer that removes a default.
const NOTHING: &str = "-";

/// One of several answers, and what it means.
pub(super) struct Choice(pub &'static str, pub &'static str);

/// Asks until there is an answer.
pub(super) fn required(text: &str, default: &str) -> Result<String, Failure> {
    loop {
        match optional(text, default)? {
            answer if answer.is_empty() => println!("This is needed."),
            answer => return Ok(answer),
        }
    }
}

/// Asks for an answer that may be empty.
pub(super) fn optional(text: &str, default: &str) -> Result<String, Failure> {
    let answer = match default {
        "" => line(text)?,
        default => line(&format!("{text} [{}]", printable(default)))?,
    };
    Ok(match answer.as_str() {
        "" => default.to_owned(),
        NOTHING => String::new(),
        _ => answer,
    })
}

/// Asks for one of the choices.
pub(super) fn choose(
    text: &str,
    choices: &[Choice],
    default: &str,
) -> Result<&'static str, Failure> {
    println!("{text}");
    for Choice(answer, meaning) in choices {
        println!("  {answer}  {meaning}");
    }
    loop {
        let answer = optional("Choice", default)?;
        let mut chosen = choices.iter().filter(|Choice(it, _)| *it == answer);
        if let Some(Choice(chosen, _)) = chosen.next() {
            return Ok(chosen);
        }
        let answers: Vec<&str> = choices.iter().map(|Choice(answer, _)| *answer).collect();
        println!("Answer with one of {}.", answers.join(", "));
    }
}

/// Asks for yes or no.
pub(super) fn is_yes(text: &str, default: bool) -> Result<bool, Failure> {
    let shown = if default { "Y/n" } else { "y/N" };
    loop {
        match line(&format!("{text} [{shown}]"))?
            .to_ascii_lowercase()
            .as_str()
        {
            "" => return Ok(default),
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => println!("Answer with y or n."),
        }
    }
}

/// Asks for a text that the terminal does not show.
///
/// Must run in a tokio runtime. Ctrl-C ends the process only after the terminal shows again what is typed: `rpassword`
/// sends the signal first.
pub(super) fn hidden(text: &str) -> Result<Zeroizing<String>, Failure> {
    let interrupts = signal(SignalKind::interrupt());
    let mut interrupts = interrupts.context("failed to listen for Ctrl-C")?;
    let typed = match rpassword::prompt_password(text) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            return Err(Failure::Silent(INTERRUPTED));
        }
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(misused(ENDED));
        }
        typed => Zeroizing::new(typed.context("failed to read the secret")?),
    };
    // From now on the signal ends the process only if someone listens.
    tokio::spawn(async move {
        interrupts.recv().await;
        std::process::exit(INTERRUPTED.into());
    });
    Ok(typed)
}

/// Prints the question, and returns the answer without the spaces around it.
fn line(text: &str) -> Result<String, Failure> {
    print!("{text}: ");
    io::stdout().flush().context("failed to print a question")?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    match read.context("failed to read the answer")? {
        0 => Err(misused(ENDED)),
        _ => Ok(answer.trim().to_owned()),
    }
}
