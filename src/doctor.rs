//! The doctor behind `check`: examines the configuration, this machine, and every Source's bucket and queue,
//! and says of each what is wrong and what to do about it.
//!
//! It changes nothing: no message is received that is there, no lock is kept, no file is written. What an answer
//! means is judged apart from asking for it ([`finding`] and [`report`] are what comes of that); asking is bounded in time.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

mod bucket;
mod clock;
mod disk;
mod events;
pub(crate) mod finding;
mod http;
mod index;
mod notification;
mod permissions;
mod policy;
mod queue;
mod region;
pub(crate) mod report;
mod rights;
mod shell;
mod source;

pub(crate) use finding::{Finding, Subject, Verdict};
pub(crate) use report::{Report, SourceFindings};
pub(crate) use shell::quoted;

use crate::config::Config;
use crate::core::source::Source;
use source::Around;

/// How long a request may be unanswered, all its attempts together. After it no other is sent there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How many Sources are examined at the same time.
const SOURCES_AT_A_TIME: usize = 16;

/// Examines everything but the Sources that are not among `sources`; the configuration is that of the file
/// `path`.
pub(crate) async fn examine(config: &Config, path: &Path, sources: &[Arc<Source>]) -> Report {
    let mut machine = vec![Finding::ok(
        Subject::Configuration,
        format!("{}: Sources {}", path.display(), config.names().join(", ")),
    )];
    machine.extend(permissions::examine(config, path));
    let (of_index, checkpoint) = index::examine(config);
    machine.extend(of_index);
    machine.push(disk::examine(&config.data_dir));
    machine.extend(http::examine(config));
    let around = Around {
        checkpoint: checkpoint.map(Arc::new),
        is_page_served: config.serve.listen.is_some(),
        visibility: config.events.visibility_timeout,
    };
    Report::new(machine, examine_all(sources, around).await)
}

/// Examines the Sources, some at a time; gives what is found in their order.
async fn examine_all(sources: &[Arc<Source>], around: Around) -> Vec<SourceFindings> {
    let permits = Arc::new(Semaphore::new(SOURCES_AT_A_TIME));
    let mut examinations = JoinSet::new();
    for (place, source) in sources.iter().enumerate() {
        let (source, around) = (Arc::clone(source), around.clone());
        let permits = Arc::clone(&permits);
        examinations.spawn(async move {
            let _permit = permits.acquire().await.expect("nobody closes it");
            let findings = source::examine(&source, &around).await;
            let name = source.name.clone();
            (place, SourceFindings { name, findings })
        });
    }
    let mut found = examinations.join_all().await;
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, findings)| findings).collect()
}
