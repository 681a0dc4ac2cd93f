//! `index compact`: merges all segments into one, in this process or in the daemon.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use indicatif::{MultiProgress, ProgressBar};

use crate::cli::Failure;
use crate::cli::text::{grouped, say, size};
use crate::config::Config;
use crate::index::current::open_or_create_current;
use crate::index::directory::DataDir;
use crate::index::info::IndexInfo;
use crate::index::tantivy::pinned_commit::PinnedCommit;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::index::{Engine, IndexError};
use crate::serve::control::{self, ControlRequest};

/// Merge all segments into one and drop deleted documents
///
/// The index merges small segments by itself. This merges everything at once. Searches continue, and a
/// running daemon continues to handle events. The disk needs free space for a second copy of the index.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// Time between two turns of the spinner.
const TICK: Duration = Duration::from_millis(100);

/// Runs the command.
pub(super) async fn run(config: &Config, bars: &MultiProgress) -> Result<(), Failure> {
    let data_dir = DataDir::new(&config.data_dir, SCHEMA_VERSION);
    let before = IndexInfo::of(&data_dir).map_err(anyhow::Error::from)?;
    // Fails with instructions if the index has another schema version.
    data_dir.current().map_err(anyhow::Error::from)?;
    check_free_space(&before)?;
    let bar = bars.add(ProgressBar::new_spinner().with_message("merging the segments"));
    bar.enable_steady_tick(TICK);
    let compacted = match check_files(&data_dir).await {
        Ok(()) => compact(config, &data_dir).await,
        damaged => damaged,
    };
    bar.finish_and_clear();
    compacted?;
    let after = IndexInfo::of(&data_dir).map_err(anyhow::Error::from)?;
    say!("before: {}", summary(&before));
    say!("after:  {}", summary(&after));
    Ok(())
}

/// Fails if the disk has no space for the new segment.
fn check_free_space(info: &IndexInfo) -> anyhow::Result<()> {
    if info.free_bytes < info.bytes {
        bail!(
            "the merge may need {} of free space, and {} has only {}; free some space, or rely on the \
             merges that the index does by itself",
            size(info.bytes),
            info.data_dir.display(),
            size(info.free_bytes)
        );
    }
    Ok(())
}

/// Checks the checksum of every file: a merge would copy damage into a file with a valid checksum.
async fn check_files(data_dir: &DataDir) -> anyhow::Result<()> {
    let Some(generation) = data_dir.current()? else {
        return Ok(());
    };
    let checked = tokio::task::spawn_blocking(move || {
        PinnedCommit::newest(&generation).and_then(|commit| commit.damages(|_| {}))
    });
    match checked.await??.first() {
        None => Ok(()),
        Some(damage) => Err(IndexError::Damaged {
            what: format!("{}: {}", damage.file, damage.what),
        })?,
    }
}

async fn compact(config: &Config, data_dir: &DataDir) -> anyhow::Result<()> {
    let socket = &config.serve.control_socket;
    if control::is_in_use(socket).await {
        tracing::info!("asking the daemon");
        return compact_by_daemon(socket).await;
    }
    let lock = data_dir.lock()?;
    let memory = config.index.writer_memory_bytes;
    let mut engine = open_or_create_current(data_dir, &lock, memory)?;
    engine.compact()?.await?;
    Ok(engine.close()?)
}

async fn compact_by_daemon(socket: &Path) -> anyhow::Result<()> {
    let mut answers = control::send_request(socket, &ControlRequest::Compact).await?;
    while answers.next().await?.is_some() {}
    Ok(())
}

fn summary(info: &IndexInfo) -> String {
    let records = info.records();
    format!(
        "{} in {} segments; {} assets, {} tombstones, {} deleted",
        size(info.bytes),
        grouped(info.segments.len() as u64),
        grouped(records.assets),
        grouped(records.tombstones),
        grouped(info.deleted())
    )
}
