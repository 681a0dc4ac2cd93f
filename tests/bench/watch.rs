//! What a running process takes of memory, as Linux tells in `/proc`.

use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often is looked.
const POLL: Duration = Duration::from_millis(5);

/// The most that a process took, bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peak {
    /// Memory that no file stands behind: what the process itself asked for.
    pub anonymous: u64,
    /// All of it, with the pages of mapped files, which the system takes back at will.
    pub resident: u64,
}

/// Watches a process from now until it has ended.
pub fn watch(process: u32) -> JoinHandle<Peak> {
    let path = format!("/proc/{process}/status");
    thread::spawn(move || {
        let mut peak = Peak::default();
        // What has ended has no status, or one without memory.
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

/// The value behind a name, which is written in kB.
fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}
