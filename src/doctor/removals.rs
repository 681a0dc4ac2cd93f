//! Warns about assets that the configuration will remove from the index: of Sources that left it, were
//! renamed, or have another bucket or prefix or other rules now. Also of Sources whose prefix has no keys.

use std::sync::Arc;

use super::finding::{Finding, IamAction, Subject};
use super::index::IndexFacts;
use crate::core::human::grouped;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::source_state::{SourceId, SourceState};
use crate::core::source::Source;
use crate::index::{Engine, IndexError, RecordFilter};

/// The command that shows what a reindex would remove.
const PREVIEW: &str = "asset-indexer reindex --dry-run";

/// Maximum number of records to read from the index at once.
const READ_CHUNK: usize = 4_000;

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
    for source in configured {
        findings.extend(new_rules(source, engine, checkpoint)?);
    }
    Ok(findings)
}

/// The warning for assets that the Source's rules exclude and that are still in the index, because the rules are
/// new. Reads all records of the Source.
fn new_rules(
    source: &Source,
    engine: &impl Engine,
    checkpoint: &Checkpoint,
) -> Result<Option<Finding>, IndexError> {
    let Some(state) = checkpoint.source(&source.name) else {
        return Ok(None);
    };
    if state.scope == source.admission_fingerprint() || !is_at(source, state) {
        return Ok(None);
    }
    let (mut assets, mut excluded) = (0, 0);
    let mut rest = KeyInterval::everything();
    loop {
        let records = engine.read(state.id, &rest, RecordFilter::All, READ_CHUNK)?;
        for (key, record) in &records {
            if let Some(object) = record.object() {
                assets += 1;
                excluded += u64::from(!source.admits(key, object.size));
            }
        }
        match records.last() {
            Some((last, _)) if records.len() >= READ_CHUNK => rest = rest.after(last),
            _ => break,
        }
    }
    if excluded == 0 {
        return Ok(None);
    }
    let (excluded, assets) = (grouped(excluded), grouped(assets));
    let what = format!(
        "the rules of Source {:?} have changed: {excluded} of {assets} assets will be removed when they are applied",
        source.name
    );
    let finding = Finding::warning(Subject::Removals, what)
        .remedy("If that is a mistake, correct the rules. To see what would be removed")
        .command(PREVIEW);
    Ok(Some(finding))
}

/// The warning for a Source whose bucket has no key under its prefix although the index has assets of it.
pub(super) fn no_keys(source: &Source, index: &IndexFacts) -> Option<Finding> {
    let assets = index.assets.get(&source.name).copied();
    let assets = grouped(assets.filter(|assets| *assets > 0)?);
    let state = index.checkpoint.source(&source.name)?;
    let (bucket, prefix) = (&source.bucket, &source.prefix);
    let (name, is_kept) = (&source.name, !is_at(source, state));
    let subject = Subject::IamAction(IamAction::ListBucket);
    let what = format!("keys of bucket {bucket:?} can be listed, but none is under {prefix:?}");
    Some(if is_kept {
        let what = format!(
            "{what}. The index keeps the {assets} assets of the former bucket or prefix of Source {name:?}"
        );
        Finding::warning(subject, what)
            .remedy(
                "If the bucket or the prefix is wrong, correct it. If the Source is meant to lose its assets",
            )
            .command(&format!(
                "asset-indexer reindex --source {name:?} --allow-empty"
            ))
    } else {
        let what = format!("{what}. The next scan removes the {assets} assets of Source {name:?}");
        Finding::warning(subject, what)
            .remedy("If that is a mistake, restore the objects. To see what would be removed")
            .command(PREVIEW)
    })
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
                    "Source {:?} had another bucket or prefix when it was indexed: its {assets} assets from there will be \
                     removed when a scan finds an asset in bucket {:?} with prefix {:?}",
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
