//! `index export`: writes the records as lines of JSON, to standard output or to a file.
//!
//! A file gets its name only when it is complete. The command never writes into the data directory.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, anyhow, bail};
use rustix::fs::OFlags;
use tokio::signal::unix::{SignalKind, signal};

use super::DataDirArgument;
use crate::cli::completions;
use crate::cli::text::{grouped, say};
use crate::cli::{Failure, INTERRUPTED, MISUSED};
use crate::config::Config;
use crate::core::json;
use crate::core::replication::source_state::SourceState;
use crate::index::current::read_current;
use crate::index::directory::{DataDir, sync_dir};
use crate::index::export::{Line, export};
use crate::index::tantivy::TantivyEngine;
use crate::index::{Engine, IndexError};

/// Write the records as lines of JSON
///
/// Each line has everything that is known about one asset, sorted by Source and key. `schema/README.md`
/// describes the lines. They come from one commit, even while a daemon writes. An index of another schema
/// version can be exported too.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Export only this Source; repeat it for more
    #[arg(long, value_name = "NAME", add = completions::sources())]
    source: Vec<String>,
    /// Include tombstones: removed keys that are remembered for late events
    #[arg(long)]
    tombstones: bool,
    /// Output file; - is standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    data_dir: DataDirArgument,
}

/// Why an export ends early.
#[derive(Debug)]
enum Ended {
    /// The reader closed the pipe.
    ByReader,
    /// A signal came while a file was written.
    BySignal,
    /// The export failed.
    Failed(anyhow::Error),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ByReader,
            _ => Self::Failed(anyhow::Error::from(error).context("failed to write the lines")),
        }
    }
}

impl From<IndexError> for Ended {
    fn from(error: IndexError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<anyhow::Error> for Ended {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments, config: &Config) -> Result<(), Failure> {
    let file = Some(&arguments.output).filter(|path| *path != Path::new("-"));
    let stop = stop_on_signals(file.is_some())?;
    let data_dir = arguments.data_dir.open(config);
    if let Some(path) = file {
        check_outside(path, data_dir.path())?;
    }
    let engine = open(&data_dir).map_err(anyhow::Error::from)?;
    let checkpoint = engine.checkpoint().map_err(anyhow::Error::from)?;
    let work = Work {
        sources: choose(&checkpoint.sources, &arguments.source)?,
        engine,
        tombstones: arguments.tombstones,
        stop,
    };
    let file = file.cloned();
    let written = tokio::task::spawn_blocking(move || match file {
        None => work.write(io::stdout().lock()).map(drop),
        Some(path) => work.write_file(&path),
    });
    match written.await.context("the export panicked")? {
        Ok(()) | Err(Ended::ByReader) => Ok(()),
        Err(Ended::BySignal) => Err(Failure::Silent(INTERRUPTED)),
        Err(Ended::Failed(error)) => Err(error.into()),
    }
}

/// Returns a flag that SIGINT and SIGTERM set, so that a partial file can be removed. Without a file the
/// signals end the process at once, because a write to a pipe that is never read would block forever.
fn stop_on_signals(has_file: bool) -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signal = signal(kind).context("failed to listen for signals")?;
        let stop = Arc::clone(&stop);
        tokio::spawn(async move {
            signal.recv().await;
            if has_file {
                stop.store(true, Ordering::Relaxed)
            } else {
                std::process::exit(i32::from(INTERRUPTED))
            }
        });
    }
    Ok(stop)
}

/// Opens the current index, whatever its schema version: the records of every version can be read.
fn open(data_dir: &DataDir) -> Result<TantivyEngine, IndexError> {
    read_current(data_dir, TantivyEngine::open_any_schema)
}

/// Returns the Sources with these names, or all.
fn choose(known: &[SourceState], names: &[String]) -> Result<Vec<SourceState>, Failure> {
    if let Some(unknown) = names
        .iter()
        .find(|name| known.iter().all(|it| it.name != **name))
    {
        let known: Vec<&str> = known.iter().map(|state| &*state.name).collect();
        let error = anyhow!(
            "the index has no Source {unknown:?}; it has {}",
            known.join(", ")
        );
        return Err(Failure::Error(MISUSED, error));
    }
    let is_chosen = |state: &&SourceState| names.is_empty() || names.contains(&state.name);
    Ok(known.iter().filter(is_chosen).cloned().collect())
}

/// An export to run.
struct Work {
    engine: TantivyEngine,
    sources: Vec<SourceState>,
    tombstones: bool,
    stop: Arc<AtomicBool>,
}

impl Work {
    /// Writes the lines. Returns the writer and the number of lines.
    fn write<W: Write>(&self, out: W) -> Result<(W, u64), Ended> {
        let mut out = BufWriter::new(out);
        let mut lines = 0;
        for state in &self.sources {
            export(&self.engine, state, self.tombstones, |line: &Line<'_>| {
                if self.stop.load(Ordering::Relaxed) {
                    return Err(Ended::BySignal);
                }
                lines += 1;
                let text = json::to_line(line).map_err(io::Error::from)?;
                out.write_all(text.as_bytes())?;
                Ok(out.write_all(b"\n")?)
            })?;
        }
        let out = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((out, lines))
    }

    /// Writes the lines to a temporary file, and renames it when it is complete.
    fn write_file(&self, path: &Path) -> Result<(), Ended> {
        let (partial, file) = begin_file(path)?;
        let written = self.write(file).and_then(|(file, lines)| {
            file.sync_all()?;
            fs::rename(&partial, path)?;
            sync_dir(folder_of(path))?;
            Ok(lines)
        });
        match written {
            Ok(lines) => {
                say!("{}: {} records", path.display(), grouped(lines));
                Ok(())
            }
            Err(ended) => {
                // If it cannot be removed, its name still says that it is partial.
                let _ = fs::remove_file(&partial);
                Err(ended)
            }
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Refuses an output file in the data directory, where it could replace a file of the index.
fn check_outside(path: &Path, data_dir: &Path) -> Result<(), Failure> {
    // If a folder does not exist, creating the file will fail later.
    let (Ok(folder), Ok(data_dir)) = (folder_of(path).canonicalize(), data_dir.canonicalize())
    else {
        return Ok(());
    };
    if !folder.starts_with(&data_dir) {
        return Ok(());
    }
    let error = anyhow!(
        "failed to write {}: it is in the data directory {}, which only the index may use; choose another folder",
        path.display(),
        data_dir.display()
    );
    Err(Failure::Error(MISUSED, error))
}

/// Creates the temporary file. Overwrites a file that a killed export left.
fn begin_file(path: &Path) -> anyhow::Result<(PathBuf, File)> {
    // The rename would replace a device or a pipe with a file.
    if path.exists() && !path.is_file() {
        bail!(
            "{} is not a regular file; use - for standard output",
            path.display()
        );
    }
    let name = path.file_name();
    let name = name.with_context(|| format!("{} is not a file name", path.display()))?;
    let mut partial = name.to_owned();
    partial.push(".partial");
    let partial = folder_of(path).join(partial);
    let file = open_partial(&partial)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            bail!(
                "another export is writing {}; wait until it ends",
                partial.display()
            )
        }
        Err(TryLockError::Error(error)) => Err(error).context("failed to lock the file")?,
    }
    file.set_len(0).context("failed to empty the file")?;
    Ok((partial, file))
}

/// Opens or creates the file. It does not follow a link or wait for a pipe.
fn open_partial(partial: &Path) -> anyhow::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(flags.bits() as i32)
        .open(partial);
    let about = match &opened {
        Ok(file) => file.metadata(),
        Err(_) => fs::symlink_metadata(partial),
    };
    if about.is_ok_and(|about| !about.is_file()) {
        bail!(
            "failed to write {}: it is not a regular file, so no export has created it; remove it, or \
             choose another file",
            partial.display()
        );
    }
    opened.with_context(|| format!("failed to create {}", partial.display()))
}
