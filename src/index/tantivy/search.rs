//! Answers a search from one snapshot: hits from columns, merged over segments and Sources.
//!
//! What the query means to tantivy is said in `translation`.

use super::hits::{Hits, Stream};
use super::ranking::Ranking;
use super::translation::Translation;
use super::watch::Watch;
use super::{TantivyEngine, failure};
use crate::index::{Engine, IndexError};
use crate::query::{Query, Sort};
use crate::source::Source;

/// The hits of a search, and how many there are in all.
pub struct Results<'a> {
    /// All that match.
    pub total: u64,
    /// The first of them.
    pub hits: Hits<'a>,
}

impl TantivyEngine {
    /// The first `limit` assets of the Sources that the query finds; a Source that the index does
    /// not know has none.
    pub fn search<'a>(
        &'a self,
        query: &Query,
        sources: impl IntoIterator<Item = &'a Source>,
        sort: Sort,
        limit: usize,
    ) -> Result<Results<'a>, IndexError> {
        let checkpoint = self.checkpoint()?;
        let watch = Watch::without_deadline();
        let (mut total, mut streams) = (0, Vec::new());
        for source in sources {
            // Records of another bucket or folder than the configuration's are none of its assets.
            let state = checkpoint
                .source(&source.name)
                .filter(|state| state.origin == source.origin() && state.prefix == source.prefix);
            let Some(state) = state else { continue };
            let translation = Translation {
                snapshot: self.snapshot(),
                fields: self.fields(),
                source,
                id: state.id,
                watch: &watch,
            };
            let found = self
                .snapshot()
                .searcher
                .search(&*translation.query(query)?, &Ranking { sort, limit })
                .map_err(failure::of("search the index"))?;
            if let Some(fault) = watch.fault() {
                return Err(fault.clone());
            }
            total += found.total;
            streams.extend(
                found
                    .segments
                    .into_iter()
                    .map(|first| Stream::new(source, first)),
            );
        }
        let hits = Hits::merge(self, streams, sort, limit)?;
        Ok(Results { total, hits })
    }
}
