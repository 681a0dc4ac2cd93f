//! The facts about one key, from the configuration, the bucket and the index.
//!
//! This module draws no conclusions; `verdict` does. All types serialize to JSON.

use serde::{Serialize, Serializer};

use crate::core::query::hit::rfc3339;
use crate::core::replication::object::Object;
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::{RunningScan, SourceState};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::Source;

/// The facts about one key of a Source. Timestamps are RFC 3339 in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Explanation {
    /// The name of the Source.
    pub source: String,
    /// Whether the Source is scanned, follows events and is searched.
    pub enabled: bool,
    /// Whether events are configured for the Source.
    pub has_events: bool,
    /// The prefix of all keys of the Source.
    pub prefix: String,
    /// The key, byte for byte.
    pub key: String,
    /// The asset path. `None` if the key is not under the prefix.
    pub path: Option<String>,
    /// The URL that serves it if it is an asset. `None` if the key is not under the prefix.
    pub url: Option<String>,
    /// Whether the rules admit the key.
    pub admitted: bool,
    /// The rule that decided this, in words.
    pub rule: String,
    /// A rule that would change the decision and almost matches, in words.
    pub near_miss: Option<String>,
    /// The key in the bucket.
    pub bucket: BucketState,
    /// The key in the index.
    pub index: IndexState,
}

/// The current state of the key in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum BucketState {
    /// The key was not looked up in the bucket.
    NotLookedUp,
    /// The look-up failed.
    Failed {
        /// The error.
        error: String,
    },
    /// There is no object with this key.
    Absent,
    /// There is an object.
    Present(ObjectDetails),
}

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ObjectDetails {
    /// The size in bytes.
    pub size: u64,
    /// The entity tag, without quotes.
    pub etag: Option<String>,
    /// When S3 last changed the object.
    #[serde(serialize_with = "timestamp")]
    pub last_modified: Timestamp,
    /// The storage class, by its name in S3.
    pub storage_class: String,
}

/// The state of the key in the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum IndexState {
    /// There is no index yet.
    NoIndex,
    /// The index could not be read.
    Failed {
        /// The error.
        error: String,
    },
    /// The index has nothing of this Source, because no scan of it has begun yet.
    UnknownSource,
    /// The index knows the Source.
    Known(Box<IndexedSource>),
}

/// The facts in the index about the Source and the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct IndexedSource {
    /// The start of the newest completed scan.
    #[serde(serialize_with = "optional_timestamp")]
    pub complete_as_of: Option<Timestamp>,
    /// The latest time at which the daemon scans the Source again. `None` if no scan has completed.
    #[serde(serialize_with = "optional_timestamp")]
    pub scan_due_by: Option<Timestamp>,
    /// The running scan, if any.
    pub scan: Option<ScanDetails>,
    /// The bucket and prefix of the records, if they differ from the configuration.
    pub other_location: Option<BucketLocation>,
    /// Whether the records were chosen by other rules than the configuration has now.
    pub other_rules: bool,
    /// The record of the key.
    pub record: Option<RecordDetails>,
    /// An asset whose key looks the same although its bytes differ, if the key itself is no asset.
    pub look_alike: Option<String>,
}

/// A running scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ScanDetails {
    /// The number of the scan.
    pub number: u64,
    /// The start of the scan. `None` until its first page has arrived.
    #[serde(serialize_with = "optional_timestamp")]
    pub started: Option<Timestamp>,
    /// Whether the scan has not listed the key yet. If false, it has listed the key, or never will.
    pub has_key_ahead: bool,
}

/// A folder of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct BucketLocation {
    /// The store and the bucket.
    pub origin: String,
    /// The prefix of all keys.
    pub prefix: String,
}

/// The record of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RecordDetails {
    /// An object or a tombstone.
    pub content: IndexedContent,
    /// The `eventTime` of the newest event that was applied.
    #[serde(serialize_with = "optional_timestamp")]
    pub event_time: Option<Timestamp>,
    /// The sequencer of the newest event that was applied.
    pub sequencer: Option<String>,
    /// The timestamp of the last page that wrote the record.
    #[serde(serialize_with = "optional_timestamp")]
    pub listed_at: Option<Timestamp>,
}

/// The content of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum IndexedContent {
    /// An object.
    Live {
        /// The object.
        object: ObjectDetails,
        /// When the index first saw the key, after its last removal.
        #[serde(serialize_with = "timestamp")]
        first_seen: Timestamp,
    },
    /// A tombstone: the object was removed.
    Tombstone {
        /// The number of the scan during or after which the tombstone was written.
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
            sequencer: record
                .sequencer
                .as_ref()
                .map(|one| one.digits().into_owned()),
            listed_at: record.listed_at,
        }
    }
}

impl IndexedSource {
    /// Takes the facts from the Source's state. `scan_every_millis` is the maximum time between two scans.
    pub(super) fn new(
        state: &SourceState,
        source: &Source,
        key: &str,
        record: Option<&Record>,
        scan_every_millis: i64,
    ) -> Self {
        let is_same_location = state.origin == source.origin() && state.prefix == source.prefix;
        let due = |as_of: Timestamp| {
            Timestamp::from_millis(as_of.as_millis().saturating_add(scan_every_millis))
        };
        let scan = |running: &RunningScan| ScanDetails {
            number: state.last_scan,
            started: running.started,
            has_key_ahead: is_ahead(running, key),
        };
        Self {
            complete_as_of: state.complete_as_of,
            scan_due_by: state.complete_as_of.map(due),
            scan: state.running.as_ref().map(scan),
            other_location: (!is_same_location).then(|| BucketLocation {
                origin: state.origin.clone(),
                prefix: state.prefix.clone(),
            }),
            other_rules: state.scope != source.admission_fingerprint(),
            record: record.map(RecordDetails::from),
            look_alike: None,
        }
    }

    /// The object in the index, if the record is live. A search finds only live records.
    pub(crate) fn live(&self) -> Option<&ObjectDetails> {
        match &self.record.as_ref()?.content {
            IndexedContent::Live { object, .. } => Some(object),
            IndexedContent::Tombstone { .. } => None,
        }
    }
}

/// Whether the scan still has to list the key.
fn is_ahead(running: &RunningScan, key: &str) -> bool {
    let mut open = running.open_ranges();
    open.any(|range| range.interval().contains(key))
}

fn timestamp<S: Serializer>(timestamp: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*timestamp))
}

fn optional_timestamp<S: Serializer>(
    timestamp: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    timestamp.map(rfc3339).serialize(serializer)
}
