#![doc = include_str!("README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod config;
pub mod search;

pub use crate::core::source;

// Public for the program's own tests and benchmarks only.
#[doc(hidden)]
pub mod aws;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod core;
#[doc(hidden)]
pub mod index;
#[doc(hidden)]
pub mod ingest;
#[doc(hidden)]
pub mod observe;

mod daemon;
mod doctor;
mod serve;
