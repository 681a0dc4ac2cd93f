//! What happens in the bucket of a benchmark: each event, its message, and what is there at the end.
//!
//! All of it is computed from the number of the event. Each event is of another key.

use std::collections::BTreeMap;
use std::time::Duration;

use asset_indexer::core::query::hit::rfc3339;
use asset_indexer::core::replication::timestamp::Timestamp;
use serde_json::json;

use crate::bucket::{content, key, push_encoded};

/// The sequencer of the first event; some day in 2026, in the sixteen digits behind `00`.
const FIRST_SEQUENCER: u64 = 0x6A55_AED6_DCD9_0000;

/// One scenario.
#[derive(Clone, Copy)]
pub struct Workload {
    /// What it is called.
    pub name: &'static str,
    /// How many keys the index has before.
    pub live: u64,
    /// How many events there are.
    pub events: u64,
    /// The time between two of them; zero: all are waiting.
    pub every: Duration,
}

/// What an event leaves under its key.
pub struct Event {
    pub key: String,
    /// Its size and ETag; `None`: it was removed.
    pub object: Option<(u64, String)>,
    pub sequencer: String,
}

impl Workload {
    /// The event of a number. Of a live index every fourth one overwrites a key and every fourth one
    /// removes one, spread over all keys; the others are new keys.
    pub fn event(&self, number: u64) -> Event {
        let sequencer = format!("00{:016X}", FIRST_SEQUENCER + number);
        let known = |number: u64| key(self.live, number * (self.live / self.events).max(1));
        let (key, object) = match number % 4 {
            2 if number < self.live => (known(number), Some(self.new_content(number))),
            3 if number < self.live => (known(number), None),
            _ => {
                let key = format!("incoming/{}", key(self.events, number));
                (key, Some(self.new_content(number)))
            }
        };
        Event {
            key,
            object,
            sequencer,
        }
    }

    /// A content that no object has had.
    fn new_content(&self, number: u64) -> (u64, String) {
        content(self.live + number)
    }

    /// The message of an event, as S3 writes it.
    pub fn body(&self, number: u64, sent: Timestamp) -> String {
        let event = self.event(number);
        let mut key = String::new();
        push_encoded(&mut key, &event.key);
        let (name, mut object) = match event.object {
            Some((size, etag)) => ("ObjectCreated:Put", json!({"size": size, "eTag": etag})),
            None => ("ObjectRemoved:Delete", json!({})),
        };
        object["key"] = key.into();
        object["sequencer"] = event.sequencer.into();
        let record = json!({
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": rfc3339(sent),
            "eventName": name,
            "userIdentity": {"principalId": "AWS:AIDAEXAMPLEEXAMPLEEXA"},
            "requestParameters": {"sourceIPAddress": "192.0.2.7"},
            "responseElements": {
                "x-amz-request-id": "C3D13FE58DE4C810",
                "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD",
            },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "assets",
                "bucket": {
                    "name": "computed",
                    "ownerIdentity": {"principalId": "A3NL1KOZZKEXAMPLE"},
                    "arn": "arn:aws:s3:::computed",
                },
                "object": object,
            },
        });
        json!({"Records": [record]}).to_string()
    }

    /// What is there at the end: sizes and ETags by key.
    pub fn result(&self) -> BTreeMap<String, (u64, String)> {
        let before = (0..self.live).map(|number| (key(self.live, number), content(number)));
        let mut there: BTreeMap<_, _> = before.collect();
        for number in 0..self.events {
            let event = self.event(number);
            match event.object {
                Some(object) => there.insert(event.key, object),
                None => there.remove(&event.key),
            };
        }
        there
    }
}
