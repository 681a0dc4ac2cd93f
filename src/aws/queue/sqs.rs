//! [`SqsQueue`]: the [`Queue`] that uses the AWS SDK.
//!
//! It does not remember the messages it returns. It holds the credentials provider, not the keys: the
//! SDK fetches new keys when they expire, or after 15 minutes if they name no expiry. Opening the queue
//! again fetches them immediately.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::Region;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{Builder, StalledStreamProtectionConfig};
use aws_sdk_sqs::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    self, BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry,
    DeleteMessageBatchRequestEntry, MessageSystemAttributeName, QueueAttributeName,
};
use tracing::{info, warn};

use crate::aws::credentials::{self, ClientLimits, SdkConfigError};
use crate::aws::environment::{self, Service};
use crate::aws::queue::sdk_error::PermanentFailures;
use crate::aws::queue::{
    MAX_BATCH, MAX_VISIBILITY, MAX_WAIT, Message, Queue, QueueAttributes, QueueError,
    QueueErrorKind, QueueOperation, ReceiptHandle, RefusedReceipt, sdk_error,
};
use crate::aws::tls::TlsFailure;
use crate::core::outage::Outage;
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::{Events, SourceLimits, queue_url};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a response may take, in addition to the wait that the request asks for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The number of attempts of a request, except for receive. With the waits in between, a request takes
/// at most half a minute.
const ATTEMPTS: u32 = 3;

/// The maximum wait before the second attempt. The wait before the third is up to twice as long.
const MAX_FIRST_DELAY: Duration = Duration::from_millis(500);

/// The error code for a receipt that the response does not mention.
const UNANSWERED: &str = "Unanswered";

/// A queue on SQS, or on a server with the same protocol.
#[derive(Debug)]
pub struct SqsQueue {
    pub(super) url: String,
    /// The URL of the server that gets the requests.
    pub(super) endpoint: String,
    pub(super) region: String,
    pub(super) client: Client,
    /// Limits how often messages without a receipt handle are logged.
    pub(super) without_receipts: Arc<Outage<Instant>>,
}

impl SqsQueue {
    /// Loads the credentials and builds the client. It sends no request to the queue.
    ///
    /// The region is the configured one, else the one in the queue URL if it is a URL of AWS, else the
    /// bucket's (S3 sends events only to queues in its own region), else the one of the environment, else
    /// [`credentials::DEFAULT_REGION`].
    ///
    /// A queue URL of AWS says which queue it is. The environment may configure another endpoint for it, such as a
    /// VPC endpoint. Any other queue URL names the server itself.
    ///
    /// `limits` are those of the Source.
    pub async fn open(
        events: &Events,
        bucket_region: Option<&str>,
        limits: Option<&SourceLimits>,
    ) -> Result<Self, QueueError> {
        let url = events.queue_url.clone();
        let region = match known_region(events, bucket_region) {
            Some(region) => Some(region),
            None => environment::region(&events.credentials).await,
        };
        let region = region.unwrap_or_else(|| credentials::DEFAULT_REGION.to_owned());
        let limits = ClientLimits {
            source: limits,
            is_host_chosen: !queue_url::is_public_endpoint(&url),
        };
        let config = match credentials::sdk_config(&events.credentials, &region, limits).await {
            Ok(config) => config,
            Err(error) => {
                let (kind, detail) = (kind_of(&error), error.to_string());
                return Err(QueueError::new(QueueOperation::Open, url, kind, &detail));
            }
        };
        let configured = match queue_url::region(&url) {
            Some(_) => environment::endpoint_url(&config, Service::Sqs).map_err(|error| {
                let (operation, kind) = (QueueOperation::Open, QueueErrorKind::InvalidEndpoint);
                QueueError::new(operation, &url, kind, &error.to_string())
            })?,
            None => None,
        };
        let endpoint = configured.unwrap_or_else(|| origin(&url));
        let config = Builder::from(&config)
            .region(Region::new(region.clone()))
            .endpoint_url(&endpoint)
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(ATTEMPTS)
                    .with_initial_backoff(MAX_FIRST_DELAY),
            )
            .retry_classifier(PermanentFailures)
            // A long poll is silent by design. The timeouts bound every request.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ANSWER_TIMEOUT)
                    .build(),
            );
        Ok(Self {
            url,
            endpoint,
            region,
            client: Client::from_conf(config.build()),
            without_receipts: Arc::default(),
        })
    }

    /// The queue URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The region that requests are signed for.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The URL of the server that gets the requests. `None` if the SDK chooses the same one for the region.
    pub fn endpoint_url(&self) -> Option<&str> {
        let is_default =
            queue_url::region(&self.url).is_some() && self.endpoint == origin(&self.url);
        (!is_default).then_some(&*self.endpoint)
    }

    /// The URL of the queue, and that of the server if the first one does not name it; for errors.
    fn label(&self) -> String {
        if self.endpoint == origin(&self.url) {
            self.url.clone()
        } else {
            format!("{} at {}", self.url, self.endpoint)
        }
    }

    /// All attributes of the queue, not decoded.
    pub(super) async fn all_attributes(
        &self,
    ) -> Result<HashMap<QueueAttributeName, String>, QueueError> {
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        // A server that does not know one of the names would refuse a request for single attributes.
        let request = request.attribute_names(QueueAttributeName::All);
        let response = request.send().await;
        let response = response.map_err(|error| self.error(QueueOperation::Attributes, &error))?;
        Ok(response.attributes.unwrap_or_default())
    }

    pub(super) fn error<E>(
        &self,
        operation: QueueOperation,
        error: &SdkError<E, HttpResponse>,
    ) -> QueueError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        sdk_error::queue_error(operation, &self.label(), error)
    }

    pub(super) fn invalid_response(&self, operation: QueueOperation, detail: &str) -> QueueError {
        QueueError::new(operation, self.label(), QueueErrorKind::Refused, detail)
    }
}

impl Queue for SqsQueue {
    /// Messages without a receipt handle are left out, because they can be neither acknowledged nor
    /// extended; the queue delivers them again. A response with only such messages is an error, so that
    /// the caller backs off.
    async fn receive(
        &self,
        max: u8,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Message>, QueueError> {
        let wait = whole_seconds(wait, MAX_WAIT);
        let timeout = Duration::from_secs(u64::from(wait.unsigned_abs())) + ANSWER_TIMEOUT;
        let once = Builder::new()
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(timeout)
                    .build(),
            );
        let response = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::from(max).clamp(1, MAX_BATCH as i32))
            .wait_time_seconds(wait)
            .visibility_timeout(whole_seconds(visibility, MAX_VISIBILITY))
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(
                MessageSystemAttributeName::ApproximateFirstReceiveTimestamp,
            )
            .customize()
            .config_override(once)
            .send()
            .await
            .map_err(|error| self.error(QueueOperation::Receive, &error))?;
        let received = response.messages.unwrap_or_default();
        let count = received.len();
        let messages: Vec<_> = received.into_iter().filter_map(message).collect();
        if messages.len() < count {
            let without = count - messages.len();
            if self.without_receipts.on_failure(Instant::now()) {
                warn!(
                    queue = self.url,
                    count = without,
                    "received messages without a receipt handle"
                );
            }
            if messages.is_empty() {
                return Err(self.invalid_response(
                    QueueOperation::Receive,
                    "the messages have no receipt handle",
                ));
            }
        } else if count > 0 && self.without_receipts.on_success(Instant::now()) {
            info!(queue = self.url, "all messages have a receipt handle again");
        }
        Ok(messages)
    }

    async fn acknowledge(
        &self,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<RefusedReceipt>, QueueError> {
        let mut refused = Vec::new();
        for (batch, receipts) in receipts.chunks(MAX_BATCH).enumerate() {
            let entries = numbered(receipts, |id, receipt| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(id);
                entry.receipt_handle(receipt).build()
            });
            let request = self.client.delete_message_batch().queue_url(&self.url);
            let response = request.set_entries(Some(entries)).send().await;
            let response =
                response.map_err(|error| self.error(QueueOperation::Acknowledge, &error))?;
            let successful = response.successful().iter().map(|entry| entry.id());
            let indices = batch * MAX_BATCH..batch * MAX_BATCH + receipts.len();
            refused.extend(refused_receipts(indices, successful, response.failed()));
        }
        Ok(refused)
    }

    async fn extend(
        &self,
        receipts: &[ReceiptHandle],
        visibility: Duration,
    ) -> Result<Vec<RefusedReceipt>, QueueError> {
        let visibility = whole_seconds(visibility, MAX_VISIBILITY);
        let mut refused = Vec::new();
        for (batch, receipts) in receipts.chunks(MAX_BATCH).enumerate() {
            let entries = numbered(receipts, |id, receipt| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(id);
                let entry = entry.receipt_handle(receipt);
                entry.visibility_timeout(visibility).build()
            });
            let request = self.client.change_message_visibility_batch();
            let request = request.queue_url(&self.url).set_entries(Some(entries));
            let response = request.send().await;
            let response = response.map_err(|error| self.error(QueueOperation::Extend, &error))?;
            let successful = response.successful().iter().map(|entry| entry.id());
            let indices = batch * MAX_BATCH..batch * MAX_BATCH + receipts.len();
            refused.extend(refused_receipts(indices, successful, response.failed()));
        }
        Ok(refused)
    }

    async fn attributes(&self) -> Result<QueueAttributes, QueueError> {
        QueueAttributes::from_response(&self.all_attributes().await?)
            .map_err(|problem| self.invalid_response(QueueOperation::Attributes, &problem))
    }
}

/// The region of the queue as far as its configuration and its bucket show it.
fn known_region(events: &Events, bucket_region: Option<&str>) -> Option<String> {
    let configured = events.region.clone();
    configured
        .or_else(|| queue_url::region(&events.queue_url))
        .or_else(|| bucket_region.map(str::to_owned))
}

fn kind_of(error: &SdkConfigError) -> QueueErrorKind {
    match error {
        SdkConfigError::Secret(_) => QueueErrorKind::NoCredentials,
        SdkConfigError::NotAllowed => QueueErrorKind::CredentialsNotAllowed,
        SdkConfigError::CaBundle(_) => QueueErrorKind::Tls(TlsFailure::UnusableBundle),
    }
}

/// The scheme and host of a URL.
pub(super) fn origin(url: &str) -> String {
    url.split('/').take(3).collect::<Vec<_>>().join("/")
}

/// The duration in whole seconds, rounded up. Rounded down, a wait below one second would be 0, and receiving
/// would become a busy loop.
fn whole_seconds(duration: Duration, limit: Duration) -> i32 {
    let duration = duration.min(limit);
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds).expect("the limits are at most 12 hours, which are 43,200 seconds")
}

/// The entries of one batch. Their ids are their positions, because a receipt can occur twice.
fn numbered<T>(
    receipts: &[ReceiptHandle],
    entry: impl Fn(String, &str) -> Result<T, BuildError>,
) -> Vec<T> {
    let entries = receipts.iter().enumerate().map(|(index, receipt)| {
        entry(index.to_string(), &receipt.0)
            .expect("the id and the receipt handle, which are all it requires, are set")
    });
    entries.collect()
}

/// The entries of a batch that the response does not report as successful.
///
/// `indices` are the positions of the batch in the whole list of receipts.
fn refused_receipts<'a>(
    indices: std::ops::Range<usize>,
    successful: impl Iterator<Item = &'a str>,
    failed: &[BatchResultErrorEntry],
) -> Vec<RefusedReceipt> {
    let successful: Vec<&str> = successful.collect();
    let first = indices.start;
    let refused = indices.filter_map(|index| {
        let id = (index - first).to_string();
        let (code, is_sender_fault) = match failed.iter().find(|entry| entry.id == id) {
            Some(entry) => (entry.code.as_str(), entry.sender_fault),
            None if successful.contains(&id.as_str()) => return None,
            None => (UNANSWERED, false),
        };
        Some(RefusedReceipt {
            index,
            code: code.to_owned(),
            is_sender_fault,
        })
    });
    refused.collect()
}

/// Converts a message of the SDK. `None` if it has no receipt handle.
fn message(received: types::Message) -> Option<Message> {
    let attributes = received.attributes.unwrap_or_default();
    let attribute = |name| attributes.get(&name).map(String::as_str);
    let time = |name| {
        let millis = attribute(name)?.parse().ok()?;
        Some(Timestamp::from_millis(millis))
    };
    let count = attribute(MessageSystemAttributeName::ApproximateReceiveCount);
    Some(Message {
        id: received.message_id.unwrap_or_default(),
        receipt: ReceiptHandle(received.receipt_handle?),
        body: received.body.unwrap_or_default(),
        sent: time(MessageSystemAttributeName::SentTimestamp),
        first_received: time(MessageSystemAttributeName::ApproximateFirstReceiveTimestamp),
        receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
    })
}

#[cfg(test)]
mod tests;
