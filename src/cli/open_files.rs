//! The limit of open files: raises it, and refuses to start if it is too low to write an index.

use super::Command;

/// Limit of open files to ask for. An index with many segments needs more than most shells allow by default.
const WANTED: u64 = 65_536;

/// Minimum limit of open files for commands that write an index. One commit and four merges write about ten
/// files each, and read as many. Scans and polls of a small configuration keep up to a hundred connections
/// open. Below the minimum, commits fail halfway.
const MINIMUM: u64 = 256;

/// The limit of open files is too low.
#[derive(Debug, thiserror::Error)]
#[error(
    "the limit of open files of this process is {limit}, and writing an index needs at least {MINIMUM}. Raise it: \
     `ulimit -n 1024` in a shell, `LimitNOFILE=` in a systemd unit, `--ulimit nofile=` for a container."
)]
pub(super) struct TooFewFiles {
    limit: u64,
}

/// Raises the limit of open files as far as the system permits. Fails if a command that writes an index would
/// run out of files.
pub(super) fn raise(command: &Command) -> Result<(), TooFewFiles> {
    let writes_index = matches!(
        command,
        Command::Serve(_) | Command::Reindex(_) | Command::Index(_)
    );
    match rlimit::increase_nofile_limit(WANTED) {
        Ok(limit) if limit < MINIMUM && writes_index => Err(TooFewFiles { limit }),
        // If the limit is unknown or cannot be raised, continue with the current one.
        Ok(_) | Err(_) => Ok(()),
    }
}
