//! The replication rules: they convert listed pages and event notifications into changes of the index.
//!
//! They are pure functions: nothing here waits, reads a clock or the environment, or depends on AWS or the
//! search engine. [`order`] states what the rules guarantee together.

pub mod backoff;
pub mod checkpoint;
pub mod interval;
pub mod invariants;
pub mod listing;
pub mod notification;
pub mod object;
pub mod order;
pub mod plausible;
pub mod range_plan;
pub mod reconcile;
pub mod record;
pub mod request_window;
pub mod scan_mode;
pub mod schedule;
pub mod sequencer;
pub mod source_state;
pub mod timestamp;
pub mod unusable_key;
