//! Why a key is or is not searchable: one sentence from the facts.
//!
//! It asks nobody anything, and no clock: every case is a line of a test.

use std::fmt;

use super::explanation::{
    BucketState, Explanation, IndexState, IndexedSource, ObjectDetails, RecordDetails,
};
use crate::core::query::hit::rfc3339;
use crate::core::replication::timestamp::Timestamp;

/// Whether search finds a key, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Found, and the index says what the bucket says.
    Matches,
    /// Found, with the content that the bucket says; what an event does not tell (storage class, and
    /// last-modified to the millisecond) is as the event left it.
    MatchesEvent(NextUpdate),
    /// Found; the bucket has not been heard.
    Unchecked,
    /// Found, and the bucket says otherwise by now.
    Differs(NextUpdate),
    /// Found, and no longer in the bucket.
    Gone(NextUpdate),
    /// Found, by rules that have changed since; this is what the rules say now.
    NoLongerAdmitted(String),
    /// Not found: the Source is disabled.
    Disabled,
    /// Not found: the key is none of the Source's, whose keys start with this.
    OutsidePrefix(String),
    /// Not found: the rules do not admit it; which one, in words.
    NotAdmitted(String),
    /// Not found: the bucket has nothing under the key.
    NotInBucket,
    /// Not found: there is no index.
    NoIndex,
    /// Not found: no scan of the Source has begun.
    NeverScanned,
    /// Not found: the records are of another bucket or folder, and searched no more.
    SourceMoved,
    /// Not found: it is in the bucket, and not in the index yet.
    NotIndexedYet(NextUpdate),
    /// Not found: it is in the bucket, and removed by what the index knows.
    MarkedRemoved(NextUpdate),
    /// Not found: it is not in the index, or removed there; the bucket has not been heard.
    NotInIndex {
        /// Whether there is a tombstone.
        removed: bool,
    },
    /// It cannot be told, because the index cannot be read.
    IndexUnreadable,
}

/// What brings the index in line with the bucket next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NextUpdate {
    /// The scan that is under way.
    RunningScan,
    /// What happens when the rules that have changed are taken over.
    NewRules,
    /// An event, or the next scan.
    EventOrScan {
        /// When the daemon scans at the latest.
        due_by: Option<Timestamp>,
    },
    /// The next scan.
    Scan {
        /// When the daemon scans at the latest.
        due_by: Option<Timestamp>,
    },
}

/// Decides from the facts alone.
pub(crate) fn verdict(explanation: &Explanation) -> Verdict {
    if !explanation.enabled {
        return Verdict::Disabled;
    }
    if explanation.path.is_none() {
        return Verdict::OutsidePrefix(explanation.prefix.clone());
    }
    let without_record = match &explanation.index {
        IndexState::Failed { .. } => return Verdict::IndexUnreadable,
        IndexState::NoIndex => Verdict::NoIndex,
        IndexState::UnknownSource => Verdict::NeverScanned,
        IndexState::Known(known) if known.other_place.is_some() => Verdict::SourceMoved,
        IndexState::Known(known) if known.live().is_some() => return why_found(explanation, known),
        IndexState::Known(known) => why_not_indexed(explanation, known),
    };
    match explanation.bucket {
        _ if !explanation.admitted => Verdict::NotAdmitted(explanation.rule.clone()),
        BucketState::Absent => Verdict::NotInBucket,
        _ => without_record,
    }
}

fn why_found(explanation: &Explanation, known: &IndexedSource) -> Verdict {
    if !explanation.admitted {
        return Verdict::NoLongerAdmitted(explanation.rule.clone());
    }
    match &explanation.bucket {
        BucketState::NotAsked | BucketState::Failed { .. } => Verdict::Unchecked,
        BucketState::Absent => Verdict::Gone(next_update(explanation, known)),
        BucketState::Present(object) if known.live() == Some(object) => Verdict::Matches,
        BucketState::Present(object) if is_same_content(object, known) => {
            Verdict::MatchesEvent(match next_update(explanation, known) {
                NextUpdate::EventOrScan { due_by } => NextUpdate::Scan { due_by },
                other => other,
            })
        }
        BucketState::Present(_) => Verdict::Differs(next_update(explanation, known)),
    }
}

/// Whether an event has told what the bucket says, as far as events tell.
fn is_same_content(object: &ObjectDetails, known: &IndexedSource) -> bool {
    let is_told = |record: &RecordDetails| record.event_time > record.listed_at;
    let told = known.record.as_ref().is_some_and(is_told);
    let same = |live: &ObjectDetails| live.size == object.size && live.etag == object.etag;
    told && known.live().is_some_and(same)
}

fn why_not_indexed(explanation: &Explanation, known: &IndexedSource) -> Verdict {
    // A record that is not live is a tombstone.
    let removed = known.record.is_some();
    match (&explanation.bucket, removed) {
        (BucketState::Present(_), true) => Verdict::MarkedRemoved(next_update(explanation, known)),
        (BucketState::Present(_), false) => Verdict::NotIndexedYet(next_update(explanation, known)),
        _ => Verdict::NotInIndex { removed },
    }
}

fn next_update(explanation: &Explanation, known: &IndexedSource) -> NextUpdate {
    let due_by = known.scan_due_by;
    match &known.scan {
        Some(scan) if scan.has_key_ahead => NextUpdate::RunningScan,
        _ if known.other_rules => NextUpdate::NewRules,
        _ if explanation.has_events => NextUpdate::EventOrScan { due_by },
        _ => NextUpdate::Scan { due_by },
    }
}

impl Verdict {
    /// Whether search finds the key; `None` where that cannot be told.
    pub(crate) fn is_searchable(&self) -> Option<bool> {
        match self {
            Self::IndexUnreadable => None,
            Self::Matches
            | Self::MatchesEvent(_)
            | Self::Unchecked
            | Self::Differs(_)
            | Self::Gone(_)
            | Self::NoLongerAdmitted(_) => Some(true),
            _ => Some(false),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.is_searchable() {
            Some(true) => "searchable",
            Some(false) => "not searchable: ",
            None => "not to be told: ",
        })?;
        match self {
            Self::Matches => f.write_str(", and the index says what the bucket says"),
            Self::MatchesEvent(next) => write!(
                f,
                ", with the bucket's content; last-modified and storage class are as an event told \
                 them, and {next} brings the bucket's"
            ),
            Self::Unchecked => f.write_str("; whether the bucket still says so is not known"),
            Self::Differs(next) => {
                write!(
                    f,
                    ", but the bucket says otherwise by now; {next} brings that"
                )
            }
            Self::Gone(next) => {
                write!(f, ", but no longer in the bucket; {next} removes it")
            }
            Self::NoLongerAdmitted(rule) => write!(
                f,
                ", but {rule}; it goes when the daemon takes these rules over, or with the next \
                 reindex"
            ),
            Self::Disabled => f.write_str("the Source is disabled (enabled = false)"),
            Self::OutsidePrefix(prefix) => {
                write!(f, "the key is not under the Source's prefix {prefix:?}")
            }
            Self::NotAdmitted(rule) => f.write_str(rule),
            Self::NotInBucket => f.write_str("the bucket has nothing under this key"),
            Self::NoIndex => f.write_str("there is no index yet; `asset-indexer reindex` makes it"),
            Self::NeverScanned => f.write_str("no scan of the Source has begun yet"),
            Self::SourceMoved => f.write_str(
                "bucket or prefix of the Source have changed, and no scan of the new place has \
                 begun yet",
            ),
            Self::NotIndexedYet(next) => {
                write!(
                    f,
                    "it is in the bucket and not in the index yet; {next} brings it"
                )
            }
            Self::MarkedRemoved(next) => write!(
                f,
                "it is in the bucket, but removed by what the index knows; {next} brings it"
            ),
            Self::NotInIndex { removed: false } => {
                f.write_str("the index does not have it; whether the bucket has is not known")
            }
            Self::NotInIndex { removed: true } => f.write_str(
                "it was removed, by what the index knows; whether the bucket has it is not known",
            ),
            Self::IndexUnreadable => f.write_str("the index cannot be read"),
        }
    }
}

impl fmt::Display for NextUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let due_by = match self {
            Self::RunningScan => return f.write_str("the scan that is under way"),
            Self::NewRules => return f.write_str("the scan that the changed rules call for"),
            Self::EventOrScan { due_by } => {
                f.write_str("an event that is still to come, or else the next scan")?;
                due_by
            }
            Self::Scan { due_by } => {
                f.write_str("the next scan")?;
                due_by
            }
        };
        match due_by {
            Some(due_by) => write!(f, " (the daemon's is due by {})", rfc3339(*due_by)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
