//! The parts that bucket and queue errors share.
//!
//! The kinds of failure, and what to do about each, are in `bucket::error` and `queue::error`.

use std::error::Error;
use std::fmt;
use std::io;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::error::ErrorMetadata;
use tokio_rustls::rustls::{CertificateError, Error as RustlsError};

use crate::core::human::printable_char;
use crate::core::source::limits::HostNotAllowed;

/// The longest detail that is kept, in characters.
const MAX_CHARACTERS: usize = 1_000;

/// How AWS or the network described a failure. It may be empty, and never contains a secret.
///
/// It is safe to print: deceptive characters are escaped, because the text comes from a server and must
/// not control a terminal. It is one line: a space replaces line breaks and the white space around them. A longer text
/// is cut after 1,000 characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorDetail(String);

impl ErrorDetail {
    /// Escapes and cuts the text.
    pub fn new(text: &str) -> Self {
        let lines = text.lines().map(str::trim);
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let line = lines.join(" ");
        let kept = line.chars().take(MAX_CHARACTERS);
        Self(kept.flat_map(printable_char).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Prints the text in parentheses after a space, or nothing if there is no text.
impl fmt::Display for ErrorDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", self.0)
    }
}

/// The error and the chain of its sources. [`Error::source`] skips the error inside of an [`io::Error`], so this uses
/// [`io::Error::get_ref`].
pub(crate) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<io::Error>() {
            Some(error) => error.get_ref().map(|inner| inner as _),
            None => error.source(),
        }
    })
}

/// The error and all its sources in one line.
pub(crate) fn describe(error: &(dyn Error + 'static)) -> String {
    join(chain(error).map(text_of).collect())
}

/// The same without the errors of type `T`, which only say that something else failed.
pub(crate) fn describe_without<T: Error + 'static>(error: &(dyn Error + 'static)) -> String {
    let others = chain(error).filter(|error| error.downcast_ref::<T>().is_none());
    join(others.map(text_of).collect())
}

/// Whether a request failed before it got a response.
pub(crate) fn is_connection_failure(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| cause.downcast_ref::<ConnectorError>().is_some())
}

/// The host that a managed Source may not reach, if that caused the error.
pub(crate) fn refused_host<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a HostNotAllowed> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

/// Whether a service refused a request with an error that the SDK doesn't know. Such an error is about permissions, not
/// about a session that has ended.
pub(crate) fn is_refusal(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| cause.downcast_ref::<ErrorMetadata>().is_some())
}

/// Why credentials could not be loaded, if that caused the error. The text does not say how the SDK was using them.
pub(crate) fn credentials_failure<'a>(
    error: &'a (dyn Error + 'static),
) -> Option<(&'a CredentialsError, String)> {
    let cause = chain(error).find_map(|cause| cause.downcast_ref::<CredentialsError>())?;
    Some((cause, describe_without::<CredentialsError>(cause)))
}

/// The text of one error of a chain.
fn text_of(error: &(dyn Error + 'static)) -> String {
    if error
        .downcast_ref::<io::Error>()
        .is_some_and(|it| it.get_ref().is_some())
    {
        // The text is the one of the next error in the chain.
        return String::new();
    }
    // The text of these two errors is their representation in code.
    if let Some(RustlsError::InvalidCertificate(CertificateError::Other(why))) =
        error.downcast_ref()
    {
        return format!("invalid peer certificate: {why}");
    }
    match error.downcast_ref::<ErrorMetadata>() {
        Some(details) => {
            let parts = [details.code(), details.message()].into_iter().flatten();
            parts.collect::<Vec<_>>().join(": ")
        }
        None => error.to_string(),
    }
}

fn join(mut parts: Vec<String>) -> String {
    parts.retain(|part| !part.is_empty());
    parts.dedup();
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_control_characters() {
        let detail = ErrorDetail::new("\u{1b}[2Jgone\t\u{9b}1m\u{202e} é");
        assert_eq!(detail.as_str(), "\\u{1b}[2Jgone\\t\\u{9b}1m\\u{202e} é");
    }

    #[test]
    fn joins_lines() {
        let detail = ErrorDetail::new("a:\r\n  b\n\n c\n");
        assert_eq!(detail.as_str(), "a: b c");
    }

    #[test]
    fn describes_details_of_services_in_words() {
        let details = ErrorMetadata::builder()
            .code("AccessDenied")
            .message("not authorized to assume the role")
            .custom("aws_request_id", "1")
            .build();
        let error = CredentialsError::provider_error(io::Error::other(details));
        let cause = "AccessDenied: not authorized to assume the role";
        let (_, described) = credentials_failure(&error).unwrap();
        assert!(described.ends_with(cause), "{described}");
        assert!(!described.contains('{'), "{described}");
    }

    #[test]
    fn cuts_a_long_text() {
        let detail = ErrorDetail::new(&"é".repeat(10_000));
        assert_eq!(detail.as_str().chars().count(), MAX_CHARACTERS);
    }

    #[test]
    fn prints_parentheses_only_around_text() {
        assert_eq!(ErrorDetail::new("why").to_string(), " (why)");
        assert_eq!(ErrorDetail::default().to_string(), "");
    }
}
