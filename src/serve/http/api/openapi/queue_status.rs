//! The schema of a queue in `/status`.

use serde_json::{Value, json};

use super::schemas::{array, boolean, described, number, object, or_null, text};
use super::service_schemas::counter;
use crate::observe::status::QueueProblem;

/// One member of `queues`.
pub(super) fn schema() -> Value {
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
