//! Hands out the permits of searches, fairly between clients.
//!
//! [`FairQueue`] decides who is next. The caller decides how long to wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::client::ClientId;
use super::fair_queue::{Asker, FairQueue, QueueFull, Ticket};

/// Limits how many searches run at the same time. Share it in an [`Arc`].
#[derive(Debug)]
pub(super) struct SearchPermits(Mutex<FairQueue<ClientId, oneshot::Sender<Permit>>>);

/// The right to run one search. It counts as running until this is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    permits: Arc<SearchPermits>,
    asker: Asker<ClientId>,
    started: Instant,
}

/// Removes a waiting search from its queue when its client disconnects or gives up.
struct Waiting<'a> {
    permits: &'a SearchPermits,
    ticket: Ticket,
}

impl SearchPermits {
    /// Allows this number of searches. 0 counts as 1.
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(FairQueue::new(max))))
    }

    /// Waits for a permit. Fails at once if the client has too many waiting searches.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        asker: &Asker<ClientId>,
    ) -> Result<Permit, QueueFull> {
        let (sender, receiver) = oneshot::channel();
        let ticket = {
            let mut queue = self.queue();
            if queue.try_start(asker) {
                drop(queue);
                return Ok(Permit::new(self, asker.clone()));
            }
            queue.wait(asker, sender)?
        };
        let _waiting = Waiting {
            permits: self,
            ticket,
        };
        Ok(receiver
            .await
            .expect("the queue drops a sender only after it has sent, or if nobody receives"))
    }

    fn queue(&self) -> MutexGuard<'_, FairQueue<ClientId, oneshot::Sender<Permit>>> {
        // A poisoned lock still holds a valid queue: none of its methods can panic halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    fn new(permits: &Arc<SearchPermits>, asker: Asker<ClientId>) -> Self {
        Self {
            permits: Arc::clone(permits),
            asker,
            started: Instant::now(),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let next = self
            .permits
            .queue()
            .finish(&self.asker, self.started.elapsed());
        if let Some((asker, sender)) = next {
            // If nobody receives it any longer, it is dropped here and goes to the next one.
            let _ = sender.send(Self::new(&self.permits, asker));
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.permits.queue().abandon(self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::super::fair_queue::MAX_WAITING;
    use super::*;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn client(name: &str) -> Asker<ClientId> {
        Asker {
            client: ClientId::Token(name.into()),
            connection: 0,
        }
    }

    #[tokio::test]
    async fn permit_goes_to_the_client_without_running_searches() {
        let permits = SearchPermits::new(1);
        let (many, one) = (client("many"), client("one"));
        let running = permits.acquire(&many).await.unwrap();
        let mut second = pin!(permits.acquire(&many));
        assert!(poll(second.as_mut()).is_pending());
        let mut third = pin!(permits.acquire(&one));
        assert!(poll(third.as_mut()).is_pending());
        drop(running);
        assert!(poll(second.as_mut()).is_pending());
        let permit = third.await.unwrap();
        drop(permit);
        let _permit = second.await.unwrap();
    }

    #[tokio::test]
    async fn permit_of_a_client_that_is_gone_goes_to_the_next() {
        let permits = SearchPermits::new(1);
        let (a, b) = (client("a"), client("b"));
        let running = permits.acquire(&a).await.unwrap();
        let mut last = pin!(permits.acquire(&a));
        {
            // One leaves while it waits, and one when it has its permit.
            let mut leaves = pin!(permits.acquire(&b));
            assert!(poll(leaves.as_mut()).is_pending());
        }
        {
            let mut leaves = pin!(permits.acquire(&b));
            assert!(poll(leaves.as_mut()).is_pending());
            assert!(poll(last.as_mut()).is_pending());
            drop(running);
        }
        let _permit = last.await.unwrap();
    }

    #[tokio::test]
    async fn too_many_waiting_searches_of_one_client_fail_at_once() {
        let permits = SearchPermits::new(1);
        let running = permits.acquire(&client("a")).await.unwrap();
        let (a, b) = (client("a"), client("b"));
        let mut waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| Box::pin(permits.acquire(&a)))
            .collect();
        for waiting in &mut waiting {
            assert!(poll(waiting.as_mut()).is_pending());
        }
        assert_eq!(permits.acquire(&a).await.err(), Some(QueueFull));
        let mut other = pin!(permits.acquire(&b));
        assert!(poll(other.as_mut()).is_pending());
        drop(waiting);
        drop(running);
        let _permit = other.await.unwrap();
    }
}
