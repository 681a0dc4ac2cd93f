//! A new bucket for each test, filled and listed with the AWS SDK.
//!
//! Tests compare the index with the listing of this module, so it uses only the SDK and no code of the crate.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CompletedMultipartUpload, CompletedPart,
    CreateBucketConfiguration, Delete, EncodingType, Event, EventBridgeConfiguration, FilterRule,
    FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter, ObjectIdentifier,
    QueueConfiguration, S3KeyFilter, StorageClass, VersioningConfiguration,
};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::server::S3Server;

/// Maximum number of objects that are put at the same time.
const PUTS_IN_FLIGHT: usize = 32;

/// A bucket that no other test uses.
pub struct Bucket {
    pub name: String,
    client: Client,
}

/// The events that a bucket sends to a queue.
const EVENTS: [&str; 2] = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"];

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// Milliseconds since the epoch.
    pub last_modified: i64,
    pub storage_class: String,
}

impl Bucket {
    /// Creates an empty bucket in us-east-1.
    pub fn create(server: &S3Server) -> Self {
        Self::create_in("us-east-1", server)
    }

    /// Creates an empty bucket in a Region. The server then refuses requests that are signed for another
    /// Region.
    pub fn create_in(region: &str, server: &S3Server) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let bucket = Self {
            name: format!("bucket-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
            client: client(&server.endpoint(), region),
        };
        let mut request = bucket.client.create_bucket().bucket(&bucket.name);
        // S3 refuses us-east-1 as a location constraint.
        if region != "us-east-1" {
            let location = BucketLocationConstraint::from(region);
            let configuration = CreateBucketConfiguration::builder();
            let configuration = configuration.location_constraint(location).build();
            request = request.create_bucket_configuration(configuration);
        }
        wait(request.send()).expect("the bucket is created");
        bucket
    }

    /// Puts one object.
    pub fn put(&self, key: &str, body: impl Into<Vec<u8>>) {
        self.put_many([(key.to_owned(), body.into())]);
    }

    /// Puts an object under each key, with the key as its body.
    pub fn put_keys<K: AsRef<str>>(&self, keys: impl IntoIterator<Item = K>) {
        let named = |key: K| (key.as_ref().to_owned(), key.as_ref().as_bytes().to_vec());
        self.put_many(keys.into_iter().map(named));
    }

    /// Puts objects, several at the same time.
    pub fn put_many(&self, objects: impl IntoIterator<Item = (String, Vec<u8>)>) {
        wait(async {
            let mut puts = JoinSet::new();
            for (key, body) in objects {
                if puts.len() == PUTS_IN_FLIGHT {
                    puts.join_next()
                        .await
                        .expect("a put is running")
                        .expect("put");
                }
                let request = self.client.put_object().bucket(&self.name).key(&key);
                let put = request.body(body.into()).send();
                puts.spawn(async move { drop(put.await.expect("the server accepts any key")) });
            }
            puts.join_all().await;
        });
    }

    /// Puts an object in a storage class.
    pub fn put_with_class(&self, key: &str, class: &str) {
        let request = self.client.put_object().bucket(&self.name).key(key);
        let request = request.storage_class(StorageClass::from(class));
        wait(request.body(b"x".to_vec().into()).send()).expect("put");
    }

    /// Deletes the bucket, which must be empty.
    pub fn remove(&self) {
        let request = self.client.delete_bucket().bucket(&self.name);
        wait(request.send()).expect("the bucket is empty");
    }

    /// Deletes one object.
    pub fn delete(&self, key: &str) {
        let request = self.client.delete_object().bucket(&self.name).key(key);
        wait(request.send()).expect("delete");
    }

    /// Deletes objects, one after the other.
    pub fn delete_many<K: AsRef<str>>(&self, keys: impl IntoIterator<Item = K>) {
        for key in keys {
            self.delete(key.as_ref());
        }
    }

    /// Deletes objects with one request.
    pub fn delete_batch<K: AsRef<str>>(&self, keys: impl IntoIterator<Item = K>) {
        let named = |key: K| {
            let identifier = ObjectIdentifier::builder().key(key.as_ref());
            identifier.build().expect("the identifier has a key")
        };
        let objects = keys.into_iter().map(named).collect();
        let delete = Delete::builder().set_objects(Some(objects)).build();
        let request = self.client.delete_objects().bucket(&self.name);
        let request = request.delete(delete.expect("the request has objects"));
        let answer = wait(request.send()).expect("delete");
        assert!(answer.errors().is_empty(), "{answer:?}");
    }

    /// Copies an object within the bucket.
    pub fn copy(&self, from: &str, to: &str) {
        let source = format!("{}/{}", self.name, percent_encoded(from));
        let request = self.client.copy_object().bucket(&self.name).key(to);
        wait(request.copy_source(source).send()).expect("copy");
    }

    /// Puts an object with a multipart upload.
    pub fn put_multipart(&self, key: &str, parts: &[Vec<u8>]) {
        let request = self.client.create_multipart_upload().bucket(&self.name);
        let upload = wait(request.key(key).send()).expect("the upload starts");
        let id = upload.upload_id().expect("an upload has an id");
        let mut completed = CompletedMultipartUpload::builder();
        for (number, part) in (1..).zip(parts) {
            let request = self.client.upload_part().bucket(&self.name).key(key);
            let request = request.upload_id(id).part_number(number);
            let put = wait(request.body(part.clone().into()).send()).expect("put");
            let part = CompletedPart::builder().part_number(number);
            completed = completed.parts(part.set_e_tag(put.e_tag).build());
        }
        let request = self.client.complete_multipart_upload().bucket(&self.name);
        let request = request.key(key).upload_id(id);
        wait(request.multipart_upload(completed.build()).send()).expect("the upload completes");
    }

    /// Enables versioning.
    pub fn enable_versioning(&self) {
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
        let request = self.client.put_bucket_versioning().bucket(&self.name);
        let request = request.versioning_configuration(enabled.build());
        wait(request.send()).expect("versioning is enabled");
    }

    /// The ids of the versions and delete markers of a key, newest first.
    pub fn versions(&self, key: &str) -> Vec<String> {
        let request = self.client.list_object_versions().bucket(&self.name);
        let listed = wait(request.prefix(key).send()).expect("list");
        let versions = listed.versions().iter().map(|version| {
            let order = (version.is_latest(), version.last_modified);
            (version.key(), order, version.version_id())
        });
        let markers = listed.delete_markers().iter().map(|marker| {
            let order = (marker.is_latest(), marker.last_modified);
            (marker.key(), order, marker.version_id())
        });
        let mut all: Vec<_> = versions.chain(markers).collect();
        all.retain(|(listed_key, ..)| *listed_key == Some(key));
        all.sort_by_key(|(_, order, _)| std::cmp::Reverse(*order));
        let id = |(.., id): (_, _, Option<&str>)| id.expect("a version has an id").to_owned();
        all.into_iter().map(id).collect()
    }

    /// Deletes a version or a delete marker.
    pub fn delete_version(&self, key: &str, version: &str) {
        let request = self.client.delete_object().bucket(&self.name).key(key);
        wait(request.version_id(version).send()).expect("delete");
    }

    /// Makes the bucket send its creations and removals to a queue.
    pub fn notify(&self, queue_arn: &str) {
        self.notify_events(queue_arn, &EVENTS, &[]);
    }

    /// Makes the bucket send these events to a queue, for keys that match the filters (`prefix`, `suffix`).
    pub fn notify_events(&self, queue_arn: &str, events: &[&str], filters: &[(&str, &str)]) {
        let events = events.iter().copied().map(Event::from).collect();
        let rules = filters.iter().map(|&(name, value)| {
            let rule = FilterRule::builder().name(FilterRuleName::from(name));
            rule.value(value).build()
        });
        let key = S3KeyFilter::builder().set_filter_rules(Some(rules.collect()));
        let filter = NotificationConfigurationFilter::builder().key(key.build());
        let queue = QueueConfiguration::builder().queue_arn(queue_arn);
        let queue = queue.set_events(Some(events)).filter(filter.build());
        let queue = queue.build().expect("all fields are set");
        let configuration = NotificationConfiguration::builder().queue_configurations(queue);
        self.set_notifications(configuration.build());
    }

    /// Makes the bucket send its events to EventBridge.
    pub fn notify_event_bridge(&self) {
        let bridge = EventBridgeConfiguration::builder().build();
        let configuration = NotificationConfiguration::builder();
        self.set_notifications(configuration.event_bridge_configuration(bridge).build());
    }

    fn set_notifications(&self, configuration: NotificationConfiguration) {
        let request = self.client.put_bucket_notification_configuration();
        let request = request.bucket(&self.name);
        let request = request.notification_configuration(configuration);
        wait(request.send()).expect("the target exists");
    }

    /// All objects of the bucket by key.
    pub fn list(&self) -> BTreeMap<String, Listed> {
        let mut all = BTreeMap::new();
        let mut token = None;
        loop {
            let request = self.client.list_objects_v2().bucket(&self.name);
            let request = request.encoding_type(EncodingType::Url);
            let page = wait(request.set_continuation_token(token).send()).expect("list");
            for object in page.contents() {
                let key = percent_decoded(object.key().expect("an object has a key"));
                let modified = object.last_modified().expect("an object has a date");
                let listed = Listed {
                    size: u64::try_from(object.size().expect("an object has a size"))
                        .expect("a size is not negative"),
                    etag: object
                        .e_tag()
                        .expect("an object has an ETag")
                        .replace('"', ""),
                    last_modified: modified.to_millis().expect("the date is in this century"),
                    storage_class: object
                        .storage_class()
                        .expect("an object has a storage class")
                        .to_string(),
                };
                assert!(all.insert(key, listed).is_none(), "a key is listed twice");
            }
            token = page.next_continuation_token().map(str::to_owned);
            if token.is_none() {
                return all;
            }
        }
    }
}

/// A client with the credentials of root.
fn client(endpoint: &str, region: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .region(Region::new(region.to_owned()))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// Runs a future to completion on the runtime that all clients share.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all();
        builder.build().expect("the runtime starts")
    });
    runtime.block_on(future)
}

/// Encodes a key for the path of a URL.
fn percent_encoded(key: &str) -> String {
    form_encoded(key).replace('+', "%20")
}

/// Encodes a key as S3 does in events.
pub fn form_encoded(key: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' => {
            char::from(byte).to_string()
        }
        b' ' => "+".to_owned(),
        byte => format!("%{byte:02X}"),
    };
    key.bytes().map(encode).collect()
}

/// Decodes a key of a listing with `encoding-type=url`.
pub fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next().expect("two digits")).to_digit(16);
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (digit().expect("hex"), digit().expect("hex"));
                u8::try_from(high * 16 + low).expect("two hex digits are a byte")
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).expect("keys are UTF-8")
}
