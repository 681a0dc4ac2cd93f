//! The limits that all queues of the process share: connections and messages in flight.
//!
//! It only holds the limits. Each consumer decides when to take a permit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::aws::queue::{MAX_BATCH, MAX_WAIT};
use crate::concurrency::ConcurrencyLimit;
use crate::config::EventsConfig;

/// Maximum number of queue requests at the same time, of all queues and without receives. Each takes a
/// connection.
pub const MAX_REQUESTS_IN_FLIGHT: usize = 64;

/// Permits that all queues of the process share.
#[derive(Clone, Debug)]
pub struct Permits {
    /// For ReceiveMessage requests.
    pub receives: ConcurrencyLimit,
    /// For messages in flight.
    pub messages: ConcurrencyLimit,
    /// For all other requests.
    pub requests: ConcurrencyLimit,
    /// How many receives can run at the same time.
    max_receives: usize,
    queues: Arc<AtomicUsize>,
}

impl Permits {
    /// The permits for that number of queues.
    pub fn new(limits: &EventsConfig, queues: usize) -> Self {
        // A receive holds a message permit for each message that it may return.
        let receives_by_messages = limits.messages_in_flight / MAX_BATCH;
        Self {
            receives: ConcurrencyLimit::new(limits.receives_in_flight),
            messages: ConcurrencyLimit::new(limits.messages_in_flight),
            requests: ConcurrencyLimit::new(MAX_REQUESTS_IN_FLIGHT),
            max_receives: limits.receives_in_flight.min(receives_by_messages),
            queues: Arc::new(AtomicUsize::new(queues)),
        }
    }

    /// Sets the number of queues.
    pub(crate) fn set_queues(&self, queues: usize) {
        self.queues.store(queues, Ordering::Relaxed);
    }

    /// How long a receive waits for messages. Short if there are fewer permits than queues.
    pub fn wait(&self) -> Duration {
        /// Used if queues wait for each other's receives.
        const SHORT_WAIT: Duration = Duration::from_secs(1);
        if self.queues.load(Ordering::Relaxed) > self.max_receives {
            SHORT_WAIT
        } else {
            MAX_WAIT
        }
    }
}
