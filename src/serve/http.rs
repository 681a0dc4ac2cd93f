//! The HTTP side: searches, and what the daemon is doing, for those who ask over the network.
//!
//! Nothing can be changed by it. Who may read what is decided at the [`gate`].

use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::task::{JoinError, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::config::Listen;
use crate::core::counters::Counter;
use crate::serve::connections::{Place, Places};

pub(crate) mod api;
pub(crate) mod app_state;
mod deployment_status;
pub(crate) mod gate;
mod host_check;
pub(crate) mod listener;
mod metrics;
mod page;
mod patience;
mod redact;
mod request_metrics;
mod routes;
pub(crate) mod tls;

use app_state::AppState;
use gate::Gate;
use listener::{ListenError, Listener, Transport};
use patience::Patience;

/// How long an answer that is under way may take when the daemon stops.
pub(crate) const CLOSING: Duration = Duration::from_secs(3);

/// How long a client may take, and how many there may be.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Connections at a time; one above it gets the place of the one that has waited for a request for
    /// longest, or waits where all have a request under way.
    connections: usize,
    /// How long a connection may wait for a request before its place can be had.
    grace: Duration,
    /// From when a connection is there until both sides speak TLS.
    handshake: Duration,
    /// From then until the header of the first request is there.
    first_header: Duration,
    /// From when a request is waited for until its header is there; so also how long a connection
    /// lies idle.
    header: Duration,
    /// How long a client may take none of the answer that it is sent.
    taking: Duration,
    /// Of one connection, after which it ends with the answer that is under way.
    lifetime: Duration,
    /// For that answer, here and when the daemon stops.
    closing: Duration,
    /// The most bytes of a request's header.
    header_bytes: usize,
}

const BOUNDS: Bounds = Bounds {
    // Some forty browsers at a time: each holds up to six, and keeps them for a while.
    connections: 256,
    // What a client on the other side of the world takes from its connection to its request.
    grace: Duration::from_millis(250),
    handshake: Duration::from_secs(10),
    // Whoever connects has something to ask; a browser that does so in advance connects anew.
    first_header: Duration::from_secs(10),
    // Above the interval at which metrics are usually read, so that a connection serves again.
    header: Duration::from_secs(90),
    taking: Duration::from_secs(30),
    lifetime: Duration::from_secs(3600),
    closing: CLOSING,
    header_bytes: 16 * 1024,
};

/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// How many such failures in a row are the end.
const MAX_ACCEPT_FAILURES: u32 = 300;

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// Nobody can connect.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// No connection can be accepted any more.
    #[error(
        "failed to accept connections for {} seconds: {cause}",
        ACCEPT_PAUSE.as_secs() * u64::from(MAX_ACCEPT_FAILURES)
    )]
    Accept {
        /// The last reason.
        cause: io::Error,
    },
}

/// Takes the address: clients can connect from then on, and are answered when [`serve`] runs.
pub(crate) async fn bind(listen: &Listen) -> Result<Listener, HttpError> {
    Ok(Listener::bind(listen).await?)
}

/// Answers until `stop`; then what is under way is answered, within three seconds, and all closed.
///
/// Dropping the future closes all connections at once. It ends by itself only where no connection
/// could be accepted for five minutes.
pub(crate) async fn serve(
    listener: Listener,
    gate: Arc<Gate>,
    app: Arc<AppState>,
    stop: CancellationToken,
) -> Result<(), HttpError> {
    let board = Arc::clone(&app.board);
    let router = gate::guarded(routes::router(app), Arc::clone(&gate));
    let cut_off = Arc::clone(&board.http.cut_off);
    let router = request_metrics::record_requests(router, board);
    serve_within(BOUNDS, listener, &gate, router, cut_off, stop).await
}

async fn serve_within(
    bounds: Bounds,
    listener: Listener,
    gate: &Gate,
    router: Router,
    cut_off: Arc<Counter>,
    stop: CancellationToken,
) -> Result<(), HttpError> {
    let places = Places::new("HTTP", bounds.connections, bounds.grace, cut_off);
    let mut connections = JoinSet::new();
    let mut failures = 0;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => {
                note(ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let cause = match accepted {
            Ok(stream) => {
                failures = 0;
                let Some(place) = stop.run_until_cancelled(places.take()).await else {
                    break;
                };
                let (tls, router, stop) = (gate.acceptor(), router.clone(), stop.clone());
                connections.spawn(async move {
                    let taken = take(bounds, stream, &place, tls, router, stop);
                    place.hold(taken).await;
                });
                continue;
            }
            Err(cause) if is_of_one_client(&cause) => continue,
            Err(cause) => cause,
        };
        failures += 1;
        if failures == 1 {
            tracing::warn!(%cause, "failed to accept a connection; it is tried again");
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
        note(ended);
    }
    Ok(())
}

/// Agrees with one client on TLS where it is to be spoken, and serves it.
async fn take(
    bounds: Bounds,
    stream: Box<dyn Transport>,
    place: &Arc<Place>,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
) {
    let stream = Patience::new(stream, bounds.taking, Arc::clone(place));
    let Some(tls) = tls else {
        return answer(bounds, stream, place, router, stop).await;
    };
    let agreed = tokio::time::timeout(bounds.handshake, tls.accept(stream));
    // One that speaks no TLS, or nothing at all, is to be told nothing.
    if let Some(Ok(Ok(stream))) = stop.run_until_cancelled(agreed).await {
        answer(bounds, stream, place, router, stop).await;
    }
}

/// Serves one connection to its end.
async fn answer(
    bounds: Bounds,
    stream: impl Transport + 'static,
    place: &Arc<Place>,
    router: Router,
    stop: CancellationToken,
) {
    let router = TowerToHyperService::new(router);
    // The whole answer is there when the router has it; what the client does not take of it is watched
    // where it is written.
    let routed = service_fn(|request| {
        let under_way = place.begin();
        let answer = router.call(request);
        async move {
            let answer = answer.await;
            drop(under_way);
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header)
        .max_buf_size(bounds.header_bytes)
        .serve_connection(TokioIo::new(stream), routed);
    let mut connection = pin!(connection);
    tokio::select! {
        // Whatever went wrong is the client's affair: there is nobody else to tell.
        _ = connection.as_mut() => return,
        () = until_silent_for(bounds.first_header, place) => return,
        () = stop.cancelled() => {}
        () = tokio::time::sleep(bounds.lifetime) => {}
    }
    connection.as_mut().graceful_shutdown();
    // One that is not through by then is cut off.
    let _ = tokio::time::timeout(bounds.closing, connection).await;
}

/// Ends after that time where no request has come by then, else never.
async fn until_silent_for(limit: Duration, place: &Place) {
    tokio::time::sleep(limit).await;
    if place.has_asked() {
        pending().await
    }
}

/// A panic is a defect here, but no reason to stop what the daemon is for.
fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "the answer to an HTTP request panicked");
    }
}

/// Whether only the connection that was being accepted is concerned.
fn is_of_one_client(cause: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        cause.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

#[cfg(test)]
mod tests;
