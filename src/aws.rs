//! Everything that knows AWS: credentials, S3 buckets, SQS queues, IAM policies and setup scripts.
//!
//! No other room names the AWS SDK. This room does not decide what a listing or an event means.

pub mod bucket;
pub(crate) mod credentials;
pub mod error;
pub(crate) mod iam;
pub mod queue;
pub(crate) mod setup;
pub mod tls;
