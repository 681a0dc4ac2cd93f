//! `serve --read-only`: serves searches over HTTP from an index that another process writes.
//!
//! It uses no lock, queue, bucket or control socket. Any number of such processes can run, with or without a
//! daemon.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{load, load_auth, one_line, stop_on_signals};
use crate::config::Config;
use crate::daemon::{index_monitor, systemd};
use crate::observe::status::StatusBoard;
use crate::serve::http::auth::Auth;
use crate::serve::http::{self, app_state::AppState};

/// Serves until a signal stops it.
pub(super) async fn serve(config: Arc<Config>, path: PathBuf) -> anyhow::Result<()> {
    let listen = config
        .serve
        .listen
        .as_ref()
        .context("nothing to serve: `serve.listen` is \"off\"; write an address")?;
    let board = Arc::new(StatusBoard::new(config.data_dir.clone()));
    let app = AppState::new(Arc::clone(&board), &config)?;
    let auth = load_auth(&config)?;
    let listener = http::bind(listen).await?;
    let stop = stop_on_signals()?;
    let hangups = signal(SignalKind::hangup()).context("failed to listen for SIGHUP")?;
    tracing::info!(address = %listener.address(), "serving searches, read-only");
    // Runs until HTTP has ended.
    let ended = tokio::select! {
        ended = http::serve(listener, Arc::clone(&auth), Arc::clone(&app), stop.clone()) => {
            ended.map_err(anyhow::Error::from)
        }
        () = index_monitor::run(&app) => unreachable!("it runs until it is dropped"),
        () = systemd::notify_read_only(&board) => unreachable!("it runs until it is dropped"),
        ended = reload_on(hangups, path, &config, &app, &auth, &stop) => ended,
    };
    systemd::stopping();
    if ended.is_ok() {
        tracing::info!("stopped");
    }
    ended
}

/// Reads the configuration again at each SIGHUP. A refused configuration changes nothing.
async fn reload_on(
    mut hangups: Signal,
    path: PathBuf,
    first: &Config,
    app: &AppState,
    auth: &Auth,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    while hangups.recv().await.is_some() {
        systemd::reloading();
        match load(&path, first, Some(auth)) {
            Ok(config) => {
                app.board.reloads.add(1);
                app.replace_catalog(&config);
                tracing::info!("a new configuration is in force");
            }
            Err(error) => {
                app.board.refused_reloads.add(1);
                tracing::error!(error = %one_line(&error), "the new configuration is refused");
            }
        }
        systemd::reloaded();
    }
    stop.cancelled().await;
    Ok(())
}
