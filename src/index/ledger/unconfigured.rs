//! Sources that are no longer configured: announces them, and removes their records.

use std::sync::Arc;

use super::Ledger;
use crate::core::replication::source_state::SourceId;
use crate::core::source::Source;
use crate::index::{Engine, IndexError};

/// A Source that is no longer configured, and therefore loses its assets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnconfiguredSource {
    /// The name that it had in the configuration.
    pub name: String,
    /// The number of assets that it loses.
    pub assets: u64,
}

impl<E: Engine> Ledger<E> {
    /// Removes the records of all Sources that are not in `configured`, and logs each Source that loses
    /// assets. Their subdomains stay bound. Commits. Returns the Sources that lose assets.
    ///
    /// # Errors
    ///
    /// [`IndexError::Binding`] if a subdomain of `configured` is bound to another Source. Then nothing is
    /// removed: the owner of the subdomain was probably renamed by mistake.
    pub fn remove_unconfigured(
        &mut self,
        configured: &[Arc<Source>],
    ) -> Result<Vec<UnconfiguredSource>, IndexError> {
        let names_and_subdomains = configured
            .iter()
            .map(|source| (source.name.as_str(), source.subdomain.as_str()));
        let unconfigured: Vec<(SourceId, String)> = self
            .checkpoint
            .unconfigured(names_and_subdomains)?
            .into_iter()
            .map(|state| (state.id, state.name.clone()))
            .collect();
        let mut losers = Vec::new();
        for (id, name) in unconfigured {
            let state = self.state(id)?;
            // Events can add records before the first scan.
            if state.last_scan == 0 && state.events == 0 {
                continue;
            }
            let assets = self.assets_to_lose(id, &name)?;
            if assets > 0 {
                self.announce_unconfigured(&name, assets);
                losers.push(UnconfiguredSource { name, assets });
            }
            self.erase_and_forget(id, None, |_, _| true)?;
        }
        self.commit()?;
        Ok(losers)
    }

    /// The number of the Source's assets that a search finds now. During a rebuild, searches still use the
    /// previous index.
    pub(super) fn assets_to_lose(&self, id: SourceId, name: &str) -> Result<u64, IndexError> {
        match &self.previous {
            Some(previous) => Ok(previous.assets_of(name)),
            None => self.engine.assets(id),
        }
    }
}
