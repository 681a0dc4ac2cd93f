//! What tantivy's errors mean to a user: a damaged index, or something else that failed.

use tantivy::TantivyError;
use tantivy::directory::error::OpenReadError;

use crate::index::IndexError;

/// Wraps an error of tantivy: what was attempted.
pub fn of(attempted: &'static str) -> impl FnOnce(TantivyError) -> IndexError {
    move |error| match error {
        TantivyError::DataCorruption(_)
        | TantivyError::IncompatibleIndex(_)
        | TantivyError::OpenReadError(
            OpenReadError::FileDoesNotExist(_) | OpenReadError::IncompatibleIndex(_),
        ) => IndexError::Damaged {
            what: format!("failed to {attempted}: {error}"),
        },
        other => IndexError::engine(attempted)(other),
    }
}
