//! The fields of an event that describe its object, and what the event means because of them.
//!
//! Nothing here fails: a field that makes no sense counts as missing, and missing fields lead to a look-up.

use serde_json::Value;

use super::EventMeaning;
use super::event_kind::EventKind;
use super::event_time::EventTime;
use crate::core::replication::object::{ETag, Object, StorageClass};
use crate::core::replication::order::CertainEvent;
use crate::core::replication::sequencer::Sequencer;

/// Sequencers from examples, which emulators send with every event: from AWS' documentation of SQS and of
/// EventBridge (sent by LocalStack and moto), LocalStack's own for EventBridge, and from the sample event of
/// AWS Lambda. They do not order anything: a second event would look like a duplicate of the first.
const EXAMPLES: [&str; 4] = [
    "0055aed6dcd90281e5",
    "617f08299329d189",
    "0062e99a88dc407460",
    "0a1b2c3d4e5f678901",
];

/// The fields of an event other than its name, bucket and key. `None` means missing or invalid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EventFields {
    /// In bytes.
    pub(super) size: Option<u64>,
    pub(super) etag: Option<ETag>,
    /// Whether the event names a version of the object.
    pub(super) has_version: bool,
    pub(super) sequencer: Option<Sequencer>,
    pub(super) time: Option<EventTime>,
}

impl EventFields {
    /// Reads the fields of an `object`. S3 and EventBridge spell them differently, and emulators mix both.
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

    /// The meaning of an event of this kind with these fields.
    ///
    /// A removal that names a version must be looked up: it may have removed an old version, or a delete
    /// marker that hid an older version.
    pub(super) fn meaning(self, kind: EventKind) -> EventMeaning {
        match (kind, &self.sequencer, self.time, self.size) {
            (EventKind::Irrelevant, ..) => EventMeaning::Irrelevant,
            (EventKind::CloudTrail, ..) => EventMeaning::CloudTrail,
            (EventKind::Unknown, ..) => EventMeaning::Unknown,
            (EventKind::Created, Some(sequencer), Some(time), Some(size)) => {
                EventMeaning::Certain(CertainEvent {
                    object: Some(Object {
                        size,
                        etag: self.etag,
                        last_modified: time.written,
                        // Events do not contain the class. The next page does.
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

/// Accepts a number in a string too, as in Ceph's documentation.
fn size(field: &Value) -> Option<u64> {
    match field {
        Value::String(digits) => digits.parse().ok(),
        other => other.as_u64(),
    }
}

/// Whether a version field names a version. Without versioning the field is missing, or empty on some
/// servers. The text `null` names the version that was written while versioning was off or suspended.
fn names_a_version(field: &Value) -> bool {
    match field {
        Value::Null => false,
        Value::String(id) => !id.is_empty(),
        _ => true,
    }
}

/// Parses a sequencer. `None` if it cannot order events; some emulators write 0 for that.
fn sequencer(text: &str) -> Option<Sequencer> {
    let orders = |sequencer: &Sequencer| {
        let digits = sequencer.digits();
        !EXAMPLES.contains(&&*digits) && digits.bytes().any(|digit| digit != b'0')
    };
    Sequencer::parse(text).filter(orders)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(object: Value) -> EventFields {
        EventFields::new(&object, None)
    }

    #[test]
    fn invalid_sizes_are_ignored() {
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
            assert_eq!(fields(json!({"size": size})).size, want, "{size}");
        }
    }

    #[test]
    fn any_version_that_is_not_empty_counts() {
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
            assert_eq!(fields(object.clone()).has_version, want, "{object}");
        }
    }

    #[test]
    fn sequencers_that_do_not_order_are_ignored() {
        for (sequencer, is_accepted) in [
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
            let fields = fields(json!({"sequencer": sequencer}));
            assert_eq!(fields.sequencer.is_some(), is_accepted, "{sequencer}");
        }
    }

    #[test]
    fn incomplete_events_must_be_looked_up() {
        let time = EventTime::parse(&json!("1970-01-01T00:00:01Z"));
        let whole = EventFields::new(&json!({"size": 1, "sequencer": "1"}), time);
        let unversioned = EventFields {
            size: None,
            ..whole.clone()
        };
        for (case, kind, fields, is_certain) in [
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
            match fields.meaning(kind) {
                EventMeaning::Certain(event) => {
                    assert!(is_certain, "{kind:?}, {case}: {event:?}");
                    assert_eq!(event.time.as_millis(), 1_999);
                    assert_eq!(event.object.is_some(), kind == EventKind::Created);
                }
                EventMeaning::LookUp { time, .. } => {
                    assert!(!is_certain, "{kind:?}, {case}");
                    let millis = time.map(|time| time.as_millis());
                    let is_timed = kind != EventKind::Expired && case != "no time";
                    assert_eq!(millis, is_timed.then_some(1_999), "{kind:?}, {case}");
                }
                other => panic!("{kind:?}, {case}: {other:?}"),
            }
        }
    }
}
