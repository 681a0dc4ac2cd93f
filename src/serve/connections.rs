//! Places for connections: how many there may be, and which one gives its place to a newcomer.
//!
//! A client without a request under way loses nothing by connecting anew, so it keeps nobody out; one with a
//! request keeps its place until that is answered. What is spoken on a connection, and how long it may lie idle
//! where nobody wants its place, is not decided here.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::core::counters::Counter;

mod table;

use table::{Refused, Table};

/// So many places; one task takes them.
#[derive(Debug)]
pub(crate) struct Places {
    table: Mutex<Table>,
    /// That a place has become free, or can be had, since the last look.
    changed: Notify,
    /// Of what, in the log.
    of: &'static str,
    /// Connections that gave their places away.
    cut_off: Arc<Counter>,
}

/// The place of one connection, free again when the last of it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    number: u64,
    cut: CancellationToken,
    has_asked: AtomicBool,
    under_way: AtomicUsize,
}

/// While it is there, its place is not given away.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<Place>);

impl Places {
    /// At most so many; a connection may wait for `grace` at least until its request is there. `of` names
    /// them in the log, and `cut_off` counts connections that gave their places away.
    pub(crate) fn new(
        of: &'static str,
        most: usize,
        grace: Duration,
        cut_off: Arc<Counter>,
    ) -> Arc<Self> {
        Arc::new(Self {
            table: Mutex::new(Table::new(most, grace)),
            changed: Notify::new(),
            of,
            cut_off,
        })
    }

    /// A place for a newcomer: a free one, or else that of the connection which has waited for a request for
    /// longest. Where all are answered it waits.
    pub(crate) async fn take(self: &Arc<Self>) -> Arc<Place> {
        loop {
            let changed = self.changed.notified();
            match self.try_take() {
                Ok(place) => return place,
                Err(Some(at)) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(at.into()) => {}
                    }
                }
                Err(None) => changed.await,
            }
        }
    }

    /// A free place; or when to look again, at the latest.
    fn try_take(self: &Arc<Self>) -> Result<Arc<Place>, Option<Instant>> {
        let cut = CancellationToken::new();
        let mut table = self.table();
        let refused = match table.take(Instant::now(), cut.clone()) {
            Ok(number) => {
                return Ok(Arc::new(Place {
                    places: Arc::clone(self),
                    number,
                    cut,
                    has_asked: AtomicBool::new(false),
                    under_way: AtomicUsize::new(0),
                }));
            }
            Err(refused) => refused,
        };
        if table.becomes_full() {
            tracing::warn!(
                of = self.of,
                connections = table.len(),
                "all places for connections are taken; whoever comes gets the place of the connection that \
                 has waited for a request for longest"
            );
        }
        match refused {
            Refused::UntilItLeft { is_cut_now } => {
                self.cut_off.add(u64::from(is_cut_now));
                Err(None)
            }
            Refused::Until(at) => Err(Some(at)),
            Refused::AllAsk => Err(None),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No panic can leave it half-written: none of its methods has one.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Notes that a request is there; it is under way until what is returned is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        self.has_asked.store(true, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.places.table().note_request(self.number);
        UnderWay(Arc::clone(self))
    }

    /// Whether there has been a request.
    pub(crate) fn has_asked(&self) -> bool {
        self.has_asked.load(Ordering::Relaxed)
    }

    /// Goes on with the answer to a request that there has been, as far as there has.
    pub(crate) fn go_on(self: &Arc<Self>) -> Option<UnderWay> {
        self.has_asked().then(|| self.begin())
    }

    /// Runs what is spoken to its end, or until the place is given away: then it is dropped.
    pub(crate) async fn hold(&self, spoken: impl Future<Output = ()>) {
        let mut spoken = pin!(spoken);
        let mut cut = pin!(self.cut.cancelled());
        poll_fn(|cx| {
            if cut.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let polled = spoken.as_mut().poll(cx);
            if polled.is_pending() {
                self.note_pause();
            }
            polled
        })
        .await;
    }

    /// Notes what is waited for, now that everything that has come was looked at.
    fn note_pause(&self) {
        if self.under_way.load(Ordering::Relaxed) == 0
            && self.places.table().note_wait(self.number, Instant::now())
        {
            self.places.changed.notify_one();
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.places.table();
        if table.leave(self.number) {
            tracing::info!(
                of = self.places.of,
                "there are free places for connections again"
            );
        }
        self.places.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOO_LONG: Duration = Duration::from_secs(20);

    fn places(grace: Duration) -> (Arc<Places>, Arc<Counter>) {
        let cut_off = Arc::new(Counter::default());
        (
            Places::new("tests", 1, grace, Arc::clone(&cut_off)),
            cut_off,
        )
    }

    async fn in_time<T>(future: impl Future<Output = T>) -> T {
        let ended = tokio::time::timeout(TOO_LONG, future).await;
        ended.expect("it ends long before")
    }

    #[tokio::test]
    async fn who_waits_gives_way_and_is_counted() {
        let (places, cut_off) = places(Duration::ZERO);
        let first = places.take().await;
        let held = tokio::spawn(async move { first.hold(std::future::pending()).await });
        let _second = in_time(places.take()).await;
        in_time(held).await.unwrap();
        assert_eq!(cut_off.get(), 1);
    }

    #[tokio::test]
    async fn who_asks_stays_until_it_is_answered_and_leaves_a_place() {
        let (places, cut_off) = places(Duration::ZERO);
        let first = places.take().await;
        assert!(!first.has_asked() && first.go_on().is_none());
        let answer = CancellationToken::new();
        let answered = answer.clone();
        let asked = tokio::spawn(async move {
            let asks = async {
                let _under_way = first.begin();
                answered.cancelled().await;
            };
            first.hold(asks).await;
            first.has_asked()
        });
        let mut second = pin!(places.take());
        let early = poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx).is_ready()));
        assert!(!early.await, "nobody has left");
        answer.cancel();
        in_time(second).await;
        assert!(in_time(asked).await.unwrap());
        assert_eq!(cut_off.get(), 0);
    }

    #[tokio::test]
    async fn who_has_come_just_now_is_waited_for() {
        let (places, _) = places(Duration::from_millis(50));
        let first = places.take().await;
        let began = Instant::now();
        let held = tokio::spawn(async move { first.hold(std::future::pending()).await });
        in_time(places.take()).await;
        assert!(began.elapsed() >= Duration::from_millis(50));
        held.await.unwrap();
    }
}
