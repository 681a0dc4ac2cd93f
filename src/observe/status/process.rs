//! Resource usage of the process, from `/proc/self`, and its panics.
//!
//! On systems other than Linux, the values are unknown.

use std::fs;
use std::time::Duration;

use crate::observe::telemetry;

/// Resource usage of the process. Unknown values are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessUsage {
    /// Resident memory in bytes.
    pub resident_bytes: Option<u64>,
    /// CPU time in user and kernel mode since the process started.
    pub cpu: Option<Duration>,
    /// Number of open file descriptors.
    pub open_files: Option<u64>,
    /// Maximum number of open file descriptors.
    pub max_files: Option<u64>,
    /// Number of panics since the process started.
    pub panics: u64,
}

impl ProcessUsage {
    /// Measures this process.
    pub fn now() -> Self {
        Self {
            resident_bytes: fs::read_to_string("/proc/self/statm")
                .ok()
                .and_then(|statm| resident_bytes(&statm, rustix::param::page_size() as u64)),
            cpu: fs::read_to_string("/proc/self/stat")
                .ok()
                .and_then(|stat| cpu(&stat, rustix::param::clock_ticks_per_second())),
            // One of them is the open folder itself.
            open_files: fs::read_dir("/proc/self/fd")
                .ok()
                .map(|files| (files.count() as u64).saturating_sub(1)),
            max_files: rlimit::getrlimit(rlimit::Resource::NOFILE)
                .ok()
                .map(|(soft, _)| soft),
            panics: telemetry::panics(),
        }
    }
}

/// Parses `statm`: the second number is the resident memory in pages.
fn resident_bytes(statm: &str, page: u64) -> Option<u64> {
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * page)
}

/// Parses `stat`: fields 14 and 15 are the CPU time in clock ticks. The second field is a name in
/// parentheses, which may contain spaces.
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
    fn measures_this_process() {
        let now = ProcessUsage::now();
        assert!(now.resident_bytes.unwrap() > 1 << 20, "{now:?}");
        assert!((3..=now.max_files.unwrap()).contains(&now.open_files.unwrap()));
        assert!(now.cpu.is_some());
    }

    #[test]
    fn parses_statm_and_stat() {
        assert_eq!(resident_bytes("100 25 3 1 0 50 0\n", 4096), Some(102_400));
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 1";
        assert_eq!(cpu(stat, 100), Some(Duration::from_secs(2)));
        for damaged in ["", "7 (a) S", "7 (a) S 1 7 7 0 -1 4194560 1 2 3 4 x 50"] {
            assert_eq!(cpu(damaged, 100), None, "{damaged}");
        }
        assert_eq!(resident_bytes("100", 4096), None);
    }
}
