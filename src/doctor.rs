//! The tests behind `check`: they examine the configuration, this machine, and the bucket and queue of every
//! Source, and report what is wrong and what to do.
//!
//! They change nothing: no waiting message is received, no lock is kept, no file is written. Every request is
//! bounded in time. Rating a response is separate from requesting it: [`finding`] and [`report`] are the
//! result.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

mod bucket;
mod clock;
mod commands;
mod disk;
mod events;
mod file_permissions;
pub(crate) mod finding;
mod http;
mod iam_permissions;
mod index;
mod notification;
mod policy;
mod queue;
mod region;
mod removals;
pub(crate) mod report;
mod source;

pub(crate) use commands::quoted;
pub(crate) use finding::{Finding, Subject, Verdict};
pub(crate) use report::{Report, SourceFindings};

use crate::concurrency::ConcurrencyLimit;
use crate::config::Config;
use crate::core::source::Source;
use source::SourceContext;

/// Time that a request may take, including its retries.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum number of Sources that are examined at the same time.
const MAX_CONCURRENT_SOURCES: usize = 16;

/// Examines this machine, the configuration, and the given Sources.
///
/// `path` is the file that the configuration was read from.
pub(crate) async fn examine(config: &Config, path: &Path, sources: &[Arc<Source>]) -> Report {
    let mut machine = vec![configuration(config, path)];
    machine.extend(file_permissions::examine(config, path));
    let (index_findings, checkpoint) = index::examine(config);
    machine.extend(index_findings);
    machine.push(disk::examine(&config.data_dir));
    machine.extend(http::examine(config));
    let context = SourceContext {
        checkpoint: checkpoint.map(Arc::new),
        is_page_served: config.serve.listen.is_some(),
        visibility: config.events.visibility_timeout,
    };
    Report::new(machine, examine_all(sources, context).await)
}

/// The finding about a configuration that was loaded from `path`. A wrong one is an error before any test.
pub(crate) fn configuration(config: &Config, path: &Path) -> Finding {
    let what = format!("{}: Sources {}", path.display(), config.names().join(", "));
    Finding::ok(Subject::Configuration, what)
}

/// Examines the Sources concurrently. The result is in the order of `sources`.
async fn examine_all(sources: &[Arc<Source>], context: SourceContext) -> Vec<SourceFindings> {
    let concurrent_sources = ConcurrencyLimit::new(MAX_CONCURRENT_SOURCES);
    let mut examinations = JoinSet::new();
    for (index, source) in sources.iter().enumerate() {
        let (source, context) = (Arc::clone(source), context.clone());
        let concurrent_sources = concurrent_sources.clone();
        examinations.spawn(async move {
            let _permit = concurrent_sources.acquire().await;
            let findings = source::examine(&source, &context).await;
            let name = source.name.clone();
            (index, SourceFindings { name, findings })
        });
    }
    let mut found = examinations.join_all().await;
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, findings)| findings).collect()
}
