//! Reads the configuration again while the daemon runs, and waits until the session uses it.
//!
//! A configuration that is refused changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::commands::{Reload, ScanCommand, SessionChange};
use super::context::DaemonContext;
use super::systemd;
use crate::config::{Config, ConfigError, ConfigReader, InvalidValue, NoSource};
use crate::index::IndexError;
use crate::index::directory::DataDir;
use crate::index::info::knows_sources;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::managed::FileStore;
use crate::managed::store::StoreError;
use crate::serve::http::app_state::AppState;
use crate::serve::http::auth::{Auth, AuthError};

/// Maximum time to wait until a configuration is in use. Opening the index or removing many assets can take longer.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Why a new configuration is refused, or not in use yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    /// A file has mistakes.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address on the command line is wrong.
    #[error(transparent)]
    Address(#[from] InvalidValue),
    /// Keys differ that only a restart can change.
    #[error("{}: {keys} cannot change while the daemon runs; restart it", path.display())]
    FixedKeys {
        /// The configuration file.
        path: PathBuf,
        /// The keys, for the message.
        keys: String,
    },
    /// The tokens or the certificate cannot be used.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// All Sources are missing.
    #[error(transparent)]
    NoSource(#[from] NoSource),
    /// The data folder cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The folder of the managed Sources cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Earlier changes take too long. It will not be used.
    #[error("the daemon is still busy with earlier changes; reload it again later")]
    Busy,
    /// It is accepted, and will be used.
    #[error("the configuration is accepted, but not in use yet: {0}")]
    NotYet(String),
}

impl ReloadError {
    /// The error as one line, for the log. Each mistake of a configuration is a line of its own.
    pub(crate) fn one_line(&self) -> String {
        self.to_string().replace('\n', "; ")
    }
}

/// Reads the configuration again.
pub(crate) struct Reloader {
    reader: ConfigReader,
    /// The configuration that the daemon started with.
    first: Arc<Config>,
    ctx: Arc<DaemonContext>,
    app: Arc<AppState>,
    auth: Option<Arc<Auth>>,
    /// The configuration in use. One reload at a time.
    current: Mutex<Arc<Config>>,
}

impl Reloader {
    /// `path` is the configuration file.
    pub(crate) fn new(
        path: PathBuf,
        first: Arc<Config>,
        ctx: Arc<DaemonContext>,
        app: Arc<AppState>,
        auth: Option<Arc<Auth>>,
    ) -> Self {
        Self {
            reader: ConfigReader::new(path),
            current: Mutex::new(Arc::clone(&first)),
            first,
            ctx,
            app,
            auth,
        }
    }

    /// The configuration in use.
    pub(crate) async fn current(&self) -> Arc<Config> {
        Arc::clone(&*self.current.lock().await)
    }

    /// The channel to request scans of a Source. `None` if it is not active.
    pub(super) fn scan_commands(&self, source: &str) -> Option<mpsc::Sender<ScanCommand>> {
        self.ctx.session.scan_commands(source)
    }

    /// Reads the configuration again, but does not use it. It may have no Source: someone is about to set one up.
    pub(crate) fn read(&self) -> Result<Config, ReloadError> {
        let config = self.reader.read()?;
        refuse_fixed_keys(&config, self.reader.path(), &self.first)?;
        Ok(config)
    }

    /// Reads the configuration again, waits until it is in use, tells systemd and logs the result. If `retries` is
    /// set, Sources with a problem begin again although they are unchanged, and the tokens and the certificate are read
    /// again too.
    pub(crate) async fn reload(&self, retries: bool) -> Result<(), ReloadError> {
        // A reload does not make the daemon ready: it reports READY only if it was ready before.
        let is_ready = self.ctx.board.is_ready();
        if is_ready {
            systemd::reloading();
        }
        let reloaded = self.replace(retries).await;
        match &reloaded {
            Ok(()) => {
                self.ctx.board.reloads.add(1);
                tracing::info!("a new configuration is in force");
            }
            Err(error @ ReloadError::NotYet(_)) => {
                self.ctx.board.reloads.add(1);
                tracing::warn!(%error, "a new configuration is not in force yet");
            }
            Err(error) => {
                self.ctx.board.refused_reloads.add(1);
                tracing::error!(error = %error.one_line(), "the new configuration is refused");
            }
        }
        if is_ready {
            systemd::reloaded();
        }
        reloaded
    }

    async fn replace(&self, retries: bool) -> Result<(), ReloadError> {
        let mut current = self.current.lock().await;
        let not_yet = |reason: &str| Err(ReloadError::NotYet(reason.to_owned()));
        let config = self.reader.read()?;
        let deadline = Instant::now() + MAX_WAIT;
        // Nothing is replaced before the session is certain to get the configuration.
        let place = match timeout_at(deadline, self.ctx.session_changes.reserve()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return not_yet("the daemon is stopping"),
            Err(_) => return Err(ReloadError::Busy),
        };
        // A change of a Source is stored already. It must not fail because of the tokens or the certificate.
        let auth = self.auth.as_deref().filter(|_| retries);
        let config = accept(config, self.reader.path(), &self.first, auth)?;
        let config = Arc::new(config);
        self.app.replace_catalog(&config);
        *current = Arc::clone(&config);
        let (reply, used) = oneshot::channel();
        place.send(SessionChange::Reload(Reload {
            config,
            retries,
            reply,
        }));
        match timeout_at(deadline, used).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(reason))) => not_yet(&reason),
            Ok(Err(_)) => not_yet("the daemon is stopping"),
            Err(_) => not_yet("the daemon is still busy with the change"),
        }
    }
}

/// Checks that a loaded configuration can replace the running one, and loads its tokens and certificate.
pub(crate) fn accept(
    config: Config,
    path: &Path,
    first: &Config,
    auth: Option<&Auth>,
) -> Result<Config, ReloadError> {
    refuse_lost_sources(&config)?;
    refuse_fixed_keys(&config, path, first)?;
    auth.map_or(Ok(()), |auth| auth.reload(&config.serve.cors_origins))?;
    Ok(config)
}

fn refuse_fixed_keys(config: &Config, path: &Path, first: &Config) -> Result<(), ReloadError> {
    let changed = config.fixed_keys_that_differ(first);
    if changed.is_empty() {
        return Ok(());
    }
    Err(ReloadError::FixedKeys {
        path: path.to_owned(),
        keys: changed.join(", "),
    })
}

/// Refuses a configuration without Sources if the index has some and no managed Source was ever set up here. The
/// daemon would remove all assets, although the files of the Sources are probably just missing.
pub(crate) fn refuse_lost_sources(config: &Config) -> Result<(), ReloadError> {
    if config.require_sources().is_ok() || FileStore::new(config.managed_folder()).was_used()? {
        return Ok(());
    }
    let data_dir = DataDir::new(&config.data_dir, SCHEMA_VERSION);
    if knows_sources(&data_dir)? {
        config.require_sources()?;
    }
    Ok(())
}
