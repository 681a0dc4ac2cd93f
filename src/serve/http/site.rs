//! What HTTP answers from: the board, the index, and the Sources of the present configuration.
//!
//! It changes nothing. Whoever loads a new configuration puts it in; requests that are under way end
//! with the one that they began with.

use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use xxhash_rust::xxh3::xxh3_128;

use super::api::standing::{Standing, assets};
use crate::aws::bucket::preview::Previews;
use crate::config::Config;
use crate::core::source::Source;
use crate::observe::status::{Board, IndexHealth, SourceFacts};
use crate::search::{Deadline, SearchError, SearchIndex, Snapshot};

/// What HTTP answers from; share it in an [`Arc`].
pub(crate) struct AppState {
    /// What the daemon is doing.
    pub board: Arc<Board>,
    /// The index, read-only.
    pub(super) index: SearchIndex,
    /// How long a search may take, its wait for a permit included.
    pub(super) timeout: Duration,
    /// One for each search that may run.
    pub(super) permits: Arc<Semaphore>,
    catalog: RwLock<Arc<Catalog>>,
    /// The snapshot in which a search has found damage, and what it found.
    damage: Mutex<Option<(Weak<Snapshot>, String)>>,
}

/// The Sources of a configuration.
pub(crate) struct Catalog {
    /// In the order of the configuration.
    pub sources: Vec<Listed>,
    /// The longest time between two scans.
    pub reconcile_every: Duration,
}

/// A Source as HTTP shows it.
pub(crate) struct Listed {
    /// The Source.
    pub source: Arc<Source>,
    /// By which imgix's clients name it; see [`id_of`].
    pub id: String,
    previews: Previews,
}

impl AppState {
    /// Of a configuration; that there is no index yet is no error.
    pub(crate) fn new(board: Arc<Board>, config: &Config) -> Result<Arc<Self>, SearchError> {
        let index = SearchIndex::open(&config.data_dir)?.max_age(config.search.refresh);
        Ok(Arc::new(Self {
            board,
            index,
            timeout: config.search.timeout,
            permits: Arc::new(Semaphore::new(config.search.concurrent_searches)),
            catalog: RwLock::new(Arc::new(Catalog::of_config(config))),
            damage: Mutex::default(),
        }))
    }

    /// Of a board alone, without Sources.
    #[cfg(test)]
    pub(crate) fn bare(board: Arc<Board>) -> Arc<Self> {
        Self::of(board, Vec::new())
    }

    /// Of a board and these Sources, with the defaults of a configuration.
    #[cfg(test)]
    pub(crate) fn of(board: Arc<Board>, sources: Vec<Arc<Source>>) -> Arc<Self> {
        let path = board.data_dir.clone();
        let index = SearchIndex::open(&path).unwrap();
        Arc::new(Self {
            index: index.max_age(Duration::ZERO),
            timeout: Duration::from_secs(20),
            permits: Arc::new(Semaphore::new(4)),
            catalog: RwLock::new(Arc::new(Catalog::of(&sources, Duration::from_secs(60)))),
            damage: Mutex::default(),
            board,
        })
    }

    /// The Sources now.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        let catalog = self.catalog.read();
        Arc::clone(&catalog.unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows the Sources of another configuration from now on. Bounds of searches, and where the index
    /// lies, stay as they are.
    pub(crate) fn replace(&self, config: &Config) {
        let catalog = Arc::new(Catalog::of_config(config));
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = catalog;
    }
}

impl Catalog {
    fn of_config(config: &Config) -> Self {
        Self::of(&config.sources, config.scan.reconcile_every)
    }

    fn of(sources: &[Arc<Source>], reconcile_every: Duration) -> Self {
        let listed = |source: &Arc<Source>| Listed {
            source: Arc::clone(source),
            id: id_of(&source.name),
            previews: Previews::new(Arc::clone(source)),
        };
        Self {
            sources: sources.iter().map(listed).collect(),
            reconcile_every,
        }
    }
}

impl Listed {
    /// An address for each key by which a browser can show the asset, as far as there is one: below
    /// the Source's own base address where it has one, else signed for a while.
    pub(crate) async fn preview_urls(&self, keys: &[&str]) -> Vec<Option<String>> {
        if self.source.has_own_address() {
            keys.iter()
                .map(|key| Some(self.source.asset_url(key)))
                .collect()
        } else {
            self.previews.urls(keys).await
        }
    }
}

impl AppState {
    /// Puts on the board what the index, which another process writes, tells of the Sources.
    ///
    /// It reads the disk.
    pub(crate) fn note_index(&self) {
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
        for Listed { source, .. } in &catalog.sources {
            let place = self.board.source(&source.name);
            place.set_facts(SourceFacts {
                bucket: source.bucket.clone(),
                prefix: source.prefix.clone(),
                subdomain: source.subdomain.clone(),
                queue_url: None,
            });
            let standing = Standing::of(Some(&snapshot), source);
            place.set_phase(standing.phase);
            place.set_complete_as_of(standing.complete_as_of);
            if let Ok(Some(assets)) = assets(Some(&snapshot), source, &Deadline::never()) {
                place.tally.set_assets(assets);
            }
        }
        self.board.set_index(match self.damage_in(&snapshot) {
            None => IndexHealth::Open,
            Some(what) => IndexHealth::Failed(what),
        });
    }

    /// Notes that a search has found damage, in the snapshot if it got as far. The index does not count as open any more, until there is
    /// another commit or the daemon has opened it anew.
    pub(crate) fn record_damage(&self, snapshot: Option<&Arc<Snapshot>>, what: String) {
        self.board.set_index(IndexHealth::Failed(what.clone()));
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        *damage = snapshot.map(|snapshot| (Arc::downgrade(snapshot), what));
    }

    fn damage_in(&self, snapshot: &Arc<Snapshot>) -> Option<String> {
        let damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        let (damaged, what) = damage.as_ref()?;
        std::ptr::eq(damaged.as_ptr(), Arc::as_ptr(snapshot)).then(|| what.clone())
    }
}

/// The id of the Source of that name: 24 hex digits, always the same.
///
/// They are the first of its XXH3 hash of 128 bits, so no two names of a configuration share them.
pub(crate) fn id_of(name: &str) -> String {
    format!("{:032x}", xxh3_128(name.as_bytes()))[..24].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_24_hex_digits_for_ever() {
        for (name, id) in [
            ("photos", "7671451c326f8be647913840"),
            ("a", "a96faf705af16834e6c632b6"),
        ] {
            assert_eq!(id_of(name), id, "{name}");
        }
    }
}
