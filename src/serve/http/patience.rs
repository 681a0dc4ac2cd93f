//! A connection whose client must take what it asked for within some time.
//!
//! It bounds how long one write may stand still, during which the connection keeps its place, and nothing that is read; how slow a client may be that takes
//! a little now and then is up to the connection's lifetime.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::serve::connections::{Place, UnderWay};

/// What bytes come and go by, until nothing could be written for so long.
pub(super) struct Patience<S> {
    stream: S,
    limit: Duration,
    place: Arc<Place>,
    /// There while a write waits; with what keeps the place, where it is of an answer.
    waiting: Option<(Pin<Box<Sleep>>, Option<UnderWay>)>,
}

impl<S> Patience<S> {
    /// With the longest time that a write may wait, and the place that it keeps meanwhile.
    pub(super) fn new(stream: S, limit: Duration, place: Arc<Place>) -> Self {
        Self {
            stream,
            limit,
            place,
            waiting: None,
        }
    }

    /// What came of a write; an error where it has waited for too long.
    fn bounded(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let (limit, place) = (self.limit, &self.place);
        let (waiting, _) = self
            .waiting
            .get_or_insert_with(|| (Box::pin(tokio::time::sleep(limit)), place.go_on()));
        let is_over = waiting.as_mut().poll(cx);
        is_over.map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bounded(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.bounded(cx, written)
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
    use crate::serve::connections::Places;

    const LIMIT: Duration = Duration::from_millis(50);

    async fn patience<S>(stream: S, limit: Duration) -> Patience<S> {
        let places = Places::new("tests", 1, Duration::ZERO, Arc::default());
        Patience::new(stream, limit, places.take().await)
    }

    #[tokio::test]
    async fn a_write_that_nobody_takes_ends() {
        let (ours, _theirs) = duplex(4);
        let written = patience(ours, LIMIT).await.write_all(b"too long").await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_write_that_is_taken_bit_by_bit_goes_on() {
        let (ours, mut theirs) = duplex(1);
        let mut ours = patience(ours, Duration::from_secs(20)).await;
        let text = [7_u8; 100];
        let taking = async {
            let mut taken = [0; 100];
            theirs.read_exact(&mut taken).await.map(|_| taken)
        };
        let (written, taken) = tokio::join!(ours.write_all(&text), taking);
        written.unwrap();
        assert_eq!(taken.unwrap(), text);
        assert!(ours.waiting.is_none());
    }
}
