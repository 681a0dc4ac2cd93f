//! Exponential backoff with jitter: the time to wait after consecutive failures.
//!
//! It reads no clock and draws no random number. The caller provides both.

use std::time::Duration;

/// More doublings than this do not change the result.
const MAX_DOUBLINGS: u32 = 16;

/// The wait after `previous_failures` failures and one more: `first`, doubled for each previous failure, and
/// at most `longest`.
pub fn exponential(first: Duration, longest: Duration, previous_failures: u32) -> Duration {
    let factor = 2u32.saturating_pow(previous_failures.min(MAX_DOUBLINGS));
    (first * factor).min(longest)
}

/// Between half of `wait` (`random` = 0) and all of it (`random` = 1), so that clients that failed together do
/// not retry together.
pub fn with_jitter(wait: Duration, random: f64) -> Duration {
    wait.mul_f64(0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let seconds = Duration::from_secs;
        for (previous, want) in [(0, 5), (1, 10), (3, 40), (4, 60), (u32::MAX, 60)] {
            assert_eq!(
                exponential(seconds(5), seconds(60), previous),
                seconds(want),
                "{previous}"
            );
        }
    }

    #[test]
    fn jitter_covers_the_second_half_of_the_wait() {
        let seconds = Duration::from_secs;
        for (random, want) in [(0.0, 5), (1.0, 10)] {
            assert_eq!(with_jitter(seconds(10), random), seconds(want), "{random}");
        }
    }
}
