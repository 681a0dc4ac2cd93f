//! Tests the HTTP configuration: whether the server can start, and who has access.

use std::io;

use super::finding::{Finding, Subject};
use crate::config::{Config, Listen};
use crate::serve::access::TokenFileError;
use crate::serve::access::checked_file::CheckedFileError;
use crate::serve::http::auth::{Auth, AuthError};
use crate::serve::http::tls::TlsError;

/// Examines the address and who has access. No findings if HTTP is off. Blocks on file I/O.
///
/// `served` is the address that the running daemon serves, if any.
pub(super) fn examine(config: &Config, served: Option<&str>) -> Vec<Finding> {
    let Some(listen) = &config.serve.listen else {
        return Vec::new();
    };
    let auth = match Auth::from_config(&config.serve) {
        Ok(auth) => auth,
        // `file_permissions` reports it.
        Err(error) if is_permission_error(&error) => return Vec::new(),
        Err(error) => {
            let finding = Finding::failure(Subject::Http, format!("on {listen}: {error}"));
            return vec![finding.remedy("Fix this error. Until then the daemon does not start.")];
        }
    };
    let access = match auth.access().count() {
        None => "without tokens, every client that can connect can read everything".to_owned(),
        Some(1) => "1 token grants access".to_owned(),
        Some(count) => format!("{count} tokens grant access"),
    };
    let is_ours = served == Some(listen.to_string().as_str());
    let mut findings = Vec::from_iter((!is_ours).then(|| taken(listen)).flatten());
    findings.push(Finding::ok(Subject::Http, format!("on {listen}: {access}")));
    let warnings = auth.warnings(config).into_iter();
    findings.extend(warnings.map(|warning| Finding::warning(Subject::Http, warning)));
    findings
}

/// A warning if another process listens on the address, a failure if this machine does not have it.
fn taken(listen: &Listen) -> Option<Finding> {
    let Listen::Tcp(address) = listen else {
        return None;
    };
    // Closed again at once.
    let cause = std::net::TcpListener::bind(address).err()?;
    match cause.kind() {
        io::ErrorKind::AddrInUse => {
            let what = format!("on {listen}: another process listens there");
            let remedy = "If it is `asset-indexer serve --read-only`, give that another address with --listen. \
                          Otherwise stop the process, or change serve.listen.";
            Some(Finding::warning(Subject::Http, what).remedy(remedy))
        }
        io::ErrorKind::AddrNotAvailable => {
            let what = format!("on {listen}: this machine has no such address");
            let remedy =
                "Set serve.listen to an address of this machine, such as \"127.0.0.1:8470\".";
            Some(Finding::failure(Subject::Http, what).remedy(remedy))
        }
        // For example a low port, which the service may use.
        _ => None,
    }
}

/// Whether other users can read the token file or the TLS key.
fn is_permission_error(error: &AuthError) -> bool {
    matches!(
        error,
        AuthError::Tokens(TokenFileError::File {
            fault: CheckedFileError::Exposed(_),
            ..
        }) | AuthError::Tls(TlsError::File {
            fault: CheckedFileError::Exposed(_),
            ..
        })
    )
}
