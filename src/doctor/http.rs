//! Tests the HTTP configuration: whether the server can start, and who has access.

use super::finding::{Finding, Subject};
use crate::config::Config;
use crate::serve::access::TokenFileError;
use crate::serve::access::checked_file::CheckedFileError;
use crate::serve::http::auth::{Auth, AuthError};
use crate::serve::http::tls::TlsError;

/// Examines who has access. No findings if HTTP is off. Blocks on file I/O.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
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
    let mut findings = vec![Finding::ok(Subject::Http, format!("on {listen}: {access}"))];
    let warnings = auth.warnings(config).into_iter();
    findings.extend(warnings.map(|warning| Finding::warning(Subject::Http, warning)));
    findings
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
