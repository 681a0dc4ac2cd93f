//! Until when a search may take.
//!
//! Only work that changes nothing has a deadline: a search that is late is given up, a commit never.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::IndexError;

/// The end of the time that a search may take.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// How long it may take, and until when; `None`: as long as it does.
    end: Option<(Duration, Instant)>,
    /// Whether nobody waits for it any more.
    given_up: Option<Arc<AtomicBool>>,
}

impl Deadline {
    /// As long as it takes.
    pub fn never() -> Self {
        Self {
            end: None,
            given_up: None,
        }
    }

    /// So long from now on.
    pub fn after(allowed: Duration) -> Self {
        // An end that no clock reaches is none.
        let end = Instant::now().checked_add(allowed);
        Self {
            end: end.map(|end| (allowed, end)),
            given_up: None,
        }
    }

    /// The same, and over as soon as the flag is set: nobody waits for the answer any more.
    pub fn or_given_up(self, given_up: Arc<AtomicBool>) -> Self {
        Self {
            given_up: Some(given_up),
            ..self
        }
    }

    /// Whether the time is over.
    pub fn is_over(&self) -> bool {
        let is_given_up = |flag: &Arc<AtomicBool>| flag.load(Ordering::Relaxed);
        self.end.is_some_and(|(_, end)| Instant::now() >= end)
            || self.given_up.as_ref().is_some_and(is_given_up)
    }

    /// Refuses to go on once the time is over.
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
    fn deadlines() {
        let given_up = |is_so| Deadline::never().or_given_up(Arc::new(AtomicBool::new(is_so)));
        for (name, deadline, over) in [
            ("waited for", given_up(false), false),
            ("given up", given_up(true), true),
            ("never", Deadline::never(), false),
            ("now", Deadline::after(Duration::ZERO), true),
            (
                "in an hour",
                Deadline::after(Duration::from_secs(3600)),
                false,
            ),
            ("beyond all clocks", Deadline::after(Duration::MAX), false),
        ] {
            assert_eq!(deadline.is_over(), over, "{name}");
            let refused = deadline.check().err().map(|error| error.to_string());
            assert_eq!(refused.is_some(), over, "{name}");
            assert!(refused.is_none_or(|text| text.contains("narrow")), "{name}");
        }
    }
}
