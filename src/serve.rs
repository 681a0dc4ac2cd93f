//! What others connect to: the HTTP service and the control socket, with access tokens and connection limits.
//!
//! It does not start itself: `daemon` and `cli` do.

pub mod access;
pub mod connections;
pub mod control;
pub mod http;
