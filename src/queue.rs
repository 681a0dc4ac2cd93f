//! The queue of a Source's event notifications, on SQS.
//!
//! For now it is only looked at: nothing is received from it yet.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesError;
use aws_sdk_sqs::types::QueueAttributeName;

use crate::aws::{self, SecretFault};
use crate::source::Events;

/// One queue.
pub struct Queue {
    url: String,
    client: Client,
}

/// Why a queue could not be used.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The credentials cannot be had.
    #[error("failed to open queue {url}: {fault}")]
    Secret {
        /// The queue's address.
        url: String,
        /// What is wrong with the secret.
        fault: SecretFault,
    },
    /// A request failed.
    #[error(
        "failed to {attempted} queue {url}: {why}; check its address, its Region and the right \
         sqs:GetQueueAttributes"
    )]
    Request {
        /// What was attempted.
        attempted: &'static str,
        /// The queue's address.
        url: String,
        /// What SQS, or the way to it, said.
        why: String,
    },
    /// The answer lacks what was asked for.
    #[error("failed to read the attributes of queue {url}: the answer has no {attribute}")]
    Answer {
        /// The queue's address.
        url: String,
        /// What is missing.
        attribute: &'static str,
    },
}

impl Queue {
    /// Opens the queue of a bucket in that Region; no request is sent yet.
    ///
    /// S3 sends events only to queues in the bucket's own Region.
    pub async fn open(events: &Events, bucket_region: &str) -> Result<Self, QueueError> {
        let region = events.region.as_deref().unwrap_or(bucket_region);
        let config = aws::sdk_config(&events.credentials, Some(region)).await;
        let config = config.map_err(|fault| QueueError::Secret {
            url: events.queue_url.clone(),
            fault,
        })?;
        // The address of the queue names the server too, so that other stores' queues work.
        let endpoint = events
            .queue_url
            .split('/')
            .take(3)
            .collect::<Vec<_>>()
            .join("/");
        let config = aws_sdk_sqs::config::Builder::from(&config).endpoint_url(endpoint);
        Ok(Self {
            url: events.queue_url.clone(),
            client: Client::from_conf(config.build()),
        })
    }

    /// About how many messages wait to be received.
    pub async fn visible_messages(&self) -> Result<u64, QueueError> {
        let attribute = QueueAttributeName::ApproximateNumberOfMessages;
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .attribute_names(attribute.clone())
            .send()
            .await
            .map_err(|error| QueueError::Request {
                attempted: "read the attributes of",
                url: self.url.clone(),
                why: reason(error),
            })?;
        let attributes = answer.attributes.unwrap_or_default();
        let count = attributes
            .get(&attribute)
            .and_then(|count| count.parse().ok());
        count.ok_or_else(|| QueueError::Answer {
            url: self.url.clone(),
            attribute: "ApproximateNumberOfMessages",
        })
    }
}

/// What SQS said, or why it could say nothing.
fn reason(error: SdkError<GetQueueAttributesError>) -> String {
    match error.as_service_error() {
        Some(refusal) => format!(
            "{}: {}",
            refusal.code().unwrap_or("refused"),
            refusal.message().unwrap_or("no reason given")
        ),
        None => aws::chain(&error),
    }
}
