//! A queue by the AWS SDK: [`SqsQueue`].
//!
//! It keeps nothing of what it hands out. Credentials are fetched anew when they expire (those that
//! name no end, after a quarter of an hour): a queue holds the way to them, never the keys. Opening it
//! again fetches them at once.

use std::collections::HashMap;
use std::time::Duration;

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
use tracing::warn;

use crate::aws::credentials;
use crate::aws::queue::{
    MAX_BATCH, MAX_VISIBILITY, MAX_WAIT, Message, Queue, QueueAttributes, QueueError,
    QueueErrorKind, QueueOperation, ReceiptHandle, RefusedReceipt, sdk_error,
};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::{Events, queue_url};

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an answer may take, beyond what the queue is asked to wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a request other than receiving is sent. So a request takes half a minute at the most,
/// with the waits between.
const ATTEMPTS: u32 = 3;

/// The wait before the second attempt, at the most; twice that before the third.
const MAX_FIRST_DELAY: Duration = Duration::from_millis(500);

/// What a receipt is refused with that an answer says nothing of.
const UNANSWERED: &str = "Unanswered";

/// A queue on SQS, or on a server that speaks its protocol.
#[derive(Debug)]
pub struct SqsQueue {
    pub(super) url: String,
    pub(super) region: String,
    pub(super) client: Client,
}

impl SqsQueue {
    /// Gets ready to use the queue; no request is sent to it yet.
    ///
    /// The region is the configured one, else that of the queue's address if it is one of AWS, else
    /// the bucket's (S3 sends events only to queues in its own Region), else [`credentials::DEFAULT_REGION`].
    pub async fn open(events: &Events, bucket_region: Option<&str>) -> Result<Self, QueueError> {
        let url = events.queue_url.clone();
        let region = signing_region(events, bucket_region);
        let config = match credentials::sdk_config(&events.credentials, Some(&region)).await {
            Ok(config) => config,
            Err(fault) => {
                let (kind, detail) = (QueueErrorKind::NoCredentials, fault.to_string());
                return Err(QueueError::new(QueueOperation::Open, url, kind, &detail));
            }
        };
        let config = Builder::from(&config)
            .region(Region::new(region.clone()))
            // The address of the queue names the server too, so that other stores' queues work.
            .endpoint_url(origin(&url))
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(ATTEMPTS)
                    .with_initial_backoff(MAX_FIRST_DELAY),
            )
            // A long poll is silent by design, and the timeouts bound everything.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ANSWER_TIMEOUT)
                    .build(),
            );
        Ok(Self {
            url,
            region,
            client: Client::from_conf(config.build()),
        })
    }

    /// The queue's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The region that its requests are signed for.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The address of its server; `None` where that is AWS.
    pub fn endpoint_url(&self) -> Option<String> {
        match queue_url::region(&self.url) {
            Some(_) => None,
            None => Some(origin(&self.url)),
        }
    }

    /// Everything that the queue says of itself, as it says it.
    pub(super) async fn all_attributes(
        &self,
    ) -> Result<HashMap<QueueAttributeName, String>, QueueError> {
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        // By name, a server that does not know one of them would refuse them all.
        let request = request.attribute_names(QueueAttributeName::All);
        let answer = request.send().await;
        let answer = answer.map_err(|error| self.error(QueueOperation::Attributes, &error))?;
        Ok(answer.attributes.unwrap_or_default())
    }

    pub(super) fn error<E>(
        &self,
        operation: QueueOperation,
        error: &SdkError<E, HttpResponse>,
    ) -> QueueError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        sdk_error::queue_error(operation, &self.url, error)
    }

    pub(super) fn other(&self, operation: QueueOperation, detail: &str) -> QueueError {
        QueueError::new(operation, &self.url, QueueErrorKind::Refused, detail)
    }
}

impl Queue for SqsQueue {
    /// A message without a receipt can be neither acknowledged nor extended: it is left out, and comes
    /// again. An answer of such messages alone is an error, lest the caller asks again without a pause.
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
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::from(max).clamp(1, MAX_BATCH as i32))
            .wait_time_seconds(wait)
            .visibility_timeout(whole_seconds(visibility, MAX_VISIBILITY))
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .customize()
            .config_override(once)
            .send()
            .await
            .map_err(|error| self.error(QueueOperation::Receive, &error))?;
        let received = answer.messages.unwrap_or_default();
        let count = received.len();
        let messages: Vec<_> = received.into_iter().filter_map(message).collect();
        if messages.len() < count {
            let without = count - messages.len();
            warn!(queue = self.url, without, "messages without a receipt");
            if messages.is_empty() {
                return Err(
                    self.other(QueueOperation::Receive, "messages without a receipt handle")
                );
            }
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
            let answer = request.set_entries(Some(entries)).send().await;
            let answer = answer.map_err(|error| self.error(QueueOperation::Acknowledge, &error))?;
            let successful = answer.successful().iter().map(|entry| entry.id());
            let places = batch * MAX_BATCH..batch * MAX_BATCH + receipts.len();
            refused.extend(not_done(places, successful, answer.failed()));
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
            let answer = request.send().await;
            let answer = answer.map_err(|error| self.error(QueueOperation::Extend, &error))?;
            let successful = answer.successful().iter().map(|entry| entry.id());
            let places = batch * MAX_BATCH..batch * MAX_BATCH + receipts.len();
            refused.extend(not_done(places, successful, answer.failed()));
        }
        Ok(refused)
    }

    async fn attributes(&self) -> Result<QueueAttributes, QueueError> {
        QueueAttributes::of_answer(&self.all_attributes().await?)
            .map_err(|senseless| self.other(QueueOperation::Attributes, &senseless))
    }
}

/// The region that requests to the queue are signed for.
fn signing_region(events: &Events, bucket_region: Option<&str>) -> String {
    let configured = events.region.clone();
    configured
        .or_else(|| queue_url::region(&events.queue_url))
        .or_else(|| bucket_region.map(str::to_owned))
        .unwrap_or_else(|| credentials::DEFAULT_REGION.to_owned())
}

/// The address up to the end of the host.
pub(super) fn origin(url: &str) -> String {
    url.split('/').take(3).collect::<Vec<_>>().join("/")
}

/// A duration as SQS counts: no part of a second is cut off, or a long poll would become a busy loop.
fn whole_seconds(duration: Duration, limit: Duration) -> i32 {
    let duration = duration.min(limit);
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds).expect("twelve hours are 43,200 seconds")
}

/// The entries of one batch; each is named by its place, as the same message may stand in it twice.
fn numbered<T>(
    receipts: &[ReceiptHandle],
    entry: impl Fn(String, &str) -> Result<T, BuildError>,
) -> Vec<T> {
    let entries = receipts.iter().enumerate().map(|(place, receipt)| {
        entry(place.to_string(), &receipt.0).expect("id and receipt handle are set")
    });
    entries.collect()
}

/// Everything of a batch that its answer does not call successful.
///
/// `places` are those of the batch in the whole list.
fn not_done<'a>(
    places: std::ops::Range<usize>,
    successful: impl Iterator<Item = &'a str>,
    failed: &[BatchResultErrorEntry],
) -> Vec<RefusedReceipt> {
    let successful: Vec<&str> = successful.collect();
    let refused = places.clone().filter_map(|place| {
        let id = (place - places.start).to_string();
        let failure = failed.iter().find(|entry| entry.id == id);
        match failure {
            None if successful.contains(&id.as_str()) => None,
            None => Some((place, UNANSWERED, false)),
            Some(entry) => Some((place, entry.code.as_str(), entry.sender_fault)),
        }
    });
    let refused = refused.map(|(place, code, is_sender_fault)| RefusedReceipt {
        place,
        code: code.to_owned(),
        is_sender_fault,
    });
    refused.collect()
}

/// A message of the SDK as one of ours; `None` without a receipt.
fn message(received: types::Message) -> Option<Message> {
    let attributes = received.attributes.unwrap_or_default();
    let attribute = |name| attributes.get(&name).map(String::as_str);
    let sent = attribute(MessageSystemAttributeName::SentTimestamp);
    let count = attribute(MessageSystemAttributeName::ApproximateReceiveCount);
    Some(Message {
        id: received.message_id.unwrap_or_default(),
        receipt: ReceiptHandle(received.receipt_handle?),
        body: received.body.unwrap_or_default(),
        sent: sent.and_then(|millis| millis.parse().ok().map(Timestamp::from_millis)),
        receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
    })
}

#[cfg(test)]
mod tests;
