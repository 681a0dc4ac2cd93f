//! The S3 side: who lists buckets, and what can go wrong.

pub mod date;
pub mod document;
pub mod page;
pub mod text;
pub mod xml;
