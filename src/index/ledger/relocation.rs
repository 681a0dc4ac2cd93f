//! A move: a Source gets another bucket or prefix. Its former assets stay until the new location has an asset.
//!
//! Until then, searches find the former assets, and nothing about the new location is durable. If a scan of the
//! new location finds no asset at all, the bucket or prefix is probably wrong. Then the former assets stay until
//! the configuration changes, an asset appears, or an operator confirms that the location is empty.

use super::page::PageReport;
use super::{Ledger, Scan, ScanPlan};
use crate::core::replication::checkpoint::StaleRecords;
use crate::core::replication::source_state::{QueueId, SourceId, SourceState};
use crate::core::replication::timestamp::Timestamp;
use crate::index::{Engine, IndexError};

/// A scan of a new location that has shown no asset yet.
pub(super) struct Relocation {
    /// The state that the Source gets when the move begins: it holds the progress of the scan.
    state: SourceState,
    /// The number of assets from the former location that searches find.
    former_assets: u64,
    /// Whether the move also begins if the new location has no asset.
    allow_empty: bool,
    /// The queue whose events are received when the move begins.
    queue: Option<QueueId>,
}

impl Relocation {
    /// The ranges to list.
    pub(super) fn plan(&self) -> ScanPlan {
        ScanPlan::of(&self.state, false)
    }
}

impl<E: Engine> Ledger<E> {
    /// Prepares the move of a Source to the location of the scan. Changes nothing in the index.
    pub(super) fn prepare_move(
        &mut self,
        id: SourceId,
        scan: &Scan,
        allow_empty: bool,
        queue: Option<QueueId>,
    ) -> Result<Relocation, IndexError> {
        let mut state = self.state(id)?.clone();
        scan.with_identity(|identity| state.adopt(identity));
        state.begin_scan(scan.source.listed_ranges());
        Ok(Relocation {
            former_assets: self.assets_to_lose(id, &scan.source.name)?,
            state,
            allow_empty,
            queue,
        })
    }

    /// If the page is from a scan of a new location, begins the move if the page shows an asset, and only notes
    /// the page otherwise. Returns whether the page must be applied.
    ///
    /// A page without an asset says nothing that the index could hold, because the new location has no records
    /// yet.
    pub(super) fn begin_move_at(&mut self, page: &PageReport) -> Result<bool, IndexError> {
        let Some(relocation) = self.relocation_mut(page.source) else {
            return Ok(true);
        };
        let state = &mut relocation.state;
        if page.scan != state.last_scan {
            return Ok(true);
        }
        if page.admitted.is_empty() && relocation.former_assets > 0 {
            state.note_page(page.listed_at);
            if let (Some(listed), Some(running)) = (&page.listed, &mut state.running) {
                running.advance(listed);
            }
            return Ok(false);
        }
        self.begin_move(page.source)?;
        Ok(true)
    }

    /// If the scan is of a new location and has shown no asset, begins the move if that is allowed.
    ///
    /// # Errors
    ///
    /// - [`IndexError::NotComplete`] if a range is not listed to its end.
    /// - [`IndexError::NothingAtNewLocation`] if the former assets stay. Then the scan is discarded.
    pub(super) fn begin_move_without_assets(&mut self, id: SourceId) -> Result<(), IndexError> {
        let Some(relocation) = self.relocation_mut(id) else {
            return Ok(());
        };
        relocation.state.clone().complete_scan()?;
        let assets = relocation.former_assets;
        if assets == 0 || relocation.allow_empty {
            return self.begin_move(id);
        }
        let scan = self.scans.remove(&id);
        let scan = scan.expect("relocation_mut has found the scan");
        Err(IndexError::NothingAtNewLocation {
            source_name: scan.source.name.clone(),
            bucket: scan.source.bucket.clone(),
            prefix: scan.source.prefix.clone(),
            assets,
        })
    }

    /// The start of the scan of a new location that has shown no asset yet.
    pub(super) fn move_started(&mut self, id: SourceId) -> Option<Timestamp> {
        let running = self.relocation_mut(id)?.state.running.as_ref()?;
        running.started
    }

    /// Lets no events count as followed when the move of a Source begins, because some may be lost.
    pub(super) fn follow_nothing_after_move(&mut self, id: SourceId) {
        if let Some(relocation) = self.relocation_mut(id) {
            relocation.queue = None;
        }
    }

    fn relocation_mut(&mut self, id: SourceId) -> Option<&mut Relocation> {
        self.scans.get_mut(&id)?.relocation.as_mut()
    }

    /// Removes the records of the former location, and begins the scan of the new one with the progress that it
    /// has already made.
    fn begin_move(&mut self, id: SourceId) -> Result<(), IndexError> {
        let Some(mut scan) = self.scans.remove(&id) else {
            return Ok(());
        };
        if let Some(relocation) = scan.relocation.take() {
            self.announce_move(&scan.source.name, relocation.former_assets);
            self.remove_stale_records(id, &scan, StaleRecords::Everything)?;
            if self.dry_run {
                scan.hidden = StaleRecords::Everything;
            }
            let state = self.state(id)?;
            scan.with_identity(|identity| state.adopt(identity));
            state.last_scan = relocation.state.last_scan;
            state.newest_page = relocation.state.newest_page;
            state.running = relocation.state.running;
            self.moving.remove(&id);
            if let Some(tally) = self.tallies.get(&id) {
                tally.set_former_assets(0);
            }
            let (progress, former) = (&scan.progress, relocation.former_assets);
            progress.former.raise_to(former);
            progress.lost_at_once.raise_to(former);
            progress.assets_before.raise_to(former);
            scan.removed_before = progress.removed.get();
            scan.is_large_removal = former > 0;
            if let Some(queue) = relocation.queue {
                self.follow_from_now(id, queue)?;
            }
            self.checkpoint_changed = true;
        }
        self.scans.insert(id, scan);
        Ok(())
    }
}
