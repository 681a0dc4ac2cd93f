//! A snapshot: one commit of the index, opened for searching.
//!
//! A snapshot never changes. It finds the same assets until it is dropped, even if the daemon commits,
//! merges or rebuilds in the meantime.

use std::borrow::Cow;
use std::time::Instant;

use crate::core::query::hit::{absolute_path, folder_path};
use crate::core::query::{FolderPage, Hit, Page, Request, SuggestRequest, Suggestion};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::SearchSource;
use crate::index::Engine;
use crate::index::current::CurrentIndex;
use crate::index::deadline::Deadline;
#[cfg(feature = "program")]
use crate::index::tantivy::TantivyEngine;
use crate::index::tantivy::failure::catch_panics;
#[cfg(feature = "program")]
use crate::index::tantivy::size::IndexSize;

use super::{SearchError, forgiving};

/// One commit of the index, opened for searching. It never changes.
///
/// Each search names the Sources that it covers; no other Source contributes to the answer. Decide
/// here what a user may see. A Source that the index does not know has no assets.
///
/// After a change of a Source's bucket or prefix, the index holds the assets of the former location until a
/// scan has found an asset at the new one. Searches find the former assets until then, with the keys and paths
/// that they have there.
pub struct Snapshot {
    pub(super) current: CurrentIndex,
    checkpoint: Checkpoint,
    sources: Vec<SearchSource>,
}

impl Snapshot {
    pub(super) fn of(current: CurrentIndex) -> Result<Self, SearchError> {
        let checkpoint = current.engine.checkpoint()?;
        let mut sources = Vec::with_capacity(checkpoint.sources.len());
        for state in &checkpoint.sources {
            // The checkpoint keeps a Source that was removed from the configuration, so that its
            // subdomains stay reserved.
            let was_scanned = state.complete_as_of.is_some() || state.running.is_some();
            let everything = KeyInterval::everything();
            if was_scanned || current.engine.estimate(state.id, &everything)? > 0 {
                let subdomain = state.subdomains.last().map_or("", String::as_str);
                sources.push(SearchSource::new(
                    &state.name,
                    &state.origin,
                    &state.prefix,
                    subdomain,
                ));
            }
        }
        Ok(Self {
            current,
            checkpoint,
            sources,
        })
    }

    /// The engine at this commit, for callers that read single records.
    #[cfg(feature = "program")]
    pub(crate) fn engine(&self) -> &TantivyEngine {
        &self.current.engine
    }

    /// The numbers of segments and records in the index.
    #[cfg(feature = "program")]
    pub(crate) fn size(&self) -> IndexSize {
        self.current.engine.size()
    }

    /// All Sources of the index, for programs that do not read the configuration.
    ///
    /// The index does not store `base_url`. The URLs of these Sources are at imgix, with the newest subdomain
    /// of the Source. If the assets are served from another address, set it with
    /// [`SearchSource::with_base_url`].
    pub fn sources(&self) -> &[SearchSource] {
        &self.sources
    }

    /// The Source with this name, or `None` if the index does not have it.
    pub fn source(&self, name: &str) -> Option<&SearchSource> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The index of a Source is complete as of this time: the start of its last completed scan, by S3's
    /// clock. `None` if no scan has completed yet.
    ///
    /// Newer changes of the bucket are in the index as soon as their events arrive.
    pub fn complete_as_of(&self, source: &SearchSource) -> Option<Timestamp> {
        let state = self.checkpoint.source(&source.name)?;
        let is_same_location = state.origin == source.origin && state.prefix == source.prefix;
        state.complete_as_of.filter(|_| is_same_location)
    }

    /// The names of the Sources, among these, whose first scan has not completed. Assets of them may be missing.
    pub fn incomplete<'a>(
        &self,
        sources: impl IntoIterator<Item = &'a SearchSource>,
    ) -> Vec<String> {
        let sources = sources.into_iter();
        let incomplete = sources.filter(|source| self.complete_as_of(source).is_none());
        incomplete.map(|source| source.name.clone()).collect()
    }

    /// Returns a page of the assets of these Sources that match the request.
    ///
    /// If plain words find too little, [`Request::words`] says what is forgiven, and [`Page::interpretation`] what
    /// was.
    pub fn search<'a>(
        &self,
        sources: impl IntoIterator<Item = &'a SearchSource>,
        request: &Request,
        deadline: &Deadline,
    ) -> Result<Page, SearchError> {
        let sources = self.all_as_indexed(sources);
        let sources: Vec<&SearchSource> = sources.iter().map(AsRef::as_ref).collect();
        let span = tracing::debug_span!("search", sources = sources.len() as i64);
        let _searching = span.enter();
        let began = Instant::now();
        let page =
            catch_panics(|| forgiving::search(&self.current.engine, &sources, request, deadline))?;
        let elapsed = began.elapsed().as_micros();
        tracing::debug!(
            hits = page.hits.len(),
            microseconds = elapsed,
            "search completed"
        );
        Ok(page)
    }

    /// Returns a page of the folders directly in a folder.
    ///
    /// `folder` may lack its `/` at the start and the end. `limit` is the maximum number of folders. `after` is the name
    /// of the last folder of the previous page, or `None` for the first page.
    pub fn folders(
        &self,
        source: &SearchSource,
        folder: &str,
        after: Option<&str>,
        limit: usize,
        deadline: &Deadline,
    ) -> Result<FolderPage, SearchError> {
        let (engine, source) = (&self.current.engine, self.as_indexed(source));
        let folder = folder_path(folder);
        let (folders, more) =
            catch_panics(|| engine.folders(&source, &folder, after, limit, deadline))?;
        Ok(FolderPage { folders, more })
    }

    /// Suggests names of assets and folders that complete what a user is typing.
    ///
    /// At most a few thousand matches are read, so there may be more names than those suggested.
    pub fn suggest<'a>(
        &self,
        sources: impl IntoIterator<Item = &'a SearchSource>,
        request: &SuggestRequest,
        deadline: &Deadline,
    ) -> Result<Vec<Suggestion>, SearchError> {
        let sources = self.all_as_indexed(sources);
        let sources: Vec<&SearchSource> = sources.iter().map(AsRef::as_ref).collect();
        Ok(catch_panics(|| {
            self.current.engine.suggest(&sources, request, deadline)
        })?)
    }

    /// Returns the asset with this path, or `None` if there is none. The path may lack its `/` at the start.
    pub fn asset(&self, source: &SearchSource, path: &str) -> Result<Option<Hit>, SearchError> {
        let source = self.as_indexed(source);
        let path = absolute_path(path);
        Ok(catch_panics(|| self.current.engine.asset(&source, &path))?)
    }

    /// The Source at the location that its records are from.
    fn as_indexed<'a>(&self, source: &'a SearchSource) -> Cow<'a, SearchSource> {
        match self.checkpoint.source(&source.name) {
            Some(state) if state.origin != source.origin || state.prefix != source.prefix => {
                Cow::Owned(source.at(&state.origin, &state.prefix))
            }
            _ => Cow::Borrowed(source),
        }
    }

    fn all_as_indexed<'a>(
        &self,
        sources: impl IntoIterator<Item = &'a SearchSource>,
    ) -> Vec<Cow<'a, SearchSource>> {
        let sources = sources.into_iter();
        sources.map(|source| self.as_indexed(source)).collect()
    }
}
