//! Whether those who are to read over HTTP can, and nobody else.

use super::finding::{Finding, Subject};
use crate::config::Config;
use crate::serve::access::TokensError;
use crate::serve::access::guarded::GuardedFault;
use crate::serve::http::gate::{Gate, GateError};
use crate::serve::http::tls::TlsError;

/// Examines who is let in; nothing where HTTP is not served. It reads the disk.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let Some(listen) = &config.serve.listen else {
        return Vec::new();
    };
    let gate = match Gate::of(&config.serve) {
        Ok(gate) => gate,
        // That is told with the files.
        Err(error) if is_of_permissions(&error) => return Vec::new(),
        Err(error) => {
            let finding = Finding::failure(Subject::Http, format!("on {listen}: {error}"));
            return vec![finding.remedy("until that is mended the daemon does not start")];
        }
    };
    let who = match gate.access().count() {
        None => "whoever can connect may read everything".to_owned(),
        Some(1) => "1 token lets in".to_owned(),
        Some(count) => format!("{count} tokens let in"),
    };
    let mut findings = vec![Finding::ok(Subject::Http, format!("on {listen}: {who}"))];
    let concerns = gate.concerns(config).into_iter();
    findings.extend(concerns.map(|concern| Finding::warning(Subject::Http, concern)));
    findings
}

fn is_of_permissions(error: &GateError) -> bool {
    matches!(
        error,
        GateError::Tokens(TokensError::File {
            fault: GuardedFault::Exposed(_),
            ..
        }) | GateError::Tls(TlsError::File {
            fault: GuardedFault::Exposed(_),
            ..
        })
    )
}
