//! [`S3Bucket`]: the [`Lister`] that uses the AWS SDK.
//!
//! It connects the parts: the SDK signs and sends, `response_capture` reads the response, `page` decodes
//! it, `retry` retries. It does not look at keys.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use aws_sdk_s3::types::{EncodingType, RequestPayer};
use tracing::{debug, info, warn};

use crate::aws::bucket::clients::EndpointClients;
use crate::aws::bucket::endpoint::Endpoint;
use crate::aws::bucket::list_limit::{FIRST_IN_FLIGHT, ListLimit};
use crate::aws::bucket::page::{self, DecodedPage, PageError};
use crate::aws::bucket::regional::RegionalClients;
use crate::aws::bucket::response_capture::{RawResponse, ResponseCapture};
use crate::aws::bucket::retry::Retrier;
use crate::aws::bucket::{AttemptError, BucketError, BucketErrorKind, ErrorDocument, Lister};
use crate::aws::credentials::{self, ClientLimits, SdkConfigError};
use crate::aws::environment::{self, InvalidEndpoint, Service};
use crate::aws::tls::TlsFailure;
use crate::core::replication::listing::{ListingPage, PageRequest};
use crate::core::replication::plausible::{MAX_CLOCK_DIFFERENCE, PlausibleTimes};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::{EndpointOrder, Source};

/// The endpoints of `endpoint_order = "external-first"`. Both are in us-east-1.
const EXTERNAL_FIRST: [&str; 2] = [
    "https://s3-external-1.amazonaws.com",
    "https://s3.amazonaws.com",
];

/// A bucket on S3, or on a store with the same protocol.
#[derive(Debug)]
pub struct S3Bucket {
    name: String,
    /// The quoted name, and the URL of the store if it is not AWS; for messages.
    label: String,
    /// The prefixes that may occur in messages.
    prefixes: BTreeSet<String>,
    expected_owner: Option<String>,
    request_payer: Option<RequestPayer>,
    clients: RegionalClients,
    retrier: Retrier,
    limit: ListLimit,
    lists: Arc<AtomicU64>,
    /// Whether a response without a usable `Date` has been logged.
    warned_undated: AtomicBool,
}

impl S3Bucket {
    /// Opens the bucket of a Source. It makes up to `attempts` attempts for each request.
    ///
    /// If the Source has a `region`, no request is sent. Otherwise HeadBucket and then GetBucketLocation
    /// find the region. They are sent to the region that the environment configures, else to us-east-1. If a
    /// store other than AWS names no region, that region is assumed. A region in another AWS partition (China,
    /// GovCloud) is found only if the environment configures a region of that partition.
    pub async fn open(source: &Source, attempts: u32) -> Result<Self, BucketError> {
        let urls = match source.endpoint_order {
            EndpointOrder::ExternalFirst => EXTERNAL_FIRST.map(|url| Some(url.to_owned())).into(),
            EndpointOrder::Standard => vec![source.endpoint_url.clone()],
        };
        let region = match source.region {
            Some(_) => None,
            None => environment::region(&source.credentials).await,
        };
        Self::open_at(source, urls, region, Retrier::up_to(attempts)).await
    }

    /// Opens a bucket with one or two endpoints. Requests go to the second one if the first fails.
    /// `None` is the endpoint that the environment configures, or else the one that the SDK chooses.
    /// `first_region` is the region for the first request if the Source has none.
    async fn open_at(
        source: &Source,
        urls: Vec<Option<String>>,
        first_region: Option<String>,
        retrier: Retrier,
    ) -> Result<Self, BucketError> {
        let configured = match source.endpoint_order {
            EndpointOrder::ExternalFirst => Some(credentials::DEFAULT_REGION.to_owned()),
            EndpointOrder::Standard => source.region.clone(),
        };
        let is_configured = configured.is_some();
        let unopened = |kind, why: &str| BucketError {
            operation: format!(
                "open bucket {}",
                label(source, source.endpoint_url.as_deref())
            ),
            action: "s3:ListBucket",
            cause: AttemptError::new(kind, why),
            attempts: 1,
        };
        let region = configured.or(first_region);
        let region = region.unwrap_or_else(|| credentials::DEFAULT_REGION.to_owned());
        let limits = ClientLimits {
            source: source.limits.as_deref(),
            is_host_chosen: source.endpoint_url.is_some(),
        };
        let config = credentials::sdk_config(&source.credentials, &region, limits)
            .await
            .map_err(|error| unopened(kind_of(&error), &error.to_string()))?;
        let urls = urls_or_environment(urls, &config)
            .map_err(|error| unopened(BucketErrorKind::InvalidEndpoint, &error.to_string()))?;
        let store = match source.endpoint_order {
            EndpointOrder::ExternalFirst => None,
            EndpointOrder::Standard => urls.first().cloned().flatten(),
        };
        let bucket = Self {
            name: source.bucket.clone(),
            label: label(source, store.as_deref()),
            prefixes: prefixes_of(source),
            expected_owner: source.expected_bucket_owner.clone(),
            request_payer: source.request_payer.then_some(RequestPayer::Requester),
            clients: RegionalClients::new(&source.bucket, config, source.path_style, urls, &region),
            retrier,
            limit: ListLimit::new(FIRST_IN_FLIGHT),
            lists: Arc::default(),
            warned_undated: AtomicBool::new(false),
        };
        if !is_configured {
            let found = bucket.find_region(store.is_some()).await?;
            info!(
                bucket = bucket.name,
                region = found,
                "region of bucket found"
            );
            bucket.clients.move_to(&found);
        }
        Ok(bucket)
    }

    /// The region that requests are signed for.
    pub fn region(&self) -> String {
        self.clients.current().region().to_owned()
    }

    /// The name of the bucket.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The quoted name, and the URL of the store if it is not AWS; for messages.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    pub(super) fn retrier(&self) -> &Retrier {
        &self.retrier
    }

    /// The account that must own the bucket, if configured.
    pub(super) fn expected_owner(&self) -> Option<String> {
        self.expected_owner.clone()
    }

    /// Set if the configuration agrees to pay for requests.
    pub(super) fn request_payer(&self) -> Option<RequestPayer> {
        self.request_payer.clone()
    }

    /// The clients for requests to the bucket.
    pub(super) fn clients(&self) -> &RegionalClients {
        &self.clients
    }

    /// The number of LIST requests sent so far. It includes failed attempts, because each is billed.
    pub fn lists_sent(&self) -> u64 {
        self.lists.load(Ordering::Relaxed)
    }

    /// Makes one attempt. If the preferred endpoint fails, it immediately tries the fallback.
    async fn attempt(
        &self,
        clients: Arc<EndpointClients>,
        request: &PageRequest,
    ) -> Result<ListingPage, AttemptError> {
        let endpoint = clients.choose();
        let outcome = self.list_with(clients.client(endpoint), request).await;
        if outcome.is_ok() {
            clients.note_success(endpoint);
        }
        let unreachable = |outcome: &Result<ListingPage, AttemptError>| matches!(outcome, Err(error) if error.kind.is_endpoint_failure());
        if !unreachable(&outcome) || !clients.note_failure(endpoint) {
            return outcome;
        }
        match endpoint {
            Endpoint::Fallback => outcome,
            Endpoint::Preferred => {
                let fallback = clients.client(Endpoint::Fallback);
                let outcome = self.list_with(fallback, request).await;
                if unreachable(&outcome) {
                    clients.note_failure(Endpoint::Fallback);
                }
                outcome
            }
        }
    }

    async fn list_with(
        &self,
        client: &aws_sdk_s3::Client,
        request: &PageRequest,
    ) -> Result<ListingPage, AttemptError> {
        let (prefix, after) = (&request.prefix, &request.start_after);
        debug!(bucket = self.name, prefix, after, "listing");
        let capture = ResponseCapture::new(&self.lists);
        // A token takes precedence over start-after, and some stores refuse both together.
        let start_after = request
            .start_after
            .clone()
            .filter(|_| request.token.is_none());
        let list = client
            .list_objects_v2()
            .bucket(&self.name)
            .encoding_type(EncodingType::Url)
            .max_keys(request.max_keys.into())
            .prefix(&request.prefix)
            .set_start_after(start_after)
            .set_continuation_token(request.token.as_ref().map(|token| token.0.clone()))
            .set_expected_bucket_owner(self.expected_owner.clone())
            .set_request_payer(self.request_payer.clone());
        let response = capture
            .response(list.customize().interceptor(capture.clone()).send())
            .await?;
        self.page_of(&response, request)
    }

    fn page_of(
        &self,
        response: &RawResponse,
        request: &PageRequest,
    ) -> Result<ListingPage, AttemptError> {
        let refused = |document: &ErrorDocument| {
            AttemptError::from_response(
                response.status,
                document,
                response.bucket_region.as_deref(),
            )
        };
        if response.status != 200 {
            return Err(refused(&ErrorDocument::from_body(&response.body)));
        }
        let invalid = |why: String| AttemptError::new(BucketErrorKind::InvalidResponse, &why);
        let decoded = page::decode(&response.body, self.timestamp_of(response));
        let DecodedPage { page, echo } = decoded.map_err(|error| match error {
            PageError::Service(document) => refused(&document),
            PageError::Xml(error) => invalid(error.to_string()),
        })?;
        let checked = echo.check(&self.name, request);
        checked.map_err(|error| invalid(error.to_string()))?;
        Ok(page)
    }

    /// Describes the request for logs and errors. They must not contain keys, so it names only configured
    /// prefixes.
    fn description(&self, request: &PageRequest) -> String {
        let label = &self.label;
        match request.prefix.as_str() {
            "" => format!("list bucket {label}"),
            prefix if self.prefixes.contains(prefix) => {
                format!("list bucket {label} (prefix {prefix:?})")
            }
            _ => format!("list one key of bucket {label}"),
        }
    }

    fn timestamp_of(&self, response: &RawResponse) -> Timestamp {
        let local = local_time();
        let usable = usable_date(response.date, local);
        if usable.is_none() && !self.warned_undated.swap(true, Ordering::Relaxed) {
            let ahead_seconds = response
                .date
                .map(|date| (date.as_millis() - local.as_millis()) / 1_000);
            warn!(
                bucket = self.name,
                ahead_seconds,
                margin_seconds = MAX_CLOCK_DIFFERENCE.as_secs(),
                "responses have no usable Date; using this machine's clock minus a margin"
            );
        }
        let date = usable.unwrap_or_else(|| local.minus(MAX_CLOCK_DIFFERENCE));
        Timestamp::of_response(date, response.took)
    }
}

/// The `Date` of a response, unless it is too far ahead of this machine's clock. If such a `Date` counted, everything
/// until then would seem to be older than the page.
fn usable_date(date: Option<Timestamp>, local: Timestamp) -> Option<Timestamp> {
    date.filter(|date| PlausibleTimes::at(local).contains(*date))
}

impl Lister for S3Bucket {
    async fn list(&self, request: &PageRequest) -> Result<ListingPage, BucketError> {
        let operation = self.description(request);
        let attempt = || async {
            // Between two attempts, other pages get the permit.
            let permit = match request.max_keys {
                1 => None,
                _ => Some(self.limit.acquire().await),
            };
            let attempt = self
                .clients
                .attempt(|clients| self.attempt(clients, request));
            let outcome = attempt.await;
            // S3 also sends other codes than SlowDown with 503 if it gets too many requests.
            let is_too_much = matches!(&outcome, Err(error) if matches!(
                error.kind,
                BucketErrorKind::Throttled | BucketErrorKind::Unavailable
            ));
            if let Some(permit) = permit.filter(|_| is_too_much || outcome.is_ok()) {
                permit.end(is_too_much);
            }
            outcome
        };
        self.retrier.run(&operation, "s3:ListBucket", attempt).await
    }

    fn pages_in_flight(&self) -> usize {
        self.limit.size()
    }
}

/// The URLs, with the endpoint that the environment configures instead of each `None`.
fn urls_or_environment(
    urls: Vec<Option<String>>,
    config: &SdkConfig,
) -> Result<Vec<Option<String>>, InvalidEndpoint> {
    let url = |url: Option<String>| match url {
        Some(url) => Ok(Some(url)),
        None => environment::endpoint_url(config, Service::S3),
    };
    urls.into_iter().map(url).collect()
}

fn kind_of(error: &SdkConfigError) -> BucketErrorKind {
    match error {
        SdkConfigError::Secret(_) => BucketErrorKind::NoCredentials,
        SdkConfigError::NotAllowed => BucketErrorKind::CredentialsNotAllowed,
        SdkConfigError::CaBundle(_) => BucketErrorKind::Tls(TlsFailure::UnusableBundle),
    }
}

/// The configured prefix, and the prefixes that a scan of the Source lists.
fn prefixes_of(source: &Source) -> BTreeSet<String> {
    let listed = source.listed_ranges().into_iter();
    let listed = listed.map(|range| range.prefix);
    listed.chain([source.prefix.clone()]).collect()
}

/// The time by this machine's clock.
pub(super) fn local_time() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// The quoted name of the bucket, and the URL of its store if that is not the one that AWS chooses.
fn label(source: &Source, store: Option<&str>) -> String {
    match store {
        Some(url) => format!("{:?} at {url}", source.bucket),
        None => format!("{:?}", source.bucket),
    }
}

#[cfg(test)]
mod tests;
