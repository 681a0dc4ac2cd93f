//! `rules test`: shows whether paths are admitted and which rule decides. It sends no request.

use std::collections::BTreeSet;

use super::text::{printable, say};
use super::{Failure, MISUSED, completions};
use crate::config::Config;
use crate::core::source::Source;

/// Test the rules of Sources
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show for each asset whether it is admitted, and which rule decides
    ///
    /// A path that ends in / means an empty folder marker. No request is sent.
    Test {
        /// Test only the rules of this Source; repeat it for more
        #[arg(long, value_name = "NAME", add = completions::sources())]
        source: Vec<String>,
        /// Assets: asset paths, keys, s3:// URIs, ARNs, or URLs in the bucket or of the asset
        #[arg(required = true, value_name = "ASSET")]
        assets: Vec<String>,
    },
}

/// Runs the command.
pub(super) fn run(command: &Command, config: &Config) -> Result<(), Failure> {
    let Command::Test { source, assets } = command;
    let mut unnamed = BTreeSet::from_iter(assets);
    for known in config.choose(source)? {
        for asset in assets {
            let verdict = match known.key_of_reference(asset) {
                Ok(key) => {
                    unnamed.remove(asset);
                    verdict(known, &key)
                }
                Err(error) => error.to_string(),
            };
            let name = match config.sources.len() {
                1 => String::new(),
                _ => format!("{}: ", known.name),
            };
            say!("{name}{}: {}", printable(asset), printable(&verdict));
        }
    }
    // An address of one Source is no mistake if another Source does not know it.
    if unnamed.is_empty() {
        Ok(())
    } else {
        Err(Failure::Silent(MISUSED))
    }
}

fn verdict(source: &Source, key: &str) -> String {
    let size = u64::from(!key.ends_with('/'));
    let decision = source.decide(key, size);
    match source.near_miss(key) {
        Some(near_miss) => format!("{decision}; {near_miss}"),
        None => decision.to_string(),
    }
}
