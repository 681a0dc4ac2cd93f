//! Everything that knows AWS: credentials, S3 buckets, SQS queues, IAM policies and setup scripts.
//!
//! No other room names the AWS SDK. This room does not decide what a listing or an event means.

pub mod bucket;
pub(crate) mod credentials;
pub(crate) mod environment;
pub mod error;
pub(crate) mod http_client;
pub(crate) mod iam;
mod profiles;
pub mod queue;
pub(crate) mod setup;
pub mod tls;
