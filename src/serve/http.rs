//! The HTTP server: searches, status, metrics, changes of managed Sources, and the web page.
//!
//! [`auth`] decides what a client may read and change. `routes` lists the paths.

use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::task::{JoinError, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::config::Listen;
use crate::core::counters::Counter;
use crate::serve::connections::{ConnectionLimiter, Slot};

pub(crate) mod api;
pub(crate) mod app_state;
pub(crate) mod auth;
mod client;
mod cross_origin;
mod deployment_status;
mod fair_queue;
mod host_check;
pub(crate) mod listener;
mod metrics;
mod page;
pub(crate) mod page_link;
mod redact;
mod request_metrics;
mod routes;
mod search_permits;
pub(crate) mod tls;
mod trailing_slash;
mod write_timeout;

use app_state::AppState;
use auth::Auth;
use client::Peer;
use listener::{Accepted, ListenError, Listener, Transport};
use write_timeout::WriteTimeout;

/// How long responses in flight may take when the daemon stops.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Limits on clients and their connections.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Maximum number of open connections. Above it, a new connection replaces the one that has been idle
    /// longest, or waits while all have a request in flight.
    max_connections: usize,
    /// How long a connection must have been idle before it can be evicted.
    idle_grace: Duration,
    /// Maximum duration of the TLS handshake.
    tls_handshake: Duration,
    /// Maximum time until the header of the first request is complete.
    first_header: Duration,
    /// Maximum time to wait for a request header, and so the keep-alive timeout.
    header_read: Duration,
    /// Maximum time a response write may make no progress.
    write: Duration,
    /// Maximum age of a connection. It then ends after the response in flight.
    lifetime: Duration,
    /// Maximum time to finish that response, here and when the daemon stops.
    drain: Duration,
    /// Maximum size of a request header.
    header_bytes: usize,
}

const LIMITS: Limits = Limits {
    // About 40 browsers at a time: each keeps up to six connections open.
    max_connections: 256,
    // The first request of a client on the other side of the world arrives within this time.
    idle_grace: Duration::from_millis(250),
    tls_handshake: Duration::from_secs(10),
    // A client that connects has a request to send. A browser that connects early reconnects when it needs to.
    first_header: Duration::from_secs(10),
    // Longer than the usual scrape interval, so that Prometheus can reuse its connection.
    header_read: Duration::from_secs(90),
    write: Duration::from_secs(30),
    lifetime: Duration::from_secs(3600),
    drain: DRAIN_TIMEOUT,
    header_bytes: 16 * 1024,
};

/// How long to wait after `accept` failed.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// The server gives up after this many failures in a row.
const MAX_ACCEPT_FAILURES: u32 = 300;

/// Why the HTTP server cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// `accept` has failed for five minutes.
    #[error(
        "failed to accept connections for {} seconds: {cause}",
        ACCEPT_PAUSE.as_secs() * u64::from(MAX_ACCEPT_FAILURES)
    )]
    Accept {
        /// The last error.
        cause: io::Error,
    },
}

/// Binds the address. Clients can connect from now on; they get responses once [`serve`] runs.
pub(crate) async fn bind(listen: &Listen) -> Result<Listener, HttpError> {
    Ok(Listener::bind(listen).await?)
}

/// Serves requests until `stop` is cancelled, then finishes the responses in flight within
/// [`DRAIN_TIMEOUT`] and closes all connections.
///
/// Dropping the future closes all connections immediately. Without `stop`, it returns only if no connection
/// could be accepted for five minutes.
pub(crate) async fn serve(
    listener: Listener,
    auth: Arc<Auth>,
    app: Arc<AppState>,
    stop: CancellationToken,
) -> Result<(), HttpError> {
    let evictions = Arc::clone(&app.board.http.cut_off);
    let router = router(app, Arc::clone(&auth));
    serve_with_limits(LIMITS, listener, &auth, router, evictions, stop).await
}

/// All routes, after the checks that every request must pass. Refused requests are recorded, too.
fn router(app: Arc<AppState>, auth: Arc<Auth>) -> Router {
    let board = Arc::clone(&app.board);
    let router = auth::require_auth(routes::router(app), auth);
    let router = request_metrics::record_requests(host_check::require_host(router), board);
    trailing_slash::accept(router)
}

async fn serve_with_limits(
    limits: Limits,
    listener: Listener,
    auth: &Auth,
    router: Router,
    evictions: Arc<Counter>,
    stop: CancellationToken,
) -> Result<(), HttpError> {
    let limiter =
        ConnectionLimiter::new("HTTP", limits.max_connections, limits.idle_grace, evictions);
    let mut connections = JoinSet::new();
    let (mut failures, mut number) = (0, 0);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => {
                log_panic(ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let cause = match accepted {
            Ok(Accepted { stream, address }) => {
                failures = 0;
                number += 1;
                let peer = Peer {
                    address,
                    connection: number,
                };
                let Some(slot) = stop.run_until_cancelled(limiter.acquire()).await else {
                    break;
                };
                let (tls, router, stop) = (auth.acceptor(), router.clone(), stop.clone());
                connections.spawn(async move {
                    let connection =
                        handshake_and_serve(limits, stream, peer, &slot, tls, router, stop);
                    slot.run_until_evicted(connection).await;
                });
                continue;
            }
            Err(cause) if is_connection_error(&cause) => continue,
            Err(cause) => cause,
        };
        failures += 1;
        if failures == 1 {
            tracing::warn!(%cause, "failed to accept a connection; retrying");
        } else if failures == MAX_ACCEPT_FAILURES {
            return Err(HttpError::Accept { cause });
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(ACCEPT_PAUSE) => {}
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        log_panic(ended);
    }
    Ok(())
}

/// Does the TLS handshake, if TLS is configured, and serves the connection.
async fn handshake_and_serve(
    limits: Limits,
    stream: Box<dyn Transport>,
    peer: Peer,
    slot: &Arc<Slot>,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
) {
    let stream = WriteTimeout::new(stream, limits.write, Arc::clone(slot));
    let Some(tls) = tls else {
        return serve_connection(limits, stream, peer, slot, router, stop).await;
    };
    let handshake = tokio::time::timeout(limits.tls_handshake, tls.accept(stream));
    // A client that does not speak TLS gets no response.
    if let Some(Ok(Ok(stream))) = stop.run_until_cancelled(handshake).await {
        serve_connection(limits, stream, peer, slot, router, stop).await;
    }
}

/// Serves one connection until it ends.
async fn serve_connection(
    limits: Limits,
    stream: impl Transport + 'static,
    peer: Peer,
    slot: &Arc<Slot>,
    router: Router,
    stop: CancellationToken,
) {
    let router = TowerToHyperService::new(router);
    // The router returns complete responses. `WriteTimeout` guards the connection while one is sent.
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        let guard = slot.begin_request();
        request.extensions_mut().insert(peer);
        let response = router.call(request);
        async move {
            let response = response.await;
            drop(guard);
            response
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_buf_size(limits.header_bytes)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // Errors of a connection are the client's: there is nothing to do about them here.
        _ = connection.as_mut() => return,
        () = no_request_within(limits.first_header, slot) => return,
        () = stop.cancelled() => {}
        () = tokio::time::sleep(limits.lifetime) => {}
    }
    connection.as_mut().graceful_shutdown();
    // A response that takes longer is cut off.
    let _ = tokio::time::timeout(limits.drain, connection).await;
}

/// Returns after `limit` if no request has arrived by then. Otherwise never returns.
async fn no_request_within(limit: Duration, slot: &Slot) {
    tokio::time::sleep(limit).await;
    if slot.has_had_request() {
        pending().await
    }
}

/// Logs a panic in a connection task. A panic is a bug, but does not stop the daemon.
fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "HTTP request handler panicked");
    }
}

/// Whether the error affects only the connection that was being accepted.
fn is_connection_error(cause: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        cause.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

#[cfg(test)]
mod tests;
