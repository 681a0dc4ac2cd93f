//! Sends a request to the daemon over a channel, and waits for its reply.
//!
//! It does not know what is requested.

use tokio::sync::{mpsc, oneshot};

/// Where the daemon sends the result.
pub(crate) type Reply<T, E> = oneshot::Sender<Result<T, E>>;

/// Sends a request and returns its result. `stopping` is the error if the daemon takes no request, or ends before it
/// replies.
pub(super) async fn request<R, T, E>(
    requests: &mpsc::Sender<R>,
    with_reply: impl FnOnce(Reply<T, E>) -> R,
    stopping: impl Fn() -> E,
) -> Result<T, E> {
    let (reply, result) = oneshot::channel();
    let sent = requests.send(with_reply(reply)).await;
    sent.map_err(|_| stopping())?;
    result.await.unwrap_or_else(|_| Err(stopping()))
}
