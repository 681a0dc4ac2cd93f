//! Computes the changes of the bucket of a benchmark: events, their messages, and the final objects.
//!
//! Everything is computed from the number of an event. Each event has its own key.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use asset_indexer::core::query::hit::rfc3339;
use asset_indexer::core::replication::timestamp::Timestamp;
use serde_json::json;

use crate::bucket::{Content, Layout, content, push_encoded};

/// The sequencer of the first event, without its leading `00`: a day in 2026.
const FIRST_SEQUENCER: u64 = 0x6A55_AED6_DCD9_0000;

/// Who sends the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// S3. Its sequencers order the events of a key.
    S3,
    /// MinIO, whose sequencers don't. The daemon looks up the key of each event.
    MinIo {
        /// The time that the bucket takes to answer a look-up.
        look_up: Duration,
    },
}

/// One scenario.
#[derive(Clone, Copy)]
pub struct Workload {
    pub sender: Sender,
    pub name: &'static str,
    /// Number of keys that the index has before the events.
    pub existing: u64,
    /// Number of events.
    pub events: u64,
    /// Time between two events; zero means that all events wait at the start.
    pub interval: Duration,
}

/// An event and its effect.
pub struct Event {
    pub key: String,
    /// Size and ETag after the event; `None` for a removal.
    pub object: Option<Content>,
    pub sequencer: String,
}

impl Workload {
    /// An event by its number. If the index has keys, every fourth event overwrites a key and every fourth
    /// removes a key, spread over all keys. The other events create new keys.
    pub fn event(&self, number: u64) -> Event {
        let sequencer = format!("00{:016X}", FIRST_SEQUENCER + number);
        let existing_key =
            |number: u64| key(self.existing, number * (self.existing / self.events).max(1));
        let (key, object) = match number % 4 {
            2 if number < self.existing => (existing_key(number), Some(self.new_content(number))),
            3 if number < self.existing => (existing_key(number), None),
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

    /// Size and ETag that no other object has.
    fn new_content(&self, number: u64) -> Content {
        content(self.existing + number)
    }

    /// The message of an event in the format of S3.
    pub fn body(&self, number: u64, sent: Timestamp) -> String {
        let event = self.event(number);
        let mut key = String::new();
        push_encoded(&mut key, &event.key);
        let (name, mut object) = match event.object {
            Some((size, etag)) => ("ObjectCreated:Put", json!({"size": size, "eTag": etag})),
            None => ("ObjectRemoved:Delete", json!({})),
        };
        let (version, source, name) = match self.sender {
            Sender::S3 => ("2.1", "aws:s3", name.to_owned()),
            Sender::MinIo { .. } => ("2.0", "minio:s3", format!("s3:{name}")),
        };
        object["key"] = key.into();
        object["sequencer"] = event.sequencer.into();
        let record = json!({
            "eventVersion": version,
            "eventSource": source,
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

    /// The objects that look-ups find, by the key of an event; `None` for a removed one. Empty if the daemon needs
    /// no look-ups.
    pub fn looked_up(&self) -> HashMap<String, Option<Content>> {
        let events = match self.sender {
            Sender::S3 => 0,
            Sender::MinIo { .. } => self.events,
        };
        let object = |number| {
            let event = self.event(number);
            (event.key, event.object)
        };
        (0..events).map(object).collect()
    }

    /// The final objects: size and ETag by key.
    pub fn result(&self) -> BTreeMap<String, Content> {
        let before = (0..self.existing).map(|number| (key(self.existing, number), content(number)));
        let mut objects: BTreeMap<_, _> = before.collect();
        for number in 0..self.events {
            let event = self.event(number);
            match event.object {
                Some(object) => objects.insert(event.key, object),
                None => objects.remove(&event.key),
            };
        }
        objects
    }
}

/// The key of an object of the computed bucket, by its number below `keys`.
fn key(keys: u64, number: u64) -> String {
    Layout::default().key(keys, number)
}
