//! The schema of a Source in `/status`.

use serde_json::{Value, json};

use super::schemas::{array, date_time, described, number, object, or_null, seconds, text};
use super::service_schemas::counter;

/// One member of `sources`.
pub(super) fn schema() -> Value {
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
