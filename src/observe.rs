//! Information for operators: the status board, logs and traces, and quarantined messages.
//!
//! This room does not serve any of it: `serve` and `cli` do.

pub(crate) mod build_info;
pub(crate) mod outage;
pub mod quarantine;
pub mod status;
pub(crate) mod telemetry;
