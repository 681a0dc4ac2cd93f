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
mod load;
mod places;
mod resolve;
mod search;
mod serve;
mod validate;

pub use error::{ConfigError, InvalidValue, Mistake};
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

    /// The keys that a running daemon cannot change, as far as they differ from its configuration.
    pub(crate) fn fixed_keys_that_differ(&self, running: &Self) -> Vec<&'static str> {
        let (new, old) = (&self.serve, &running.serve);
        let keys = [
            ("data_dir", self.data_dir != running.data_dir),
            ("serve.listen", new.listen != old.listen),
            ("serve.tokens", new.tokens != old.tokens),
            ("serve.hosts", new.hosts != old.hosts),
            ("serve.tls_certificate or serve.tls_key", new.tls != old.tls),
            (
                "serve.control_socket",
                new.control_socket != old.control_socket,
            ),
            (
                "serve.grace_period_seconds",
                new.grace_period != old.grace_period,
            ),
        ];
        let differ = keys.into_iter().filter(|(_, differs)| *differs);
        differ.map(|(key, _)| key).collect()
    }

    /// Reads the file `path` and the folder [`SOURCES_FOLDER`] next to it.
    ///
    /// Relative paths in all of these files are relative to the folder of `path`.
    ///
    /// # Errors
    ///
    /// The error has all mistakes that can be found at once.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        load::load(path)
    }

    /// The control socket of the daemon with this configuration file, even if the file has mistakes. `None` if
    /// the mistakes are in the keys that determine it, or hide them.
    pub fn control_socket(path: &Path) -> Option<PathBuf> {
        load::control_socket(path)
    }
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
