//! What can go wrong with the quarantine, in words that say what to do.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A file or the folder of the quarantine could not be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to {attempted} {}: {cause}{}", path.display(), remedy(cause))]
pub struct QuarantineError {
    /// What was attempted.
    pub attempted: &'static str,
    /// On what.
    pub path: PathBuf,
    /// Why not.
    #[source]
    pub cause: io::Error,
}

fn remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; make room on the disk",
        ErrorKind::PermissionDenied => "; run this as the user that the daemon runs as",
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => "; look into the file, and remove it",
        _ => "",
    }
}

impl QuarantineError {
    /// Wraps an I/O error: what was attempted, on which path.
    pub(super) fn of(attempted: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self {
            attempted,
            path,
            cause,
        }
    }
}
