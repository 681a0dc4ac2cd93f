//! What is known of a run besides its state, to judge it.

use std::collections::BTreeMap;

use super::demands::Shown;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::listing::PageEntry;
use crate::core::replication::timestamp::Timestamp;
use crate::index::ledger::LookUpReport;

/// A page of a scan that was applied.
#[derive(Clone, Debug)]
pub(super) struct SeenPage {
    pub(super) scan: u64,
    pub(super) range: usize,
    pub(super) interval: KeyInterval,
    pub(super) admitted: Vec<PageEntry>,
    pub(super) stamp: Timestamp,
    pub(super) settled: Option<String>,
    pub(super) done: bool,
}

/// What makes a live record disappear in the step that is under way.
#[derive(Clone, Debug, Default)]
pub(super) enum MayRemove {
    #[default]
    Nothing,
    /// A removal, or a page of that key alone.
    Key(&'static str),
    /// A page: the keys of the interval but for those listed.
    Unlisted(KeyInterval, Vec<String>),
    /// A restart or new rules.
    Anything,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Witness {
    pub(super) may_remove: MayRemove,
    /// What the index showed after the step before.
    pub(super) shown: Shown,
    /// Whether messages were lost or thrown away: only a later scan makes the index right.
    pub(super) is_lossy: bool,
    /// The newest page of each key that was applied, and durably so.
    paged: BTreeMap<&'static str, Timestamp>,
    paged_durably: BTreeMap<&'static str, Timestamp>,
    commits: u64,
    /// What was applied, to be applied again.
    pub(super) pages: Vec<SeenPage>,
    pub(super) look_ups: Vec<LookUpReport>,
    /// Whether pages and look-ups are kept.
    pub(super) keeps: bool,
    /// How many events were applied, for the fault that numbers them.
    pub(super) arrivals: u64,
}

impl Witness {
    pub(super) fn page_of(&mut self, key: &'static str, stamp: Timestamp) {
        let newest = self.paged.entry(key).or_insert(stamp);
        *newest = stamp.max(*newest);
    }

    /// The newest page of the key whose effect is durable.
    pub(super) fn durable_page_of(&self, key: &str) -> Option<Timestamp> {
        self.paged_durably.get(key).copied()
    }

    /// `is_clean` is also where what was written was erased again before any commit.
    pub(super) fn see_commits(&mut self, commits: u64, is_clean: bool) {
        if is_clean || commits > self.commits {
            self.commits = commits;
            self.paged_durably.clone_from(&self.paged);
        }
    }

    pub(super) fn restart(&mut self) {
        self.paged.clone_from(&self.paged_durably);
        self.may_remove = MayRemove::Anything;
        // Pages do not outlive who asked for them.
        self.pages.clear();
        self.look_ups.clear();
    }
}
