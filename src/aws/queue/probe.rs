//! Requests that only find something out: how the queue is set up, and what the credentials may.
//!
//! They leave every message where it is. What follows from an answer is not decided here.

use aws_sdk_sqs::types::QueueAttributeName as Name;

use super::{
    Queue, QueueAttributes, QueueError, QueueErrorKind, QueueOperation, ReceiptHandle, SqsQueue,
};
use crate::aws::queue::sqs::origin;

/// A receipt handle that no queue gives out: the right to use it is looked at before what it names.
const INVALID_RECEIPT: &str = "asset-indexer-check";

/// How a queue is set up, beyond its [`QueueAttributes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueInfo {
    /// What matters to those who receive.
    pub attributes: QueueAttributes,
    /// Who else may do what with it: JSON, as it was set.
    pub policy: Option<String>,
    /// The key of KMS by which its messages are encrypted, if it is one of the account's own or of
    /// `alias/aws/sqs`.
    pub kms_key: Option<String>,
    /// Whether it keeps an order, which S3 cannot send to.
    pub is_fifo: bool,
}

impl SqsQueue {
    /// How the queue is set up. It needs `sqs:GetQueueAttributes`.
    pub async fn describe(&self) -> Result<QueueInfo, QueueError> {
        let mut answer = self.all_attributes().await?;
        let attributes = QueueAttributes::of_answer(&answer)
            .map_err(|senseless| self.other(QueueOperation::Attributes, &senseless))?;
        let mut set = |name| answer.remove(&name).filter(|text| !text.trim().is_empty());
        Ok(QueueInfo {
            policy: set(Name::Policy),
            kms_key: set(Name::KmsMasterKeyId),
            is_fifo: set(Name::FifoQueue).is_some_and(|text| text == "true")
                || self.url.ends_with(".fifo"),
            attributes,
        })
    }

    /// Whether messages may be received, by a request for none, which is refused for that where it is
    /// not denied.
    ///
    /// That the right is looked at first is not promised by AWS, though it is what servers do: so a denial is
    /// certain, and anything else is only as good as no denial.
    pub async fn check_receive(&self) -> Result<(), QueueError> {
        let request = self.client.receive_message().queue_url(&self.url);
        // Should a server give a message all the same, it is visible again at once.
        let request = request.max_number_of_messages(0).visibility_timeout(0);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match self.error(QueueOperation::Receive, &error) {
                refused if refused.kind == QueueErrorKind::Refused => Ok(()),
                error => Err(error),
            },
        }
    }

    /// Whether messages may be deleted, by a receipt of none.
    pub async fn check_acknowledge(&self) -> Result<(), QueueError> {
        let receipts = [ReceiptHandle(INVALID_RECEIPT.to_owned())];
        self.acknowledge(&receipts).await.map(drop)
    }

    /// Whether messages may be kept invisible for longer, by a receipt of none.
    pub async fn check_extend(&self) -> Result<(), QueueError> {
        let receipts = [ReceiptHandle(INVALID_RECEIPT.to_owned())];
        self.extend(&receipts, std::time::Duration::ZERO)
            .await
            .map(drop)
    }

    /// The queue of that ARN, with the same credentials; `None` where the ARN is none of a queue in this
    /// Region.
    pub fn with_arn(&self, arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", _, "sqs", region, account, name] = parts[..] else {
            return None;
        };
        (region == self.region).then(|| Self {
            url: format!("{}/{account}/{name}", origin(&self.url)),
            region: self.region.clone(),
            client: self.client.clone(),
        })
    }

    /// Account and name of the queue, as its address has them.
    pub fn account_and_name(&self) -> Option<(&str, &str)> {
        let mut parts = self.url.trim_end_matches('/').rsplit('/');
        let (name, account) = (parts.next()?, parts.next()?);
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        (is_account && !name.is_empty()).then_some((account, name))
    }
}
