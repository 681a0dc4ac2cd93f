//! What ends a search before its end: its deadline, or a fault that a set of documents cannot report.
//!
//! A search whose watch is over has no result: whoever runs it asks the watch when it is done.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::index::IndexError;

/// Looked at by everything in a search that can take long.
#[derive(Clone)]
pub struct Watch {
    is_late: Arc<dyn Fn() -> bool + Send + Sync>,
    fault: Arc<OnceLock<IndexError>>,
}

impl Watch {
    /// A watch that is over when it is late; once it is, it must stay so.
    pub fn new(is_late: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self {
            is_late: Arc::new(is_late),
            fault: Arc::default(),
        }
    }

    /// A watch over a search that may take as long as it does.
    pub fn without_deadline() -> Self {
        Self::new(|| false)
    }

    /// Whether to go no further.
    pub fn is_over(&self) -> bool {
        self.fault.get().is_some() || (self.is_late)()
    }

    /// Ends the search for a fault; the first one is kept.
    pub fn fail(&self, fault: IndexError) {
        self.fault.get_or_init(|| fault);
    }

    /// What the search failed of, besides being late.
    pub fn fault(&self) -> Option<&IndexError> {
        self.fault.get()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = &self.fault;
        out.debug_struct("Watch").field("fault", fault).finish()
    }
}
