//! Everything that knows AWS: credentials, S3 buckets, SQS queues, IAM policies and setup scripts.
//!
//! It is the only room that names the AWS SDK. It does not decide what a listing or an event means.

pub mod bucket;
pub(crate) mod credentials;
pub(crate) mod iam;
pub mod queue;
pub(crate) mod setup;
