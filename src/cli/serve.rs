//! `serve`: runs the daemon, and handles its signals and sockets.
//!
//! The daemon itself is in `daemon`.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Failure, MISUSED};

mod link;
mod read_only;

use crate::aws::bucket::MAX_LISTS_IN_FLIGHT;
use crate::config::Config;
use crate::daemon::commands::SessionChange;
use crate::daemon::context::{DaemonContext, SessionHandle};
use crate::daemon::control_server::ControlServices;
use crate::daemon::reload::{self, Reloader};
use crate::daemon::{self, control_server, source_changes, source_drafts, systemd};
use crate::index::directory::DataDir;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::ingest::consumer;
use crate::observe::quarantine::Quarantine;
use crate::observe::status::StatusBoard;
use crate::observe::telemetry::LogFilter;
use crate::serve::control;
use crate::serve::http::auth::Auth;
use crate::serve::http::page_link::PageLinks;
use crate::serve::http::{self, app_state::AppState};
use crate::serve::source_changes::SourceChanger;
use crate::serve::source_drafts::SourceDrafts;

/// The exit code of a second signal, as a shell reports SIGINT.
const ENDED_AT_ONCE: i32 = 130;

/// Maximum number of new configurations and rebuilds that wait for the daemon.
const MAX_SESSION_CHANGES: usize = 4;

/// Run the daemon: follow the events of all Sources, scan them regularly, serve searches over HTTP
///
/// SIGHUP reads the configuration again. SIGTERM and SIGINT finish the work in flight; a second one ends
/// at once.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only serve searches over HTTP, from an index that another process writes
    #[arg(long)]
    read_only: bool,
    /// With --read-only, serve on this address instead of serve.listen, next to the daemon
    #[arg(long, value_name = "ADDRESS", requires = "read_only")]
    listen: Option<String>,
    /// Print a one-time link with which the web page may set up Sources. On a terminal, this is the default if
    /// serve.tokens is not set
    #[arg(long, conflicts_with = "read_only")]
    link: bool,
}

/// Runs the command.
pub(super) async fn run(
    arguments: &Arguments,
    config: Config,
    config_path: PathBuf,
    logs: LogFilter,
) -> Result<(), Failure> {
    if arguments.read_only {
        let config = read_only::with_address(config, arguments.listen.as_deref())
            .map_err(|error| Failure::Error(MISUSED, error.into()))?;
        let address = arguments.listen.as_deref();
        read_only::serve(Arc::new(config), config_path, address).await?
    } else {
        serve(Arc::new(config), config_path, logs, arguments.link).await?
    }
    Ok(())
}

async fn serve(
    config: Arc<Config>,
    config_path: PathBuf,
    logs: LogFilter,
    wants_link: bool,
) -> anyhow::Result<()> {
    if wants_link {
        link::require_page(&config.serve)?;
    }
    reload::refuse_lost_sources(&config)?;
    raise_file_limit(&config);
    let (session_changes, inbox) = mpsc::channel(MAX_SESSION_CHANGES);
    let ctx = Arc::new(context(&config, session_changes, logs)?);
    let socket = &config.serve.control_socket;
    let control = control::listen(socket, &ctx.lock).await?;
    let http = match &config.serve.listen {
        Some(listen) => {
            let auth = load_auth(&config)?;
            Some((http::bind(listen).await?, auth))
        }
        None => None,
    };
    let auth = http.as_ref().map(|(_, auth)| Arc::clone(auth));
    let links = http.as_ref().and_then(|(listener, auth)| {
        PageLinks::new(&config.serve, listener.address(), Arc::clone(auth))
    });
    let (changer, change_requests) = SourceChanger::new();
    let (drafts, draft_requests) = SourceDrafts::new();
    let clients = Some((changer.clone(), drafts.clone()));
    let app = AppState::new(Arc::clone(&ctx.board), &config, clients)?;
    let stop = stop_on_signals()?;
    let hangups = signal(SignalKind::hangup()).context("failed to listen for SIGHUP")?;
    let mut tasks = JoinSet::new();
    let reloader = Arc::new(Reloader::new(
        config_path,
        Arc::clone(&config),
        Arc::clone(&ctx),
        Arc::clone(&app),
        auth,
    ));
    tasks.spawn(reload_on(hangups, Arc::clone(&reloader)));
    let control_ctx = Arc::clone(&ctx);
    let services = ControlServices {
        changer,
        drafts,
        links: links.clone(),
    };
    tasks.spawn(async {
        control_server::serve(control, control_ctx, services).await;
        Ok(())
    });
    let draft_reloader = Arc::clone(&reloader);
    tasks.spawn(async {
        source_drafts::serve(draft_requests, draft_reloader).await;
        Ok(())
    });
    tasks.spawn(async {
        source_changes::serve(change_requests, reloader).await;
        Ok(())
    });
    // HTTP stays up until the daemon has ended, so that its stop can be observed.
    let served = CancellationToken::new();
    if let Some((listener, auth)) = http {
        tracing::info!(address = %listener.address(), "serving HTTP");
        let prints_link = wants_link || (auth.access().is_open() && io::stdout().is_terminal());
        if let Some(links) = links.filter(|_| prints_link) {
            link::print(&links)?;
        }
        let served = served.clone();
        tasks.spawn(async { Ok(http::serve(listener, auth, app, served).await?) });
    }
    let daemon = daemon::run(Arc::clone(&config), &ctx, inbox, stop.clone());
    let ended = tokio::select! {
        ended = daemon => ended.map_err(anyhow::Error::from),
        () = systemd::notify(&ctx) => unreachable!("it runs until it is dropped"),
        Some(ended) = tasks.join_next() => Err(match ended {
            Ok(Err(error)) => error,
            _ => anyhow::anyhow!("a task panicked; see the log"),
        }),
    };
    systemd::stopping();
    // If the socket cannot be removed, the next daemon replaces it.
    let _ = std::fs::remove_file(socket);
    served.cancel();
    if config.serve.listen.is_some() {
        // HTTP is the only other task that ends by itself. Requests that take longer are cut off.
        let _ = tokio::time::timeout(http::DRAIN_TIMEOUT, tasks.join_next()).await;
    }
    if ended.is_ok() {
        tracing::info!("stopped");
    }
    ended
}

/// Raises the limit of open files to the maximum that the configuration may need: its connections, and
/// some files for the index, the control socket and HTTP.
fn raise_file_limit(config: &Config) {
    const OTHERS: usize = 512;
    let listings = config.scan.sources_in_flight * config.scan.ranges_in_flight;
    let listings = listings.min(MAX_LISTS_IN_FLIGHT);
    let (events, others) = (&config.events, consumer::MAX_REQUESTS_IN_FLIGHT + OTHERS);
    let wanted = events.receives_in_flight + events.look_ups_in_flight + listings + others;
    let granted = rlimit::increase_nofile_limit(wanted as u64);
    // If the limit cannot be raised, continue with the current one.
    if granted
        .as_ref()
        .is_ok_and(|granted| *granted < wanted as u64)
    {
        tracing::warn!(
            wanted,
            granted = granted.unwrap_or_default(),
            "the limit of open files is lower than the configuration may need; raise it, or lower \
             events.receives_in_flight"
        );
    }
}

fn context(
    config: &Config,
    session_changes: mpsc::Sender<SessionChange>,
    log_filter: LogFilter,
) -> anyhow::Result<DaemonContext> {
    let data_dir = DataDir::new(&config.data_dir, SCHEMA_VERSION);
    let lock = data_dir.lock()?;
    Ok(DaemonContext {
        board: Arc::new(StatusBoard::new(config.data_dir.clone())),
        quarantine: Arc::new(Quarantine::open(&config.data_dir)?),
        data_dir,
        lock,
        failed_scans: Arc::default(),
        session: SessionHandle::default(),
        session_changes,
        log_filter,
    })
}

/// Returns a token that SIGTERM and SIGINT cancel.
fn stop_on_signals() -> anyhow::Result<CancellationToken> {
    let listen = |kind| signal(kind).context("failed to listen for signals");
    let signals = (
        listen(SignalKind::interrupt())?,
        listen(SignalKind::terminate())?,
    );
    let stop = CancellationToken::new();
    tokio::spawn(stop_on(signals, stop.clone()));
    Ok(stop)
}

/// Stops cleanly at the first signal and at once at the second. One task handles both signals, so that
/// one of them is always the first.
async fn stop_on(signals: (Signal, Signal), stop: CancellationToken) {
    let (mut interrupt, mut terminate) = signals;
    loop {
        tokio::select! {
            Some(()) = interrupt.recv() => {}
            Some(()) = terminate.recv() => {}
            // The runtime no longer listens for signals.
            else => return,
        }
        if stop.is_cancelled() {
            std::process::exit(ENDED_AT_ONCE);
        }
        tracing::info!("stopping; work in flight is finished, a second signal ends at once");
        systemd::stopping();
        stop.cancel();
    }
}

/// Reads the configuration again at each SIGHUP.
async fn reload_on(mut hangups: Signal, reloader: Arc<Reloader>) -> anyhow::Result<()> {
    while hangups.recv().await.is_some() {
        // The reloader logs why a configuration is refused.
        let _ = reloader.reload(true).await;
    }
    anyhow::bail!("the runtime no longer listens for SIGHUP")
}

/// Opens the access settings, and warns about doubtful ones.
fn load_auth(config: &Config) -> anyhow::Result<Arc<Auth>> {
    let auth = Auth::from_config(&config.serve)?;
    for warning in auth.warnings(config) {
        tracing::warn!("{warning}");
    }
    Ok(Arc::new(auth))
}
