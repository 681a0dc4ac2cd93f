//! Tests whether the index can be opened, what it will lose, and shows which process writes it.

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

/// Examines the index. Also returns its checkpoint, if there is an index.
///
/// Blocks on file I/O.
pub(super) fn examine(config: &Config) -> (Vec<Finding>, Option<Checkpoint>) {
    let data_dir = DataDir::new(&config.data_dir, SCHEMA_VERSION);
    let opened = open(config, &data_dir);
    let folder = config.data_dir.display();
    let index = match &opened {
        Ok(Some((checkpoint, _))) => Finding::ok(
            Subject::Index,
            format!("{folder}: {}", describe(checkpoint)),
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
    let (checkpoint, removals) = opened.ok().flatten().unzip();
    let mut findings = vec![index, writer];
    findings.extend(removals.into_iter().flatten());
    (findings, checkpoint)
}

/// The checkpoint of the current index, and the findings about what the configuration will remove from it.
/// `None` if there is no index.
fn open(
    config: &Config,
    data_dir: &DataDir,
) -> Result<Option<(Checkpoint, Vec<Finding>)>, IndexError> {
    let Some(engine) = open_current(data_dir)? else {
        return Ok(None);
    };
    let checkpoint = engine.checkpoint()?;
    let removals = removals::examine(&config.sources, &engine, &checkpoint)?;
    Ok(Some((checkpoint, removals)))
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
