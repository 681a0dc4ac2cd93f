//! Until when a search may take.
//!
//! Only work that changes nothing has a deadline: a search that is late is given up, a commit never.

use std::time::{Duration, Instant};

use super::IndexError;

/// The end of the time that a search may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// How long it may take, and until when; `None`: as long as it does.
    end: Option<(Duration, Instant)>,
}

impl Deadline {
    /// As long as it takes.
    pub fn never() -> Self {
        Self { end: None }
    }

    /// So long from now on.
    pub fn after(allowed: Duration) -> Self {
        // An end that no clock reaches is none.
        let end = Instant::now().checked_add(allowed);
        Self {
            end: end.map(|end| (allowed, end)),
        }
    }

    /// Whether the time is over.
    pub fn is_over(&self) -> bool {
        self.end.is_some_and(|(_, end)| Instant::now() >= end)
    }

    /// Refuses to go on once the time is over.
    pub fn check(&self) -> Result<(), IndexError> {
        match self.end {
            Some((allowed, end)) if Instant::now() >= end => Err(IndexError::TooSlow { allowed }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines() {
        for (name, deadline, over) in [
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
