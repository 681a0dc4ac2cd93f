//! Managed Sources: the ones that people set up through the page, the API or the command line.
//!
//! Each one is a file in the data folder, in the format of `sources.d`, with its secrets sealed. This room checks
//! changes, writes them and keeps a history. It does not start, stop or scan Sources: the daemon does that when
//! it reads the configuration again.

pub(crate) mod actor;
pub(crate) mod changes;
pub(crate) mod claims;
#[cfg(test)]
mod crash_tests;
pub(crate) mod draft;
mod file_store;
pub(crate) mod history;
pub(crate) mod rotation;
pub(crate) mod store;

pub(crate) use actor::Actor;
pub(crate) use file_store::FileStore;
