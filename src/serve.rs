//! The HTTP server and the control socket, with access tokens and connection limits.
//!
//! `cli` starts them: nothing here runs by itself.

pub(crate) mod access;
pub(crate) mod connections;
pub(crate) mod control;
pub(crate) mod http;
mod request_reply;
pub(crate) mod source_changes;
pub(crate) mod source_drafts;
mod unix_socket;
