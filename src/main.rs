//! The command line of the asset indexer; see `asset-indexer --help`.

use std::process::ExitCode;

/// The system allocator keeps what threads freed; with this one a long scan stays small.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    asset_indexer::cli::main()
}
