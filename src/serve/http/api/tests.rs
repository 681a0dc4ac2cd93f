//! Tests the API over a real index, through the router.

mod assets;
mod errors;
mod leaks;
mod not_in_use;
mod pages;
mod search;
mod searches;
mod sources;

use std::collections::BTreeSet;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::openapi::check::CheckedResponse;
use super::v1::searches::MAX_SEARCHES;
use super::*;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::object::{Object, StorageClass};
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::SourceIdentity;
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::Source;
use crate::core::source::address::percent_encode;
use crate::index::current::open_or_create_current;
use crate::index::directory::DataDir;
use crate::index::tantivy::MIN_WRITER_MEMORY;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::index::{Change, Changes, Engine};
use crate::observe::status::StatusBoard;
use crate::serve::access::Access;
use crate::serve::http::app_state::source_id;
use crate::serve::http::auth::{Auth, require_auth};
use crate::serve::http::routes::router;
use crate::serve::http::trailing_slash;

/// Keys that are easily encoded wrongly in a URL.
const ODD_KEYS: [&str; 8] = [
    "a b.jpg",
    "100%.jpg",
    "%20.jpg",
    "a+b.jpg",
    "x//y",
    "/leading",
    "ü/日本.png",
    "q?a=b&c#d.svg",
];

/// All routes, without tokens: every client may see all Sources.
fn open_router(app: &Arc<AppState>) -> Router {
    let auth = Auth::new(Access::open());
    trailing_slash::accept(require_auth(router(Arc::clone(app)), Arc::new(auth)))
}

/// An application state with an index of its own.
struct Fixture {
    _folder: tempfile::TempDir,
    app: Arc<AppState>,
}

impl Fixture {
    /// An index with these Sources, each with its name and keys. Sizes ascend in the order of the keys.
    fn new(sources: &[(&str, &[&str])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path(), SCHEMA_VERSION);
        let lock = data_dir.lock().unwrap();
        let mut engine = open_or_create_current(&data_dir, &lock, MIN_WRITER_MEMORY).unwrap();
        let mut checkpoint = Checkpoint::default();
        let mut changes = Changes::new();
        let mut configured = Vec::new();
        for (name, keys) in sources {
            let source = Source::new(*name, *name, *name);
            let (id, _) = checkpoint
                .register(&SourceIdentity {
                    name,
                    subdomain: name,
                    origin: &source.origin(),
                    prefix: "",
                    scope: "",
                })
                .unwrap();
            let state = checkpoint.state_mut(id).unwrap();
            state.begin_scan(Vec::new());
            state.note_page(Timestamp::from_millis(5_000));
            state.complete_scan().unwrap();
            changes.extend(keys.iter().enumerate().map(|(size, key)| {
                let change = Change {
                    record: Some(record(size as u64)),
                    replaces: false,
                };
                ((id, (*key).to_owned()), change)
            }));
            configured.push(Arc::new(source));
        }
        engine.commit(&changes, &checkpoint).unwrap();
        let mut board = StatusBoard::new(folder.path().into());
        board.started = Timestamp::from_millis(0);
        Self {
            app: AppState::with_sources(Arc::new(board), configured),
            _folder: folder,
        }
    }

    async fn send(&self, url: &str) -> (u16, Value) {
        let request = Request::builder().uri(url).body(Body::empty());
        let router = open_router(&self.app);
        let response = router.oneshot(request.unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let status = parts.status.as_u16();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let headers = parts.headers.iter();
        let checked = CheckedResponse {
            method: "GET",
            path: url,
            status,
            headers: headers
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
                .collect(),
            body: &body,
        };
        assert_eq!(checked.check(&openapi::document()), Ok(()), "{url}");
        let body = serde_json::from_slice(&body);
        (
            status,
            body.unwrap_or_else(|_| panic!("{url}: the body is not JSON")),
        )
    }

    async fn get(&self, url: &str) -> Value {
        let (status, body) = self.send(url).await;
        assert_eq!(status, 200, "{url}: {body}");
        body
    }

    /// The status, the code and the parameter of an error response.
    async fn error(&self, url: &str) -> (u16, String, Value) {
        let (status, body) = self.send(url).await;
        let error = &body["errors"][0];
        assert_eq!(error["status"], status.to_string(), "{url}: {body}");
        assert_eq!(body["jsonapi"], json!({"version": "1.0"}));
        let code = error["code"].as_str().unwrap_or_default().to_owned();
        (status, code, error["source"]["parameter"].clone())
    }

    /// The asset paths of all pages of an imgix list, by `links.next`.
    async fn follow(&self, url: &str) -> Vec<String> {
        let mut paths = Vec::new();
        let mut page = url.to_owned();
        for _ in 0..100 {
            let body = self.get(&page).await;
            for asset in body["data"].as_array().unwrap() {
                let path = asset["attributes"]["origin_path"].as_str();
                paths.push(path.unwrap().to_owned());
            }
            match body["links"]["next"].as_str() {
                Some(next) => page = next.to_owned(),
                None => return paths,
            }
        }
        panic!("{url} has more than 100 pages");
    }

    /// The asset paths of all pages, from the page at this URL on.
    async fn walk(&self, url: &str, parameter: &str, next: &str) -> Vec<String> {
        let mut paths = Vec::new();
        let mut page = url.to_owned();
        for _ in 0..100 {
            let body = self.get(&page).await;
            for hit in body["data"].as_array().unwrap() {
                let path = [&hit["path"], &hit["attributes"]["origin_path"]];
                let path = path.iter().find_map(|path| path.as_str());
                paths.push(path.expect("a hit has a path").to_owned());
            }
            match body.pointer(next).and_then(Value::as_str) {
                Some(cursor) => page = format!("{url}&{parameter}={cursor}"),
                None => return paths,
            }
        }
        panic!("{url} has more than 100 pages");
    }
}

fn record(size: u64) -> Record {
    Record {
        content: RecordContent::Live {
            object: Object {
                size,
                etag: None,
                last_modified: Timestamp::from_millis(1_000),
                storage_class: StorageClass::Standard,
            },
            first_seen: Timestamp::from_millis(2_000),
        },
        event_time: None,
        sequencer: None,
        listed_at: Some(Timestamp::from_millis(3_000)),
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    percent_encode(text, &mut encoded);
    encoded
}
