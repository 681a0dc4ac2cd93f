//! What is known of one key: by the configuration, by the bucket, by the index.
//!
//! Explanation only; what follows from them is `verdict`. All of it can be shown as JSON.

use serde::{Serialize, Serializer};

use crate::core::query::hit::rfc3339;
use crate::core::replication::object::Object;
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::{RunningScan, SourceState};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::Source;

/// What is known of one key of a Source. Stamps are RFC 3339 in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Explanation {
    /// The name of the Source.
    pub source: String,
    /// Whether the Source is listed, followed and searched.
    pub enabled: bool,
    /// Whether events are configured for the Source.
    pub has_events: bool,
    /// What all keys of the Source start with.
    pub prefix: String,
    /// The key, byte for byte.
    pub key: String,
    /// Its asset path; `None` for a key that is not under the prefix.
    pub path: Option<String>,
    /// Where it is served if it is an asset; `None` for a key that is not under the prefix.
    pub url: Option<String>,
    /// Whether the rules admit it.
    pub admitted: bool,
    /// Which rule decided so, in words.
    pub rule: String,
    /// What the bucket has under the key now.
    pub bucket: BucketState,
    /// What the index has.
    pub index: IndexState,
}

/// What the bucket has under the key now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum BucketState {
    /// It was not asked.
    NotAsked,
    /// It could not be told.
    Failed {
        /// Why not.
        error: String,
    },
    /// Nothing.
    Absent,
    /// This object.
    #[serde(rename = "there")]
    Present(ObjectDetails),
}

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ObjectDetails {
    /// Bytes.
    pub size: u64,
    /// The entity tag, without quotes.
    pub etag: Option<String>,
    /// When S3 last changed the object.
    #[serde(serialize_with = "stamp")]
    pub last_modified: Timestamp,
    /// The storage class, by the name that S3 gives it.
    pub storage_class: String,
}

/// What the index has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum IndexState {
    /// There is no index yet.
    NoIndex,
    /// It could not be told.
    Failed {
        /// Why not.
        error: String,
    },
    /// Nothing of this Source, of which no scan has begun yet.
    UnknownSource,
    /// The Source.
    Known(Box<IndexedSource>),
}

/// What the index knows of the Source, and of the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct IndexedSource {
    /// Start of the newest completed scan.
    #[serde(serialize_with = "optional_stamp")]
    pub complete_as_of: Option<Timestamp>,
    /// When the daemon scans the Source again at the latest; `None` where no scan has completed.
    #[serde(serialize_with = "optional_stamp")]
    pub scan_due_by: Option<Timestamp>,
    /// The scan that is under way, if any.
    pub scan: Option<ScanDetails>,
    /// Where the records are from, if that is not the bucket and the prefix of the configuration.
    pub other_place: Option<BucketLocation>,
    /// Whether the records were chosen by other rules than those of the configuration.
    pub other_rules: bool,
    /// The record of the key.
    pub record: Option<RecordDetails>,
}

/// A scan that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ScanDetails {
    /// Its number.
    pub number: u64,
    /// Its start; `None` until its first page is in.
    #[serde(serialize_with = "optional_stamp")]
    pub started: Option<Timestamp>,
    /// Whether it has yet to list the key; if not, it has done so, or does not list it at all.
    pub has_key_ahead: bool,
}

/// A folder of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct BucketLocation {
    /// Store and bucket.
    pub origin: String,
    /// What all keys start with.
    pub prefix: String,
}

/// The record of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RecordDetails {
    /// Whether there is an object under the key.
    pub content: IndexedContent,
    /// `eventTime` of the newest event applied.
    #[serde(serialize_with = "optional_stamp")]
    pub event_time: Option<Timestamp>,
    /// Sequencer of the newest event applied.
    pub sequencer: Option<String>,
    /// Timestamp of the page that last wrote the record.
    #[serde(serialize_with = "optional_stamp")]
    pub listed_at: Option<Timestamp>,
}

/// Whether there is an object under the key, by the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum IndexedContent {
    /// There is.
    Live {
        /// The object.
        object: ObjectDetails,
        /// When the index first saw it since it was last removed.
        #[serde(serialize_with = "stamp")]
        first_seen: Timestamp,
    },
    /// A tombstone: it was removed.
    Tombstone {
        /// The number of the scan during or after which that was written.
        scan: u64,
    },
}

impl From<&Object> for ObjectDetails {
    fn from(object: &Object) -> Self {
        Self {
            size: object.size,
            etag: object.etag.as_ref().map(|etag| etag.to_text()),
            last_modified: object.last_modified,
            storage_class: object.storage_class.name().to_owned(),
        }
    }
}

impl From<&Record> for RecordDetails {
    fn from(record: &Record) -> Self {
        let content = match &record.content {
            RecordContent::Live { object, first_seen } => IndexedContent::Live {
                object: object.into(),
                first_seen: *first_seen,
            },
            RecordContent::Removed { scan } => IndexedContent::Tombstone { scan: *scan },
        };
        Self {
            content,
            event_time: record.event_time,
            sequencer: record.sequencer.as_ref().map(|it| it.digits().to_owned()),
            listed_at: record.listed_at,
        }
    }
}

impl IndexedSource {
    /// What follows from the Source's state; `every_millis` is the longest time between two scans.
    pub(super) fn new(
        state: &SourceState,
        source: &Source,
        key: &str,
        record: Option<&Record>,
        every_millis: i64,
    ) -> Self {
        let is_same_place = state.origin == source.origin() && state.prefix == source.prefix;
        let due = |as_of: Timestamp| {
            Timestamp::from_millis(as_of.as_millis().saturating_add(every_millis))
        };
        let scan = |running: &RunningScan| ScanDetails {
            number: state.last_scan,
            started: running.started,
            has_key_ahead: has_ahead(running, key),
        };
        Self {
            complete_as_of: state.complete_as_of,
            scan_due_by: state.complete_as_of.map(due),
            scan: state.running.as_ref().map(scan),
            other_place: (!is_same_place).then(|| BucketLocation {
                origin: state.origin.clone(),
                prefix: state.prefix.clone(),
            }),
            other_rules: state.scope != source.admission_fingerprint(),
            record: record.map(RecordDetails::from),
        }
    }

    /// The object that search finds, if the index holds one under the key.
    pub(crate) fn live(&self) -> Option<&ObjectDetails> {
        match &self.record.as_ref()?.content {
            IndexedContent::Live { object, .. } => Some(object),
            IndexedContent::Tombstone { .. } => None,
        }
    }
}

/// Whether the key lies in what the scan has left to list.
fn has_ahead(running: &RunningScan, key: &str) -> bool {
    let mut open = running.ranges.iter().filter(|range| !range.done);
    open.any(|range| range.rest.interval().contains(key))
}

fn stamp<S: Serializer>(stamp: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*stamp))
}

fn optional_stamp<S: Serializer>(
    stamp: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    stamp.map(rfc3339).serialize(serializer)
}
