//! What tantivy's errors mean to a user: a damaged index, or something else that failed.

use std::io::ErrorKind;

use tantivy::TantivyError;
use tantivy::directory::error::{OpenDirectoryError, OpenReadError};

use crate::index::IndexError;

/// Wraps an error of tantivy: what was attempted.
pub fn of(attempted: &'static str) -> impl FnOnce(TantivyError) -> IndexError {
    move |error| match is_damage(&error) {
        true => IndexError::Damaged {
            what: format!("failed to {attempted}: {error}"),
        },
        false => IndexError::engine(attempted)(error),
    }
}

/// Whether the error tells of an index that is not as tantivy wrote it.
pub fn is_damage(error: &TantivyError) -> bool {
    match error {
        TantivyError::DataCorruption(_) | TantivyError::IncompatibleIndex(_) => true,
        TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) => {
            // A file that is cut off, or whose footer is not tantivy's.
            matches!(
                io_error.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::InvalidData
            )
        }
        TantivyError::OpenReadError(_) => true,
        TantivyError::OpenDirectoryError(
            OpenDirectoryError::DoesNotExist(_) | OpenDirectoryError::NotADirectory(_),
        ) => true,
        _ => false,
    }
}
