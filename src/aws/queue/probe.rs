//! Requests that examine a queue: its configuration, and the permissions of the credentials.
//!
//! They do not change the queue or its messages. They do not judge what they find.

use std::sync::Arc;

use aws_sdk_sqs::types::QueueAttributeName as Name;

use super::{
    Queue, QueueAttributes, QueueError, QueueErrorKind, QueueOperation, ReceiptHandle, SqsQueue,
};
use crate::aws::queue::sqs::origin;

/// A receipt handle that no queue issues. SQS checks the permission before the receipt.
const INVALID_RECEIPT: &str = "asset-indexer-check";

/// The configuration of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueInfo {
    /// The attributes that matter to a consumer.
    pub attributes: QueueAttributes,
    /// The queue policy: JSON, unchanged.
    pub policy: Option<String>,
    /// The KMS key that encrypts the messages: a key of the account, or `alias/aws/sqs`. `None` if SQS
    /// encrypts with a key of its own, or not at all.
    pub kms_key: Option<String>,
    /// Whether it is a FIFO queue. S3 cannot send to FIFO queues.
    pub is_fifo: bool,
}

impl SqsQueue {
    /// Reads the configuration of the queue. Needs `sqs:GetQueueAttributes`.
    pub async fn describe(&self) -> Result<QueueInfo, QueueError> {
        let mut response = self.all_attributes().await?;
        let attributes = QueueAttributes::from_response(&response)
            .map_err(|problem| self.invalid_response(QueueOperation::Attributes, &problem))?;
        let mut set = |name| {
            response
                .remove(&name)
                .filter(|text| !text.trim().is_empty())
        };
        Ok(QueueInfo {
            policy: set(Name::Policy),
            kms_key: set(Name::KmsMasterKeyId),
            is_fifo: set(Name::FifoQueue).is_some_and(|text| text == "true")
                || self.url.ends_with(".fifo"),
            attributes,
        })
    }

    /// Checks `sqs:ReceiveMessage` with a request for 0 messages, which SQS refuses as invalid unless it
    /// denies access first.
    ///
    /// Servers check the permission first, but AWS does not promise that. So a denial is reliable, but `Ok`
    /// only means that access was not denied.
    pub async fn check_receive(&self) -> Result<(), QueueError> {
        let request = self.client.receive_message().queue_url(&self.url);
        // If a server returns a message anyway, the message becomes visible again immediately.
        let request = request.max_number_of_messages(0).visibility_timeout(0);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match self.error(QueueOperation::Receive, &error) {
                error if error.kind == QueueErrorKind::Refused => Ok(()),
                error => Err(error),
            },
        }
    }

    /// Checks `sqs:DeleteMessage` with an invalid receipt.
    pub async fn check_acknowledge(&self) -> Result<(), QueueError> {
        let receipts = [ReceiptHandle(INVALID_RECEIPT.to_owned())];
        self.acknowledge(&receipts).await.map(drop)
    }

    /// Checks `sqs:ChangeMessageVisibility` with an invalid receipt.
    pub async fn check_extend(&self) -> Result<(), QueueError> {
        let receipts = [ReceiptHandle(INVALID_RECEIPT.to_owned())];
        self.extend(&receipts, std::time::Duration::ZERO)
            .await
            .map(drop)
    }

    /// The queue with this ARN, used with the same credentials. `None` if the ARN does not name a queue in
    /// the same region.
    pub fn with_arn(&self, arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", _, "sqs", region, account, name] = parts[..] else {
            return None;
        };
        (region == self.region).then(|| Self {
            url: format!("{}/{account}/{name}", origin(&self.url)),
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            client: self.client.clone(),
            without_receipts: Arc::default(),
        })
    }

    /// The account and the name in the queue URL. `None` if the URL does not have them.
    pub fn account_and_name(&self) -> Option<(&str, &str)> {
        let mut parts = self.url.trim_end_matches('/').rsplit('/');
        let (name, account) = (parts.next()?, parts.next()?);
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        (is_account && !name.is_empty()).then_some((account, name))
    }
}
