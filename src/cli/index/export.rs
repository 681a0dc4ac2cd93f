//! `index export`: the records as lines of JSON, to standard output or into a file.
//!
//! A file appears under its name when everything is in it, and not before. Nothing is written into the data
//! directory: what has a name there is the index's.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, anyhow, bail};
use rustix::fs::OFlags;
use tokio::signal::unix::{SignalKind, signal};

use super::Place;
use crate::cli::text::{grouped, say};
use crate::cli::{Failure, INTERRUPTED, MISUSED};
use crate::config::Config;
use crate::core::replication::source_state::SourceState;
use crate::index::directory::{DataDir, sync_dir};
use crate::index::export::{Line, export};
use crate::index::live::read_live;
use crate::index::tantivy::TantivyEngine;
use crate::index::{Engine, IndexError};

/// Write the records as lines of JSON
///
/// All that is known of each asset, by Source and key; `schema/README.md` describes the lines. They are of
/// one commit, also while a daemon writes. An index of another schema version is exported too.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// This Source alone; may be given several times
    #[arg(long, value_name = "NAME")]
    source: Vec<String>,
    /// Tombstones too: what was removed, and is kept for late events
    #[arg(long)]
    tombstones: bool,
    /// Where to write; - is standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Why an export ends early.
#[derive(Debug)]
enum Ended {
    /// Whoever reads has seen enough.
    ByReader,
    /// A signal came, while a file was written.
    BySignal,
    /// It failed.
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
    let data_dir = arguments.place.open(config);
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
    match written.await.context("the export died")? {
        Ok(()) | Err(Ended::ByReader) => Ok(()),
        Err(Ended::BySignal) => Err(Failure::Silent(INTERRUPTED)),
        Err(Ended::Failed(error)) => Err(error.into()),
    }
}

/// What SIGINT and SIGTERM set, for a file that is begun to be removed. Where there is none they end the
/// process: whoever reads may have stopped to, and then nothing else would.
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

/// The live index, of whatever schema version: records can be read of each.
fn open(data_dir: &DataDir) -> Result<TantivyEngine, IndexError> {
    read_live(data_dir, TantivyEngine::open_of_any_schema)
}

/// The Sources of these names, or all.
fn choose(known: &[SourceState], names: &[String]) -> Result<Vec<SourceState>, Failure> {
    if let Some(unknown) = names
        .iter()
        .find(|name| known.iter().all(|it| it.name != **name))
    {
        let known: Vec<&str> = known.iter().map(|state| &*state.name).collect();
        let error = anyhow!(
            "the index knows no Source {unknown:?}, but {}",
            known.join(", ")
        );
        return Err(Failure::Told(MISUSED, error));
    }
    let is_chosen = |state: &&SourceState| names.is_empty() || names.contains(&state.name);
    Ok(known.iter().filter(is_chosen).cloned().collect())
}

/// An export to be done.
struct Work {
    engine: TantivyEngine,
    sources: Vec<SourceState>,
    tombstones: bool,
    stop: Arc<AtomicBool>,
}

impl Work {
    /// Writes the lines, and gives what they were written to and how many there are.
    fn write<W: Write>(&self, out: W) -> Result<(W, u64), Ended> {
        let mut out = BufWriter::new(out);
        let mut lines = 0;
        for state in &self.sources {
            export(&self.engine, state, self.tombstones, |line: &Line<'_>| {
                if self.stop.load(Ordering::Relaxed) {
                    return Err(Ended::BySignal);
                }
                lines += 1;
                let text = serde_json::to_vec(line).map_err(io::Error::from)?;
                out.write_all(&text)?;
                Ok(out.write_all(b"\n")?)
            })?;
        }
        let out = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((out, lines))
    }

    /// Writes the lines under another name first, which is of no file where this fails or is stopped.
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
                // What cannot be removed has the name of what is not complete.
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

/// Refuses a file in the data directory or below it, where it could take the place of one of the index.
fn check_outside(path: &Path, data_dir: &Path) -> Result<(), Failure> {
    // A folder that is not there is neither of them, and refused when the file is made.
    let (Ok(folder), Ok(data_dir)) = (folder_of(path).canonicalize(), data_dir.canonicalize())
    else {
        return Ok(());
    };
    if !folder.starts_with(&data_dir) {
        return Ok(());
    }
    let error = anyhow!(
        "failed to write {}: it is in the data directory {}, which is the index's alone; name a file elsewhere",
        path.display(),
        data_dir.display()
    );
    Err(Failure::Told(MISUSED, error))
}

/// Makes the file that is written until it is complete; one that a killed export left is overwritten.
fn begin_file(path: &Path) -> anyhow::Result<(PathBuf, File)> {
    // What is no file would be replaced by one in the end.
    if path.exists() && !path.is_file() {
        bail!(
            "{} is no file; write to - for standard output",
            path.display()
        );
    }
    let name = path.file_name();
    let name = name.with_context(|| format!("{} is no name of a file", path.display()))?;
    let mut partial = name.to_owned();
    partial.push(".partial");
    let partial = folder_of(path).join(partial);
    let file = open_partial(&partial)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            bail!(
                "another export writes {}; wait until it ends",
                partial.display()
            )
        }
        Err(TryLockError::Error(error)) => Err(error).context("failed to lock the file")?,
    }
    file.set_len(0).context("failed to empty the file")?;
    Ok((partial, file))
}

/// Opens the file, and makes it where there is none. A link is not followed, and a pipe not waited for.
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
            "failed to write {}: it is no regular file, so no export has left it; remove it, or name another \
             file",
            partial.display()
        );
    }
    opened.with_context(|| format!("failed to create {}", partial.display()))
}
