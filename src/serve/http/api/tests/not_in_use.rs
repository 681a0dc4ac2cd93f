//! Tests changes that are stored, but that the daemon does not use yet.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Extension;
use axum::http::HeaderMap;

use super::*;
use crate::config::Config;
use crate::managed::FileStore;
use crate::managed::changes::{self, ChangeContext};
use crate::serve::access::{AccessLevel, Grant, SourceScope};
use crate::serve::source_changes::{ChangeRequest, SourceChanger, StoredChange};

const REASON: &str = "the reload does not end";

/// A server whose daemon stores changes and never uses them.
struct StuckDaemon {
    fixture: Fixture,
    /// The number of stored changes.
    stored: Arc<AtomicUsize>,
}

impl StuckDaemon {
    fn start() -> Self {
        let Fixture { app, _folder } = Fixture::new(&[]);
        let path = _folder.path().join("indexer.toml");
        std::fs::write(&path, "data_dir = \".\"").unwrap();
        let store = FileStore::in_data_dir(_folder.path());
        let (changer, mut requests) = SourceChanger::new();
        let stored = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&stored);
        tokio::spawn(async move {
            while let Some(request) = requests.recv().await {
                let ChangeRequest::Source {
                    name,
                    change,
                    actor,
                    reply,
                    ..
                } = request
                else {
                    continue;
                };
                let context = ChangeContext {
                    load: &|| Config::load(&path).map_err(|error| error.to_string()),
                    check_binding: &|_, _| Ok(()),
                    actor: &actor,
                    now: jiff::Timestamp::UNIX_EPOCH,
                };
                let written = changes::apply(&store, &name, change, &context).unwrap();
                counter.fetch_add(1, Ordering::Relaxed);
                let _ = reply.send(Ok(StoredChange {
                    applied: written.applied,
                    source: written.source.map(Arc::new),
                    not_in_use: Some(REASON.to_owned()),
                }));
            }
        });
        let mut app = Arc::try_unwrap(app).ok().unwrap();
        app.changer = Some(changer);
        Self {
            fixture: Fixture {
                app: Arc::new(app),
                _folder,
            },
            stored,
        }
    }

    async fn send(
        &self,
        scope: SourceScope,
        method: &str,
        url: &str,
        body: &Value,
    ) -> (u16, HeaderMap, Value) {
        let grant = Grant::of_token("t", AccessLevel::Manage, scope);
        let router = router(Arc::clone(&self.fixture.app)).layer(Extension(grant));
        let request = Request::builder().method(method).uri(url);
        let request = request.header("content-type", "application/json");
        let request = request.header("idempotency-key", "key");
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, headers, serde_json::from_slice(&body).unwrap())
    }
}

fn warnings(body: &Value) -> String {
    body["meta"]["warnings"].to_string()
}

#[tokio::test]
async fn stored_change_is_acknowledged_although_it_is_not_in_use() {
    let daemon = StuckDaemon::start();
    let values = json!({
        "name": "photos",
        "bucket": "my-bucket",
        "subdomain": "photos",
        "credentials": {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "secret"},
    });
    let all = || SourceScope::All;
    let url = "/v1/sources";
    let (status, headers, created) = daemon.send(all(), "POST", url, &values).await;
    assert_eq!(status, 202, "{created}");
    assert_eq!(headers["location"], "/v1/sources/photos");
    assert_eq!(created["data"]["values"]["bucket"], "my-bucket");
    assert_eq!(created["data"]["status"], "deploying");
    assert!(warnings(&created).contains(REASON), "{created}");
    // A repeated request gets the same answer and changes nothing.
    let (status, again, repeated) = daemon.send(all(), "POST", url, &values).await;
    assert_eq!((status, &repeated), (202, &created));
    assert_eq!(again["etag"], headers["etag"]);
    assert_eq!(daemon.stored.load(Ordering::Relaxed), 1);
    // Someone who sees only this Source does not see the reason, which can name others.
    let only = SourceScope::only(["photos"]);
    let patch = json!({"prefix": "images"});
    let (status, _, changed) = daemon
        .send(only, "PATCH", "/v1/sources/photos", &patch)
        .await;
    assert_eq!(status, 202, "{changed}");
    assert_eq!(changed["data"]["values"]["prefix"], "images");
    let text = warnings(&changed);
    assert!(
        text.contains("not use it yet") && !text.contains(REASON),
        "{text}"
    );
    let (status, _, removed) = daemon
        .send(all(), "DELETE", "/v1/sources/photos", &json!({}))
        .await;
    assert_eq!((status, &removed["data"]["name"]), (202, &json!("photos")));
    assert!(warnings(&removed).contains(REASON), "{removed}");
}

#[tokio::test]
async fn stored_change_is_acknowledged_in_the_shape_of_imgix() {
    let daemon = StuckDaemon::start();
    let attributes = json!({
        "name": "photos",
        "deployment": {
            "s3_bucket": "my-bucket",
            "s3_access_key": "AKIAEXAMPLE",
            "s3_secret_key": "secret",
            "imgix_subdomains": ["photos"],
            "cache_ttl_value": 5,
        },
    });
    let document = json!({"data": {"type": "sources", "attributes": attributes}});
    let url = "/api/v1/sources";
    let (status, headers, created) = daemon.send(SourceScope::All, "POST", url, &document).await;
    assert_eq!(status, 202, "{created}");
    let location = format!("{url}/{}", source_id("photos"));
    assert_eq!(headers["location"], location.as_str());
    let attributes = &created["data"]["attributes"];
    assert_eq!(attributes["deployment"]["s3_bucket"], "my-bucket");
    let text = warnings(&created);
    assert!(
        text.contains("cache_ttl_value") && text.contains(REASON),
        "{text}"
    );
    let (status, _, repeated) = daemon.send(SourceScope::All, "POST", url, &document).await;
    assert_eq!((status, repeated), (202, created));
    assert_eq!(daemon.stored.load(Ordering::Relaxed), 1);
}
