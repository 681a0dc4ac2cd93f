//! Limits the LIST requests in flight: for each bucket as many as its store answers without asking to slow down, and a
//! fixed number for all buckets together.
//!
//! Only pages count. The consumer limits the look-ups of single keys itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::core::replication::request_window::{Epoch, RequestWindow};

/// The maximum number of pages that this process requests at the same time, of all buckets. A bucket that is throttled
/// does not slow down the others.
pub const MAX_LISTS_IN_FLIGHT: usize = 1_024;

/// The number of pages of a bucket that are requested at the same time at first. It doubles with each round of answers.
pub(super) const FIRST_IN_FLIGHT: usize = 16;

/// The pages in flight of all buckets.
static ALL: Semaphore = Semaphore::const_new(MAX_LISTS_IN_FLIGHT);

/// Limits the pages in flight of one bucket.
#[derive(Debug)]
pub(super) struct ListLimit {
    permits: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    window: RequestWindow,
    in_flight: usize,
    /// Permits that must not be used again, because the window has shrunk.
    excess: usize,
}

/// The right to request a page. Call [`ListPermit::end`] after the answer.
#[derive(Debug)]
pub(super) struct ListPermit<'a> {
    limit: &'a ListLimit,
    epoch: Epoch,
    permit: Option<OwnedSemaphorePermit>,
    _of_all: SemaphorePermit<'static>,
}

impl ListLimit {
    /// A limit that begins with `first` requests.
    pub(super) fn new(first: usize) -> Self {
        let window = RequestWindow::new(first, MAX_LISTS_IN_FLIGHT);
        Self {
            permits: Arc::new(Semaphore::new(window.size())),
            state: Mutex::new(State {
                window,
                in_flight: 0,
                excess: 0,
            }),
        }
    }

    /// The number of pages that may be in flight now.
    pub(super) fn size(&self) -> usize {
        self.lock().window.size()
    }

    /// Waits for a permit. Permits are handed out in the order of the calls.
    pub(super) async fn acquire(&self) -> ListPermit<'_> {
        const PROOF: &str = "the semaphores are private and never closed";
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.expect(PROOF);
        let of_all = ALL.acquire().await.expect(PROOF);
        let mut state = self.lock();
        state.in_flight += 1;
        ListPermit {
            limit: self,
            epoch: state.window.epoch(),
            permit: Some(permit),
            _of_all: of_all,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the state half-changed: each change is a few assignments.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ListPermit<'_> {
    /// Gives the permit back. `is_throttled` says whether the store asked to slow down; otherwise it has answered.
    pub(super) fn end(self, is_throttled: bool) {
        let mut state = self.limit.lock();
        let before = state.window.size();
        if is_throttled {
            state.window.on_throttled(self.epoch);
        } else {
            let in_flight = state.in_flight;
            state.window.on_answer(in_flight);
        }
        let after = state.window.size();
        if after > before {
            let more = after - before;
            let kept = more.min(state.excess);
            state.excess -= kept;
            self.limit.permits.add_permits(more - kept);
        } else {
            let fewer = before - after;
            state.excess += fewer - self.limit.permits.forget_permits(fewer);
        }
    }
}

impl Drop for ListPermit<'_> {
    fn drop(&mut self) {
        let mut state = self.limit.lock();
        state.in_flight -= 1;
        if state.excess > 0
            && let Some(permit) = self.permit.take()
        {
            state.excess -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// Takes all permits that are free.
    async fn take_all(limit: &ListLimit) -> Vec<ListPermit<'_>> {
        let mut permits = Vec::new();
        while limit.permits.available_permits() > 0 {
            permits.push(limit.acquire().await);
        }
        permits
    }

    #[tokio::test]
    async fn hands_out_as_many_permits_as_the_window_has() {
        let limit = ListLimit::new(8);
        let mut permits = take_all(&limit).await;
        assert_eq!(permits.len(), 8);
        // A storm: every request in flight is told to slow down.
        permits.drain(..).for_each(|permit| permit.end(true));
        assert_eq!((limit.size(), take_all(&limit).await.len()), (4, 4));
        let mut permits = take_all(&limit).await;
        permits.remove(0).end(true);
        permits.clear();
        assert_eq!((limit.size(), take_all(&limit).await.len()), (2, 2));
        // Requests that end without an answer change nothing.
        drop(take_all(&limit).await);
        for _ in 0..10 {
            let permits = take_all(&limit).await;
            permits.into_iter().for_each(|permit| permit.end(false));
        }
        let size = limit.size();
        assert!(size > 2, "it grows again: {size}");
        assert_eq!(take_all(&limit).await.len(), size);
    }

    #[tokio::test]
    async fn waiting_request_gets_the_permit_that_growth_adds() {
        let limit = ListLimit::new(1);
        let first = limit.acquire().await;
        let mut second = pin!(limit.acquire());
        let mut third = pin!(limit.acquire());
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(second.as_mut().poll(&mut context), Poll::Pending));
        assert!(matches!(third.as_mut().poll(&mut context), Poll::Pending));
        first.end(false);
        let _permits = (second.await, third.await);
    }
}
