//! The clients of a bucket in its region. If the store says that the bucket is in another region, the request is sent
//! there once more, and so are all later ones.
//!
//! `clients` chooses between the endpoints of one region.

use std::sync::{Arc, PoisonError, RwLock};

use aws_config::SdkConfig;
use tracing::warn;

use crate::aws::bucket::clients::EndpointClients;
use crate::aws::bucket::error::{AttemptError, BucketErrorKind};

/// The clients of a bucket for the region that is known best.
#[derive(Debug)]
pub(super) struct RegionalClients {
    /// The name of the bucket; for the log.
    bucket: String,
    config: SdkConfig,
    path_style: bool,
    urls: Vec<Option<String>>,
    current: RwLock<Arc<EndpointClients>>,
}

impl RegionalClients {
    /// Clients for requests to these endpoints, one or two, which are signed for this region.
    pub(super) fn new(
        bucket: &str,
        config: SdkConfig,
        path_style: bool,
        urls: Vec<Option<String>>,
        region: &str,
    ) -> Self {
        let current = EndpointClients::new(&config, path_style, region, &urls);
        Self {
            bucket: bucket.to_owned(),
            config,
            path_style,
            urls,
            current: RwLock::new(Arc::new(current)),
        }
    }

    /// The clients for the next request.
    pub(super) fn current(&self) -> Arc<EndpointClients> {
        // The value is replaced at once, so a panic cannot leave it half-written.
        let current = self.current.read();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }

    /// Uses this region from now on.
    pub(super) fn move_to(&self, region: &str) {
        self.replace(self.in_region(region));
    }

    /// Makes one attempt. If the store names another region than the attempt was signed for, makes one more in that
    /// region, and remembers the region unless the store refuses it too.
    pub(super) async fn attempt<T, A>(
        &self,
        send: impl Fn(Arc<EndpointClients>) -> A,
    ) -> Result<T, AttemptError>
    where
        A: Future<Output = Result<T, AttemptError>>,
    {
        let first = self.current();
        let outcome = send(Arc::clone(&first)).await;
        let Some(actual) = self.other_region(&outcome, first.region()) else {
            return outcome;
        };
        let moved = self.in_region(&actual);
        let outcome = send(Arc::clone(&moved)).await;
        if region_named_by(&outcome).is_none() && self.replace(moved) {
            warn!(
                bucket = self.bucket,
                region = actual,
                signed_for = first.region(),
                "bucket is in another region; using that one"
            );
        }
        outcome
    }

    /// The region to try after this outcome. Two endpoints are both in one region, so there is no other one for them.
    fn other_region<T>(
        &self,
        outcome: &Result<T, AttemptError>,
        signed_for: &str,
    ) -> Option<String> {
        let named = region_named_by(outcome)?.as_deref()?;
        (named != signed_for && self.urls.len() < 2).then(|| named.to_owned())
    }

    /// The clients for this region: the current ones if another request has found it already.
    fn in_region(&self, region: &str) -> Arc<EndpointClients> {
        let current = self.current();
        if current.region() == region {
            return current;
        }
        let new = EndpointClients::new(&self.config, self.path_style, region, &self.urls);
        Arc::new(new)
    }

    /// Uses these clients from now on. Returns whether the region changes.
    fn replace(&self, clients: Arc<EndpointClients>) -> bool {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let changes = current.region() != clients.region();
        if changes {
            *current = clients;
        }
        changes
    }
}

/// The region in an error that says that the bucket is in another one. The inner value is `None` if it names none.
fn region_named_by<T>(outcome: &Result<T, AttemptError>) -> Option<&Option<String>> {
    match outcome {
        Err(AttemptError {
            kind: BucketErrorKind::WrongRegion { actual },
            ..
        }) => Some(actual),
        _ => None,
    }
}
