//! Whether the index can be opened, and who writes it.

use super::finding::{Finding, Subject};
use crate::config::Config;
use crate::core::replication::checkpoint::Checkpoint;
use crate::index::directory::DataDir;
use crate::index::live::open_live;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::index::{Engine, IndexError};

/// What to do where a file cannot be read.
const AS_THE_SERVICE: &str =
    "run this as the user of the service, to whom the folder has to belong";

/// Examines the index; gives its checkpoint too, where there is one.
///
/// It reads the disk.
pub(super) fn examine(config: &Config) -> (Vec<Finding>, Option<Checkpoint>) {
    let data_dir = DataDir::new(&config.data_dir, SCHEMA_VERSION);
    let found = live_checkpoint(&data_dir);
    let place = config.data_dir.display();
    let of_index = match &found {
        Ok(Some(checkpoint)) => {
            Finding::ok(Subject::Index, format!("{place}: {}", describe(checkpoint)))
        }
        Ok(None) => {
            let what = format!("{place}: there is none yet; reindex makes it");
            Finding::ok(Subject::Index, what)
        }
        Err(error @ (IndexError::OtherSchema { .. } | IndexError::Damaged { .. })) => {
            Finding::failure(Subject::Index, error.to_string())
                .remedy("build a new one beside it")
                .command("asset-indexer reindex --rebuild")
        }
        Err(error) => Finding::failure(Subject::Index, error.to_string()).remedy(AS_THE_SERVICE),
    };
    let of_writer = match data_dir.writer() {
        Ok(Some(holder)) => Finding::ok(Subject::Writer, format!("{holder} writes the index")),
        Ok(None) => Finding::ok(Subject::Writer, "nobody writes the index now"),
        Err(error) => Finding::failure(Subject::Writer, error.to_string()).remedy(AS_THE_SERVICE),
    };
    (vec![of_index, of_writer], found.ok().flatten())
}

/// The checkpoint of the live index; `None` where there is no index.
fn live_checkpoint(data_dir: &DataDir) -> Result<Option<Checkpoint>, IndexError> {
    let live = open_live(data_dir)?;
    live.map(|engine| engine.checkpoint()).transpose()
}

fn describe(checkpoint: &Checkpoint) -> String {
    let sources = &checkpoint.sources;
    let complete = sources
        .iter()
        .filter(|source| source.complete_as_of.is_some());
    format!(
        "it can be opened (schema version {SCHEMA_VERSION}); Sources it has held: {}, listed completely: {}",
        sources.len(),
        complete.count()
    )
}
