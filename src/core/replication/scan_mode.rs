//! Which keys a scan lists, and whether it resumes an unfinished scan.
//!
//! It does not decide when a scan is due: [`schedule`](crate::core::replication::schedule) does.

use crate::core::replication::source_state::RunningScan;

/// Which keys a scan lists, and whether it resumes an unfinished scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScanMode {
    /// List every range. Resume an unfinished full scan if there is one.
    #[default]
    Resume,
    /// List every range from the beginning, and discard an unfinished scan.
    Fresh,
    /// Finish the unfinished partial scan, which lists only the ranges that new rules admit in
    /// addition to the old ones. If no partial scan is unfinished, list every range.
    Partial,
}

impl ScanMode {
    /// The mode of a scan that a user starts, with or without `--fresh`.
    pub fn requested(fresh: bool) -> Self {
        if fresh { Self::Fresh } else { Self::Resume }
    }

    /// Whether a scan in this mode resumes the unfinished scan `running`.
    pub fn resumes(self, running: &RunningScan) -> bool {
        match self {
            Self::Resume => !running.partial,
            Self::Fresh => false,
            Self::Partial => running.partial,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scan_resumes_only_an_unfinished_scan_of_its_own_kind() {
        for (mode, of_full, of_partial) in [
            (ScanMode::Resume, true, false),
            (ScanMode::Fresh, false, false),
            (ScanMode::Partial, false, true),
        ] {
            for (partial, want) in [(false, of_full), (true, of_partial)] {
                let (started, ranges) = (None, Vec::new());
                let running = RunningScan {
                    started,
                    ranges,
                    partial,
                };
                assert_eq!(mode.resumes(&running), want, "{mode:?} of {running:?}");
            }
        }
    }
}
