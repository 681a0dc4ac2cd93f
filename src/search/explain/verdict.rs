//! The verdict: whether a search finds a key, and why, in one sentence.
//!
//! It depends only on the facts. It reads no bucket, no index and no clock.

use std::fmt;

use super::explanation::{
    BucketState, Explanation, IndexState, IndexedSource, ObjectDetails, RecordDetails,
};
use crate::core::query::hit::rfc3339;
use crate::core::replication::timestamp::Timestamp;

/// Whether search finds a key, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Found, and the index matches the bucket.
    Matches,
    /// Found, and the content matches the bucket. The storage class and the last-modified time come from an
    /// event. Events do not report them exactly, so they may differ from the bucket.
    MatchesEvent(NextUpdate),
    /// Found. The state of the bucket is not known.
    Unchecked,
    /// Found, but the object in the bucket is different now.
    Differs(NextUpdate),
    /// Found, but no longer in the bucket.
    Gone(NextUpdate),
    /// Found, but the rules have changed and no longer admit it. The text is the current decision.
    NoLongerAdmitted(String),
    /// Found, but it is an asset of the former bucket or prefix.
    AtFormerLocation,
    /// Not found: the Source is disabled.
    Disabled,
    /// Not found: the key does not start with this prefix of the Source.
    OutsidePrefix(String),
    /// Not found: the rules do not admit it. The text names the rule.
    NotAdmitted(String),
    /// Not found: the bucket has no object with this key.
    NotInBucket,
    /// Not found: there is no index.
    NoIndex,
    /// Not found: no scan of the Source has begun.
    NeverScanned,
    /// Not found: the index still has the records of the former bucket or prefix, and the key is not among them.
    SourceMoved,
    /// Not found: it is in the bucket, but not in the index yet.
    NotIndexedYet(NextUpdate),
    /// Not found: it is in the bucket, but the index has a tombstone for it.
    MarkedRemoved(NextUpdate),
    /// Not found: the index has no live record of it. The state of the bucket is not known.
    NotInIndex {
        /// Whether the index has a tombstone for it.
        removed: bool,
    },
    /// Unknown, because the index cannot be read.
    IndexUnreadable,
}

/// The next event or scan that makes the index match the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NextUpdate {
    /// The running scan.
    RunningScan,
    /// The scan that runs when the daemon applies the changed rules.
    NewRules,
    /// An event, or the next scan.
    EventOrScan {
        /// The latest time at which the daemon scans.
        due_by: Option<Timestamp>,
    },
    /// The next scan.
    Scan {
        /// The latest time at which the daemon scans.
        due_by: Option<Timestamp>,
    },
}

/// Decides whether a search finds the key.
pub(crate) fn verdict(explanation: &Explanation) -> Verdict {
    if !explanation.enabled {
        return Verdict::Disabled;
    }
    if let IndexState::Known(known) = &explanation.index
        && known.other_location.is_some()
        && known.live().is_some()
    {
        return Verdict::AtFormerLocation;
    }
    if explanation.path.is_none() {
        return Verdict::OutsidePrefix(explanation.prefix.clone());
    }
    let without_record = match &explanation.index {
        IndexState::Failed { .. } => return Verdict::IndexUnreadable,
        IndexState::NoIndex => Verdict::NoIndex,
        IndexState::UnknownSource => Verdict::NeverScanned,
        IndexState::Known(known) if known.other_location.is_some() => Verdict::SourceMoved,
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
        BucketState::NotLookedUp | BucketState::Failed { .. } => Verdict::Unchecked,
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

/// Whether the record comes from an event, and has the same size and ETag as the object in the bucket.
fn is_same_content(object: &ObjectDetails, known: &IndexedSource) -> bool {
    let is_from_event = |record: &RecordDetails| record.event_time > record.listed_at;
    let is_same = |live: &ObjectDetails| live.size == object.size && live.etag == object.etag;
    known.record.as_ref().is_some_and(is_from_event) && known.live().is_some_and(is_same)
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
    /// Whether a search finds the key. `None` if that is unknown.
    pub(crate) fn is_searchable(&self) -> Option<bool> {
        match self {
            Self::IndexUnreadable => None,
            Self::Matches
            | Self::MatchesEvent(_)
            | Self::Unchecked
            | Self::Differs(_)
            | Self::Gone(_)
            | Self::NoLongerAdmitted(_)
            | Self::AtFormerLocation => Some(true),
            _ => Some(false),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.is_searchable() {
            Some(true) => "searchable",
            Some(false) => "not searchable: ",
            None => "unknown: ",
        })?;
        match self {
            Self::Matches => f.write_str(", and the index matches the bucket"),
            Self::MatchesEvent(next) => write!(
                f,
                ", and the content matches the bucket; last-modified and storage class come from an \
                 event, and {next} updates them"
            ),
            Self::Unchecked => f.write_str("; it is unknown whether the bucket still matches"),
            Self::Differs(next) => {
                write!(f, ", but the object in the bucket has changed; {next} updates the index")
            }
            Self::Gone(next) => {
                write!(f, ", but no longer in the bucket; {next} removes it")
            }
            Self::NoLongerAdmitted(rule) => write!(
                f,
                ", but {rule}; it is removed when the daemon applies these rules, or by the next \
                 reindex"
            ),
            Self::AtFormerLocation => f.write_str(
                ", but it is an asset of the former bucket or prefix of the Source; it is removed when a scan finds \
                 an asset at the new one",
            ),
            Self::Disabled => f.write_str("the Source is disabled (enabled = false)"),
            Self::OutsidePrefix(prefix) => {
                write!(f, "the key is not under the Source's prefix {prefix:?}")
            }
            Self::NotAdmitted(rule) => f.write_str(rule),
            Self::NotInBucket => f.write_str("the bucket has no object with this key"),
            Self::NoIndex => f.write_str("there is no index yet; run `asset-indexer reindex` to build it"),
            Self::NeverScanned => f.write_str("no scan of the Source has begun yet"),
            Self::SourceMoved => f.write_str(
                "the bucket or prefix of the Source has changed, and no scan has found an asset there yet",
            ),
            Self::NotIndexedYet(next) => {
                write!(
                    f,
                    "it is in the bucket, but not in the index yet; {next} adds it"
                )
            }
            Self::MarkedRemoved(next) => write!(
                f,
                "it is in the bucket, but the index recorded its removal; {next} adds it"
            ),
            Self::NotInIndex { removed: false } => {
                f.write_str("it is not in the index; it is unknown whether it is in the bucket")
            }
            Self::NotInIndex { removed: true } => f.write_str(
                "the index recorded its removal; it is unknown whether it is in the bucket",
            ),
            Self::IndexUnreadable => f.write_str("the index cannot be read"),
        }
    }
}

impl fmt::Display for NextUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let due_by = match self {
            Self::RunningScan => return f.write_str("the running scan"),
            Self::NewRules => return f.write_str("the scan for the changed rules"),
            Self::EventOrScan { due_by } => {
                f.write_str("an event or the next scan")?;
                due_by
            }
            Self::Scan { due_by } => {
                f.write_str("the next scan")?;
                due_by
            }
        };
        match due_by {
            Some(due_by) => write!(f, " (due by {} if the daemon is running)", rfc3339(*due_by)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
