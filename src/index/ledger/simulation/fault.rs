//! Broken protocols and rules, to see that the simulation tells them from the right ones.

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A message is acknowledged although its effect is only pending.
    AcknowledgeBeforeCommit,
    /// A message is acknowledged once its key was listed, however old the page is.
    OldPagesSettle,
    /// The page of a look-up is applied as any other: it leaves no floor.
    LookUpsLeaveNoFloor,
    /// The page of a look-up is stamped later than its snapshot.
    PagesAreStampedLate,
    /// Every event counts as newer than those before.
    SequencersAreIgnored,
    /// The first page of a range counts as all of it.
    FirstPagesEndTheirRanges,
    /// After a crash a scan goes on behind pages that were not committed.
    ScansGoOnBehindLostPages,
}
