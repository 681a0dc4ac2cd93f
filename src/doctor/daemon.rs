//! Asks the running daemon for what only it can know: whether it has this configuration, and the findings about
//! Sources whose credentials systemd gives only to the service.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::SourceFindings;
use super::finding::{Finding, Subject};
use crate::aws::credentials::is_unreadable_here;
use crate::config::{Config, ConfigDigest};
use crate::core::source::Source;
use crate::serve::control::{ControlAnswer, ControlError, ControlRequest, send_request};

/// Maximum time for the daemon to examine Sources. Each of its requests has a shorter limit.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The running daemon.
pub(super) struct RunningDaemon {
    digest: ConfigDigest,
    /// The address for HTTP, as in `serve.listen`.
    pub listen: Option<String>,
}

/// The daemon on the control socket. `None` if none runs.
///
/// # Errors
///
/// If it cannot be asked, for example because this user may not connect, or because it has another version.
pub(super) async fn running(socket: &Path) -> Result<Option<RunningDaemon>, ControlError> {
    match ask(socket, &ControlRequest::Configuration).await {
        Ok(Some(ControlAnswer::Configuration { digest, listen })) => {
            Ok(Some(RunningDaemon { digest, listen }))
        }
        Ok(_) => Err(unexpected()),
        Err(ControlError::NoDaemon { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn ask(
    socket: &Path,
    request: &ControlRequest,
) -> Result<Option<ControlAnswer>, ControlError> {
    send_request(socket, request).await?.next().await
}

fn unexpected() -> ControlError {
    ControlError::Connection("it gave another answer than was expected".to_owned())
}

/// The finding about the daemon. None if no daemon runs.
pub(super) fn finding(
    daemon: &Result<Option<RunningDaemon>, ControlError>,
    config: &Config,
) -> Option<Finding> {
    let daemon = match daemon {
        Ok(daemon) => daemon.as_ref()?,
        Err(error) => {
            let what = format!("cannot be asked: {error}");
            let remedy = "Run this as root, as the service's user or as a member of its group. If the daemon has \
                          another version, restart it.";
            return Some(Finding::warning(Subject::Daemon, what).remedy(remedy));
        }
    };
    let differences = config.digest().differences(&daemon.digest);
    if differences.is_empty() {
        let what = "it runs with this configuration";
        return Some(Finding::ok(Subject::Daemon, what));
    }
    let what = format!(
        "it runs with another configuration: it has {}",
        differences.join(", ")
    );
    let finding = Finding::warning(Subject::Daemon, what).remedy(
        "To preview what this configuration changes, run the first command. To let the daemon use it, write it to the \
         file that the daemon reads, and run the second",
    );
    Some(finding.commands([
        "asset-indexer reindex --dry-run".to_owned(),
        "systemctl reload asset-indexer".to_owned(),
    ]))
}

impl RunningDaemon {
    /// Whether the daemon has to examine this Source: this process cannot read its secrets, and the daemon has the
    /// same configuration of it.
    pub(super) fn has_to_examine(&self, source: &Source, config: &Config) -> bool {
        is_unreadable_here(source) && config.digest().has_same_source(&self.digest, &source.name)
    }
}

/// The findings of the daemon about these Sources.
pub(super) async fn examine(
    socket: &Path,
    sources: &[Arc<Source>],
) -> Result<Vec<SourceFindings>, ControlError> {
    let names = sources.iter().map(|source| source.name.clone());
    let request = ControlRequest::Check {
        sources: names.collect(),
    };
    let asked = tokio::time::timeout(TIMEOUT, ask(socket, &request)).await;
    let Ok(Some(ControlAnswer::Checked(findings))) = asked.map_err(|_| unexpected())? else {
        return Err(unexpected());
    };
    let mut findings: Vec<SourceFindings> = serde_json::from_value(findings)
        .map_err(|error| ControlError::Connection(error.to_string()))?;
    let by_daemon = "the daemon has examined this Source, because only it can read the secret";
    for source in &mut findings {
        let finding = Finding::ok(Subject::Daemon, by_daemon);
        source.findings.insert(0, finding);
    }
    Ok(findings)
}
