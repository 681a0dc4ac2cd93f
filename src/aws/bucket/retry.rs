//! The one layer of retrier: how often, how long between, and what is logged of it.
//!
//! The SDK's own retries are off: two layers multiply each other's attempts and hide each other's
//! waits.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tracing::{info, warn};

use crate::aws::bucket::error::{AttemptError, BucketError};

/// The wait before the second attempt; it doubles with every attempt.
const MIN_DELAY: Duration = Duration::from_millis(100);

/// The longest wait, before jitter.
const MAX_DELAY: Duration = Duration::from_secs(20);

/// How a request that fails is tried again.
#[derive(Debug)]
pub(super) struct Retrier {
    /// How often a request is sent at the most; 0 counts as 1.
    attempts: u32,
    min_delay: Duration,
    max_delay: Duration,
    /// Whether the last that is known is that requests fail; said once, however many do.
    failing: AtomicBool,
}

impl Retrier {
    /// Up to `attempts` attempts, waiting between [`MIN_DELAY`] and [`MAX_DELAY`].
    pub(super) fn up_to(attempts: u32) -> Self {
        Self {
            attempts: attempts.max(1),
            min_delay: MIN_DELAY,
            max_delay: MAX_DELAY,
            failing: AtomicBool::new(false),
        }
    }

    /// Up to `attempts` attempts without a wait worth mentioning.
    #[cfg(test)]
    pub(super) fn without_delay(attempts: u32) -> Self {
        let delay = Duration::from_millis(1);
        Self {
            min_delay: delay,
            max_delay: delay,
            ..Self::up_to(attempts)
        }
    }

    /// Attempts until one succeeds, fails permanently, or the attempts are used up.
    ///
    /// `attempted` names the request in the log and in the error. The first failure of the bucket's
    /// requests is logged and so is the recovery; the attempts between are not.
    pub(super) async fn run<T, A>(
        &self,
        operation: &str,
        attempt: impl FnMut() -> A,
    ) -> Result<T, BucketError>
    where
        A: Future<Output = Result<T, AttemptError>>,
    {
        let failures = AtomicU32::new(0);
        let outcome = attempt
            .retry(self.delays())
            .when(|error: &AttemptError| error.kind.is_retryable())
            .notify(|error, _delay| {
                failures.fetch_add(1, Ordering::Relaxed);
                if !self.failing.swap(true, Ordering::Relaxed) {
                    warn!(request = operation, %error, "request failed, trying again");
                }
            })
            .await;
        let failures = failures.into_inner();
        if outcome.is_ok() && self.failing.swap(false, Ordering::Relaxed) {
            info!(request = operation, failures, "request succeeded again");
        }
        outcome.map_err(|error| BucketError {
            operation: operation.to_owned(),
            cause: error,
            attempts: failures + 1,
        })
    }

    fn delays(&self) -> ExponentialBuilder {
        // backon has no randomness of its own without its `std` feature: all would wait alike.
        let seed = RandomState::new().hash_one(0);
        ExponentialBuilder::default()
            .with_min_delay(self.min_delay)
            .with_max_delay(self.max_delay)
            .with_max_times(self.attempts.saturating_sub(1) as usize)
            .with_jitter()
            .with_jitter_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::bucket::error::BucketErrorKind as Kind;

    /// Runs over a list of outcomes; how it ends, and how many of them were used.
    async fn run(
        attempts: u32,
        outcomes: &[Result<&'static str, Kind>],
    ) -> (Result<&'static str, BucketError>, u32) {
        let used = AtomicU32::new(0);
        let outcome = Retrier::without_delay(attempts)
            .run("try", || async {
                let outcome = outcomes[used.fetch_add(1, Ordering::Relaxed) as usize].clone();
                outcome.map_err(|kind| AttemptError::new(kind, ""))
            })
            .await;
        (outcome, used.into_inner())
    }

    #[tokio::test]
    async fn attempts_go_on_until_one_settles_it() {
        for (case, attempts, outcomes, want, used) in [
            ("at once", 3, &[Ok("page")][..], Ok("page"), 1),
            (
                "recovered",
                3,
                &[Err(Kind::Throttled), Err(Kind::Connection), Ok("page")],
                Ok("page"),
                3,
            ),
            (
                "permanent",
                3,
                &[Err(Kind::AccessDenied)],
                Err(Kind::AccessDenied),
                1,
            ),
            (
                "permanent later",
                3,
                &[Err(Kind::InvalidResponse), Err(Kind::NoSuchBucket)],
                Err(Kind::NoSuchBucket),
                2,
            ),
            (
                "used up",
                2,
                &[Err(Kind::Throttled), Err(Kind::Unavailable)],
                Err(Kind::Unavailable),
                2,
            ),
            (
                "one attempt",
                1,
                &[Err(Kind::Unavailable)],
                Err(Kind::Unavailable),
                1,
            ),
            (
                "no attempt is one",
                0,
                &[Err(Kind::Unavailable)],
                Err(Kind::Unavailable),
                1,
            ),
        ] {
            let (outcome, used_up) = run(attempts, outcomes).await;
            assert_eq!(used_up, used, "{case}");
            if let Err(error) = &outcome {
                assert_eq!(error.attempts, used, "{case}");
            }
            assert_eq!(outcome.map_err(|error| error.cause.kind), want, "{case}");
        }
    }

    #[test]
    fn waits_grow_within_their_bounds_and_differ_from_one_run_to_the_next() {
        use backon::BackoffBuilder;
        let delays = || Retrier::up_to(12).delays().build().collect::<Vec<_>>();
        let (one, other) = (delays(), delays());
        assert_eq!(one.len(), 11);
        assert_ne!(one, other);
        // Jitter adds up to the delay itself.
        for (position, delay) in one.iter().enumerate() {
            let base = MAX_DELAY.min(MIN_DELAY * 2u32.pow(position as u32));
            assert!((base..=base * 2).contains(delay), "{position}: {delay:?}");
        }
    }
}
