//! How long to wait after failures in a row: longer with each, up to a longest.
//!
//! It knows no clock and no chance; whoever waits brings both.

use std::time::Duration;

/// Beyond so many doublings every wait is the longest.
const MAX_DOUBLINGS: u32 = 16;

/// `first`, exponential after each of the failures `before`, up to `longest`.
pub fn exponential(first: Duration, longest: Duration, before: u32) -> Duration {
    let times = 2u32.saturating_pow(before.min(MAX_DOUBLINGS));
    (first * times).min(longest)
}

/// Between half and all of the wait, by `share` (0 to 1): those that failed together do not come back
/// together.
pub fn with_jitter(wait: Duration, share: f64) -> Duration {
    wait.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread_over_their_second_half() {
        let seconds = Duration::from_secs;
        for (before, want) in [(0, 5), (1, 10), (3, 40), (4, 60), (u32::MAX, 60)] {
            assert_eq!(
                exponential(seconds(5), seconds(60), before),
                seconds(want),
                "{before}"
            );
        }
        for (share, want) in [(0.0, 5), (1.0, 10)] {
            assert_eq!(with_jitter(seconds(10), share), seconds(want), "{share}");
        }
    }
}
