//! What a process takes of the processor, as Linux tells in `/proc`.

use std::time::Duration;

/// Ticks a second in `/proc`: USER_HZ, which is 100 wherever Linux is built as usual.
const TICKS_PER_SECOND: u64 = 100;

/// A processor time in a `stat` file: the sum of the two fields from that number of proc(5) on, which are
/// the times in user mode and in the kernel.
pub fn time(stat: &str, field: usize) -> Duration {
    /// The number of the first field behind the name, which may have spaces.
    const FIRST: usize = 3;
    let stat = std::fs::read_to_string(stat).expect("the process runs");
    let (_, behind_name) = stat.rsplit_once(')').expect("as proc(5) says");
    let fields = behind_name.split_whitespace().skip(field - FIRST).take(2);
    let ticks: u64 = fields
        .map(|field| field.parse::<u64>().expect("ticks"))
        .sum();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}
