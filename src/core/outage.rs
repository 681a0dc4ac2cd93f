//! An outage: failures of one operation that count as one, although some attempts between them succeed.
//!
//! It decides when the beginning and the end of an outage are logged. Without it, an endpoint that fails half
//! of all requests would cause two log lines for each failure. It does not decide what the status board shows:
//! the board always has the result of the last attempt.

use std::ops::Sub;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Time without a failure after which an outage is over. It ends with the first success after that.
pub(crate) const CALM: Duration = Duration::from_secs(60);

/// Whether an operation has an outage. `T` is a moment, by any clock.
#[derive(Debug)]
pub(crate) struct Outage<T>(Mutex<State<T>>);

#[derive(Clone, Copy, Debug)]
enum State<T> {
    /// The operation has neither succeeded nor failed yet.
    Untried,
    Working,
    Failing {
        last_failure: T,
    },
}

impl<T> Default for Outage<T> {
    /// No outage. The first success is not worth a log line.
    fn default() -> Self {
        Self(Mutex::new(State::Working))
    }
}

impl<T: Copy + Sub<Output = Duration>> Outage<T> {
    /// The state before the first attempt. The first success is worth a log line.
    pub(crate) fn untried() -> Self {
        Self(Mutex::new(State::Untried))
    }

    /// Records a failure. Returns whether an outage begins, which has to be logged.
    pub(crate) fn on_failure(&self, now: T) -> bool {
        let failing = State::Failing { last_failure: now };
        let before = std::mem::replace(&mut *self.lock(), failing);
        !matches!(before, State::Failing { .. })
    }

    /// Records a success. Returns whether an outage has ended, or whether it is the first attempt, which has to
    /// be logged.
    pub(crate) fn on_success(&self, now: T) -> bool {
        let mut state = self.lock();
        let is_news = match *state {
            State::Untried => true,
            State::Working => false,
            State::Failing { last_failure } => now - last_failure >= CALM,
        };
        if is_news {
            *state = State::Working;
        }
        is_news
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A panic cannot leave it half-written: each holder stores one value.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternating_results_are_one_outage() {
        let (outage, start) = (Outage::default(), Duration::from_secs(7));
        let mut lines = 0;
        for second in 0..600 {
            let now = start + Duration::from_secs(second);
            let is_logged = match second % 2 {
                0 => outage.on_failure(now),
                _ => outage.on_success(now),
            };
            lines += usize::from(is_logged);
        }
        assert_eq!(lines, 1);
    }

    #[test]
    fn outage_ends_with_the_first_success_after_a_calm_time() {
        let (outage, start) = (Outage::default(), Duration::from_secs(7));
        assert!(!outage.on_success(start));
        assert!(outage.on_failure(start));
        let almost = start + CALM - Duration::from_millis(1);
        assert!(!outage.on_success(almost));
        assert!(!outage.on_failure(almost));
        assert!(
            !outage.on_success(start + CALM),
            "it failed again meanwhile"
        );
        assert!(outage.on_success(almost + CALM));
        assert!(!outage.on_success(almost + CALM));
        assert!(outage.on_failure(almost + CALM));
    }

    #[test]
    fn first_result_is_logged_if_nothing_was_tried_before() {
        let now = Duration::from_secs(7);
        let works = Outage::untried();
        assert!(works.on_success(now) && !works.on_success(now));
        let fails = Outage::untried();
        assert!(fails.on_failure(now) && !fails.on_success(now));
    }
}
