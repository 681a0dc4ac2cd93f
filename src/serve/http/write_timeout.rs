//! Closes a connection whose client stops reading its response.
//!
//! The limit applies to one write that makes no progress. A client that reads slowly is limited only by the
//! lifetime of the connection. Reads have no limit here.
//!
//! The crate `tokio-io-timeout` has the same timer. But it does not report a pending write, so the connection
//! limiter would take a connection with a half-sent response for an idle one, and evict it. The test
//! `client_that_does_not_read_its_response_loses_its_slot` in `http/tests.rs` shows this.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::serve::connections::{RequestGuard, Slot};

/// A stream whose writes fail with [`io::ErrorKind::TimedOut`] after they made no progress for `limit`.
pub(super) struct WriteTimeout<S> {
    stream: S,
    limit: Duration,
    slot: Arc<Slot>,
    /// The pending write, if any.
    pending: Option<PendingWrite>,
}

struct PendingWrite {
    deadline: Pin<Box<Sleep>>,
    /// Protects the connection from eviction. `None` during the TLS handshake, before the first request.
    _guard: Option<RequestGuard>,
}

impl<S> WriteTimeout<S> {
    pub(super) fn new(stream: S, limit: Duration, slot: Arc<Slot>) -> Self {
        Self {
            stream,
            limit,
            slot,
            pending: None,
        }
    }

    /// Passes on the result of a write, or fails if the write has been pending for too long.
    fn check_deadline(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.pending = None;
            return written;
        }
        let (limit, slot) = (self.limit, &self.slot);
        let pending = self.pending.get_or_insert_with(|| PendingWrite {
            deadline: Box::pin(tokio::time::sleep(limit)),
            _guard: slot.resume_request(),
        });
        let passed = pending.deadline.as_mut().poll(cx);
        passed.map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.check_deadline(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.check_deadline(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;
    use crate::serve::connections::ConnectionLimiter;

    const LIMIT: Duration = Duration::from_millis(50);

    async fn with_timeout<S>(stream: S, limit: Duration) -> WriteTimeout<S> {
        let limiter = ConnectionLimiter::new("tests", 1, Duration::ZERO, Arc::default());
        WriteTimeout::new(stream, limit, limiter.acquire().await)
    }

    #[tokio::test]
    async fn write_without_progress_times_out() {
        let (ours, _theirs) = duplex(4);
        let written = with_timeout(ours, LIMIT).await.write_all(b"too long").await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn slow_but_steady_reader_gets_everything() {
        let (ours, mut theirs) = duplex(1);
        let mut ours = with_timeout(ours, Duration::from_secs(20)).await;
        let sent = [7_u8; 100];
        let receive = async {
            let mut received = [0; 100];
            theirs.read_exact(&mut received).await.map(|_| received)
        };
        let (written, received) = tokio::join!(ours.write_all(&sent), receive);
        written.unwrap();
        assert_eq!(received.unwrap(), sent);
        assert!(ours.pending.is_none());
    }
}
