//! `rules test`: shows whether paths are admitted and which rule decides. It sends no request.

use std::collections::BTreeSet;

use anyhow::Context;
use serde::Serialize;

use super::text::{printable, say};
use super::{Failure, MISUSED, completions};
use crate::config::Config;
use crate::core::json;
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
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
pub(super) fn run(command: &Command, config: &Config) -> Result<(), Failure> {
    let Command::Test {
        source,
        assets,
        json,
    } = command;
    let mut unnamed = BTreeSet::from_iter(assets);
    for known in config.choose(source)? {
        for asset in assets {
            let key = known.key_of_reference(asset);
            if key.is_ok() {
                unnamed.remove(asset);
            }
            let verdict = Verdict::of(known, asset, key);
            if *json {
                let line = json::to_line(&verdict).context("failed to write JSON")?;
                say!("{line}");
                continue;
            }
            let name = match config.sources.len() {
                1 => String::new(),
                _ => format!("{}: ", known.name),
            };
            say!("{name}{}: {}", printable(asset), printable(&verdict.text()));
        }
    }
    // An address of one Source is no mistake if another Source does not know it.
    if unnamed.is_empty() {
        Ok(())
    } else {
        Err(Failure::Silent(MISUSED))
    }
}

/// What a Source says about an asset. `schema/commands.md` describes the JSON.
#[derive(Serialize)]
struct Verdict<'a> {
    source: &'a str,
    /// The asset as it was written.
    asset: &'a str,
    /// `None` if the text names no key of the Source.
    key: Option<String>,
    admitted: bool,
    /// Why it is admitted or not, or why the text names no key.
    reason: String,
    /// A rule that seems to name the asset but does not match it.
    near_miss: Option<String>,
}

impl<'a> Verdict<'a> {
    fn of(source: &'a Source, asset: &'a str, key: Result<String, impl ToString>) -> Self {
        let name = &source.name;
        match key {
            Ok(key) => {
                let size = u64::from(!key.ends_with('/'));
                let decision = source.decide(&key, size);
                Self {
                    source: name,
                    asset,
                    admitted: decision.is_admitted(),
                    reason: decision.to_string(),
                    near_miss: source
                        .near_miss(&key)
                        .map(|near_miss| near_miss.to_string()),
                    key: Some(key),
                }
            }
            Err(error) => Self {
                source: name,
                asset,
                key: None,
                admitted: false,
                reason: error.to_string(),
                near_miss: None,
            },
        }
    }

    fn text(&self) -> String {
        match &self.near_miss {
            Some(near_miss) => format!("{}; {near_miss}", self.reason),
            None => self.reason.clone(),
        }
    }
}
