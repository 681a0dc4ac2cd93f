//! Tests whether the index can be opened, what it will lose, and shows which process writes it.

use std::collections::BTreeMap;

use super::finding::{Finding, Subject};
use super::removals;
use crate::config::Config;
use crate::core::replication::checkpoint::Checkpoint;
use crate::index::current::open_current;
use crate::index::directory::DataDir;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::index::{Engine, IndexError};

/// The remedy if a file cannot be read.
const RUN_AS_SERVICE: &str =
    "Run check as the user of the service, and make that user the owner of the folder.";

/// The contents of the index.
#[derive(Debug)]
pub(super) struct IndexFacts {
    /// The states of all Sources.
    pub checkpoint: Checkpoint,
    /// The number of assets of each Source, by name.
    pub assets: BTreeMap<String, u64>,
}

/// Examines the index. Also returns what it holds, if there is an index.
///
/// Blocks on file I/O.
pub(super) fn examine(config: &Config) -> (Vec<Finding>, Option<IndexFacts>) {
    let data_dir = DataDir::new(&config.data_dir, SCHEMA_VERSION);
    let opened = open(config, &data_dir);
    let folder = config.data_dir.display();
    let index = match &opened {
        Ok(Some((facts, _))) => Finding::ok(
            Subject::Index,
            format!("{folder}: {}", describe(&facts.checkpoint)),
        ),
        Ok(None) => {
            let what = format!("{folder}: no index yet; serve and reindex create it");
            Finding::ok(Subject::Index, what)
        }
        Err(error @ (IndexError::OtherSchema { .. } | IndexError::Damaged { .. })) => {
            Finding::failure(Subject::Index, error.to_string())
                .remedy("Build a new index")
                .command("asset-indexer reindex --rebuild")
        }
        Err(error) => Finding::failure(Subject::Index, error.to_string()).remedy(RUN_AS_SERVICE),
    };
    let writer = match data_dir.lock_holder() {
        Ok(Some(holder)) => Finding::ok(Subject::Writer, format!("{holder} writes the index")),
        Ok(None) => Finding::ok(Subject::Writer, "no process writes the index now"),
        Err(error) => Finding::failure(Subject::Writer, error.to_string()).remedy(RUN_AS_SERVICE),
    };
    let (facts, removals) = opened.ok().flatten().unzip();
    let mut findings = vec![index, writer];
    findings.extend(removals.into_iter().flatten());
    (findings, facts)
}

/// The checkpoint of the current index. `None` if there is no index, or if it cannot be read.
pub(super) async fn checkpoint(config: &Config) -> Option<Checkpoint> {
    let data_dir = DataDir::new(&config.data_dir, SCHEMA_VERSION);
    let read = move || open_current(&data_dir).ok()??.checkpoint().ok();
    tokio::task::spawn_blocking(read).await.ok().flatten()
}

/// The contents of the current index, and the findings about assets that the configuration will remove from it.
/// `None` if there is no index.
fn open(
    config: &Config,
    data_dir: &DataDir,
) -> Result<Option<(IndexFacts, Vec<Finding>)>, IndexError> {
    let Some(engine) = open_current(data_dir)? else {
        return Ok(None);
    };
    let checkpoint = engine.checkpoint()?;
    let removals = removals::examine(&config.sources, &engine, &checkpoint)?;
    let mut assets = BTreeMap::new();
    for state in &checkpoint.sources {
        assets.insert(state.name.clone(), engine.assets(state.id)?);
    }
    Ok(Some((IndexFacts { checkpoint, assets }, removals)))
}

fn describe(checkpoint: &Checkpoint) -> String {
    let sources = &checkpoint.sources;
    let complete = sources
        .iter()
        .filter(|source| source.complete_as_of.is_some());
    format!(
        "can be opened (schema version {SCHEMA_VERSION}); Sources ever indexed: {}, complete: {}",
        sources.len(),
        complete.count()
    )
}
