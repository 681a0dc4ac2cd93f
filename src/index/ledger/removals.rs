//! Announces removals when they are decided: in the log, and for the metrics if a Source loses more than half of
//! its assets at once.

use super::attach::now_millis;
use super::{Ledger, Scan};
use crate::core::replication::source_state::SourceId;
use crate::core::replication::timestamp::Timestamp;
use crate::index::large_removals::is_large_removal;
use crate::index::{Engine, IndexError};

/// The cause of a removal, for people.
const NEW_RULES: &str = "the rules have changed";
const NEW_LOCATION: &str = "the bucket or prefix has changed";
const SCAN: &str = "a scan did not find them";
const REBUILD: &str = "the new index has fewer";
const UNCONFIGURED: &str = "the Source is no longer configured";

/// Removed assets of one Source.
struct Removal<'a> {
    source: &'a str,
    removed: u64,
    /// The number of assets before.
    of: u64,
    cause: &'static str,
}

impl<E: Engine> Ledger<E> {
    /// Announces that a Source that is no longer configured loses all of its assets.
    pub(super) fn announce_unconfigured(&self, source: &str, assets: u64) {
        if self.dry_run || self.leaves_announcements {
            return;
        }
        tracing::warn!(
            source,
            assets,
            "removing the assets of a Source that is no longer configured"
        );
        self.note_large(&Removal {
            source,
            removed: assets,
            of: assets,
            cause: UNCONFIGURED,
        });
    }

    /// Announces that a Source has lost assets because new rules exclude them.
    pub(super) fn announce_new_rules(&self, source: &str, removed: u64, of: u64) {
        if self.dry_run || self.leaves_announcements || removed == 0 {
            return;
        }
        tracing::info!(
            source,
            assets = removed,
            "removing the assets that the new rules exclude"
        );
        self.note_large(&Removal {
            source,
            removed,
            of,
            cause: NEW_RULES,
        });
    }

    /// Announces that a Source loses the assets of its former bucket or prefix.
    pub(super) fn announce_move(&self, source: &str, assets: u64) {
        if self.dry_run || assets == 0 {
            return;
        }
        tracing::info!(
            source,
            assets,
            "removing the assets of the former bucket or prefix"
        );
        self.note_large(&Removal {
            source,
            removed: assets,
            of: assets,
            cause: NEW_LOCATION,
        });
    }

    /// Announces once that the running scan of a Source has removed more than half of its assets.
    pub(super) fn announce_scan(&mut self, id: SourceId) {
        let Some(scan) = self.scans.get_mut(&id) else {
            return;
        };
        let removed = scan
            .progress
            .removed
            .get()
            .saturating_sub(scan.removed_before);
        if !is_large_removal(removed, scan.assets_before) {
            return;
        }
        scan.progress.lost_at_once.raise_to(removed);
        if std::mem::replace(&mut scan.is_large_removal, true) || self.dry_run {
            return;
        }
        let (name, of) = (scan.source.name.clone(), scan.assets_before);
        self.note_large(&Removal {
            source: &name,
            removed,
            of,
            cause: SCAN,
        });
    }

    /// During a rebuild, announces that a Source has lost more than half of its assets compared with the previous
    /// index. Call it after the commit of its complete scan: the engine counts only committed assets.
    pub(super) fn announce_rebuilt(&self, id: SourceId, scan: &Scan) -> Result<(), IndexError> {
        if self.previous.is_none() || scan.is_large_removal {
            return Ok(());
        }
        let name = &scan.source.name;
        let of = self.assets_to_lose(id, name)?;
        let removed = of.saturating_sub(self.engine.assets(id)?);
        if is_large_removal(removed, of) {
            scan.progress.assets_before.raise_to(of);
            scan.progress.lost_at_once.raise_to(removed);
            self.note_large(&Removal {
                source: name,
                removed,
                of,
                cause: REBUILD,
            });
        }
        Ok(())
    }

    fn note_large(&self, removal: &Removal<'_>) {
        if !is_large_removal(removal.removed, removal.of) {
            return;
        }
        let now = Timestamp::from_millis(now_millis());
        self.large_removals.note(removal.source, now);
        tracing::warn!(
            source = removal.source,
            removed = removal.removed,
            of = removal.of,
            cause = removal.cause,
            "a Source loses more than half of its assets at once"
        );
    }
}
