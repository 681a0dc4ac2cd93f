//! What an event tells of its object, whichever its envelope, and what follows from that.
//!
//! Nothing here fails: what is missing or makes no sense is not told, and leads to a look-up.

use serde_json::Value;

use super::EventMeaning;
use super::event_kind::EventKind;
use super::event_time::EventTime;
use crate::core::replication::object::{ETag, Object, StorageClass};
use crate::core::replication::order::CertainEvent;
use crate::core::replication::sequencer::Sequencer;

/// Sequencers that examples carry and that emulators send with every event, whatever happened
/// before: AWS' documentation of SQS and of EventBridge (in LocalStack, in moto), LocalStack's own
/// for EventBridge, and the sample event of AWS Lambda. They order nothing: a second event would seem
/// to be the first once more.
const EXAMPLES: [&str; 4] = [
    "0055aed6dcd90281e5",
    "617f08299329d189",
    "0062e99a88dc407460",
    "0a1b2c3d4e5f678901",
];

/// What an event tells beside its name, bucket and key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EventFields {
    /// Bytes.
    pub(super) size: Option<u64>,
    /// The entity tag.
    pub(super) etag: Option<ETag>,
    /// Whether it is about one version of the object.
    pub(super) has_version: bool,
    /// Its order among the events of the key.
    pub(super) sequencer: Option<Sequencer>,
    /// When it happened.
    pub(super) time: Option<EventTime>,
}

impl EventFields {
    /// What the fields of an `object` tell; S3 and EventBridge spell them differently, and emulators
    /// mix them.
    pub(super) fn new(object: &Value, time: Option<EventTime>) -> Self {
        let etag = object.get("eTag").or(object.get("etag"));
        let version = object.get("versionId").or(object.get("version-id"));
        Self {
            size: size(&object["size"]),
            etag: etag.and_then(Value::as_str).and_then(ETag::parse),
            has_version: version.is_some_and(names_a_version),
            sequencer: object["sequencer"].as_str().and_then(sequencer),
            time,
        }
    }

    /// What follows from an event of that kind.
    ///
    /// A removal with a version is not certain: it may have destroyed an old version, or a delete
    /// marker, so that the object is there again.
    pub(super) fn meaning(self, kind: EventKind) -> EventMeaning {
        match (kind, &self.sequencer, self.time, self.size) {
            (EventKind::Irrelevant, ..) => EventMeaning::Irrelevant,
            (EventKind::Unknown, ..) => EventMeaning::Unknown,
            (EventKind::Created, Some(sequencer), Some(time), Some(size)) => {
                EventMeaning::Certain(CertainEvent {
                    object: Some(Object {
                        size,
                        etag: self.etag,
                        last_modified: time.written,
                        // Events do not tell the class; the next page does.
                        storage_class: StorageClass::Standard,
                    }),
                    time: time.latest,
                    sequencer: sequencer.clone(),
                })
            }
            (EventKind::Removed, Some(sequencer), Some(time), _) if !self.has_version => {
                EventMeaning::Certain(CertainEvent {
                    object: None,
                    time: time.latest,
                    sequencer: sequencer.clone(),
                })
            }
            (EventKind::Expired, ..) => EventMeaning::LookUp {
                sequencer: self.sequencer,
                time: None,
            },
            (EventKind::Created | EventKind::Removed | EventKind::Changed, ..) => {
                EventMeaning::LookUp {
                    sequencer: self.sequencer,
                    time: self.time.map(|time| time.latest),
                }
            }
        }
    }
}

/// Ceph's documentation shows the number as text.
fn size(field: &Value) -> Option<u64> {
    match field {
        Value::String(digits) => digits.parse().ok(),
        other => other.as_u64(),
    }
}

/// Without versioning the field is missing; some servers send it empty. `null` as text is a version:
/// the one that was written while versioning was off or suspended.
fn names_a_version(field: &Value) -> bool {
    match field {
        Value::Null => false,
        Value::String(id) => !id.is_empty(),
        _ => true,
    }
}

/// The sequencer, if it can order anything. Emulators also write 0 for none.
fn sequencer(text: &str) -> Option<Sequencer> {
    let orders = |sequencer: &Sequencer| {
        let digits = sequencer.digits();
        !EXAMPLES.contains(&digits) && digits.bytes().any(|digit| digit != b'0')
    };
    Sequencer::parse(text).filter(orders)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(object: Value) -> EventFields {
        EventFields::new(&object, None)
    }

    #[test]
    fn a_size_is_a_count_of_bytes_or_is_not_told() {
        for (size, want) in [
            (json!(0), Some(0)),
            (json!(12), Some(12)),
            (json!("12"), Some(12)),
            (json!(u64::MAX), Some(u64::MAX)),
            (json!(-1), None),
            (json!("-1"), None),
            (json!(1.5), None),
            (json!(1e30), None),
            (json!("18446744073709551616"), None),
            (json!(""), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(told(json!({"size": size})).size, want, "{size}");
        }
    }

    #[test]
    fn a_version_is_anything_that_is_not_empty() {
        for (object, want) in [
            (json!({}), false),
            (json!({"versionId": null}), false),
            (json!({"versionId": ""}), false),
            (json!({"versionId": "null"}), true),
            (
                json!({"versionId": "3HL4kqtJvjVBH40Nr8X8gdRQBpUMLUo"}),
                true,
            ),
            (json!({"versionId": 1}), true),
            (
                json!({"version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"}),
                true,
            ),
        ] {
            assert_eq!(told(object.clone()).has_version, want, "{object}");
        }
    }

    #[test]
    fn a_sequencer_that_orders_nothing_is_not_told() {
        for (sequencer, is_told) in [
            (json!("0055AED6DCD90281E6"), true),
            (json!("1"), true),
            (json!(""), false),
            (json!("0"), false),
            (json!("0000000000000000"), false),
            (json!("sequencer"), false),
            (json!("1".repeat(65)), false),
            (json!(17), false),
            (json!(null), false),
            (json!("0055AED6DCD90281E5"), false),
            (json!("617f08299329d189"), false),
            (json!("0062E99A88DC407460"), false),
            (json!("0A1B2C3D4E5F678901"), false),
        ] {
            let told = told(json!({"sequencer": sequencer}));
            assert_eq!(told.sequencer.is_some(), is_told, "{sequencer}");
        }
    }

    #[test]
    fn only_what_is_complete_is_certain() {
        let time = EventTime::read(&json!("1970-01-01T00:00:01Z"));
        let whole = EventFields::new(&json!({"size": 1, "sequencer": "1"}), time);
        let unversioned = EventFields {
            size: None,
            ..whole.clone()
        };
        for (why, kind, told, is_certain) in [
            ("a whole creation", EventKind::Created, whole.clone(), true),
            (
                "a creation with a version",
                EventKind::Created,
                EventFields {
                    has_version: true,
                    ..whole.clone()
                },
                true,
            ),
            ("no size", EventKind::Created, unversioned.clone(), false),
            (
                "no sequencer",
                EventKind::Created,
                EventFields {
                    sequencer: None,
                    ..whole.clone()
                },
                false,
            ),
            (
                "no time",
                EventKind::Created,
                EventFields {
                    time: None,
                    ..whole.clone()
                },
                false,
            ),
            ("a removal", EventKind::Removed, unversioned.clone(), true),
            (
                "of a version",
                EventKind::Removed,
                EventFields {
                    has_version: true,
                    ..whole.clone()
                },
                false,
            ),
            (
                "no sequencer",
                EventKind::Removed,
                EventFields {
                    sequencer: None,
                    ..whole.clone()
                },
                false,
            ),
            (
                "no time",
                EventKind::Removed,
                EventFields {
                    time: None,
                    ..whole.clone()
                },
                false,
            ),
            ("by a rule", EventKind::Expired, whole.clone(), false),
            ("a change", EventKind::Changed, whole.clone(), false),
        ] {
            match told.meaning(kind) {
                EventMeaning::Certain(event) => {
                    assert!(is_certain, "{kind:?}, {why}: {event:?}");
                    assert_eq!(event.time.as_millis(), 1_999);
                    assert_eq!(event.object.is_some(), kind == EventKind::Created);
                }
                EventMeaning::LookUp { time, .. } => {
                    assert!(!is_certain, "{kind:?}, {why}");
                    let millis = time.map(|time| time.as_millis());
                    let is_timed = kind != EventKind::Expired && why != "no time";
                    assert_eq!(millis, is_timed.then_some(1_999), "{kind:?}, {why}");
                }
                other => panic!("{kind:?}, {why}: {other:?}"),
            }
        }
    }
}
