//! What the process takes of the machine, as Linux says in `/proc/self`.
//!
//! Elsewhere nothing is known.

use std::fs;
use std::time::Duration;

/// What the process takes; `None` where it cannot be told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessUsage {
    /// Bytes of memory that it has in use.
    pub resident_bytes: Option<u64>,
    /// Processor time, of the program and of the system for it, since it began.
    pub cpu: Option<Duration>,
    /// Files, sockets and the like that it has open.
    pub open_files: Option<u64>,
    /// How many it may have open.
    pub max_files: Option<u64>,
}

impl ProcessUsage {
    /// This process, now.
    pub fn now() -> Self {
        Self {
            resident_bytes: fs::read_to_string("/proc/self/statm")
                .ok()
                .and_then(|statm| resident_bytes(&statm, rustix::param::page_size() as u64)),
            cpu: fs::read_to_string("/proc/self/stat")
                .ok()
                .and_then(|stat| cpu(&stat, rustix::param::clock_ticks_per_second())),
            // One of them is that of the folder.
            open_files: fs::read_dir("/proc/self/fd")
                .ok()
                .map(|files| (files.count() as u64).saturating_sub(1)),
            max_files: rlimit::getrlimit(rlimit::Resource::NOFILE)
                .ok()
                .map(|(soft, _)| soft),
        }
    }
}

/// The second number is what is resident, in pages.
fn resident_bytes(statm: &str, page: u64) -> Option<u64> {
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * page)
}

/// Fields 14 and 15, in clock ticks; the second field is a name in brackets that may have spaces.
fn cpu(stat: &str, per_second: u64) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut times = rest.split(' ').skip(11);
    let mut next = || times.next()?.parse::<u64>().ok();
    let ticks = next()? + next()?;
    Some(Duration::from_millis(ticks * 1000 / per_second.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_takes_something() {
        let now = ProcessUsage::now();
        assert!(now.resident_bytes.unwrap() > 1 << 20, "{now:?}");
        assert!((3..=now.max_files.unwrap()).contains(&now.open_files.unwrap()));
        assert!(now.cpu.is_some());
    }

    #[test]
    fn the_right_numbers_are_read() {
        assert_eq!(resident_bytes("100 25 3 1 0 50 0\n", 4096), Some(102_400));
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 1";
        assert_eq!(cpu(stat, 100), Some(Duration::from_secs(2)));
        for damaged in ["", "7 (a) S", "7 (a) S 1 7 7 0 -1 4194560 1 2 3 4 x 50"] {
            assert_eq!(cpu(damaged, 100), None, "{damaged}");
        }
        assert_eq!(resident_bytes("100", 4096), None);
    }
}
