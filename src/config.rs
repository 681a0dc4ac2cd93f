//! Loads the configuration: parses the files ([`mod@file`]), validates them, and resolves them to a
//! [`Config`].
//!
//! This module reads only configuration files. It reads no secret, no environment variable and no bucket.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::known_sources::KnownSources;
use crate::core::source::{KeyPlaces, Source};

mod asset_urls;
mod credentials;
mod digest;
mod document;
mod error;
pub mod file;
mod known_sources;
pub mod listen;
mod load;
mod managed;
mod origin;
mod places;
mod resolve;
mod search;
mod serve;
mod shared;
mod source_file;
mod validate;

pub(crate) use digest::ConfigDigest;
pub use error::{ConfigError, InvalidValue, Mistake};
pub use listen::{Listen, TlsFiles};
pub use managed::ManagedConfig;
pub use search::SearchConfig;
pub use serve::{EventsConfig, ServeConfig};

/// The folder next to the configuration file. Each `*.toml` file in it is one Source.
pub const SOURCES_FOLDER: &str = "sources.d";

/// The folder in `data_dir` with the managed Sources: one file each, in the same format.
pub const MANAGED_FOLDER: &str = "sources";

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
    /// The limits of managed Sources.
    pub managed: ManagedConfig,
    /// Where the keys are that seal the secrets of managed Sources.
    pub keys: KeyPlaces,
    /// The Sources: first the ones in the file, then the ones in the folder [`SOURCES_FOLDER`], then the managed
    /// ones, each by file name.
    pub sources: Vec<Arc<Source>>,
}

/// How buckets are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanConfig {
    /// Maximum number of key ranges of one Source that are listed at the same time, 1 to 1,024.
    pub ranges_in_flight: usize,
    /// Maximum number of Sources that are listed at the same time, 1 to 64.
    pub sources_in_flight: usize,
    /// Maximum number of attempts for a request, 1 to 20.
    pub attempts: u32,
    /// Maximum time between two scans of a Source by the daemon, 1 to 43,200 minutes. A Source can have its own,
    /// see [`ScanConfig::interval_of`].
    pub reconcile_every: Duration,
}

impl ScanConfig {
    /// The maximum time between two scans of this Source.
    pub fn interval_of(&self, source: &Source) -> Duration {
        source.reconcile_every.unwrap_or(self.reconcile_every)
    }
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

/// Reads a configuration again and again. Files of Sources that have not changed are neither parsed nor validated again.
pub(crate) struct ConfigReader {
    path: PathBuf,
    known: Mutex<KnownSources>,
}

impl ConfigReader {
    /// `path` is the configuration file.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            known: Mutex::default(),
        }
    }

    /// The configuration file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the files as they are now. See [`Config::load`].
    pub(crate) fn read(&self) -> Result<Config, ConfigError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        load::load(&self.path, &mut known)
    }
}

/// A name that no configured Source has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Source {name:?} is not in the configuration, which has: {known}")]
pub struct UnknownSource {
    name: String,
    known: String,
}

/// No Source is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no Source is configured; set one up with `asset-indexer source add`, or add a file with name, bucket and \
     subdomain to the folder {SOURCES_FOLDER} next to the configuration file"
)]
pub struct NoSource;

impl Config {
    /// # Errors
    ///
    /// If no Source is configured. The daemon can run without one, until someone sets one up.
    pub fn require_sources(&self) -> Result<(), NoSource> {
        if self.sources.is_empty() {
            Err(NoSource)
        } else {
            Ok(())
        }
    }

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

    /// Whether a Source can have this name. Other texts must not become part of a path.
    pub(crate) fn is_source_name(name: &str) -> bool {
        validate::name(name).is_ok()
    }

    /// The folder with the managed Sources.
    pub(crate) fn managed_folder(&self) -> PathBuf {
        self.data_dir.join(MANAGED_FOLDER)
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
            ("secrets.key_file", self.keys.file != running.keys.file),
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

    /// The digests, for a comparison with the configuration of another process.
    pub(crate) fn digest(&self) -> ConfigDigest {
        ConfigDigest::of(self)
    }

    /// The same configuration with another address for HTTP, as in `serve.listen`. A relative path of a socket is
    /// relative to the working folder.
    pub(crate) fn listening_on(mut self, address: &str) -> Result<Self, InvalidValue> {
        let in_argument = |error: InvalidValue| InvalidValue {
            key: "--listen".to_owned(),
            ..error
        };
        let listen = listen::listen(Some(address), Path::new("")).map_err(in_argument)?;
        if let Some(listen) = &listen {
            let (tokens, tls) = (self.serve.tokens.is_some(), self.serve.tls.is_some());
            listen::check_reach(listen, tokens, tls).map_err(in_argument)?;
        }
        self.serve.listen = listen;
        Ok(self)
    }

    /// Reads the file `path` and the folder [`SOURCES_FOLDER`] next to it.
    ///
    /// Relative paths in all of these files are relative to the folder of `path`.
    ///
    /// # Errors
    ///
    /// The error has all mistakes that can be found at once.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        ConfigReader::new(path.to_owned()).read()
    }

    /// Resolves a managed Source that is to be created, or to replace the managed Source of the same name.
    ///
    /// # Errors
    ///
    /// All values that are not allowed, also because another Source has them. They name only Sources that
    /// `may_see` allows.
    pub(crate) fn resolve_managed(
        &self,
        file: file::SourceFile,
        may_see: &dyn Fn(&str) -> bool,
    ) -> Result<Source, Vec<InvalidValue>> {
        managed::resolve(file, self, may_see)
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
