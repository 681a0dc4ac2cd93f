//! What all queues of the process share: connections, and room for messages.
//!
//! Who takes a permit when is up to the consumers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::aws::queue::{MAX_BATCH, MAX_WAIT};
use crate::config::EventsConfig;

/// Requests of all queues at the same time, besides those that receive: as many connections.
pub const MAX_REQUESTS_IN_FLIGHT: usize = 64;

/// What all queues of the process share.
#[derive(Clone, Debug)]
pub struct Permits {
    /// ReceiveMessage requests at the same time.
    pub receives: Arc<Semaphore>,
    /// Messages in hand.
    pub messages: Arc<Semaphore>,
    /// Other requests at the same time.
    pub requests: Arc<Semaphore>,
    /// How long a receive may wait, so that each queue gets its turn.
    pub wait: Duration,
}

impl Permits {
    /// The permits for that many queues.
    pub fn new(limits: &EventsConfig, queues: usize) -> Self {
        /// Where queues wait for one another, none waits long for messages.
        const SHORT_WAIT: Duration = Duration::from_secs(1);
        // A receive holds room for all that it may bring.
        let at_once = limits.messages_in_flight / MAX_BATCH;
        let has_turns = queues > limits.receives_in_flight.min(at_once);
        Self {
            receives: Arc::new(Semaphore::new(limits.receives_in_flight)),
            messages: Arc::new(Semaphore::new(limits.messages_in_flight)),
            requests: Arc::new(Semaphore::new(MAX_REQUESTS_IN_FLIGHT)),
            wait: if has_turns { SHORT_WAIT } else { MAX_WAIT },
        }
    }

    /// Waits for the turn of a request that receives nothing.
    pub async fn request(&self) -> SemaphorePermit<'_> {
        let permit = self.requests.acquire().await;
        permit.expect("nobody closes the semaphore")
    }
}
