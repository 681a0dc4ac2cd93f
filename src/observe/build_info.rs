//! The commit that this binary was built from. The build script (`deploy/build.rs`) finds it.

/// The version of the program, without the commit.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Version, commit and date in one text, such as `0.1.0 (commit 0123abc, 2026-11-29)`.
pub(crate) const FULL_VERSION: &str = env!("ASSET_INDEXER_BUILD_VERSION");

/// The commit; `unknown` in a debug build.
pub(crate) const COMMIT: &str = env!("ASSET_INDEXER_BUILD_COMMIT");

/// The date of the commit, such as `2026-11-29`; `unknown` if the commit is unknown.
pub(crate) const COMMIT_DATE: &str = env!("ASSET_INDEXER_BUILD_DATE");
