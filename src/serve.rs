//! What others connect to: the HTTP service and the control socket, with access tokens and connection limits.
//!
//! It does not start itself: `daemon` and `cli` do.

pub(crate) mod access;
pub(crate) mod connections;
pub(crate) mod control;
pub(crate) mod http;
