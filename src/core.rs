//! The pure core: replication rules, Sources, the query language, counters and text formats for people.
//!
//! It has no tokio, no AWS SDK, no search engine, no clock, no environment and no `async`.

pub mod counters;
pub(crate) mod human;
#[cfg(feature = "program")]
pub(crate) mod json;
#[cfg(feature = "program")]
pub(crate) mod outage;
pub mod query;
pub mod replication;
pub mod source;
