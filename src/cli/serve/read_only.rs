//! `serve --read-only`: serves searches over HTTP from an index that another process writes.
//!
//! It uses no lock, queue, bucket or control socket. Any number of such processes can run, with or without a
//! daemon. It notices by itself if a managed Source is changed, also by hand; other files are read again at SIGHUP.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{load_auth, stop_on_signals};
use crate::config::{Config, InvalidValue};
use crate::daemon::file_state::FileState;
use crate::daemon::reload::{self, ReloadError};
use crate::daemon::{index_monitor, systemd};
use crate::observe::status::StatusBoard;
use crate::serve::http::auth::Auth;
use crate::serve::http::{self, app_state::AppState};

/// The files of a folder by name, and the state of each.
type FolderState = BTreeMap<OsString, Option<FileState>>;

/// Time between two looks at the folder of the managed Sources.
const WATCH_INTERVAL: Duration = Duration::from_secs(3);

/// The configuration, served on the address of `--listen` if that is given.
pub(super) fn with_address(config: Config, address: Option<&str>) -> Result<Config, InvalidValue> {
    match address {
        Some(address) => config.listening_on(address),
        None => Ok(config),
    }
}

/// Serves until a signal stops it. `address` is the argument `--listen`.
pub(super) async fn serve(
    config: Arc<Config>,
    path: PathBuf,
    address: Option<&str>,
) -> anyhow::Result<()> {
    let listen = config
        .serve
        .listen
        .as_ref()
        .context("nothing to serve: the address is \"off\"; set `serve.listen` or --listen")?;
    let board = Arc::new(StatusBoard::read_only(config.data_dir.clone()));
    let app = AppState::new(Arc::clone(&board), &config, None)?;
    let auth = load_auth(&config)?;
    let listener = http::bind(listen).await?;
    let stop = stop_on_signals()?;
    let hangups = signal(SignalKind::hangup()).context("failed to listen for SIGHUP")?;
    let changes = ConfigChanges::new(hangups, config.managed_folder());
    tracing::info!(address = %listener.address(), "serving searches, read-only");
    // Runs until HTTP has ended.
    let ended = tokio::select! {
        ended = http::serve(listener, Arc::clone(&auth), Arc::clone(&app), stop.clone()) => {
            ended.map_err(anyhow::Error::from)
        }
        () = index_monitor::run(&app) => unreachable!("it runs until it is dropped"),
        () = systemd::notify_read_only(&board) => unreachable!("it runs until it is dropped"),
        ended = reload_on(changes, path, address, &config, &app, &auth, &stop) => ended,
    };
    systemd::stopping();
    if ended.is_ok() {
        tracing::info!("stopped");
    }
    ended
}

/// Tells when to read the configuration again: at a SIGHUP, and if a managed Source was changed.
struct ConfigChanges {
    hangups: Signal,
    watch: Interval,
    /// The folder of the managed Sources, and its files when they were last looked at.
    folder: PathBuf,
    files: FolderState,
}

impl ConfigChanges {
    fn new(hangups: Signal, folder: PathBuf) -> Self {
        let mut watch = interval(WATCH_INTERVAL);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            hangups,
            watch,
            files: files_in(&folder),
            folder,
        }
    }

    /// Waits for the next change. `None` if signals do not arrive any more.
    async fn next(&mut self) -> Option<()> {
        loop {
            tokio::select! {
                hangup = self.hangups.recv() => return hangup,
                _ = self.watch.tick() => {
                    let files = files_in(&self.folder);
                    if files != self.files {
                        self.files = files;
                        return Some(());
                    }
                }
            }
        }
    }
}

/// The files of Sources in the folder. Empty if there is no folder.
fn files_in(folder: &Path) -> FolderState {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let is_source = |entry: &DirEntry| entry.file_name().as_encoded_bytes().ends_with(b".toml");
    let files = entries
        .filter(is_source)
        .map(|entry| (entry.file_name(), FileState::of(&entry.path())));
    files.collect()
}

/// Reads the configuration again after each change. A refused configuration changes nothing.
async fn reload_on(
    mut changes: ConfigChanges,
    path: PathBuf,
    address: Option<&str>,
    first: &Config,
    app: &AppState,
    auth: &Auth,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    while changes.next().await.is_some() {
        systemd::reloading();
        match load(&path, address, first, auth) {
            Ok(config) => {
                app.board.reloads.add(1);
                app.replace_catalog(&config);
                tracing::info!("a new configuration is in force");
            }
            Err(error) => {
                app.board.refused_reloads.add(1);
                tracing::error!(error = %error.one_line(), "the new configuration is refused");
            }
        }
        systemd::reloaded();
    }
    stop.cancelled().await;
    Ok(())
}

/// Loads a configuration that can replace the running one.
fn load(
    path: &Path,
    address: Option<&str>,
    first: &Config,
    auth: &Auth,
) -> Result<Config, ReloadError> {
    let config = with_address(Config::load(path)?, address)?;
    reload::accept(config, path, first, Some(auth))
}
