//! What ends a search before its end: its deadline, or a fault that a set of documents cannot report.
//!
//! A search whose watch is over has no result: whoever runs it asks the watch when it is done.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::index::IndexError;

/// Looked at by everything in a search that can take long.
#[derive(Clone)]
pub struct SearchBudget {
    is_late: Arc<dyn Fn() -> bool + Send + Sync>,
    error: Arc<OnceLock<IndexError>>,
}

impl SearchBudget {
    /// A watch that is over when it is late; once it is, it must stay so.
    pub fn new(is_late: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self {
            is_late: Arc::new(is_late),
            error: Arc::default(),
        }
    }

    /// A watch over a search that may take as long as it does.
    pub fn unlimited() -> Self {
        Self::new(|| false)
    }

    /// Whether to go no further.
    pub fn must_stop(&self) -> bool {
        self.error.get().is_some() || (self.is_late)()
    }

    /// Ends the search for a fault; the first one is kept.
    pub fn fail(&self, error: IndexError) {
        self.error.get_or_init(|| error);
    }

    /// What the search failed of, besides being late.
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
