//! Writes the file CURRENT again if it is lost or damaged while the daemon writes the index.
//!
//! Readers that do not know the current generation cannot find it without the file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::index::IndexError;
use crate::index::directory::DataDir;

/// How often to look for the file.
const INTERVAL: Duration = Duration::from_secs(1);

/// Looks for the file until `stop` is cancelled. `generation` is the current generation until then.
pub(super) async fn keep(
    data_dir: DataDir,
    generation: PathBuf,
    stop: CancellationToken,
) -> Result<(), IndexError> {
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut has_failed = false;
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        // On this thread: when this task has ended, a rebuild may write the file.
        match restore(&data_dir, &generation) {
            Ok(()) => has_failed = false,
            Err(error) => {
                if !has_failed {
                    tracing::warn!(%error, "failed to write the file CURRENT again; trying every second");
                }
                has_failed = true;
            }
        }
    }
    Ok(())
}

/// Writes the file if it names no generation, and the generation still exists.
fn restore(data_dir: &DataDir, generation: &Path) -> Result<(), IndexError> {
    match data_dir.current() {
        Ok(None) | Err(IndexError::Damaged { .. }) if generation.exists() => {
            data_dir.publish(generation)?;
            tracing::warn!(
                generation = %generation.display(),
                "the file CURRENT, which names the current index, was lost or damaged; it is written again"
            );
            Ok(())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restores_a_lost_or_damaged_file_and_leaves_others() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path(), 1);
        let (ours, other) = (folder.path().join("assets-v1-000001"), "assets-v1-000002");
        let current = folder.path().join("CURRENT");
        restore(&data_dir, &ours).unwrap();
        assert!(!current.exists(), "the generation is gone, too");
        std::fs::create_dir(&ours).unwrap();
        restore(&data_dir, &ours).unwrap();
        assert_eq!(data_dir.current().unwrap().as_ref(), Some(&ours));
        std::fs::write(&current, "rubbish").unwrap();
        restore(&data_dir, &ours).unwrap();
        assert_eq!(data_dir.current().unwrap().as_ref(), Some(&ours));
        std::fs::write(&current, other).unwrap();
        restore(&data_dir, &ours).unwrap();
        assert_eq!(std::fs::read_to_string(&current).unwrap(), other);
    }
}
