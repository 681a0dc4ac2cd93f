//! Limits the number of open connections. To admit a new connection, it evicts the one that has been idle
//! longest.
//!
//! A client without a request in flight loses nothing by reconnecting, so a new connection can take its slot.
//! A connection with a request in flight keeps its slot until the response is sent.
//!
//! A semaphore cannot replace this. Its permits would stay with 256 idle or silent clients until hyper's
//! `header_read_timeout` closes their connections, and the server would accept no one else until then. The
//! test `new_connections_evict_idle_ones` in `http/tests.rs` shows the difference.
//!
//! This module knows no protocol. It closes an idle connection only if a new one needs its slot.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::core::counters::Counter;

mod slots;

use slots::{NoSlot, Slots};

/// Hands out a fixed number of connection slots. Only one task may acquire them.
#[derive(Debug)]
pub(crate) struct ConnectionLimiter {
    slots: Mutex<Slots>,
    /// Signals that a slot became free or its connection became idle.
    changed: Notify,
    /// The name of the service in the log.
    service: &'static str,
    /// Counts evicted connections.
    evictions: Arc<Counter>,
}

/// The slot of one connection. It is free again when the last reference is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    limiter: Arc<ConnectionLimiter>,
    id: u64,
    evicted: CancellationToken,
    has_had_request: AtomicBool,
    requests_in_flight: AtomicUsize,
}

/// Protects a connection from eviction until it is dropped.
#[derive(Debug)]
pub(crate) struct RequestGuard(Arc<Slot>);

impl ConnectionLimiter {
    /// Allows `max` connections. Each is safe from eviction until it has been idle for `grace`.
    pub(crate) fn new(
        service: &'static str,
        max: usize,
        grace: Duration,
        evictions: Arc<Counter>,
    ) -> Arc<Self> {
        Arc::new(Self {
            slots: Mutex::new(Slots::new(max, grace)),
            changed: Notify::new(),
            service,
            evictions,
        })
    }

    /// Returns a slot. If none is free, evicts the connection that has been idle longest, or waits
    /// while all connections have a request in flight.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Arc<Slot> {
        loop {
            let changed = self.changed.notified();
            match self.try_acquire() {
                Ok(slot) => return slot,
                Err(Some(retry_at)) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(retry_at.into()) => {}
                    }
                }
                Err(None) => changed.await,
            }
        }
    }

    /// Returns a free slot, or the latest time to try again. `None` means to wait for a change.
    fn try_acquire(self: &Arc<Self>) -> Result<Arc<Slot>, Option<Instant>> {
        let evicted = CancellationToken::new();
        let mut slots = self.slots();
        let no_slot = match slots.acquire(Instant::now(), evicted.clone()) {
            Ok(id) => {
                return Ok(Arc::new(Slot {
                    limiter: Arc::clone(self),
                    id,
                    evicted,
                    has_had_request: AtomicBool::new(false),
                    requests_in_flight: AtomicUsize::new(0),
                }));
            }
            Err(no_slot) => no_slot,
        };
        if slots.mark_full() {
            tracing::warn!(
                service = self.service,
                connections = slots.len(),
                "connection limit reached; each new connection replaces the one that has been idle longest"
            );
        }
        match no_slot {
            NoSlot::EvictionPending { is_new } => {
                self.evictions.add(u64::from(is_new));
                Err(None)
            }
            NoSlot::RetryAt(time) => Err(Some(time)),
            NoSlot::AllBusy => Err(None),
        }
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        // A poisoned lock still holds valid slots: none of its methods can panic halfway.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Marks the connection as busy until the guard is dropped.
    pub(crate) fn begin_request(self: &Arc<Self>) -> RequestGuard {
        self.has_had_request.store(true, Ordering::Relaxed);
        self.requests_in_flight.fetch_add(1, Ordering::Relaxed);
        self.limiter.slots().mark_busy(self.id);
        RequestGuard(Arc::clone(self))
    }

    pub(crate) fn has_had_request(&self) -> bool {
        self.has_had_request.load(Ordering::Relaxed)
    }

    /// Marks the connection as busy with the response to an earlier request. Returns `None` if there
    /// has been no request yet.
    pub(crate) fn resume_request(self: &Arc<Self>) -> Option<RequestGuard> {
        self.has_had_request().then(|| self.begin_request())
    }

    /// Runs `connection` until it ends or is evicted. An evicted connection is dropped.
    pub(crate) async fn run_until_evicted(&self, connection: impl Future<Output = ()>) {
        let mut connection = pin!(connection);
        let mut evicted = pin!(self.evicted.cancelled());
        poll_fn(|cx| {
            if evicted.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let polled = connection.as_mut().poll(cx);
            if polled.is_pending() {
                self.mark_idle_unless_busy();
            }
            polled
        })
        .await;
    }

    /// Called after all received bytes were processed: without a request in flight, the connection is idle.
    fn mark_idle_unless_busy(&self) {
        if self.requests_in_flight.load(Ordering::Relaxed) == 0
            && self.limiter.slots().mark_idle(self.id, Instant::now())
        {
            self.limiter.changed.notify_one();
        }
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.requests_in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut slots = self.limiter.slots();
        if slots.release(self.id) {
            tracing::info!(
                service = self.limiter.service,
                "connections are below the limit again"
            );
        }
        self.limiter.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOO_LONG: Duration = Duration::from_secs(20);

    fn limiter(grace: Duration) -> (Arc<ConnectionLimiter>, Arc<Counter>) {
        let evictions = Arc::new(Counter::default());
        (
            ConnectionLimiter::new("tests", 1, grace, Arc::clone(&evictions)),
            evictions,
        )
    }

    async fn in_time<T>(future: impl Future<Output = T>) -> T {
        let ended = tokio::time::timeout(TOO_LONG, future).await;
        ended.expect("it ends within the time limit")
    }

    #[tokio::test]
    async fn evicts_and_counts_an_idle_connection() {
        let (limiter, evictions) = limiter(Duration::ZERO);
        let first = limiter.acquire().await;
        let running =
            tokio::spawn(async move { first.run_until_evicted(std::future::pending()).await });
        let _second = in_time(limiter.acquire()).await;
        in_time(running).await.unwrap();
        assert_eq!(evictions.get(), 1);
    }

    #[tokio::test]
    async fn busy_connection_keeps_its_slot_until_the_request_ends() {
        let (limiter, evictions) = limiter(Duration::ZERO);
        let first = limiter.acquire().await;
        assert!(!first.has_had_request() && first.resume_request().is_none());
        let finish = CancellationToken::new();
        let finished = finish.clone();
        let running = tokio::spawn(async move {
            let request = async {
                let _guard = first.begin_request();
                finished.cancelled().await;
            };
            first.run_until_evicted(request).await;
            first.has_had_request()
        });
        let mut second = pin!(limiter.acquire());
        let is_early = poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx).is_ready()));
        assert!(!is_early.await, "the slot is still taken");
        finish.cancel();
        in_time(second).await;
        assert!(in_time(running).await.unwrap());
        assert_eq!(evictions.get(), 0);
    }

    #[tokio::test]
    async fn new_connection_is_not_evicted_within_the_grace_period() {
        let (limiter, _) = limiter(Duration::from_millis(50));
        let first = limiter.acquire().await;
        let began = Instant::now();
        let running =
            tokio::spawn(async move { first.run_until_evicted(std::future::pending()).await });
        in_time(limiter.acquire()).await;
        assert!(began.elapsed() >= Duration::from_millis(50));
        running.await.unwrap();
    }
}
