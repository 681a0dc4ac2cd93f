//! What operators look at: the status board, logs and traces, and quarantined messages.
//!
//! It does not serve any of this: `serve` and `cli` do.

pub mod quarantine;
pub mod status;
pub(crate) mod telemetry;
