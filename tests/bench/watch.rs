//! Measures the peak memory of a running process from `/proc`.

use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Time between two measurements.
const POLL: Duration = Duration::from_millis(5);

/// The peak memory of a process in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peak {
    /// Memory that is not backed by a file: what the process itself has allocated.
    pub anonymous: u64,
    /// All memory, including pages of mapped files, which the operating system can take back at any time.
    pub resident: u64,
}

/// Measures a process until it ends.
pub fn watch(process: u32) -> JoinHandle<Peak> {
    let path = format!("/proc/{process}/status");
    thread::spawn(move || {
        let mut peak = Peak::default();
        // A process that has ended has no status file, or one without memory.
        while let Ok(status) = std::fs::read_to_string(&path)
            && let Some(anonymous) = bytes(&status, "RssAnon:")
        {
            peak.anonymous = peak.anonymous.max(anonymous);
            peak.resident = bytes(&status, "VmHWM:").unwrap_or(peak.resident);
            thread::park_timeout(POLL);
        }
        peak
    })
}

/// The value after a name in bytes; the file has kB.
fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}
