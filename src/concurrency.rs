//! A concurrency limit: how many operations of one kind may run at the same time.
//!
//! It only hands out permits. The caller decides how long to wait for one.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The right to run one or more operations. They count as running until it is dropped.
#[derive(Debug)]
pub struct Permit {
    permit: OwnedSemaphorePermit,
    limit: ConcurrencyLimit,
}

impl Permit {
    /// Splits off a permit for `count` of the operations. `None` if it is for fewer.
    pub fn split(&mut self, count: usize) -> Option<Self> {
        let permit = self.permit.split(count)?;
        Some(Self {
            permit,
            limit: self.limit.clone(),
        })
    }

    /// Gives the permit back. Returns whether other operations under the same limit run now.
    pub fn release(self) -> bool {
        drop(self.permit);
        // A permit that is given back goes to the operation that waits longest, so it is not available then.
        self.limit.semaphore.available_permits() < self.limit.max
    }
}

/// Limits how many operations run at the same time. Clones share the limit.
#[derive(Clone, Debug)]
pub struct ConcurrencyLimit {
    semaphore: Arc<Semaphore>,
    max: usize,
}

impl ConcurrencyLimit {
    /// A limit of `max` operations. 0 counts as 1.
    pub fn new(max: usize) -> Self {
        let max = max.max(1);
        Self {
            semaphore: Arc::new(Semaphore::new(max)),
            max,
        }
    }

    /// Waits for a permit for one operation. Permits are handed out in the order of the calls.
    pub async fn acquire(&self) -> Permit {
        self.acquire_many(1).await
    }

    /// Waits for a permit for `count` operations. Never returns if `count` is above the limit.
    pub async fn acquire_many(&self, count: u32) -> Permit {
        let permit = Arc::clone(&self.semaphore).acquire_many_owned(count).await;
        Permit {
            permit: permit.expect("the semaphore is private and never closed"),
            limit: self.clone(),
        }
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
    async fn release_tells_whether_others_run() {
        let limit = ConcurrencyLimit::new(2);
        let (first, second) = (limit.acquire().await, limit.acquire().await);
        let mut third = pin!(limit.acquire());
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(third.as_mut().poll(&mut context), Poll::Pending));
        assert!(first.release());
        assert!(second.release(), "the third one has got a permit");
        assert!(!third.await.release());
    }

    #[tokio::test]
    async fn zero_counts_as_one() {
        let _permit = ConcurrencyLimit::new(0).acquire().await;
    }
}
