//! One commit of the index, as it is searched.
//!
//! It never changes, and needs none of its files any more: whoever holds one sees the same assets
//! until it is dropped, whatever is committed, merged or rebuilt meanwhile.

use crate::index::Engine;
use crate::index::live::Live;
use crate::source::Source;
use crate::source::address::{DEFAULT_BASE_URL, base_url};
use crate::sync::checkpoint::Checkpoint;
use crate::sync::interval::KeyInterval;
use crate::sync::source_state::SourceState;

use super::SearchError;

/// One commit of the index; immutable.
pub struct View {
    pub(super) live: Live,
    checkpoint: Checkpoint,
}

impl View {
    pub(super) fn of(live: Live) -> Result<Self, SearchError> {
        Ok(Self {
            checkpoint: live.engine.checkpoint()?,
            live,
        })
    }

    /// What the index knows of its Sources: their scans, and since when each is complete.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The Sources that the index holds anything of, for whoever has no configuration.
    ///
    /// Of a Source an index knows the name, the bucket, the prefix and the newest subdomain: URLs are
    /// made with the default address, whatever `base_url` the configuration has.
    pub fn sources(&self) -> Result<Vec<Source>, SearchError> {
        let mut sources = Vec::with_capacity(self.checkpoint.sources.len());
        for state in &self.checkpoint.sources {
            // One that was taken out of the configuration stays known for its subdomains.
            let is_listed = state.complete_as_of.is_some() || state.running.is_some();
            let everything = KeyInterval::everything();
            if is_listed || self.live.engine.estimate(state.id, &everything)? > 0 {
                sources.push(source_of(state));
            }
        }
        Ok(sources)
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
