//! The schema of `/v1/explain`.
//!
//! A part with a `state` has its other members only in some states. They are optional members of one object, because
//! client generators handle that better than a choice of objects.

use serde_json::{Value, json};

use super::schemas::{boolean, date_time, described, number, object, or_null, schema_ref, text};

/// The schemas by name.
pub(super) fn all() -> Value {
    json!({
        "Explained": object([("data", object([
            ("facts", schema_ref("Facts")),
            ("searchable", described(
                or_null(boolean()),
                "Whether search finds the path. Null if that is unknown.",
            )),
            ("verdict", described(text(), "One sentence for people: found or not, and why.")),
        ]))]),
        "Facts": facts(),
        "BucketFacts": bucket(),
        "IndexFacts": index(),
        "RecordFacts": record(),
    })
}

/// A member `state` with these values.
fn state(values: &[&str], description: &str) -> Value {
    json!({ "type": "string", "enum": values, "description": description })
}

fn facts() -> Value {
    let sentence = |description: &str| described(text(), description);
    described(
        object([
            ("source", sentence("The name of the Source.")),
            (
                "enabled",
                described(
                    boolean(),
                    "Whether the Source is scanned, follows events and is searched.",
                ),
            ),
            (
                "has_events",
                described(boolean(), "Whether events are configured for the Source."),
            ),
            ("prefix", sentence("The prefix of all keys of the Source.")),
            ("key", sentence("The key.")),
            (
                "path",
                described(
                    or_null(text()),
                    "The asset path. Null if the key is not under the prefix.",
                ),
            ),
            (
                "url",
                described(
                    or_null(text()),
                    "The URL of the asset, if it is one. Null if the key is not under the prefix.",
                ),
            ),
            (
                "admitted",
                described(boolean(), "Whether the rules admit the key."),
            ),
            ("rule", sentence("The rule that decides this, in words.")),
            (
                "near_miss",
                described(
                    or_null(text()),
                    "A rule that almost matches and would change the decision, in words.",
                ),
            ),
            ("bucket", schema_ref("BucketFacts")),
            ("index", schema_ref("IndexFacts")),
        ]),
        "The facts that decide: the configuration and the index record of the key.",
    )
}

fn bucket() -> Value {
    object([
        (
            "state",
            state(
                &["not_looked_up", "failed", "absent", "present"],
                "The key in the bucket. HTTP never looks it up.",
            ),
        ),
        ("error?", described(text(), "Only with `failed`.")),
        (
            "size?",
            described(number(), "Only with `present`, like the following members."),
        ),
        ("etag?", or_null(text())),
        ("last_modified?", date_time()),
        ("storage_class?", text()),
    ])
}

fn index() -> Value {
    let scan = object([
        ("number", described(number(), "The number of the scan.")),
        (
            "started",
            described(
                or_null(date_time()),
                "Null until its first page has arrived.",
            ),
        ),
        (
            "has_key_ahead",
            described(boolean(), "Whether the scan has not listed the key yet."),
        ),
    ]);
    let location = object([
        ("origin", described(text(), "The store and the bucket.")),
        ("prefix", text()),
    ]);
    object([
        (
            "state",
            state(
                &["no_index", "failed", "unknown_source", "known"],
                "`unknown_source`: no scan of the Source has begun yet.",
            ),
        ),
        ("error?", described(text(), "Only with `failed`.")),
        (
            "complete_as_of?",
            described(
                or_null(date_time()),
                "The start of the newest completed scan. Only with `known`, like the following members.",
            ),
        ),
        (
            "scan_due_by?",
            described(
                or_null(date_time()),
                "The latest time of the next scan. Null if no scan has completed.",
            ),
        ),
        ("scan?", described(or_null(scan), "The running scan.")),
        (
            "other_location?",
            described(
                or_null(location),
                "Where the indexed assets are, if the configuration has another bucket or prefix now.",
            ),
        ),
        (
            "other_rules?",
            described(
                boolean(),
                "Whether other rules than those of the configuration chose the indexed assets.",
            ),
        ),
        ("record?", or_null(schema_ref("RecordFacts"))),
        (
            "look_alike?",
            described(
                or_null(text()),
                "The key of an asset that looks the same although its bytes differ.",
            ),
        ),
    ])
}

fn record() -> Value {
    let indexed = object([
        ("size", number()),
        ("etag", or_null(text())),
        ("last_modified", date_time()),
        ("storage_class", text()),
    ]);
    let content = object([
        (
            "state",
            state(
                &["live", "tombstone"],
                "`tombstone`: the object was removed.",
            ),
        ),
        ("object?", described(indexed, "Only with `live`.")),
        (
            "first_seen?",
            described(
                date_time(),
                "When the index first saw the key. Only with `live`.",
            ),
        ),
        (
            "scan?",
            described(
                number(),
                "The number of the scan during or after which the object was removed. Only with `tombstone`.",
            ),
        ),
    ]);
    object([
        ("content", content),
        (
            "event_time",
            described(
                or_null(date_time()),
                "The time of the newest event that was applied.",
            ),
        ),
        (
            "sequencer",
            described(
                or_null(text()),
                "S3's order of the newest event that was applied.",
            ),
        ),
        (
            "listed_at",
            described(
                or_null(date_time()),
                "The time of the last page that wrote the record.",
            ),
        ),
    ])
}
