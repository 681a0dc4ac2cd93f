//! Whether those who are to read over HTTP can, and nobody else.

use super::finding::{Finding, Subject};
use crate::config::Config;
use crate::serve::access::TokenFileError;
use crate::serve::access::checked_file::CheckedFileError;
use crate::serve::http::auth::{Auth, AuthError};
use crate::serve::http::tls::TlsError;

/// Examines who is let in; nothing where HTTP is not served. It reads the disk.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let Some(listen) = &config.serve.listen else {
        return Vec::new();
    };
    let auth = match Auth::from_config(&config.serve) {
        Ok(auth) => auth,
        // That is told with the files.
        Err(error) if is_of_permissions(&error) => return Vec::new(),
        Err(error) => {
            let finding = Finding::failure(Subject::Http, format!("on {listen}: {error}"));
            return vec![finding.remedy("until that is mended the daemon does not start")];
        }
    };
    let who = match auth.access().count() {
        None => "whoever can connect may read everything".to_owned(),
        Some(1) => "1 token lets in".to_owned(),
        Some(count) => format!("{count} tokens let in"),
    };
    let mut findings = vec![Finding::ok(Subject::Http, format!("on {listen}: {who}"))];
    let warnings = auth.warnings(config).into_iter();
    findings.extend(warnings.map(|warning| Finding::warning(Subject::Http, warning)));
    findings
}

fn is_of_permissions(error: &AuthError) -> bool {
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
