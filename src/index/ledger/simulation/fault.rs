//! Faults: deliberately broken protocols and rules. The simulation must detect each of them.

/// A fault to simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A message is acknowledged while its effect is only pending.
    AcknowledgeBeforeCommit,
    /// A message is acknowledged after its key was listed, even if the page is too old to settle the event.
    OldPagesSettleEvents,
    /// The page of a look-up is applied like the page of a scan, so it leaves no floor for earlier events.
    LookUpsLeaveNoFloor,
    /// The timestamp of a look-up's page is later than its snapshot.
    LookUpsHaveLateTimestamps,
    /// Every event counts as newer than the events received before.
    SequencersAreIgnored,
    /// The first page of a range counts as the whole range.
    FirstPageEndsRange,
    /// After a crash, a scan continues after pages that were not committed.
    ScansContinueAfterLostPages,
}
