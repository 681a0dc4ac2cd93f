#![doc = include_str!("README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![cfg_attr(
    not(feature = "program"),
    allow(dead_code, reason = "only the program writes the index")
)]

#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "search")]
pub mod search;

pub use crate::core::source;

// Hidden modules are public for the program's own tests and benchmarks only.
#[doc(hidden)]
pub mod core;
#[cfg(feature = "search")]
#[doc(hidden)]
pub mod index;

#[cfg(feature = "program")]
#[doc(hidden)]
pub mod aws;
#[cfg(feature = "program")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "program")]
#[doc(hidden)]
pub mod concurrency;
#[cfg(feature = "program")]
#[doc(hidden)]
pub mod ingest;
#[cfg(feature = "program")]
#[doc(hidden)]
pub mod observe;

#[cfg(feature = "program")]
mod atomic_file;
#[cfg(feature = "program")]
mod daemon;
#[cfg(feature = "program")]
mod doctor;
#[cfg(feature = "program")]
mod managed;
#[cfg(feature = "program")]
mod secrets;
#[cfg(feature = "program")]
mod serve;
