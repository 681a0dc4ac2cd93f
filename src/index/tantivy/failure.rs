//! Translates errors and panics of tantivy into [`IndexError`]: a damaged index, or another failure.

use std::any::Any;
use std::io::{self, ErrorKind};
use std::panic::{self, AssertUnwindSafe};

use tantivy::TantivyError;
use tantivy::directory::error::{OpenDirectoryError, OpenReadError};
use tantivy::error::DataCorruption;

use crate::index::IndexError;

/// Wraps an error of tantivy. `attempted` completes the sentence "failed to …".
pub fn failed_to(attempted: &'static str) -> impl FnOnce(TantivyError) -> IndexError {
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

/// Like [`failed_to`], for operations that only read.
///
/// The files are mapped into memory. An I/O error that does not come from the operating system is therefore
/// about the contents of a file, for example failed decompression. This does not hold for writing: tantivy
/// passes some errors of the operating system on as text.
pub fn failed_read(attempted: &'static str) -> impl FnOnce(TantivyError) -> IndexError {
    move |error| match &error {
        TantivyError::IoError(cause) if cause.raw_os_error().is_none() => IndexError::Damaged {
            what: format!("failed to {attempted}: {error}"),
        },
        _ => failed_to(attempted)(error),
    }
}

/// Runs code that reads the index, and turns a panic into [`IndexError::Damaged`]: tantivy panics on some
/// damaged files.
///
/// After a panic, discard everything that the code was changing, because it may be half changed. Start again
/// from the last commit.
pub fn catch_panics<T>(read: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        Err(IndexError::Damaged {
            what: format!(
                "reading it caused a panic, probably because a file is damaged; run `asset-indexer index \
                 verify` to find out ({})",
                panic_message(&*panic)
            ),
        })
    })
}

/// Runs code that reads the index while tantivy commits, and turns a panic and an error about the contents of a file
/// into an error of tantivy that shows damage. A panic would end the process.
pub fn read_during_commit<T>(read: impl FnOnce() -> tantivy::Result<T>) -> tantivy::Result<T> {
    let damaged = |why: String| Err(DataCorruption::comment_only(why).into());
    match panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(Err(TantivyError::IoError(cause))) if cause.raw_os_error().is_none() => {
            damaged(format!("failed to read it: {cause}"))
        }
        Ok(result) => result,
        Err(panic) => {
            let message = panic_message(&*panic);
            damaged(format!("reading it caused a panic ({message})"))
        }
    }
}

/// Returns the message of a panic.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("panic without a message").to_owned()
}

/// Whether the error shows that files of the index are not as tantivy wrote them.
pub fn is_damage(error: &TantivyError) -> bool {
    match error {
        TantivyError::DataCorruption(_) | TantivyError::IncompatibleIndex(_) => true,
        TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) => {
            // The file is truncated or has no valid footer.
            is_content_error(io_error)
        }
        TantivyError::IoError(error) => is_content_error(error),
        TantivyError::OpenReadError(_) => true,
        TantivyError::OpenDirectoryError(
            OpenDirectoryError::DoesNotExist(_) | OpenDirectoryError::NotADirectory(_),
        ) => true,
        _ => false,
    }
}

/// Whether the error is about the contents of a file, not about reading it.
fn is_content_error(error: &io::Error) -> bool {
    let kinds = [ErrorKind::InvalidData, ErrorKind::UnexpectedEof];
    kinds.contains(&error.kind())
}
