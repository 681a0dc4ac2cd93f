//! Exports the records of an index as lines of JSON, to store or compare them elsewhere.
//!
//! Each line is one record with everything that the index knows about it. `schema/README.md` describes the
//! format. The caller writes the lines.

use std::borrow::Cow;

use serde::Serialize;

use super::{Engine, IndexError, RecordFilter};
use crate::core::query::hit::rfc3339;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::SourceState;
use crate::core::replication::timestamp::Timestamp;

/// Number of records to read at once.
const CHUNK: usize = 4_000;

/// One record. Times are RFC 3339 in UTC. Milliseconds are left out if they are zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Line<'a> {
    /// The name of the Source.
    pub source: &'a str,
    /// The key in the bucket, byte for byte.
    pub key: &'a str,
    /// The asset path: `/` and the key without the Source's prefix.
    pub path: String,
    /// The asset. Absent in a tombstone.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub asset: Option<Asset<'a>>,
    /// Only in tombstones: the number of the scan during or after which the key was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_in_scan: Option<u64>,
    /// The time of the newest applied event.
    pub event_time: Option<String>,
    /// The sequencer of this event, in lower-case hex.
    pub sequencer: Option<Cow<'a, str>>,
    /// The timestamp of the page that last wrote the record.
    pub listed_at: Option<String>,
}

/// The part of a line that only a live record has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Asset<'a> {
    /// Size in bytes.
    pub size: u64,
    /// When S3 last changed the object.
    pub last_modified: String,
    /// The ETag, without quotes.
    pub etag: Option<String>,
    /// The name of the storage class in S3.
    pub storage_class: &'a str,
    /// When the index first saw the key, by S3's clock.
    pub first_seen: String,
}

impl<'a> Line<'a> {
    /// Returns the line of a record.
    pub(crate) fn of(state: &'a SourceState, key: &'a str, record: &'a Record) -> Self {
        let below_prefix = key.strip_prefix(&*state.prefix).unwrap_or(key);
        let (asset, removed_in_scan) = match &record.content {
            RecordContent::Removed { scan } => (None, Some(*scan)),
            RecordContent::Live { object, first_seen } => {
                let asset = Asset {
                    size: object.size,
                    last_modified: rfc3339(object.last_modified),
                    etag: object.etag.as_ref().map(|etag| etag.to_text()),
                    storage_class: object.storage_class.name(),
                    first_seen: rfc3339(*first_seen),
                };
                (Some(asset), None)
            }
        };
        let time = |time: Option<Timestamp>| time.map(rfc3339);
        Self {
            source: &state.name,
            key,
            path: format!("/{below_prefix}"),
            asset,
            removed_in_scan,
            event_time: time(record.event_time),
            sequencer: record.sequencer.as_ref().map(|it| it.digits()),
            listed_at: time(record.listed_at),
        }
    }
}

/// Passes the line of every record of the Source to `on_line`, ascending by key.
///
/// It stops at the first error, from the index or from `on_line`.
pub(crate) fn export<E: From<IndexError>>(
    engine: &impl Engine,
    state: &SourceState,
    with_tombstones: bool,
    mut on_line: impl FnMut(&Line<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut rest = KeyInterval::everything();
    loop {
        let records = engine.read(state.id, &rest, RecordFilter::All, CHUNK)?;
        for (key, record) in &records {
            if with_tombstones || record.object().is_some() {
                on_line(&Line::of(state, key, record))?;
            }
        }
        match records.last().filter(|_| records.len() >= CHUNK) {
            Some((last, _)) => rest = rest.after(last),
            None => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::replication::checkpoint::Checkpoint;
    use crate::core::replication::object::{ETag, Object, StorageClass};
    use crate::core::replication::sequencer::Sequencer;
    use crate::core::replication::source_state::SourceIdentity;
    use crate::index::tantivy::TantivyEngine;
    use crate::index::{Change, Changes};

    fn record(removed: bool) -> Record {
        let object = Object {
            size: 12,
            etag: ETag::parse("opaque"),
            last_modified: Timestamp::from_millis(1_000),
            storage_class: StorageClass::Standard,
        };
        let first_seen = Timestamp::from_millis(2_500);
        Record {
            content: if removed {
                RecordContent::Removed { scan: 3 }
            } else {
                RecordContent::Live { object, first_seen }
            },
            event_time: Some(Timestamp::from_millis(3_000)),
            sequencer: Sequencer::parse("0A"),
            listed_at: None,
        }
    }

    /// Returns an engine with `count` records. Every fourth record is a tombstone.
    fn engine_with(count: usize) -> (TantivyEngine, Checkpoint) {
        let mut engine = TantivyEngine::in_memory().unwrap();
        let mut checkpoint = Checkpoint::default();
        let identity = SourceIdentity {
            name: "photos",
            subdomain: "acme",
            origin: "aws/bucket",
            prefix: "p/",
            scope: "",
        };
        let (id, _) = checkpoint.register(&identity).unwrap();
        let change = |number: usize| {
            let change = Change {
                record: Some(record(number.is_multiple_of(4))),
                replaces: false,
            };
            ((id, format!("p/{number:06}")), change)
        };
        let changes: Changes = (0..count).map(change).collect();
        engine.commit(&changes, &checkpoint).unwrap();
        (engine, checkpoint)
    }

    fn lines(count: usize, with_tombstones: bool) -> Vec<serde_json::Value> {
        let (engine, checkpoint) = engine_with(count);
        let mut lines = Vec::new();
        export(&engine, &checkpoint.sources[0], with_tombstones, |line| {
            lines.push(serde_json::to_value(line).unwrap());
            Ok::<(), IndexError>(())
        })
        .unwrap();
        lines
    }

    #[test]
    fn line_contains_the_whole_record() {
        let [removed, live] = &lines(2, true)[..] else {
            panic!("two records");
        };
        let expected = json!({
            "source": "photos", "key": "p/000001", "path": "/000001", "size": 12,
            "last_modified": "1970-01-01T00:00:01Z", "etag": "opaque", "storage_class": "STANDARD",
            "first_seen": "1970-01-01T00:00:02.500Z", "event_time": "1970-01-01T00:00:03Z",
            "sequencer": "0a", "listed_at": null,
        });
        assert_eq!(*live, expected);
        assert_eq!(removed["removed_in_scan"], 3);
        assert_eq!(removed.get("size"), None);
    }

    #[test]
    fn exports_every_record_once_for_any_number_of_chunks() {
        for count in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK] {
            let live = count - count.div_ceil(4);
            for (with_tombstones, expected) in [(true, count), (false, live)] {
                let lines = lines(count, with_tombstones);
                assert_eq!(lines.len(), expected, "{count}");
                let keys = lines.iter().map(|line| line["key"].as_str().unwrap());
                assert!(keys.is_sorted());
            }
        }
    }

    #[test]
    fn stops_at_the_first_error_of_the_callback() {
        let (engine, checkpoint) = engine_with(10);
        let mut lines = 0;
        let result = export(&engine, &checkpoint.sources[0], true, |_| {
            lines += 1;
            let absent = || IndexError::Absent {
                data_dir: "full".into(),
            };
            if lines == 3 { Err(absent()) } else { Ok(()) }
        });
        assert!(result.is_err() && lines == 3);
    }
}
