//! Loads the configuration: parses the files ([`mod@file`]), validates them, and resolves them to a
//! [`Config`].
//!
//! This module reads only configuration files. It reads no secret, no environment variable and no bucket.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::core::source::Source;

mod credentials;
mod document;
mod error;
pub mod file;
pub mod listen;
mod resolve;
mod search;
mod serve;
mod validate;

pub use error::{ConfigError, InvalidValue};
use file::{ConfigFile, IndexFile, ScanFile, SourceFile};
pub use listen::{Listen, TlsFiles};
pub use search::SearchConfig;
pub use serve::{EventsConfig, ServeConfig};

/// The folder next to the configuration file. Each `*.toml` file in it is one Source.
pub const SOURCES_FOLDER: &str = "sources.d";

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of the index.
    pub data_dir: PathBuf,
    /// How buckets are listed.
    pub scan: ScanConfig,
    /// How the index is written.
    pub index: IndexConfig,
    /// How events are received.
    pub events: EventsConfig,
    /// How the daemon runs.
    pub serve: ServeConfig,
    /// How searches are answered.
    pub search: SearchConfig,
    /// The Sources, at least one: first the Sources in the file, then the Sources in the folder by file name.
    pub sources: Vec<Arc<Source>>,
}

/// How buckets are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanConfig {
    /// Maximum number of key ranges of one Source that are listed at the same time, 1 to 64.
    pub ranges_in_flight: usize,
    /// Maximum number of Sources that are listed at the same time, 1 to 64.
    pub sources_in_flight: usize,
    /// Maximum number of attempts for a request, 1 to 20.
    pub attempts: u32,
    /// Maximum time between two scans of a Source by the daemon, 1 to 43,200 minutes.
    pub reconcile_every: Duration,
}

/// How the index is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexConfig {
    /// Number of documents after which a commit is due, 1 to 1,000,000.
    pub commit_documents: usize,
    /// Time after which a commit is due, 1 to 600 seconds.
    pub commit_interval: Duration,
    /// Time after which a commit is due if an event waits for it, 50 to 10,000 milliseconds.
    pub event_commit_interval: Duration,
    /// Memory of the index writer in bytes, 15 to 2,000 million.
    pub writer_memory_bytes: usize,
}

/// A parsed Source and its file.
struct UnresolvedSource {
    path: PathBuf,
    source: SourceFile,
}

/// A name that no configured Source has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Source {name:?} is not in the configuration, which has: {known}")]
pub struct UnknownSource {
    name: String,
    known: String,
}

impl Config {
    /// The Sources with these names, each once, in the order of the configuration. All Sources if `names` is
    /// empty.
    pub fn choose(&self, names: &[String]) -> Result<Vec<&Arc<Source>>, UnknownSource> {
        let is_known = |name: &&String| self.sources.iter().any(|source| source.name == **name);
        if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
            return Err(UnknownSource {
                name: unknown.clone(),
                known: self.names().join(", "),
            });
        }
        let is_chosen = |source: &&Arc<Source>| names.is_empty() || names.contains(&source.name);
        Ok(self.sources.iter().filter(is_chosen).collect())
    }

    /// The names of the Sources, in the order of the configuration.
    pub fn names(&self) -> Vec<&str> {
        self.sources
            .iter()
            .map(|source| source.name.as_str())
            .collect()
    }

    /// Reads the file `path` and the folder [`SOURCES_FOLDER`] next to it.
    ///
    /// Relative paths in all of these files are relative to the folder of `path`.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let in_file = |value| ConfigError::InvalidValue {
            path: path.to_owned(),
            source_name: String::new(),
            value,
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let file: ConfigFile = document::read(path)?;
        let data_dir = resolved_path(&file.data_dir, folder)
            .map_err(|problem| in_file(InvalidValue::text("data_dir", &file.data_dir, problem)))?;
        let scan = scan(&file.scan).map_err(in_file)?;
        let index = index(&file.index).map_err(in_file)?;
        let events = serve::events(&file.events).map_err(in_file)?;
        let serve = serve::serve(&file.serve, folder, &data_dir).map_err(in_file)?;
        let search = search::search(&file.search).map_err(in_file)?;
        let inline = file.source.into_iter().map(|source| UnresolvedSource {
            path: path.to_owned(),
            source,
        });
        let mut sources: Vec<UnresolvedSource> = inline.collect();
        sources.extend(read_sources_folder(&folder.join(SOURCES_FOLDER))?);
        if sources.is_empty() {
            let problem = format!(
                "no Source is configured; add a table [[source]] with name, bucket and subdomain, or \
                 a file with these keys in the folder {SOURCES_FOLDER} next to this file"
            );
            return Err(in_file(InvalidValue::hidden("source", problem)));
        }
        Ok(Self {
            data_dir,
            scan,
            index,
            events,
            serve,
            search,
            sources: resolve_all(sources, folder)?,
        })
    }
}

fn scan(file: &ScanFile) -> Result<ScanConfig, InvalidValue> {
    let ranges = validate::number("scan.ranges_in_flight", file.ranges_in_flight, 8, 1..=64)?;
    let every = file.reconcile_every_minutes;
    let every = validate::number("scan.reconcile_every_minutes", every, 1_440, 1..=43_200)?;
    let sources = validate::number("scan.sources_in_flight", file.sources_in_flight, 4, 1..=64)?;
    Ok(ScanConfig {
        ranges_in_flight: ranges as usize,
        sources_in_flight: sources as usize,
        attempts: validate::number("scan.attempts", file.attempts, 8, 1..=20)?,
        reconcile_every: Duration::from_secs(60 * u64::from(every)),
    })
}

fn index(file: &IndexFile) -> Result<IndexConfig, InvalidValue> {
    let (documents, seconds, memory) = (
        file.commit_documents,
        file.commit_interval_seconds,
        file.writer_memory_mb,
    );
    let documents = validate::number("index.commit_documents", documents, 20_000, 1..=1_000_000)?;
    let seconds = validate::number("index.commit_interval_seconds", seconds, 10, 1..=600)?;
    let millis = file.event_commit_interval_ms;
    let millis = validate::number("index.event_commit_interval_ms", millis, 500, 50..=10_000)?;
    let memory_mb = validate::number("index.writer_memory_mb", memory, 64, 15..=2000)?;
    Ok(IndexConfig {
        commit_documents: documents as usize,
        commit_interval: Duration::from_secs(seconds.into()),
        event_commit_interval: Duration::from_millis(millis.into()),
        writer_memory_bytes: memory_mb as usize * 1_000_000,
    })
}

/// Reads the Sources in the folder, by file name. Empty if there is no such folder.
///
/// Skips hidden files: editors create them while a file is open.
fn read_sources_folder(folder: &Path) -> Result<Vec<UnresolvedSource>, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable {
        path: folder.to_owned(),
        source,
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.ends_with(b".toml") && !name.starts_with(b".") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let source = document::read(&path)?;
        Ok(UnresolvedSource { path, source })
    };
    paths.into_iter().map(read).collect()
}

/// Resolves each Source, and checks it against the previous Sources.
fn resolve_all(
    sources: Vec<UnresolvedSource>,
    folder: &Path,
) -> Result<Vec<Arc<Source>>, ConfigError> {
    let mut previous: Vec<(PathBuf, Arc<Source>)> = Vec::new();
    for UnresolvedSource { path, source } in sources {
        let source_name = format!("source {:?}: ", source.name);
        let resolved = resolve::source(source, folder).and_then(|source| {
            check_unique(&source, &previous)?;
            Ok(source)
        });
        match resolved {
            Ok(source) => previous.push((path, Arc::new(source))),
            Err(value) => {
                return Err(ConfigError::InvalidValue {
                    path,
                    source_name,
                    value,
                });
            }
        }
    }
    Ok(previous.into_iter().map(|(_, source)| source).collect())
}

/// Checks that the Source shares no name, subdomain or ambiguous queue with a previous one.
fn check_unique(source: &Source, previous: &[(PathBuf, Arc<Source>)]) -> Result<(), InvalidValue> {
    for (path, other) in previous {
        let problem = |what| {
            let (name, path) = (&other.name, path.display());
            format!("Source {name:?} in {path} already has this {what}; use another {what}")
        };
        if other.name == source.name {
            return Err(InvalidValue::text("name", &source.name, problem("name")));
        }
        if has_ambiguous_events(source, other) {
            let url = source
                .events
                .as_ref()
                .map_or("", |events| &events.queue_url);
            let (name, bucket) = (&other.name, &other.bucket);
            let problem = format!(
                "Source {name:?} also receives events from this queue, and its bucket in another store \
                 has the same name {bucket:?}; events contain only the name, so use another queue"
            );
            return Err(InvalidValue::text("events.queue_url", url, problem));
        }
        if other.subdomain == source.subdomain {
            return Err(InvalidValue::text(
                "subdomain",
                &source.subdomain,
                problem("subdomain"),
            ));
        }
    }
    Ok(())
}

/// Whether both Sources receive events from one queue, for buckets of the same name in different stores. Then
/// an event does not show which bucket it belongs to.
fn has_ambiguous_events(source: &Source, other: &Source) -> bool {
    let queue = |source: &Source| {
        source
            .events
            .as_ref()
            .map(|events| events.queue_url.clone())
    };
    queue(source).is_some()
        && queue(source) == queue(other)
        && source.bucket == other.bucket
        && source.endpoint_url != other.endpoint_url
}

/// Resolves a relative path against `folder`. The error says what is wrong with the path.
fn resolved_path(path: &str, folder: &Path) -> Result<PathBuf, &'static str> {
    if path.is_empty() {
        return Err("must not be empty; set a path");
    }
    if path.starts_with('~') {
        return Err("\"~\" is not expanded to the home folder; set the full path");
    }
    Ok(folder.join(path))
}

#[cfg(test)]
mod tests;
