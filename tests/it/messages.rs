//! Bodies of messages about real objects, in the shapes in which stores and services send them.
//!
//! Written from their documentation; what the bodies mean is for the tests to say.

use serde_json::{Value, json};

use crate::s3::{Listed, form_encoded};

/// Something that happened to an object.
#[derive(Clone, Copy, Debug)]
pub struct Happened<'a> {
    pub bucket: &'a str,
    pub key: &'a str,
    /// What is there now; `None` where it was removed.
    pub object: Option<&'a Listed>,
    /// Milliseconds since the epoch.
    pub time: i64,
    /// Higher for what happened later.
    pub sequencer: u64,
}

/// A shape, and its name.
pub type Envelope = (&'static str, fn(&Happened<'_>) -> Value);

/// Every shape.
pub const ENVELOPES: [Envelope; 7] = [
    ("S3", s3),
    ("S3 through SNS", |it| sns(&s3(it))),
    ("EventBridge", bridge),
    ("EventBridge through SNS", |it| sns(&bridge(it))),
    ("MinIO", minio),
    ("Ceph", ceph),
    ("records alone", |it| s3(it)["Records"].take()),
];

impl Happened<'_> {
    fn name(&self) -> &'static str {
        match self.object {
            Some(_) => "ObjectCreated:Put",
            None => "ObjectRemoved:Delete",
        }
    }

    fn time(&self) -> String {
        let time = jiff::Timestamp::from_millisecond(self.time).expect("this century");
        format!("{time:.3}")
    }
}

/// As S3 sends it to a queue.
pub fn s3(happened: &Happened<'_>) -> Value {
    let mut object = json!({
        "key": form_encoded(happened.key),
        "sequencer": format!("{:018X}", happened.sequencer),
    });
    if let Some(listed) = happened.object {
        object["size"] = json!(listed.size);
        object["eTag"] = json!(listed.etag);
    }
    json!({"Records": [{
        "eventVersion": "2.6",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": happened.time(),
        "eventName": happened.name(),
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "all",
            "bucket": {"name": happened.bucket, "arn": format!("arn:aws:s3:::{}", happened.bucket)},
            "object": object,
        },
    }]})
}

/// As MinIO sends it: with a prefix before the name, slashes encoded, and more around it.
fn minio(happened: &Happened<'_>) -> Value {
    let mut body = s3(happened);
    let name = format!("s3:{}", happened.name());
    body["EventName"] = json!(name);
    body["Key"] = json!(format!("{}/{}", happened.bucket, happened.key));
    let record = &mut body["Records"][0];
    record["eventVersion"] = json!("2.0");
    record["eventSource"] = json!("minio:s3");
    record["awsRegion"] = json!("");
    record["eventName"] = json!(name);
    let object = &mut record["s3"]["object"];
    object["key"] = json!(form_encoded(happened.key).replace('/', "%2F"));
    object["sequencer"] = json!(format!("{:016X}", happened.sequencer));
    object["userMetadata"] = json!({"content-type": "image/jpeg"});
    body
}

/// As Ceph sends it: the key as it is, and a sequencer that orders nothing.
fn ceph(happened: &Happened<'_>) -> Value {
    let mut body = s3(happened);
    let record = &mut body["Records"][0];
    record["eventVersion"] = json!("2.2");
    record["eventSource"] = json!("ceph:s3");
    record["eventId"] = json!("1700000000.1.2");
    let object = &mut record["s3"]["object"];
    object["key"] = json!(happened.key);
    object["sequencer"] = json!("B3E1F25F2A84B10F");
    object["versionId"] = json!("");
    body
}

/// As EventBridge passes it on: the key as it is.
fn bridge(happened: &Happened<'_>) -> Value {
    let mut object = json!({
        "key": happened.key,
        "sequencer": format!("{:016x}", happened.sequencer),
    });
    let mut detail = json!({
        "version": "0",
        "bucket": {"name": happened.bucket},
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": "123456789012",
        "reason": "PutObject",
    });
    let name = match happened.object {
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
        "time": happened.time(),
        "region": "us-east-1",
        "resources": [format!("arn:aws:s3:::{}", happened.bucket)],
        "detail": detail,
    })
}

/// The same, passed on by SNS.
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
