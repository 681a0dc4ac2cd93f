//! How listings and events become changes of the index: the order of observations, decided purely.
//!
//! Nothing in here waits, reads a clock or an environment, or names AWS or tantivy: every rule is a
//! function from what is known to what follows, and the claim that the rules together keep a true
//! mirror is checked exhaustively in `order/model.rs`.

pub mod backoff;
pub mod checkpoint;
pub mod interval;
pub mod invariants;
pub mod listing;
pub mod notification;
pub mod object;
pub mod order;
pub mod reconcile;
pub mod record;
pub mod scan_mode;
pub mod schedule;
pub mod sequencer;
pub mod source_state;
pub mod timestamp;
