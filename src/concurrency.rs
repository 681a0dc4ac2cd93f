//! A concurrency limit: how many operations of one kind may run at the same time.
//!
//! It only hands out permits. The caller decides how long to wait for one.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The right to run one or more operations. They count as running until it is dropped.
pub type Permit = OwnedSemaphorePermit;

/// Limits how many operations run at the same time. Clones share the limit.
#[derive(Clone, Debug)]
pub struct ConcurrencyLimit(Arc<Semaphore>);

impl ConcurrencyLimit {
    /// A limit of `max` operations. 0 counts as 1.
    pub fn new(max: usize) -> Self {
        Self(Arc::new(Semaphore::new(max.max(1))))
    }

    /// Waits for a permit for one operation. Permits are handed out in the order of the calls.
    pub async fn acquire(&self) -> Permit {
        self.acquire_many(1).await
    }

    /// Waits for a permit for `count` operations. Never returns if `count` is above the limit.
    pub async fn acquire_many(&self, count: u32) -> Permit {
        let permit = Arc::clone(&self.0).acquire_many_owned(count).await;
        permit.expect("the semaphore is private and never closed")
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[tokio::test]
    async fn waits_until_a_permit_is_dropped() {
        let limit = ConcurrencyLimit::new(2);
        let first = limit.acquire_many(2).await;
        let shared = limit.clone();
        let mut second = pin!(shared.acquire());
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(second.as_mut().poll(&mut context), Poll::Pending));
        drop(first);
        let _permit = second.await;
    }

    #[tokio::test]
    async fn zero_counts_as_one() {
        let _permit = ConcurrencyLimit::new(0).acquire().await;
    }
}
