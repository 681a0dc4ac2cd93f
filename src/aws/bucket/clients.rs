//! The SDK's clients of one bucket: one, or two that differ in their endpoint alone.
//!
//! When to leave an endpoint is decided in `endpoint`; what is asked of it in `s3`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::StalledStreamProtectionConfig;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use tracing::warn;

use crate::aws::bucket::endpoint::{Endpoint, Failover};

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// One or two clients, and which of them to use.
#[derive(Debug)]
pub(super) struct EndpointClients {
    preferred: Client,
    fallback: Option<Client>,
    failover: Mutex<Failover>,
}

impl EndpointClients {
    pub(super) fn new(
        config: &SdkConfig,
        path_style: bool,
        region: &str,
        urls: &[Option<String>],
    ) -> Self {
        let client = |url: &Option<String>| {
            let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT);
            let mut config = aws_sdk_s3::config::Builder::from(config)
                .region(Region::new(region.to_owned()))
                .force_path_style(path_style)
                .retry_config(RetryConfig::disabled())
                // A clock that is wrong is to be set, not worked around from the second request on.
                .disable_clock_skew_correction(true)
                // A slow page is no error: `exchange` has the bounds.
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .timeout_config(timeouts.build());
            if let Some(url) = url {
                config = config.endpoint_url(url);
            }
            Client::from_conf(config.build())
        };
        Self {
            preferred: client(urls.first().unwrap_or(&None)),
            fallback: urls.get(1).map(client),
            failover: Mutex::default(),
        }
    }

    pub(super) fn client(&self, choice: Endpoint) -> &Client {
        match (choice, &self.fallback) {
            (Endpoint::Fallback, Some(client)) => client,
            _ => &self.preferred,
        }
    }

    pub(super) fn choose(&self) -> Endpoint {
        match self.fallback {
            Some(_) => self.failover().choose(Instant::now()),
            None => Endpoint::Preferred,
        }
    }

    /// Notes that an endpoint could not be reached; whether there is another to try.
    pub(super) fn note_failure(&self, of: Endpoint) -> bool {
        if self.fallback.is_none() {
            return false;
        }
        if self.failover().note_failure(of, Instant::now()) {
            warn!(endpoint = ?of, "endpoint not reached, using the other");
        }
        true
    }

    fn failover(&self) -> MutexGuard<'_, Failover> {
        // What is remembered is one value, written at once: a panic elsewhere cannot spoil it.
        self.failover.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
