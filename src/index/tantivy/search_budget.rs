//! Stops a search early: at its deadline, or after an error that a document set of tantivy cannot return.
//!
//! A search that stopped early has no result. Queries do not report that themselves: the search checks its
//! deadline and [`SearchBudget::error`] when a query is done.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::index::IndexError;

/// Checked by every part of a search that can take long.
#[derive(Clone)]
pub struct SearchBudget {
    is_late: Arc<dyn Fn() -> bool + Send + Sync>,
    error: Arc<OnceLock<IndexError>>,
}

impl SearchBudget {
    /// A budget that ends when `is_late` returns true. From then on, `is_late` must always return true.
    pub fn new(is_late: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self {
            is_late: Arc::new(is_late),
            error: Arc::default(),
        }
    }

    /// A budget without a deadline.
    pub fn unlimited() -> Self {
        Self::new(|| false)
    }

    /// Whether the search must stop.
    pub fn must_stop(&self) -> bool {
        self.error.get().is_some() || (self.is_late)()
    }

    /// Stops the search because of an error. Only the first error is kept.
    pub fn fail(&self, error: IndexError) {
        self.error.get_or_init(|| error);
    }

    /// The error that stopped the search. `None` if there was none, or if it was only late.
    pub fn error(&self) -> Option<&IndexError> {
        self.error.get()
    }
}

impl fmt::Debug for SearchBudget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = &self.error;
        out.debug_struct("SearchBudget")
            .field("error", error)
            .finish()
    }
}
