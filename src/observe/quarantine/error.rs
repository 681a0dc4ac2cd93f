//! Errors of the quarantine: what failed, on which path, why, and what to do.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A file or the folder of the quarantine could not be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to {operation} {}: {cause}{}", path.display(), remedy(cause))]
pub struct QuarantineError {
    /// The operation that failed, for `failed to …`.
    pub operation: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// Why it failed.
    #[source]
    pub cause: io::Error,
}

/// The advice at the end of the message. Starts with a period, or is empty.
fn remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ". Free disk space.",
        ErrorKind::PermissionDenied => ". Run the command as the user of the daemon.",
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => ". Inspect the file and remove it.",
        _ => "",
    }
}

impl QuarantineError {
    /// Converts an I/O error of this operation on this path.
    pub(super) fn new(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self {
            operation,
            path,
            cause,
        }
    }
}
