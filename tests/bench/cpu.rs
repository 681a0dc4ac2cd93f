//! Reads the CPU time of a process from `/proc`.

use std::time::Duration;

/// Ticks a second in `/proc`: USER_HZ, which is 100 on all usual builds of Linux.
const TICKS_PER_SECOND: u64 = 100;

/// The CPU time in a `stat` file: the sum of user time and system time, which are `field` and the next field
/// in proc(5).
pub fn time(stat: &str, field: usize) -> Duration {
    /// The number of the first field after the name of the process. The name may contain spaces.
    const FIRST: usize = 3;
    let stat = std::fs::read_to_string(stat).expect("the process runs");
    let (_, after_name) = stat
        .rsplit_once(')')
        .expect("the name is in parentheses, see proc(5)");
    let fields = after_name.split_whitespace().skip(field - FIRST).take(2);
    let ticks: u64 = fields
        .map(|field| field.parse::<u64>().expect("a field is a number of ticks"))
        .sum();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}
