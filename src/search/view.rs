//! One commit of the index, as it is searched.
//!
//! It never changes, and needs none of its files any more: whoever holds one sees the same assets
//! until it is dropped, whatever is committed, merged or rebuilt meanwhile.

use std::time::Instant;

use crate::core::query::{Folder, Hit, Page, Request, Suggestion};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::source_state::SourceState;
use crate::core::source::Source;
use crate::core::source::address::{DEFAULT_BASE_URL, base_url};
use crate::index::Engine;
use crate::index::deadline::Deadline;
use crate::index::live::Live;
use crate::index::tantivy::failure::guarded;
use crate::index::tantivy::size::IndexSize;

use super::SearchError;

/// One commit of the index; immutable.
pub struct View {
    pub(super) live: Live,
    checkpoint: Checkpoint,
    sources: Vec<Source>,
}

impl View {
    pub(super) fn of(live: Live) -> Result<Self, SearchError> {
        let checkpoint = live.engine.checkpoint()?;
        let mut sources = Vec::with_capacity(checkpoint.sources.len());
        for state in &checkpoint.sources {
            // One that was taken out of the configuration stays known for its subdomains.
            let is_listed = state.complete_as_of.is_some() || state.running.is_some();
            let everything = KeyInterval::everything();
            if is_listed || live.engine.estimate(state.id, &everything)? > 0 {
                sources.push(source_of(state));
            }
        }
        Ok(Self {
            live,
            checkpoint,
            sources,
        })
    }

    /// The index at this commit, for whoever reads single records of it.
    pub(crate) fn engine(&self) -> &impl Engine {
        &self.live.engine
    }

    /// What the index knows of its Sources: their scans, and since when each is complete.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// What the index is made of.
    pub fn size(&self) -> IndexSize {
        self.live.engine.size()
    }

    /// The Sources that the index holds anything of, for whoever has no configuration.
    ///
    /// Of a Source an index knows the name, the bucket, the prefix and the newest subdomain: URLs are
    /// made with the default address, whatever `base_url` the configuration has.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// A page of the assets of these Sources that a request finds.
    ///
    /// No other Source has any part in it. One that the index does not know, or that is of another
    /// bucket or prefix there, has no assets.
    pub fn search(
        &self,
        scope: &[&Source],
        request: &Request,
        deadline: &Deadline,
    ) -> Result<Page, SearchError> {
        let span = tracing::debug_span!("search", sources = scope.len() as i64);
        let _searching = span.enter();
        let began = Instant::now();
        let page = guarded(|| self.live.engine.search(scope, request, deadline))?;
        let elapsed = began.elapsed().as_micros();
        tracing::debug!(hits = page.hits.len(), microseconds = elapsed, "searched");
        Ok(page)
    }

    /// The folders directly in a folder, ascending by the bytes of their names, and whether there are
    /// more behind them.
    ///
    /// `folder` begins and ends in `/`. There are `limit` of them at the most, behind `after`, the name
    /// of the last one of the page before.
    pub fn folders(
        &self,
        source: &Source,
        folder: &str,
        after: Option<&str>,
        limit: usize,
        deadline: &Deadline,
    ) -> Result<(Vec<Folder>, bool), SearchError> {
        let engine = &self.live.engine;
        Ok(guarded(|| {
            engine.folders(source, folder, after, limit, deadline)
        })?)
    }

    /// Names of assets and folders of these Sources that someone who has written `text` may have in mind:
    /// each of its words is in them, the last one as the beginning of a word.
    pub fn suggest(
        &self,
        scope: &[&Source],
        text: &str,
        limit: usize,
        deadline: &Deadline,
    ) -> Result<Vec<Suggestion>, SearchError> {
        Ok(guarded(|| {
            self.live.engine.suggest(scope, text, limit, deadline)
        })?)
    }

    /// The asset of that path; `None` where there is none.
    pub fn asset(&self, source: &Source, path: &str) -> Result<Option<Hit>, SearchError> {
        Ok(guarded(|| self.live.engine.asset(source, path))?)
    }
}

/// The Source as its state tells it; see [`Source::origin`].
fn source_of(state: &SourceState) -> Source {
    let (store, bucket) = state.origin.rsplit_once('/').unwrap_or(("aws", ""));
    let subdomain = state.subdomains.last().map_or("", String::as_str);
    Source {
        prefix: state.prefix.clone(),
        endpoint_url: (store != "aws").then(|| store.to_owned()),
        base_url: base_url(DEFAULT_BASE_URL, subdomain),
        ..Source::new(&*state.name, bucket, subdomain)
    }
}
