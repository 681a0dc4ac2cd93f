//! `serve`: the daemon, with its signals and its sockets.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Failure;
use crate::config::Config;
use crate::control;
use crate::daemon::session::{Doors, Surroundings};
use crate::daemon::{self, doorkeeper, systemd};
use crate::index::directory::DataDir;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::quarantine::Quarantine;
use crate::status::Board;

/// The exit code of a second signal, as a shell reports SIGINT.
const ENDED_AT_ONCE: i32 = 130;

/// Configurations that may wait to take over.
const MAX_RELOADS: usize = 4;

/// Follow the events of all Sources, scan them when that is due, and keep the index right
///
/// SIGHUP reads the configuration anew; SIGTERM and SIGINT finish what is in hand, a second one
/// ends at once.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs the command.
pub async fn run(_: &Arguments, config: Config, config_path: PathBuf) -> Result<(), Failure> {
    let config = Arc::new(config);
    let data_dir = DataDir::new(&config.data_dir, SCHEMA_VERSION);
    let lock = data_dir.lock().map_err(anyhow::Error::from)?;
    let around = Arc::new(Surroundings {
        board: Arc::new(Board::new(config.data_dir.clone())),
        quarantine: Arc::new(Quarantine::open(&config.data_dir).map_err(anyhow::Error::from)?),
        data_dir,
        lock,
        doors: Doors::default(),
    });
    let socket = &config.serve.control_socket;
    let doors = control::listen(socket).await.map_err(anyhow::Error::from)?;
    let stop = CancellationToken::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let signal = signal(kind).context("failed to listen for signals")?;
        tokio::spawn(stop_on(signal, stop.clone()));
    }
    let hangups = signal(SignalKind::hangup()).context("failed to listen for SIGHUP")?;
    let (reloads, inbox) = mpsc::channel(MAX_RELOADS);
    let reloading = reload_on(
        hangups,
        config_path,
        config.clone(),
        around.clone(),
        reloads,
    );
    let keeping = doorkeeper::serve(doors, Arc::clone(&around));
    let telling = systemd::tell(&around, stop.clone());
    let daemon = daemon::run(Arc::clone(&config), &around, inbox, stop.clone());
    tokio::select! {
        ended = daemon => {
            systemd::stopping();
            ended.map_err(anyhow::Error::from)?;
        }
        () = async { tokio::join!(telling, reloading, keeping); } => {
            unreachable!("the doorkeeper serves until it is dropped")
        }
    }
    // Nobody connects to it any more; one that stays is replaced by the next daemon.
    let _ = std::fs::remove_file(socket);
    tracing::info!("stopped");
    Ok(())
}

/// The first signal stops in good order, the second at once.
async fn stop_on(mut signal: Signal, stop: CancellationToken) {
    while signal.recv().await.is_some() {
        if stop.is_cancelled() {
            std::process::exit(ENDED_AT_ONCE);
        }
        tracing::info!("stopping; what is in hand is finished, a second signal ends at once");
        systemd::stopping();
        stop.cancel();
    }
}

/// Reads the configuration anew at each SIGHUP; one that is refused changes nothing.
async fn reload_on(
    mut hangups: Signal,
    path: PathBuf,
    first: Arc<Config>,
    around: Arc<Surroundings>,
    reloads: mpsc::Sender<Arc<Config>>,
) {
    while hangups.recv().await.is_some() {
        systemd::reloading();
        match load(&path, &first) {
            Ok(config) => {
                around.board.reloads.add(1);
                tracing::info!("a new configuration takes over");
                // The daemon has ended where nobody takes it.
                let _ = reloads.send(Arc::new(config)).await;
            }
            Err(error) => {
                around.board.refused_reloads.add(1);
                tracing::error!(error = %format!("{error:#}"), "the new configuration is refused");
            }
        }
        systemd::reloaded();
    }
}

/// Loads a configuration that can take over while the process runs.
fn load(path: &Path, first: &Config) -> anyhow::Result<Config> {
    let config = Config::load(path)?;
    if config.data_dir != first.data_dir || config.serve != first.serve {
        anyhow::bail!("`data_dir` and `[serve]` can only be changed by a restart");
    }
    Ok(config)
}
