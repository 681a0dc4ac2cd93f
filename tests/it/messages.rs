//! Message bodies about real objects, in the formats of the stores and services that send them.
//!
//! They follow the documentation of each service. This module does not interpret them.

use serde_json::{Value, json};

use crate::s3::{Listed, form_encoded};

/// A change of an object.
#[derive(Clone, Copy, Debug)]
pub struct ObjectChange<'a> {
    pub bucket: &'a str,
    pub key: &'a str,
    /// The object after the change; `None` if it was removed.
    pub object: Option<&'a Listed>,
    /// Milliseconds since the epoch.
    pub time: i64,
    /// A later change has a higher number.
    pub sequencer: u64,
}

/// The name of a format, and a function that writes it.
pub type Envelope = (&'static str, fn(&ObjectChange<'_>) -> Value);

/// All formats.
pub const ENVELOPES: [Envelope; 7] = [
    ("S3", s3),
    ("S3 through SNS", |change| sns(&s3(change))),
    ("EventBridge", event_bridge),
    ("EventBridge through SNS", |change| {
        sns(&event_bridge(change))
    }),
    ("MinIO", minio),
    ("Ceph", ceph),
    ("only records", |change| s3(change)["Records"].take()),
];

impl ObjectChange<'_> {
    fn name(&self) -> &'static str {
        match self.object {
            Some(_) => "ObjectCreated:Put",
            None => "ObjectRemoved:Delete",
        }
    }

    fn time(&self) -> String {
        let time = jiff::Timestamp::from_millisecond(self.time).expect("the time is valid");
        format!("{time:.3}")
    }
}

/// The format of S3.
pub fn s3(change: &ObjectChange<'_>) -> Value {
    let mut object = json!({
        "key": form_encoded(change.key),
        "sequencer": format!("{:018X}", change.sequencer),
    });
    if let Some(listed) = change.object {
        object["size"] = json!(listed.size);
        object["eTag"] = json!(listed.etag);
    }
    json!({"Records": [{
        "eventVersion": "2.6",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": change.time(),
        "eventName": change.name(),
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "all",
            "bucket": {"name": change.bucket, "arn": format!("arn:aws:s3:::{}", change.bucket)},
            "object": object,
        },
    }]})
}

/// The format of MinIO: the event name has a prefix, slashes in keys are encoded, and the body has more
/// fields. Its sequencers can contradict the order of writes.
fn minio(change: &ObjectChange<'_>) -> Value {
    let mut body = s3(change);
    let name = format!("s3:{}", change.name());
    body["EventName"] = json!(name);
    body["Key"] = json!(format!("{}/{}", change.bucket, change.key));
    let record = &mut body["Records"][0];
    record["eventVersion"] = json!("2.0");
    record["eventSource"] = json!("minio:s3");
    record["awsRegion"] = json!("");
    record["eventName"] = json!(name);
    let object = &mut record["s3"]["object"];
    object["key"] = json!(form_encoded(change.key).replace('/', "%2F"));
    object["sequencer"] = json!(format!("{:016X}", change.sequencer));
    object["userMetadata"] = json!({"content-type": "image/jpeg"});
    body
}

/// The format of Ceph: keys are not encoded, and sequencers say nothing about the order.
fn ceph(change: &ObjectChange<'_>) -> Value {
    let mut body = s3(change);
    let record = &mut body["Records"][0];
    record["eventVersion"] = json!("2.2");
    record["eventSource"] = json!("ceph:s3");
    record["eventId"] = json!("1700000000.1.2");
    let object = &mut record["s3"]["object"];
    object["key"] = json!(change.key);
    object["sequencer"] = json!("B3E1F25F2A84B10F");
    object["versionId"] = json!("");
    body
}

/// The format of EventBridge: keys are not encoded.
pub fn event_bridge(change: &ObjectChange<'_>) -> Value {
    let mut object = json!({
        "key": change.key,
        "sequencer": format!("{:016x}", change.sequencer),
    });
    let mut detail = json!({
        "version": "0",
        "bucket": {"name": change.bucket},
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": "123456789012",
        "reason": "PutObject",
    });
    let name = match change.object {
        Some(listed) => {
            object["size"] = json!(listed.size);
            object["etag"] = json!(listed.etag);
            "Object Created"
        }
        None => {
            detail["reason"] = json!("DeleteObject");
            detail["deletion-type"] = json!("Permanently Deleted");
            "Object Deleted"
        }
    };
    detail["object"] = object;
    json!({
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": name,
        "source": "aws.s3",
        "account": "123456789012",
        "time": change.time(),
        "region": "us-east-1",
        "resources": [format!("arn:aws:s3:::{}", change.bucket)],
        "detail": detail,
    })
}

/// Wraps a body as SNS does.
fn sns(inner: &Value) -> Value {
    json!({
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:events",
        "Subject": "Amazon S3 Notification",
        "Message": inner.to_string(),
        "Timestamp": "2026-11-24T08:00:00.000Z",
        "SignatureVersion": "1",
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
    })
}
