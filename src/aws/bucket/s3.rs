//! A bucket, listed by the AWS SDK.
//!
//! It joins the parts: the SDK signs and sends, `exchange` takes the answer, `page` decodes it,
//! `retry` tries again. It decides nothing about keys.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_s3::types::{EncodingType, RequestPayer};
use tracing::{debug, info, warn};

use crate::aws::bucket::clients::EndpointClients;
use crate::aws::bucket::endpoint::Endpoint;
use crate::aws::bucket::page::{self, PageError};
use crate::aws::bucket::response_capture::{RawResponse, ResponseCapture};
use crate::aws::bucket::retry::Retrier;
use crate::aws::bucket::{
    AttemptError, BucketError, BucketErrorKind, ErrorDocument, Lister, region,
};
use crate::aws::credentials;
use crate::core::replication::listing::{ListingPage, PageRequest};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::{EndpointOrder, Source};

/// What is taken off our own clock where an answer has no `Date`.
///
/// S3 refuses requests that are signed with a clock more than 15 minutes off.
const CLOCK_MARGIN: Duration = Duration::from_secs(15 * 60);

/// The endpoints of `endpoint_order = "external-first"`, both of us-east-1.
const EXTERNAL_FIRST: [&str; 2] = [
    "https://s3-external-1.amazonaws.com",
    "https://s3.amazonaws.com",
];

/// One bucket on S3 or on a store that speaks its protocol.
#[derive(Debug)]
pub struct S3Bucket {
    name: String,
    /// The name, and at which store, for messages.
    label: String,
    /// Prefixes that a request may name in words.
    prefixes: BTreeSet<String>,
    region: String,
    expected_owner: Option<String>,
    request_payer: Option<RequestPayer>,
    endpoints: EndpointClients,
    retrier: Retrier,
    lists: Arc<AtomicU64>,
    /// Whether it has been said that answers carry no `Date`.
    warned_undated: AtomicBool,
}

impl S3Bucket {
    /// Opens the bucket of a Source; each request is sent up to `attempts` times.
    ///
    /// With a `region` in the Source no request is sent. Else it is found with HeadBucket, then
    /// GetBucketLocation; a store of another maker that tells none is taken to be in
    /// us-east-1. Regions of other AWS partitions (China, GovCloud) cannot be found from outside
    /// them and must be given.
    pub async fn open(source: &Source, attempts: u32) -> Result<Self, BucketError> {
        let urls = match source.endpoint_order {
            EndpointOrder::ExternalFirst => EXTERNAL_FIRST.map(|url| Some(url.to_owned())).into(),
            EndpointOrder::Standard => vec![source.endpoint_url.clone()],
        };
        Self::open_at(source, urls, Retrier::up_to(attempts)).await
    }

    /// Opens a bucket whose requests go to the first of one or two endpoints, and to the second when
    /// the first cannot be reached; `None` is the endpoint that the SDK chooses.
    async fn open_at(
        source: &Source,
        urls: Vec<Option<String>>,
        retrier: Retrier,
    ) -> Result<Self, BucketError> {
        let region = match source.endpoint_order {
            EndpointOrder::ExternalFirst => Some(credentials::DEFAULT_REGION),
            EndpointOrder::Standard => source.region.as_deref(),
        };
        let first_region = region.unwrap_or(credentials::DEFAULT_REGION);
        let config = credentials::sdk_config(&source.credentials, Some(first_region))
            .await
            .map_err(|error| BucketError {
                operation: format!("open bucket {}", label_of(source)),
                cause: AttemptError::new(BucketErrorKind::NoCredentials, error.to_string()),
                attempts: 1,
            })?;
        let mut bucket = Self {
            name: source.bucket.clone(),
            label: label_of(source),
            prefixes: prefixes_of(source),
            region: first_region.to_owned(),
            expected_owner: source.expected_bucket_owner.clone(),
            request_payer: source.request_payer.then_some(RequestPayer::Requester),
            endpoints: EndpointClients::new(&config, source.path_style, first_region, &urls),
            retrier,
            lists: Arc::default(),
            warned_undated: AtomicBool::new(false),
        };
        if region.is_none() {
            let found = bucket.find_region(source.endpoint_url.is_some()).await?;
            info!(
                bucket = bucket.name,
                region = found,
                "found the bucket's region"
            );
            bucket.endpoints = EndpointClients::new(&config, source.path_style, &found, &urls);
            bucket.region = found;
        }
        Ok(bucket)
    }

    /// The region that requests are signed for.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its name, and at which store, for messages.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// How requests to it are tried again.
    pub(super) fn retrier(&self) -> &Retrier {
        &self.retrier
    }

    /// The account that it has to belong to.
    pub(super) fn expected_owner(&self) -> Option<String> {
        self.expected_owner.clone()
    }

    /// Whether to agree to pay for a request.
    pub(super) fn request_payer(&self) -> Option<RequestPayer> {
        self.request_payer.clone()
    }

    /// The client that sends requests there.
    pub(super) fn client(&self, choice: Endpoint) -> &aws_sdk_s3::Client {
        self.endpoints.client(choice)
    }

    /// How many LIST requests have been sent, failed attempts included: each is billed.
    pub fn lists_sent(&self) -> u64 {
        self.lists.load(Ordering::Relaxed)
    }

    async fn find_region(&self, at_other_store: bool) -> Result<String, BucketError> {
        let attempted = format!("find the region of bucket {}", self.label);
        let told = self
            .retrier
            .run(&attempted, || async {
                region::of_head_bucket(&self.head_bucket().await?)
            })
            .await?;
        match told {
            Some(region) => Ok(region),
            None => {
                let ask = || async { region::of_bucket_location(&self.get_location().await?) };
                let told = self.retrier.run(&attempted, ask).await;
                // Other makers' stores need not know of Regions; a scan will tell what is wrong.
                told.or_else(|error| if at_other_store {
                    info!(bucket = self.name, %error, "the store tells no Region, us-east-1 is assumed");
                    Ok(credentials::DEFAULT_REGION.to_owned())
                } else { Err(error) })
            }
        }
    }

    pub(super) async fn head_bucket(&self) -> Result<RawResponse, AttemptError> {
        let capture = ResponseCapture::new(&Arc::default());
        let request = self
            .endpoints
            .client(Endpoint::Preferred)
            .head_bucket()
            .bucket(&self.name)
            .set_expected_bucket_owner(self.expected_owner.clone());
        capture
            .answer(request.customize().interceptor(capture.clone()).send())
            .await
    }

    async fn get_location(&self) -> Result<RawResponse, AttemptError> {
        let capture = ResponseCapture::new(&Arc::default());
        let request = self
            .endpoints
            .client(Endpoint::Preferred)
            .get_bucket_location()
            .bucket(&self.name)
            .set_expected_bucket_owner(self.expected_owner.clone());
        capture
            .answer(request.customize().interceptor(capture.clone()).send())
            .await
    }

    /// One attempt: at the preferred endpoint and, if that cannot be reached, at once at the other.
    async fn attempt(&self, request: &PageRequest) -> Result<ListingPage, AttemptError> {
        let choice = self.endpoints.choose();
        let outcome = self.list_at(choice, request).await;
        let unreachable = |outcome: &Result<ListingPage, AttemptError>| matches!(outcome, Err(error) if error.kind.is_of_the_endpoint());
        if !unreachable(&outcome) || !self.endpoints.note_failure(choice) {
            return outcome;
        }
        match choice {
            Endpoint::Fallback => outcome,
            Endpoint::Preferred => {
                let outcome = self.list_at(Endpoint::Fallback, request).await;
                if unreachable(&outcome) {
                    self.endpoints.note_failure(Endpoint::Fallback);
                }
                outcome
            }
        }
    }

    async fn list_at(
        &self,
        choice: Endpoint,
        request: &PageRequest,
    ) -> Result<ListingPage, AttemptError> {
        let (prefix, after) = (&request.prefix, &request.start_after);
        debug!(bucket = self.name, prefix, after, "listing");
        let capture = ResponseCapture::new(&self.lists);
        // A token is stronger than start-after, and some stores refuse both together.
        let start_after = request
            .start_after
            .clone()
            .filter(|_| request.token.is_none());
        let list = self
            .endpoints
            .client(choice)
            .list_objects_v2()
            .bucket(&self.name)
            .encoding_type(EncodingType::Url)
            .max_keys(request.max_keys.into())
            .prefix(&request.prefix)
            .set_start_after(start_after)
            .set_continuation_token(request.token.as_ref().map(|token| token.0.clone()))
            .set_expected_bucket_owner(self.expected_owner.clone())
            .set_request_payer(self.request_payer.clone());
        let answer = capture
            .answer(list.customize().interceptor(capture.clone()).send())
            .await?;
        self.page_of(&answer)
    }

    fn page_of(&self, answer: &RawResponse) -> Result<ListingPage, AttemptError> {
        let refused = |document: &ErrorDocument| {
            AttemptError::of_answer(answer.status, document, answer.bucket_region.as_deref())
        };
        if answer.status != 200 {
            return Err(refused(&ErrorDocument::of_body(&answer.body)));
        }
        page::decode(&answer.body, self.timestamp_of(answer)).map_err(|error| match error {
            PageError::Service(document) => refused(&document),
            PageError::Xml(malformed) => {
                AttemptError::new(BucketErrorKind::InvalidResponse, malformed.to_string())
            }
        })
    }

    /// The request in words, for logs and errors. They name no key: of prefixes only those that are
    /// configured.
    fn description(&self, request: &PageRequest) -> String {
        let label = &self.label;
        match request.prefix.as_str() {
            "" => format!("list bucket {label}"),
            prefix if self.prefixes.contains(prefix) => {
                format!("list bucket {label}, prefix {prefix:?}")
            }
            _ => format!("list bucket {label}, one key"),
        }
    }

    fn timestamp_of(&self, answer: &RawResponse) -> Timestamp {
        let date = answer.date.unwrap_or_else(|| {
            if !self.warned_undated.swap(true, Ordering::Relaxed) {
                warn!(
                    bucket = self.name,
                    margin_seconds = CLOCK_MARGIN.as_secs(),
                    "answers carry no Date: pages are dated by this machine's clock with a margin"
                );
            }
            local_time().minus(CLOCK_MARGIN)
        });
        Timestamp::of_response(date, answer.took)
    }
}

impl Lister for S3Bucket {
    async fn list(&self, request: &PageRequest) -> Result<ListingPage, BucketError> {
        let attempted = self.description(request);
        self.retrier.run(&attempted, || self.attempt(request)).await
    }
}

/// The prefixes that a scan of the Source lists, and the one that is configured.
fn prefixes_of(source: &Source) -> BTreeSet<String> {
    let listed = source.listed_ranges().into_iter();
    let listed = listed.map(|range| range.prefix);
    listed.chain([source.prefix.clone()]).collect()
}

pub(super) fn local_time() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// The bucket's name, and its store where that is not AWS.
fn label_of(source: &Source) -> String {
    match &source.endpoint_url {
        Some(url) => format!("{} at {url}", source.bucket),
        None => source.bucket.clone(),
    }
}

#[cfg(test)]
mod tests;
