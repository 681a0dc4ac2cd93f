//! Warns about assets that the configuration will remove from the index: of Sources that left it, were
//! renamed, or have another bucket or prefix now.

use std::sync::Arc;

use super::finding::{Finding, Subject};
use crate::core::human::grouped;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::source_state::{SourceId, SourceState};
use crate::core::source::Source;
use crate::index::{Engine, IndexError};

/// The command that shows what a reindex would remove.
const PREVIEW: &str = "asset-indexer reindex --dry-run";

/// Examines the index. No finding if nothing will be removed.
///
/// Blocks on file I/O.
pub(super) fn examine(
    configured: &[Arc<Source>],
    engine: &impl Engine,
    checkpoint: &Checkpoint,
) -> Result<Vec<Finding>, IndexError> {
    let mut findings = Vec::new();
    for removal in removals(configured, checkpoint) {
        let assets = engine.assets(removal.id())?;
        if assets > 0 {
            findings.push(removal.finding(assets));
        }
    }
    Ok(findings)
}

/// A Source that the index knows and whose records will be removed.
#[derive(Debug)]
enum Removal<'a> {
    /// The Source is not configured. `successor` has the same bucket and prefix, and is new.
    Unconfigured {
        state: &'a SourceState,
        successor: Option<&'a str>,
    },
    /// The Source has another bucket or prefix.
    Moved {
        state: &'a SourceState,
        source: &'a Source,
    },
}

impl Removal<'_> {
    fn id(&self) -> SourceId {
        match self {
            Self::Unconfigured { state, .. } | Self::Moved { state, .. } => state.id,
        }
    }

    fn finding(&self, assets: u64) -> Finding {
        let assets = grouped(assets);
        let (what, remedy) = match self {
            Self::Unconfigured {
                state,
                successor: None,
            } => (
                format!(
                    "Source {:?} is in the index but not in the configuration: {assets} assets will be removed",
                    state.name
                ),
                "If that is a mistake, add the Source again. To see what would be removed",
            ),
            Self::Unconfigured {
                state,
                successor: Some(successor),
            } => (
                format!(
                    "Source {:?} is in the index but not in the configuration: {assets} assets will be removed, \
                     with the times when they were first seen. Source {successor:?} has its bucket and prefix",
                    state.name
                ),
                "To keep the records, rename the Source back. To see what would be removed",
            ),
            Self::Moved { state, source } => (
                format!(
                    "Source {:?} had another bucket or prefix when it was indexed: {assets} assets will be \
                     removed when bucket {:?} with prefix {:?} is listed",
                    state.name, source.bucket, source.prefix
                ),
                "If that is a mistake, restore the bucket and the prefix. To see what would be removed",
            ),
        };
        Finding::warning(Subject::Removals, what)
            .remedy(remedy)
            .command(PREVIEW)
    }
}

/// The Sources whose records will be removed. If the subdomain of a Source is refused, no Source counts as
/// unconfigured, because the index then keeps them all.
fn removals<'a>(configured: &'a [Arc<Source>], checkpoint: &'a Checkpoint) -> Vec<Removal<'a>> {
    let names_and_subdomains = configured
        .iter()
        .map(|source| (source.name.as_str(), source.subdomain.as_str()));
    let unconfigured = checkpoint
        .unconfigured(names_and_subdomains)
        .unwrap_or_default();
    let unconfigured = unconfigured.into_iter().map(|state| {
        let is_successor = |source: &&Arc<Source>| {
            checkpoint.source(&source.name).is_none() && is_at(source, state)
        };
        let successor = configured.iter().find(is_successor);
        Removal::Unconfigured {
            state,
            successor: successor.map(|source| source.name.as_str()),
        }
    });
    let moved = configured.iter().filter_map(|source| {
        let state = checkpoint.source(&source.name)?;
        (!is_at(source, state)).then_some(Removal::Moved { state, source })
    });
    unconfigured.chain(moved).collect()
}

/// Whether the records are from the Source's bucket and prefix.
fn is_at(source: &Source, state: &SourceState) -> bool {
    state.origin == source.origin() && state.prefix == source.prefix
}
