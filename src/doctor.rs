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
pub(crate) mod changed_source;
mod clock;
mod commands;
mod daemon;
mod disk;
pub(crate) mod draft;
mod events;
mod field;
mod file_permissions;
pub(crate) mod finding;
mod http;
mod iam_permissions;
mod index;
mod index_damage;
mod notification;
mod policy;
mod queue;
mod reception;
mod region;
mod removals;
pub(crate) mod report;
mod rules;
mod sealing_keys;
mod source;

pub(crate) use commands::quoted;
pub(crate) use finding::{Finding, Subject, Verdict};
pub(crate) use report::{Report, SourceFindings};

use crate::concurrency::ConcurrencyLimit;
use crate::config::Config;
use crate::core::source::Source;
use index::IndexFacts;
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
    machine.extend(sealing_keys::examine(config, path));
    let (index_findings, facts) = index::examine(config);
    machine.extend(index_findings);
    machine.extend(index_damage::examine(config).await);
    let socket = &config.serve.control_socket;
    let running = daemon::running(socket).await;
    machine.extend(daemon::finding(&running, config));
    machine.extend(reception::examine(socket).await);
    machine.push(disk::examine(&config.data_dir));
    let running = running.ok().flatten();
    let served = running.as_ref().and_then(|daemon| daemon.listen.as_deref());
    machine.extend(http::examine(config, served));
    let has_to_examine = |source: &&Arc<Source>| {
        let daemon = running.as_ref();
        daemon.is_some_and(|daemon| daemon.has_to_examine(source, config))
    };
    let (for_daemon, ours): (Vec<_>, Vec<_>) = sources.iter().partition(has_to_examine);
    let for_daemon: Vec<_> = for_daemon.into_iter().map(Arc::clone).collect();
    let mut ours: Vec<_> = ours.into_iter().map(Arc::clone).collect();
    let mut findings = Vec::new();
    if !for_daemon.is_empty() {
        match daemon::examine(socket, &for_daemon).await {
            Ok(found) => findings.extend(found),
            // The findings then say what this process lacks.
            Err(_) => ours.extend(for_daemon),
        }
    }
    findings.extend(examine_all(&ours, context(config, facts)).await);
    findings.sort_by_key(|found| sources.iter().position(|source| source.name == found.name));
    Report::new(machine, findings)
}

/// Examines only these Sources. The daemon does it for other processes.
pub(crate) async fn examine_sources(
    config: &Config,
    sources: &[Arc<Source>],
) -> Vec<SourceFindings> {
    let (_, facts) = index::examine(config);
    examine_all(sources, context(config, facts)).await
}

fn context(config: &Config, facts: Option<IndexFacts>) -> SourceContext {
    SourceContext {
        index: facts.map(Arc::new),
        is_page_served: config.serve.listen.is_some(),
        visibility: config.events.visibility_timeout,
    }
}

/// The finding about a configuration that was loaded from `path`. A wrong one is an error before any test.
fn configuration(config: &Config, path: &Path) -> Finding {
    if config.sources.is_empty() {
        let what = format!("{}: no Source is set up yet", path.display());
        return Finding::ok(Subject::Configuration, what)
            .remedy("Set one up")
            .command("asset-indexer source add");
    }
    let what = format!("{}: Sources {}", path.display(), config.names().join(", "));
    Finding::ok(Subject::Configuration, what)
}

/// The findings about the configuration itself, without any request. The Sources without findings are left out.
pub(crate) fn examine_offline(config: &Config, path: &Path) -> Report {
    let sources = config.sources.iter().map(|source| SourceFindings {
        name: source.name.clone(),
        findings: rules::examine(source),
    });
    let doubtful = sources.filter(|source| !source.findings.is_empty());
    Report::new(vec![configuration(config, path)], doubtful.collect())
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
