//! What tantivy's errors mean to a user: a damaged index, or something else that failed.

use std::any::Any;
use std::io::{self, ErrorKind};
use std::panic::{self, AssertUnwindSafe};

use tantivy::TantivyError;
use tantivy::directory::error::{OpenDirectoryError, OpenReadError};

use crate::index::IndexError;

/// Wraps an error of tantivy: what was attempted.
pub fn of(attempted: &'static str) -> impl FnOnce(TantivyError) -> IndexError {
    move |error| {
        if is_damage(&error) {
            IndexError::Damaged {
                what: format!("failed to {attempted}: {error}"),
            }
        } else {
            IndexError::engine(attempted)(error)
        }
    }
}

/// As [`of`], where nothing is written: all that is read is mapped, so that whatever is not the system's own
/// error tells of contents, such as what decompression fails with. Of writing, tantivy passes on errors of the
/// system as mere text.
pub fn of_reading(attempted: &'static str) -> impl FnOnce(TantivyError) -> IndexError {
    move |error| match &error {
        TantivyError::IoError(cause) if cause.raw_os_error().is_none() => IndexError::Damaged {
            what: format!("failed to {attempted}: {error}"),
        },
        _ => of(attempted)(error),
    }
}

/// Reads files of the index, on whose damage tantivy panics.
///
/// What it was about to change is to be thrown away after that: nothing but the index is known to be
/// behind it.
pub fn guarded<T>(read: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        Err(IndexError::Damaged {
            what: format!(
                "reading it panicked, which damage has it do and `asset-indexer index verify` finds: {}",
                message_of(&*panic)
            ),
        })
    })
}

/// The words of a panic.
pub fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}

/// Whether the error tells of an index that is not as tantivy wrote it.
pub fn is_damage(error: &TantivyError) -> bool {
    match error {
        TantivyError::DataCorruption(_) | TantivyError::IncompatibleIndex(_) => true,
        TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) => {
            // A file that is cut off, or whose footer is not tantivy's.
            is_of_contents(io_error)
        }
        TantivyError::IoError(error) => is_of_contents(error),
        TantivyError::OpenReadError(_) => true,
        TantivyError::OpenDirectoryError(
            OpenDirectoryError::DoesNotExist(_) | OpenDirectoryError::NotADirectory(_),
        ) => true,
        _ => false,
    }
}

/// Whether what was read is wrong, and not the reading.
fn is_of_contents(error: &io::Error) -> bool {
    let kinds = [ErrorKind::InvalidData, ErrorKind::UnexpectedEof];
    kinds.contains(&error.kind())
}
