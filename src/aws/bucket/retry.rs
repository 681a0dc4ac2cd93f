//! Retries requests to S3 with exponential backoff.
//!
//! This is the only layer of retries for S3: the SDK's are turned off, because two layers would multiply
//! their attempts and hide their waits from each other. `queue::sqs` uses the SDK's retries instead.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use tracing::{info, warn};

use crate::aws::bucket::error::{AttemptError, BucketError};
use crate::core::outage::Outage;

/// The wait before the second attempt, without jitter. It doubles with each attempt.
const MIN_DELAY: Duration = Duration::from_millis(100);

/// The maximum wait, without jitter.
const MAX_DELAY: Duration = Duration::from_secs(20);

/// Retries the requests of one bucket.
#[derive(Debug)]
pub(super) struct Retrier {
    /// The maximum number of attempts, at least 1.
    attempts: u32,
    min_delay: Duration,
    max_delay: Duration,
    /// Limits the log to two messages per outage.
    outage: Outage<Instant>,
}

impl Retrier {
    /// Makes up to `attempts` attempts, with waits between [`MIN_DELAY`] and [`MAX_DELAY`]. 0 counts as 1.
    pub(super) fn up_to(attempts: u32) -> Self {
        Self {
            attempts: attempts.max(1),
            min_delay: MIN_DELAY,
            max_delay: MAX_DELAY,
            outage: Outage::default(),
        }
    }

    /// Makes up to `attempts` attempts with minimal waits.
    #[cfg(test)]
    pub(super) fn without_delay(attempts: u32) -> Self {
        let delay = Duration::from_millis(1);
        Self {
            min_delay: delay,
            max_delay: delay,
            ..Self::up_to(attempts)
        }
    }

    /// Calls `attempt` until it succeeds, fails permanently, or the attempts are used up.
    ///
    /// `operation` names the request in the log and in the error; `action` is the IAM action that it
    /// needs. Only the first failure of an outage and the recovery are logged.
    pub(super) async fn run<T, A>(
        &self,
        operation: &str,
        action: &'static str,
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
                if self.outage.on_failure(Instant::now()) {
                    warn!(request = operation, %error, "request failed; retrying");
                }
            })
            .await;
        let failures = failures.into_inner();
        if outcome.is_ok() && self.outage.on_success(Instant::now()) {
            info!(request = operation, "requests succeed again");
        }
        outcome.map_err(|error| BucketError {
            operation: operation.to_owned(),
            action,
            cause: error,
            attempts: failures + 1,
        })
    }

    fn delays(&self) -> ExponentialBuilder {
        // Without its `std` feature, backon has no random seed: all requests would wait equally long.
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
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::aws::bucket::error::BucketErrorKind as Kind;

    /// Plays a list of outcomes. Returns the result, and how many outcomes were used.
    async fn run(
        attempts: u32,
        outcomes: &[Result<&'static str, Kind>],
    ) -> (Result<&'static str, BucketError>, u32) {
        let used = AtomicU32::new(0);
        let outcome = Retrier::without_delay(attempts)
            .run("try", "s3:ListBucket", || async {
                let outcome = outcomes[used.fetch_add(1, Ordering::Relaxed) as usize].clone();
                outcome.map_err(|kind| AttemptError::new(kind, ""))
            })
            .await;
        (outcome, used.into_inner())
    }

    #[tokio::test]
    async fn retries_until_success_permanent_failure_or_last_attempt() {
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
                "0 attempts count as 1",
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

    /// The lines of a log.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn store_that_fails_half_of_all_requests_is_logged_once() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().with_writer(move || writer.clone());
        let _log = tracing::subscriber::set_default(log.finish());
        let retrier = Retrier::without_delay(3);
        for _ in 0..20 {
            let attempts = AtomicU32::new(0);
            let outcome = retrier.run("try", "s3:ListBucket", || async {
                match attempts.fetch_add(1, Ordering::Relaxed) {
                    0 => Err(AttemptError::new(Kind::Connection, "")),
                    _ => Ok(()),
                }
            });
            outcome.await.unwrap();
        }
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("request failed; retrying"), "{text}");
    }

    #[test]
    fn waits_grow_with_jitter() {
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
