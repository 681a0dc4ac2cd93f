//! A rebuild: builds a new generation next to the current one while every event goes into both.
//!
//! Scans fill the new generation ([`fill`]), and [`copies`] of the Sources that do not run. If all of them complete, it
//! becomes the current one. Otherwise it is removed. A rebuild ends with its session. If the next session has to use a
//! new configuration, the rebuild starts again there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::commands::{RebuildProgress, RebuildRequest};
use super::context::DaemonContext;
use crate::config::Config;
use crate::index::IndexError;
use crate::index::current::LostRecords;
use crate::index::directory::DataDir;
use crate::index::ledger::CommitPolicy;
use crate::index::new_generation::{
    IfUnusable, PrepareOptions, PreparedGeneration, prepare_new_generation,
};
use crate::index::writer::{self, IndexHandle, IndexThread};

mod copies;
pub(super) mod fill;

use fill::FillResult;

/// The generation that a rebuild builds.
pub(super) struct NewGeneration {
    pub index: IndexHandle,
    /// The records of the current index that cannot be carried over.
    pub lost: LostRecords,
    thread: IndexThread,
    path: PathBuf,
    data_dir: DataDir,
}

/// How the session of a rebuild ended.
pub(super) struct RebuildEnd {
    /// How the scans ended. `None` if they did not end.
    pub result: Option<FillResult>,
    /// Whether the current index was closed without an error.
    pub session_succeeded: bool,
    /// Whether the next session rebuilds the index if this one has not.
    pub starts_again: bool,
}

impl NewGeneration {
    /// Creates an empty generation with the names, numbers and subdomains of the current one.
    pub(super) async fn open(config: &Config, ctx: &DaemonContext) -> Result<Self, IndexError> {
        let options = PrepareOptions {
            memory: config.index.writer_memory_bytes,
            policy: CommitPolicy::of(&config.index, false),
            resume: false,
            if_unusable: IfUnusable::Fail,
            // They are copied while scans fill the other Sources.
            disabled: Vec::new(),
        };
        let data_dir = ctx.data_dir.clone();
        // Blocking: it reads the whole current index. Meanwhile the watchdog must be reset.
        let prepare = move || prepare_new_generation(&data_dir, options);
        let prepared = tokio::task::spawn_blocking(prepare).await;
        let prepared = prepared.unwrap_or_else(|panic| {
            Err(IndexError::engine("read the index before a rebuild")(panic))
        })?;
        let PreparedGeneration {
            path,
            mut ledger,
            lost,
        } = prepared;
        ledger.set_large_removals(Arc::clone(&ctx.board.large_removals));
        ledger.leave_announcements();
        let (index, thread) = writer::start(ledger)?;
        tracing::info!(generation = %path.display(), "rebuild started");
        Ok(Self {
            index,
            thread,
            path,
            data_dir: ctx.data_dir.clone(),
            lost,
        })
    }

    /// Closes the new generation. Makes it current if it is complete and the session ended without an error,
    /// and removes it otherwise. The current generation must be closed already. Returns whether the rebuild is over.
    ///
    /// # Errors
    ///
    /// Only if the data directory cannot be changed. A failed rebuild is reported to the request.
    pub(super) async fn finish(
        self,
        request: &RebuildRequest,
        end: RebuildEnd,
        ctx: &DaemonContext,
    ) -> Result<bool, IndexError> {
        drop(self.index);
        let closed = self.thread.join().await;
        let fail = |reason: &str| {
            tracing::warn!(reason, "rebuild failed");
            request.report(RebuildProgress::Failed(reason.to_owned()));
        };
        if let Err(reason) = check_publishable(end.session_succeeded, end.result, closed) {
            remove(&self.path);
            if end.starts_again {
                tracing::warn!("the rebuild starts again, because of the new configuration");
            } else {
                fail(&reason);
            }
            return Ok(!end.starts_again);
        }
        // After an error the generation stays: it may be the current one on the disk nevertheless.
        let published = ctx.data_dir.publish(&self.path);
        published.inspect_err(|error| fail(&error.to_string()))?;
        tracing::info!("rebuild completed; the new index is current");
        request.report(RebuildProgress::Published);
        if let Err(error) = ctx.data_dir.remove_old(&ctx.lock) {
            tracing::warn!(%error, "failed to remove the previous index");
        }
        Ok(true)
    }
}

/// Whether the new generation may become current. The error is the reason why not.
fn check_publishable(
    session_succeeded: bool,
    result: Option<FillResult>,
    closed: Result<(), IndexError>,
) -> Result<(), String> {
    match result {
        _ if !session_succeeded => {
            Err("the index failed during the rebuild; start it again".to_owned())
        }
        Some(FillResult::Complete) => closed.map_err(|error| error.to_string()),
        Some(FillResult::Incomplete) => {
            Err("not every Source could be scanned; the previous index stays".to_owned())
        }
        None => Err("the daemon is stopping; start it again".to_owned()),
    }
}

/// Removes an incomplete generation. If this fails, the next rebuild removes the rest.
fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_dir_all(path) {
        tracing::warn!(%error, path = %path.display(), "failed to remove an incomplete index");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_complete_and_closed_generation_is_publishable() {
        for (session_succeeded, result, closed, reason) in [
            (true, Some(FillResult::Complete), Ok(()), None),
            (
                true,
                Some(FillResult::Incomplete),
                Ok(()),
                Some("not every Source"),
            ),
            (true, None, Ok(()), Some("start it again")),
            (
                false,
                Some(FillResult::Complete),
                Ok(()),
                Some("failed during the rebuild"),
            ),
            (
                true,
                Some(FillResult::Complete),
                Err(IndexError::WriterGone),
                Some(""),
            ),
        ] {
            let checked = check_publishable(session_succeeded, result, closed);
            match (&checked, reason) {
                (Ok(()), None) => {}
                (Err(why), Some(words)) => assert!(why.contains(words), "{why}"),
                _ => panic!("{result:?}, session succeeded {session_succeeded}: {checked:?}"),
            }
        }
    }
}
