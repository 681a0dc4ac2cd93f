//! Keeps a search index that is a true mirror of the assets in S3 buckets.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod aws;
pub mod bucket;
pub mod cli;
pub mod config;
pub mod index;
pub mod queue;
pub mod reindex;
pub mod scanner;
pub mod search;
pub mod source;
pub mod sync;
pub mod telemetry;
