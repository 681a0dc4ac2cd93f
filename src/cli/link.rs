//! `link`: prints a new one-time link to the page of the running daemon.
//!
//! The daemon makes it. The permissions of the control socket decide who may ask.

use anyhow::anyhow;

use super::Failure;
use super::text::{printable, say};
use crate::config::Config;
use crate::serve::control::{self, ControlAnswer, ControlRequest};
use crate::serve::http::page_link;

/// Runs the command.
pub(super) async fn run(config: &Config) -> Result<(), Failure> {
    let socket = &config.serve.control_socket;
    let sent = control::send_request(socket, &ControlRequest::Link).await;
    let mut answers = sent.map_err(anyhow::Error::from)?;
    match answers.next().await.map_err(anyhow::Error::from)? {
        Some(ControlAnswer::Link { url }) => {
            // Standard output has only the link, for scripts.
            eprintln!("{}", page_link::advice());
            say!("{}", printable(&url));
            Ok(())
        }
        _ => Err(anyhow!(
            "the daemon sent an unexpected answer; check that it has the same version as this command"
        ))?,
    }
}
