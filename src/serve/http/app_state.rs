//! The state that HTTP handlers share: the status board, the index, and the configured Sources.
//!
//! Handlers only read it. A configuration reload replaces the Sources; a request that is already running
//! keeps the Sources that it started with.

use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128;

use super::api::idempotency::Answers;
use super::deployment_status::{DeploymentStatus, count_assets};
use super::search_permits::SearchPermits;
use crate::aws::bucket::preview::PreviewSigner;
use crate::config::Config;
use crate::core::source::Source;
use crate::observe::status::{IndexHealth, SourceSettings, StatusBoard};
use crate::search::{Deadline, SearchError, SearchIndex, Snapshot};
use crate::serve::source_changes::SourceChanger;
use crate::serve::source_drafts::SourceDrafts;

/// The state that HTTP handlers share; keep it in an [`Arc`].
pub(crate) struct AppState {
    pub board: Arc<StatusBoard>,
    /// Changes managed Sources. `None` if this process only reads.
    pub(super) changer: Option<SourceChanger>,
    /// Tries out drafts of Sources. `None` if this process only reads.
    pub(super) drafts: Option<SourceDrafts>,
    /// The answers to requests that a client may repeat.
    pub(super) answers: Arc<Answers>,
    /// The index, opened read-only.
    pub(super) index: SearchIndex,
    /// The time limit of one search, including its wait for a permit.
    pub(super) search_timeout: Duration,
    /// Limits how many searches run at once: each holds one permit.
    pub(super) search_permits: Arc<SearchPermits>,
    catalog: RwLock<Arc<SourceCatalog>>,
    /// The snapshot in which a search found damage, and the error.
    damage: Mutex<Option<(Weak<Snapshot>, String)>>,
}

/// The Sources of one configuration.
pub(crate) struct SourceCatalog {
    /// In the order of the configuration file.
    pub sources: Vec<CatalogEntry>,
}

/// A configured Source with what HTTP needs to show it.
pub(crate) struct CatalogEntry {
    pub source: Arc<Source>,
    /// The id of the Source in `/api/v1`; see [`source_id`].
    pub id: String,
    /// The maximum time between two scans.
    pub scan_interval: Duration,
    previews: PreviewSigner,
}

impl AppState {
    /// Opens the index of the configured data directory. An index that does not exist yet is not an error.
    pub(crate) fn new(
        board: Arc<StatusBoard>,
        config: &Config,
        clients: Option<(SourceChanger, SourceDrafts)>,
    ) -> Result<Arc<Self>, SearchError> {
        let (changer, drafts) = clients.unzip();
        let index = SearchIndex::open(&config.data_dir)?.max_age(config.search.refresh);
        Ok(Arc::new(Self {
            board,
            changer,
            drafts,
            answers: Arc::default(),
            index,
            search_timeout: config.search.timeout,
            search_permits: SearchPermits::new(config.search.concurrent_searches),
            catalog: RwLock::new(Arc::new(SourceCatalog::of_config(config))),
            damage: Mutex::default(),
        }))
    }

    #[cfg(test)]
    pub(crate) fn without_sources(board: Arc<StatusBoard>) -> Arc<Self> {
        Self::with_sources(board, Vec::new())
    }

    /// With these Sources, the default limits, and the index in the board's data directory.
    #[cfg(test)]
    pub(crate) fn with_sources(board: Arc<StatusBoard>, sources: Vec<Arc<Source>>) -> Arc<Self> {
        let index = SearchIndex::open(&board.data_dir).unwrap();
        Arc::new(Self {
            changer: None,
            drafts: None,
            answers: Arc::default(),
            index: index.max_age(Duration::ZERO),
            search_timeout: Duration::from_secs(20),
            search_permits: SearchPermits::new(4),
            catalog: RwLock::new(Arc::new(SourceCatalog::of(&sources, |_| {
                Duration::from_secs(60)
            }))),
            damage: Mutex::default(),
            board,
        })
    }

    /// The Sources of the current configuration.
    pub(crate) fn catalog(&self) -> Arc<SourceCatalog> {
        let catalog = self.catalog.read();
        Arc::clone(&catalog.unwrap_or_else(PoisonError::into_inner))
    }

    /// Switches to the Sources of a new configuration. The search limits and the data directory do not
    /// change: they need a restart.
    pub(crate) fn replace_catalog(&self, config: &Config) {
        let catalog = Arc::new(SourceCatalog::of_config(config));
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = catalog;
    }
}

impl SourceCatalog {
    fn of_config(config: &Config) -> Self {
        Self::of(&config.sources, |source| config.scan.interval_of(source))
    }

    fn of(sources: &[Arc<Source>], scan_interval: impl Fn(&Source) -> Duration) -> Self {
        let entry = |source: &Arc<Source>| CatalogEntry {
            source: Arc::clone(source),
            id: source_id(&source.name),
            scan_interval: scan_interval(source),
            previews: PreviewSigner::new(Arc::clone(source)),
        };
        Self {
            sources: sources.iter().map(entry).collect(),
        }
    }
}

impl CatalogEntry {
    /// For each key, a URL that a browser can load the asset from, or `None` if there is none.
    ///
    /// The URL is under the base URL if that serves browsers, else a presigned S3 URL. A Source with thumbnails needs
    /// no presigned URL.
    pub(crate) async fn preview_urls(&self, keys: &[&str]) -> Vec<Option<String>> {
        if self.source.is_served_at_base_url() {
            keys.iter()
                .map(|key| Some(self.source.asset_url(key)))
                .collect()
        } else if self.source.thumbnail_url.is_some() {
            vec![None; keys.len()]
        } else {
            self.previews.urls(keys).await
        }
    }
}

impl AppState {
    /// Updates the status board from the index, for a process that does not write the index itself.
    ///
    /// Blocks on disk reads.
    pub(crate) fn refresh_board(&self) {
        let snapshot = match self.index.snapshot() {
            Ok(snapshot) => snapshot,
            Err(SearchError::NoIndex { .. }) => return self.board.set_index(IndexHealth::Opening),
            Err(error) => {
                return self.board.set_index(IndexHealth::Failed(error.to_string()));
            }
        };
        let catalog = self.catalog();
        let names: Vec<_> = catalog.sources.iter().map(|it| &*it.source.name).collect();
        self.board.retain(&names, &[]);
        for entry in &catalog.sources {
            let source = &entry.source;
            let on_board = self.board.source(&source.name);
            on_board.set_settings(SourceSettings {
                bucket: source.bucket.clone(),
                prefix: source.prefix.clone(),
                subdomain: source.subdomain.clone(),
                queue_url: None,
                scan_interval: Some(entry.scan_interval),
            });
            let status = DeploymentStatus::of(Some(&snapshot), source);
            on_board.set_phase(status.phase);
            on_board.set_complete_as_of(status.complete_as_of);
            if let Ok(Some(assets)) = count_assets(Some(&snapshot), source, &Deadline::never()) {
                on_board.tally.set_assets(assets);
            }
        }
        self.board.set_index(match self.damage_in(&snapshot) {
            None => IndexHealth::Open,
            Some(error) => IndexHealth::Failed(error),
        });
    }

    /// Marks the index as failed because a search found damage in it.
    ///
    /// If the damage belongs to a snapshot, the mark lasts until there is a newer commit; otherwise until
    /// the board is next updated. The daemon also clears it when it opens the index again.
    pub(crate) fn record_damage(&self, snapshot: Option<&Arc<Snapshot>>, error: String) {
        self.board.set_index(IndexHealth::Failed(error.clone()));
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        *damage = snapshot.map(|snapshot| (Arc::downgrade(snapshot), error));
    }

    fn damage_in(&self, snapshot: &Arc<Snapshot>) -> Option<String> {
        let damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        let (damaged, error) = damage.as_ref()?;
        std::ptr::eq(damaged.as_ptr(), Arc::as_ptr(snapshot)).then(|| error.clone())
    }
}

/// The id of a Source in `/api/v1`: the first 24 hex digits (96 bits) of the XXH3-128 hash of its name.
///
/// It depends only on the name, so it survives restarts and rebuilds. Clients store it: never change it.
pub(crate) fn source_id(name: &str) -> String {
    format!("{:032x}", xxh3_128(name.as_bytes()))[..24].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_ids_never_change() {
        for (name, id) in [
            ("photos", "7671451c326f8be647913840"),
            ("a", "a96faf705af16834e6c632b6"),
        ] {
            assert_eq!(source_id(name), id, "{name}");
        }
    }
}
