//! The deadline of a search.
//!
//! Only reads have a deadline. A search that exceeds it fails. A commit never has one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::IndexError;

/// When a search must stop: at a point in time, or when it is cancelled.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// The allowed duration and its end. `None` if there is no limit.
    end: Option<(Duration, Instant)>,
    /// Set when the search is cancelled.
    cancelled: Option<Arc<AtomicBool>>,
}

impl Deadline {
    /// No limit.
    pub fn never() -> Self {
        Self {
            end: None,
            cancelled: None,
        }
    }

    /// Allows this duration from now on.
    pub fn after(allowed: Duration) -> Self {
        // An end beyond the range of the clock means no limit.
        let end = Instant::now().checked_add(allowed);
        Self {
            end: end.map(|end| (allowed, end)),
            cancelled: None,
        }
    }

    /// Also ends the search when the flag is set. The caller sets it when nothing waits for the result.
    pub fn or_cancelled(self, cancelled: Arc<AtomicBool>) -> Self {
        Self {
            cancelled: Some(cancelled),
            ..self
        }
    }

    /// Whether the search must stop.
    pub fn is_over(&self) -> bool {
        let is_set = |flag: &Arc<AtomicBool>| flag.load(Ordering::Relaxed);
        self.end.is_some_and(|(_, end)| Instant::now() >= end)
            || self.cancelled.as_ref().is_some_and(is_set)
    }

    /// Returns [`IndexError::TooSlow`] if the search must stop.
    pub fn check(&self) -> Result<(), IndexError> {
        let allowed = self.end.map_or(Duration::MAX, |(allowed, _)| allowed);
        if self.is_over() {
            Err(IndexError::TooSlow { allowed })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_over_after_its_end_or_if_cancelled() {
        let with_flag = |set| Deadline::never().or_cancelled(Arc::new(AtomicBool::new(set)));
        for (name, deadline, over) in [
            ("not cancelled", with_flag(false), false),
            ("cancelled", with_flag(true), true),
            ("never", Deadline::never(), false),
            ("now", Deadline::after(Duration::ZERO), true),
            (
                "in an hour",
                Deadline::after(Duration::from_secs(3600)),
                false,
            ),
            ("beyond the clock", Deadline::after(Duration::MAX), false),
        ] {
            assert_eq!(deadline.is_over(), over, "{name}");
            let error = deadline.check().err().map(|error| error.to_string());
            assert_eq!(error.is_some(), over, "{name}");
            assert!(error.is_none_or(|text| text.contains("narrow")), "{name}");
        }
    }
}
