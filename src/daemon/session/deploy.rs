//! Deployment: brings a session in line with a configuration.
//!
//! The order matters. A changed Source ends completely before the index adopts its new configuration, so no page or
//! event of the old one can arrive after that. Events arrive under the new configuration before its scan begins, so
//! the scan shows what the old configuration let pass. Sources that are not changed go on meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::{Session, SessionSpec};
use crate::aws::bucket::LazyBucket;
use crate::concurrency::ConcurrencyLimit;
use crate::config::Config;
use crate::core::source::Source;
use crate::daemon::context::SessionParts;
use crate::daemon::credential_files::CredentialFiles;
use crate::daemon::deployment::{ChangedSettings, Deployment};
use crate::daemon::queues::NewSource;
use crate::daemon::reconciler::Reconciler;
use crate::daemon::source_tasks::SourceTasks;
use crate::index::IndexError;
use crate::index::ledger::{AttachRequest, Attachment};
use crate::ingest::consumer::routes::ActiveSource;
use crate::observe::status::{SourceCondition, SourcePhase, SourceSettings, StatusBoard};

/// Maximum number of requested scans of one Source that wait.
const MAX_WAITING_SCANS: usize = 16;

impl Session<'_> {
    /// What a configuration would change. If `retries` is set, Sources and queues with a problem begin again although
    /// they are unchanged: the cause may be fixed.
    fn plan(&self, config: &Config, changed: ChangedSettings, retries: bool) -> Deployment {
        let running = self.sources.iter().map(|(name, tasks)| {
            let mut running = tasks.running(retries);
            running.begins_again |= changed.scan;
            (name.as_str(), running)
        });
        let mut queues = self.queues.running(retries);
        for queue in queues.values_mut() {
            queue.opens_again |= changed.events;
        }
        let credentials = config.sources.iter();
        let credentials = credentials
            .map(|source| (source.name.as_str(), CredentialFiles::of(source)))
            .collect();
        Deployment::plan(&running.collect(), &queues, &config.sources, &credentials)
    }

    /// Uses settings that do not belong to a Source for everything that begins from now on.
    fn use_settings(&mut self, config: &Arc<Config>, changed: ChangedSettings) {
        if changed.scan {
            tracing::info!("[scan] has changed; all scans begin again and resume where they were");
            self.concurrent_scans = ConcurrencyLimit::new(config.scan.sources_in_flight);
            if let Some(fill) = &mut self.fill {
                fill.limit_scans(self.concurrent_scans.clone());
            }
        }
        if changed.events {
            tracing::info!("[events] has changed; all queues are opened again");
            self.queues.set_limits(config.events);
        }
        self.config = Arc::clone(config);
    }

    /// Brings the session in line with the configuration of `spec`, whose `[index]` is the one in use. See
    /// [`Session::plan`] for `retries`.
    pub(super) async fn deploy(
        &mut self,
        spec: &SessionSpec,
        retries: bool,
    ) -> Result<(), IndexError> {
        let config = &spec.config;
        let changed = ChangedSettings::of(&self.config, config);
        let deployment = self.plan(config, changed, retries);
        self.end_sources(&deployment).await?;
        self.use_settings(config, changed);
        show_sources(config, &deployment, &self.ctx.board);
        let enabled = config.sources.iter().filter(|source| source.enabled);
        let enabled: Vec<&str> = enabled.map(|source| source.name.as_str()).collect();
        self.ctx.failed_scans.retain(&enabled);
        self.detach_sources(spec, &deployment).await?;
        let new = self.attach_sources(spec, &deployment).await?;
        let active = |name: &&str| {
            let running = self.sources.get(*name).map(|tasks| &tasks.active);
            let mut new = new.iter().map(|new| &new.active);
            running.or_else(|| new.find(|active| active.source.name == **name))
        };
        let running: Vec<_> = enabled.iter().filter_map(active).cloned().collect();
        self.queues
            .follow(&deployment, &running, &new, self.ctx, &mut self.tasks)
            .await;
        let started: Vec<_> = new.iter().map(|new| Arc::clone(&new.active)).collect();
        for new in new {
            self.start_source(new, config).await?;
        }
        if let Some(fill) = &mut self.fill {
            fill.start(&started, &self.queues, config).await?;
        }
        self.publish(config);
        Ok(())
    }

    /// Ends the tasks of Sources. After that, nothing sends requests about them to the index.
    async fn end_sources(&mut self, deployment: &Deployment) -> Result<(), IndexError> {
        let ended = deployment.end.iter();
        let ended: Vec<_> = ended.filter_map(|name| self.sources.remove(name)).collect();
        for tasks in &ended {
            tasks.stop();
            if let Some(fill) = &mut self.fill {
                fill.forget(&tasks.active.source.name);
            }
        }
        for tasks in &ended {
            tasks.active.end().await;
        }
        let ids: Vec<_> = ended.iter().map(|tasks| tasks.active.id).collect();
        if !ids.is_empty() {
            self.index.unfollow(ids).await?;
        }
        Ok(())
    }

    /// Records in the index which Sources are no longer kept up to date, and removes the ones that are no longer
    /// configured. A rebuild copies both: what the index keeps of them is what the new generation gets.
    async fn detach_sources(
        &mut self,
        spec: &SessionSpec,
        deployment: &Deployment,
    ) -> Result<(), IndexError> {
        if let Some(fill) = &mut self.fill {
            let names = spec.config.names();
            let begins = |name: &str| deployment.start.iter().any(|start| start == name);
            fill.end_copies(|name| begins(name) || !names.contains(&name))
                .await;
            for name in &deployment.end {
                fill.detach(name).await?;
            }
        }
        for name in &deployment.end {
            if !deployment.start.contains(name) {
                self.index.detach(name.clone()).await?;
            }
        }
        for source in spec.config.sources.iter().filter(|source| !source.enabled) {
            self.index.detach(source.name.clone()).await?;
        }
        match self
            .index
            .remove_unconfigured(spec.config.sources.clone())
            .await
        {
            // A Source was probably renamed. Attaching it logs the error, unless it is disabled.
            Err(error) if error.is_about_one_source() => {
                tracing::warn!(%error, "keeping the assets of Sources that are no longer configured");
                Ok(())
            }
            removed => removed.map(drop),
        }
    }

    /// Attaches the Sources that begin, all together, so that they share their commits.
    async fn attach_sources(
        &self,
        spec: &SessionSpec,
        deployment: &Deployment,
    ) -> Result<Vec<NewSource>, IndexError> {
        let begins = |source: &&Arc<Source>| deployment.start.contains(&source.name);
        let sources: Vec<_> = spec.config.sources.iter().filter(begins).collect();
        if sources.is_empty() {
            return Ok(Vec::new());
        }
        // Read before the Sources begin, so that a later change of a file is noticed.
        let credentials: Vec<_> = sources
            .iter()
            .map(|source| CredentialFiles::of(source))
            .collect();
        let requests = sources
            .iter()
            .map(|source| self.attach_request(source, spec));
        let attached = self.index.attach(requests.collect()).await?;
        let mut new = Vec::new();
        for ((source, credentials), attached) in sources.into_iter().zip(credentials).zip(attached)
        {
            if let Some(active) = self.activate(source, attached, spec).await? {
                let active = Arc::new(active);
                new.push(NewSource {
                    active,
                    credentials,
                });
            }
        }
        if let Some(fill) = &self.fill {
            let active = new.iter().map(|new| &*new.active);
            fill.attach(active, &spec.config).await?;
        }
        Ok(new)
    }

    fn attach_request(&self, source: &Arc<Source>, spec: &SessionSpec) -> AttachRequest {
        let former = spec.previous.as_ref().and_then(|previous| {
            let mut sources = previous.sources.iter();
            sources
                .find(|previous| previous.name == source.name)
                .cloned()
        });
        AttachRequest {
            source: Arc::clone(source),
            former,
            tally: Arc::clone(&self.ctx.board.source(&source.name).tally),
            ranges_in_flight: spec.config.scan.ranges_in_flight,
        }
    }

    /// Shows an attached Source on the status board. `None` if the index refuses it, because its subdomain belongs to
    /// another Source.
    async fn activate(
        &self,
        source: &Arc<Source>,
        attached: Result<Attachment, IndexError>,
        spec: &SessionSpec,
    ) -> Result<Option<ActiveSource>, IndexError> {
        let board = self.ctx.board.source(&source.name);
        let Attachment {
            id,
            state,
            is_moving,
        } = match attached {
            Err(error) => {
                board.set_phase(SourcePhase::Deploying);
                if board.raise(SourceCondition::Binding, error.to_string()) {
                    tracing::warn!(source = source.name, %error, "the Source is not indexed");
                }
                // If another Source has the same queue, the events of this one are received, but not applied.
                self.index.detach(source.name.clone()).await?;
                return Ok(None);
            }
            Ok(attachment) => attachment,
        };
        board.clear(SourceCondition::Binding);
        // The look-up may succeed now. If not, its redelivered message raises the condition again.
        board.clear(SourceCondition::LookUp);
        board.set_complete_as_of(state.complete_as_of.filter(|_| !is_moving));
        board.set_phase(match state.complete_as_of {
            Some(_) if !is_moving => SourcePhase::Deployed,
            _ => SourcePhase::Deploying,
        });
        let attempts = spec.config.scan.attempts;
        let bucket = Arc::new(LazyBucket::new(Arc::clone(source), attempts));
        let look_ups = spec.config.events.look_ups_in_flight / 2;
        let active = ActiveSource::new(id, Arc::clone(source), bucket, board, look_ups);
        let queue_url = source.events.as_ref().map(|events| &events.queue_url);
        if let Some(url) = queue_url.filter(|url| state.wired_queue.as_ref() == Some(url)) {
            active.set_wired();
            self.ctx.board.queue(url).set_wired();
        }
        Ok(Some(active))
    }

    /// Starts the tasks of an attached Source.
    async fn start_source(
        &mut self,
        new: NewSource,
        config: &Arc<Config>,
    ) -> Result<(), IndexError> {
        let NewSource {
            active,
            credentials,
        } = new;
        let (commands, inbox) = mpsc::channel(MAX_WAITING_SCANS);
        let queue = self.queues.of(&active);
        if queue.is_none() {
            // Its events are not received.
            self.index.mark_events_lost(active.id).await?;
        }
        let reconciler = Reconciler::new(
            Arc::clone(&active),
            queue,
            self.index.clone(),
            Arc::clone(config),
            self.concurrent_scans.clone(),
            Arc::clone(&self.ctx.failed_scans),
            inbox,
        );
        let name = active.source.name.clone();
        let (tasks, stop) = (&mut self.tasks, &self.stop);
        let source = SourceTasks::start(active, credentials, commands, reconciler, tasks, stop);
        self.sources.insert(name, source);
        Ok(())
    }

    /// Gives other tasks access to the session.
    fn publish(&self, config: &Arc<Config>) {
        let commands = self.sources.iter();
        let commands = commands.map(|(name, tasks)| (name.clone(), tasks.commands.clone()));
        self.ctx.session.set(SessionParts {
            scan_commands: commands.collect::<BTreeMap<_, _>>(),
            handlers: self.queues.handlers().collect(),
            index: Some(self.index.clone()),
            config: Some(Arc::clone(config)),
        });
    }
}

/// Shows the configured Sources and queues on the status board, and removes all others from it. Sources that go on
/// keep what they show.
fn show_sources(config: &Config, deployment: &Deployment, board: &StatusBoard) {
    let queue_url = |source: &'_ Source| {
        let events = source.events.as_ref();
        events.map(|events| events.queue_url.clone())
    };
    let names: Vec<&str> = config.names();
    let enabled = config.sources.iter().filter(|source| source.enabled);
    let urls: Vec<String> = enabled.filter_map(|source| queue_url(source)).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    board.retain(&names, &urls);
    for source in &config.sources {
        if source.enabled && !deployment.start.contains(&source.name) {
            continue;
        }
        let status = board.source(&source.name);
        status.set_settings(SourceSettings {
            bucket: source.bucket.clone(),
            prefix: source.prefix.clone(),
            subdomain: source.subdomain.clone(),
            queue_url: queue_url(source),
            scan_interval: Some(config.scan.interval_of(source)),
        });
        status.set_scan(None);
        if source.events.is_none() {
            status.clear(SourceCondition::Queue);
        }
        if !source.enabled {
            status.set_phase(SourcePhase::Disabled);
            for condition in [
                SourceCondition::Binding,
                SourceCondition::Bucket,
                SourceCondition::Scan,
                SourceCondition::Queue,
                SourceCondition::LookUp,
            ] {
                status.clear(condition);
            }
        }
    }
}
