//! The schemas of `/status` and `/v1/session`.

use serde_json::{Value, json};

use super::schemas::{
    array, boolean, date_time, described, number, object, one_of, or_null, schema_ref, seconds,
    text,
};
use crate::observe::status::QueueProblem;

/// The schemas by name.
pub(super) fn all() -> Value {
    json!({
        "OpenApiDocument": {
            "type": "object",
            "additionalProperties": true,
            "description": "An OpenAPI document.",
        },
        "Status": status(),
        "StatusSource": source(),
        "StatusQueue": queue(),
        "Session": session(),
        "IssuedToken": object([
            ("token", described(text(), "A token for the header `Authorization: Bearer TOKEN`.")),
            ("expires_at", described(date_time(), "When the token stops working.")),
        ]),
        "SessionCode": object([("code", described(text(), "The code of the one-time link."))]),
    })
}

fn counter(description: &str) -> Value {
    described(
        number(),
        &format!("{description} Since the process started."),
    )
}

fn status() -> Value {
    let index = object([
        (
            "state",
            json!({
                "type": "string",
                "enum": ["opening", "open", "degraded", "failed"],
                "description": "Whether the index can be written. `degraded`: merges of some segments fail.",
            }),
        ),
        (
            "reason",
            described(or_null(text()), "Why the index failed or is degraded."),
        ),
        (
            "data_dir",
            described(
                text(),
                "The folder of the index. Empty if the token may not see all Sources.",
            ),
        ),
        (
            "bytes",
            described(
                or_null(number()),
                "The size of the index. Null if it is unknown, or if the token may not see all Sources.",
            ),
        ),
        (
            "commit_failures",
            counter("Failures to commit or to open the index."),
        ),
        ("merge_failures", counter("Merges of segments that failed.")),
    ]);
    object([
        ("version", described(text(), "The version of the program.")),
        (
            "started",
            described(date_time(), "When the process started."),
        ),
        (
            "uptime_seconds",
            described(seconds(), "Time since the process started."),
        ),
        (
            "ready",
            described(
                boolean(),
                "Whether the index is open and every queue has answered or failed.",
            ),
        ),
        (
            "waiting_for",
            described(array(text()), "Why the service is not ready, for people."),
        ),
        ("index", index),
        (
            "reloads",
            counter("Successful reloads of the configuration."),
        ),
        (
            "refused_reloads",
            counter("Failed reloads of the configuration."),
        ),
        ("sources", array(schema_ref("StatusSource"))),
        ("queues", array(schema_ref("StatusQueue"))),
    ])
}

fn source() -> Value {
    object([
        ("name", text()),
        ("bucket", text()),
        ("prefix", text()),
        ("subdomain", text()),
        (
            "queue_url",
            described(
                or_null(text()),
                "The queue of its events. Null if the Source is only scanned.",
            ),
        ),
        (
            "state",
            json!({
                "type": "string",
                "enum": ["deploying", "deployed", "degraded", "disabled"],
                "description": "`deploying` until the first scan is complete. `degraded`: it has a problem.",
            }),
        ),
        (
            "reasons",
            described(array(text()), "The current problems, for people."),
        ),
        (
            "assets",
            described(number(), "The number of assets that searches can find."),
        ),
        ("scan", described(or_null(scan()), "The running scan.")),
        (
            "complete_as_of",
            described(
                or_null(date_time()),
                "The last complete scan shows the bucket as of this time. Null if no scan has completed.",
            ),
        ),
        (
            "drift",
            described(
                or_null(object([
                    ("as_of", or_null(date_time())),
                    (
                        "missing",
                        described(number(), "Assets that were missing in the index."),
                    ),
                    (
                        "stale",
                        described(
                            number(),
                            "Assets that had another size or ETag in the index.",
                        ),
                    ),
                    (
                        "left_over",
                        described(number(), "Assets that were no longer in the bucket."),
                    ),
                ])),
                "What the last measuring scan repaired although events should have reported it.",
            ),
        ),
        (
            "unusable_keys",
            described(
                or_null(object([("count", number()), ("examples", array(text()))])),
                "The keys that cannot be indexed.",
            ),
        ),
        (
            "lag",
            described(
                or_null(object([
                    ("p50_seconds", seconds()),
                    ("p99_seconds", seconds()),
                    ("max_seconds", seconds()),
                ])),
                "The time from an event until it is searchable, for recent events. Null before the first one.",
            ),
        ),
        (
            "counts",
            object([
                ("written", counter("Events that were written to the index.")),
                (
                    "stale",
                    counter("Events that were not newer than the index."),
                ),
                ("look_ups", counter("Listings of a single key.")),
                ("scans", counter("Completed scans.")),
                ("failed_scans", counter("Failed scans.")),
            ]),
        ),
        (
            "last_event_at",
            described(
                or_null(date_time()),
                "The time of the newest event that was written since the process started.",
            ),
        ),
        (
            "last_error",
            or_null(object([("at", date_time()), ("text", text())])),
        ),
    ])
}

fn scan() -> Value {
    object([
        (
            "reason",
            described(text(), "Why it was started, for people."),
        ),
        ("since", described(date_time(), "When it started.")),
        ("seconds", described(seconds(), "Time since it started.")),
        ("listed", described(number(), "Listed keys.")),
        (
            "admitted",
            described(number(), "Listed keys that the rules admit."),
        ),
        (
            "unusable?",
            described(
                number(),
                "Listed keys that cannot be indexed. Absent if there are none.",
            ),
        ),
        (
            "added",
            described(number(), "Assets that are new in the index."),
        ),
        ("changed", described(number(), "Assets that changed.")),
        (
            "removed",
            described(number(), "Assets that left the index."),
        ),
        (
            "expected",
            described(
                number(),
                "An estimate of the number of keys to list. 0 if it is unknown.",
            ),
        ),
        (
            "assets_before?",
            described(
                number(),
                "Assets when the scan began. Absent if there were none.",
            ),
        ),
        (
            "excluded?",
            described(number(), "Removed assets that new rules exclude."),
        ),
        (
            "former?",
            described(number(), "Removed assets of the former bucket or prefix."),
        ),
        (
            "lost_at_once?",
            described(
                number(),
                "Assets that the Source lost at once, if they were more than half of them.",
            ),
        ),
    ])
}

fn queue() -> Value {
    let problem = object([
        (
            "kind",
            json!({ "type": "string", "enum": QueueProblem::ALL.map(QueueProblem::as_str) }),
        ),
        (
            "text",
            described(text(), "The problem and its remedy, for people."),
        ),
    ]);
    let attributes = object([
        (
            "visible",
            described(number(), "Messages that can be received now."),
        ),
        (
            "in_flight",
            described(number(), "Messages that are received and not acknowledged."),
        ),
        (
            "delayed",
            described(number(), "Messages that cannot be received yet."),
        ),
        (
            "retention_seconds",
            described(number(), "How long the queue keeps a message."),
        ),
        (
            "dead_letter",
            or_null(object([
                ("arn", text()),
                (
                    "max_receive_count",
                    described(
                        number(),
                        "The number of receives after which a message is moved.",
                    ),
                ),
            ])),
        ),
    ]);
    let counts = object([
        ("received", counter("Deliveries of messages.")),
        (
            "redelivered",
            counter("Deliveries of messages that were received before."),
        ),
        ("acknowledged", counter("Messages acknowledged.")),
        (
            "unreadable",
            counter("Deliveries of messages that cannot be decoded."),
        ),
        ("failed", counter("Deliveries whose handling failed.")),
        (
            "refused_receipts",
            counter("Receipts that the queue refused."),
        ),
        (
            "released",
            counter("Messages released to see who receives them next."),
        ),
        (
            "elsewhere",
            counter("Messages that went to another consumer."),
        ),
        (
            "other_buckets",
            counter("Events of buckets that no Source has."),
        ),
        ("cloudtrail", counter("Records of CloudTrail.")),
        (
            "unusable_keys",
            counter("Events of keys that cannot be indexed."),
        ),
        (
            "unrouted",
            counter("Events of buckets or prefixes that no Source covers."),
        ),
        (
            "not_admitted",
            counter("Events of keys that the rules do not admit."),
        ),
        (
            "irrelevant",
            counter("Events of types that do not change a listing."),
        ),
        ("unknown", counter("Events of unknown types.")),
    ]);
    object([
        ("url", text()),
        (
            "state",
            json!({
                "type": "string",
                "enum": ["starting", "receiving", "failing"],
                "description": "Whether receiving works. `starting`: the queue has not answered yet.",
            }),
        ),
        ("reason", described(or_null(text()), "Why receiving fails.")),
        ("problems", array(problem)),
        (
            "wired",
            described(
                boolean(),
                "Whether it is proven that S3 sends events to the queue.",
            ),
        ),
        (
            "attributes",
            described(or_null(attributes), "Null until they are known."),
        ),
        ("counts", counts),
    ])
}

fn session() -> Value {
    object([
        (
            "authenticated",
            described(boolean(), "Whether the request has a valid token."),
        ),
        ("token_name", or_null(text())),
        (
            "right",
            described(
                or_null(one_of(&["read", "admin", "manage"])),
                "What the client may do. Null if it needs a token and has none.",
            ),
        ),
        (
            "may_manage",
            described(boolean(), "Whether it may change the Sources that it sees."),
        ),
        (
            "may_create",
            described(boolean(), "Whether it may set up Sources."),
        ),
        (
            "sources",
            described(
                or_null(array(text())),
                "The Sources that it sees. Null if it sees all.",
            ),
        ),
        (
            "tokens_required",
            described(boolean(), "Whether reading needs a token."),
        ),
        (
            "managed_by",
            described(
                or_null(one_of(&["daemon"])),
                "Who changes Sources. Null if this server cannot.",
            ),
        ),
    ])
}
