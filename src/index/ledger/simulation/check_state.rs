//! Facts about the history so far that the checks need in addition to the current state of the world.

use std::collections::BTreeMap;

use super::checks::Shown;
use crate::core::replication::interval::{KeyInterval, KeyRange};
use crate::core::replication::listing::PageEntry;
use crate::core::replication::timestamp::Timestamp;
use crate::index::ledger::LookUpReport;

/// A listed page of a scan.
#[derive(Clone, Debug)]
pub(super) struct ListedPage {
    pub(super) scan: u64,
    pub(super) interval: KeyInterval,
    pub(super) admitted: Vec<PageEntry>,
    pub(super) listed_at: Timestamp,
    pub(super) listed: Option<KeyRange>,
}

/// Which assets the current step may remove.
#[derive(Clone, Debug, Default)]
pub(super) enum MayRemove {
    #[default]
    Nothing,
    /// This key, because of a removal event or a page of this key only.
    Key(&'static str),
    /// The keys of the interval that are not listed, because of a page.
    Unlisted(KeyInterval, Vec<String>),
    /// Any key, because of a restart or new rules.
    Anything,
}

#[derive(Clone, Debug, Default)]
pub(super) struct CheckState {
    pub(super) may_remove: MayRemove,
    /// The keys that the index showed after the previous step.
    pub(super) shown: Shown,
    /// Whether messages were lost or discarded, so that only a later scan makes the index right.
    pub(super) has_losses: bool,
    /// Whether a complete scan has found all losses. The next commit makes that durable.
    pub(super) found_losses: bool,
    /// When the rules changed last, or 0.
    pub(super) new_rules_at: i64,
    /// The timestamp of the newest page of each key that was applied.
    newest_pages: BTreeMap<&'static str, Timestamp>,
    /// The same for pages whose effect is durable.
    durable_pages: BTreeMap<&'static str, Timestamp>,
    commits: u64,
    /// The applied pages and look-ups, to apply them again.
    pub(super) pages: Vec<ListedPage>,
    pub(super) look_ups: Vec<LookUpReport>,
    /// Whether `pages` and `look_ups` are filled.
    pub(super) keeps_applied: bool,
    /// Number of applied events, for [`super::fault::Fault::SequencersAreIgnored`].
    pub(super) applied_events: u64,
}

impl CheckState {
    pub(super) fn note_loss(&mut self) {
        (self.has_losses, self.found_losses) = (true, false);
    }

    pub(super) fn note_page(&mut self, key: &'static str, listed_at: Timestamp) {
        let newest = self.newest_pages.entry(key).or_insert(listed_at);
        *newest = listed_at.max(*newest);
    }

    /// The timestamp of the newest page of the key whose effect is durable.
    pub(super) fn durable_page(&self, key: &str) -> Option<Timestamp> {
        self.durable_pages.get(key).copied()
    }

    /// Notes that pages are durable after a commit. The ledger is also clean if a pending change was undone
    /// before any commit.
    pub(super) fn note_commits(&mut self, commits: u64, is_clean: bool) {
        if is_clean || commits > self.commits {
            self.commits = commits;
            self.has_losses &= !std::mem::take(&mut self.found_losses);
            self.durable_pages.clone_from(&self.newest_pages);
        }
    }

    pub(super) fn restart(&mut self) {
        self.newest_pages.clone_from(&self.durable_pages);
        self.may_remove = MayRemove::Anything;
        self.found_losses = false;
        // A restart ends the scans and look-ups that requested the pages.
        self.pages.clear();
        self.look_ups.clear();
    }
}
