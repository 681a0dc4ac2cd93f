//! The SDK clients of a bucket in one region: one, or two that differ only in their endpoint.
//!
//! `endpoint` decides which one to use. `s3` sends the requests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::StalledStreamProtectionConfig;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use tracing::{info, warn};

use crate::aws::bucket::endpoint::{Endpoint, Failover};
use crate::core::outage::Outage;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// One or two clients, and the recent failure that decides between them.
#[derive(Debug)]
pub(super) struct EndpointClients {
    region: String,
    preferred: Client,
    fallback: Option<Client>,
    failover: Mutex<Failover>,
    /// Limits the log to one message per outage of the preferred endpoint.
    outage: Outage<Instant>,
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
                // The SDK would correct a wrong clock after the first refusal. We want the error, so that
                // the user fixes the clock.
                .disable_clock_skew_correction(true)
                // A slow page is not an error. `response_capture` has the timeouts.
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .timeout_config(timeouts.build());
            if let Some(url) = url {
                config = config.endpoint_url(url);
            }
            Client::from_conf(config.build())
        };
        Self {
            region: region.to_owned(),
            preferred: client(urls.first().unwrap_or(&None)),
            fallback: urls.get(1).map(client),
            failover: Mutex::default(),
            outage: Outage::default(),
        }
    }

    /// The region that requests are signed for.
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    pub(super) fn client(&self, endpoint: Endpoint) -> &Client {
        match (endpoint, &self.fallback) {
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

    /// Records a failure of the endpoint. Returns whether there is a fallback.
    pub(super) fn note_failure(&self, endpoint: Endpoint) -> bool {
        if self.fallback.is_none() {
            return false;
        }
        let now = Instant::now();
        let is_changed = self.failover().note_failure(endpoint, now);
        if endpoint == Endpoint::Preferred && self.outage.on_failure(now) && is_changed {
            warn!(endpoint = ?endpoint, "endpoint failed; using the other endpoint");
        }
        true
    }

    /// Records a success of the endpoint.
    pub(super) fn note_success(&self, endpoint: Endpoint) {
        if self.fallback.is_some()
            && endpoint == Endpoint::Preferred
            && self.outage.on_success(Instant::now())
        {
            info!(endpoint = ?endpoint, "endpoint works again");
        }
    }

    fn failover(&self) -> MutexGuard<'_, Failover> {
        // The value is one field, so a panic cannot leave it half-written.
        self.failover.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
