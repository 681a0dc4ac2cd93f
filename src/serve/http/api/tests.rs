//! Tests the API over a real index, through the router.

use std::collections::BTreeSet;

mod leaks;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

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
    require_auth(router(Arc::clone(app)), Arc::new(auth))
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
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
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

#[tokio::test]
async fn returns_every_key_byte_for_byte() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS)]);
    let id = source_id("a");
    for key in ODD_KEYS {
        let path = format!("/{key}");
        let query = encoded(&path);
        let hit = fixture
            .get(&format!("/v1/asset?source=a&path={query}"))
            .await;
        assert_eq!(hit["data"]["path"], path);
        assert_eq!(hit["data"]["key"], key);
        for url in [
            format!("/api/v1/sources/{id}/assets{query}"),
            format!("/api/v1/assets/{id}{query}"),
        ] {
            let asset = fixture.get(&url).await;
            assert_eq!(asset["data"]["id"], format!("{id}{path}"), "{url}");
            assert_eq!(asset["data"]["attributes"]["origin_path"], path);
        }
    }
}

#[tokio::test]
async fn accepts_an_extra_slash_before_an_origin_path() {
    let fixture = Fixture::new(&[("a", &["x/y.jpg", "z", "/z"])]);
    let id = source_id("a");
    for (written, path) in [
        ("//x/y.jpg", "/x/y.jpg"),
        ("/%2Fx%2Fy.jpg", "/x/y.jpg"),
        ("/z", "/z"),
        ("//z", "//z"),
        ("///z", "//z"),
    ] {
        let url = format!("/api/v1/sources/{id}/assets{written}");
        let asset = fixture.get(&url).await;
        assert_eq!(asset["data"]["attributes"]["origin_path"], path);
    }
    let nowhere = format!("/api/v1/sources/{id}/assets///x/y.jpg");
    assert_eq!(fixture.send(&nowhere).await.0, 404);
}

#[tokio::test]
async fn pages_return_each_asset_once() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS), ("b", &["z", "y", "a b.jpg"])]);
    let id = source_id("a");
    let list = format!("/api/v1/sources/{id}/assets");
    let old = format!("/api/v1/assets/{id}");
    for (url, parameter, next, count) in [
        ("/v1/search?limit=2", "cursor", "/meta/cursor/next", 11),
        (
            "/v1/search?limit=3&source=a&sort=-size",
            "cursor",
            "/meta/cursor/next",
            8,
        ),
        (
            "/v1/search?limit=3&source=b&source=a&sort=name",
            "cursor",
            "/meta/cursor/next",
            11,
        ),
        (
            &format!("{list}?page[limit]=3"),
            "page[cursor]",
            "/meta/cursor/next",
            8,
        ),
        (
            &format!("{old}?page[limit]=3&sort=-file_size"),
            "page[cursor]",
            "/meta/cursor/next",
            8,
        ),
    ] {
        let paths = fixture.walk(url, parameter, next).await;
        assert_eq!(paths.len(), count, "{url}: {paths:?}");
    }
    let mut by_offset = Vec::new();
    for offset in [0, 3, 6, 9] {
        let page = fixture
            .get(&format!("{list}?page[cursor]={offset}&page[limit]=3"))
            .await;
        let data = page["data"].as_array().unwrap();
        by_offset.extend(data.iter().map(|asset| asset["id"].to_string()));
        assert_eq!(page["meta"]["cursor"]["totalRecords"], 8);
        assert_eq!(page["meta"]["cursor"]["current"], offset.to_string());
        assert_eq!(page["meta"]["cursor"]["hasMore"], offset < 6, "{offset}");
    }
    let page = fixture
        .get(&format!("{old}?page[number]=1&page[size]=3"))
        .await;
    let by_number = page["data"].as_array().unwrap();
    let by_number: Vec<_> = by_number
        .iter()
        .map(|asset| asset["id"].to_string())
        .collect();
    assert_eq!(by_number, by_offset[3..6]);
    assert_eq!(by_offset.into_iter().collect::<BTreeSet<_>>().len(), 8);
}

#[tokio::test]
async fn errors_name_code_and_parameter() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS)]);
    let id = source_id("a");
    let first = fixture.get("/v1/search?limit=1&q=jpg&sort=path").await;
    let cursor = first["meta"]["cursor"]["next"].as_str().unwrap().to_owned();
    let other = format!("/v1/search?limit=1&q=png&sort=path&cursor={cursor}");
    let sorted = format!("/v1/search?limit=1&q=jpg&sort=size&cursor={cursor}");
    let damaged = format!("/v1/search?limit=1&q=jpg&sort=path&cursor={}", &cursor[1..]);
    let asset = |path: &str| format!("/api/v1/sources/{id}/assets{path}");
    for (url, status, code, parameter) in [
        ("/v1/search?q=size:%3Ebig", 400, "query_invalid", json!("q")),
        (
            "/v1/search?limit=0",
            400,
            "parameter_invalid",
            json!("limit"),
        ),
        (
            "/v1/search?colour=red",
            400,
            "parameter_unknown",
            json!("colour"),
        ),
        ("/v1/search?q=a&q=b", 400, "parameter_repeated", json!("q")),
        ("/v1/search?q=%ff", 400, "parameter_invalid", json!("q")),
        (
            "/v1/search?sort=colour",
            400,
            "parameter_invalid",
            json!("sort"),
        ),
        (
            "/v1/search?source=nobody",
            404,
            "not_found",
            json!("source"),
        ),
        (&other, 400, "cursor_of_another_query", json!("cursor")),
        (&sorted, 400, "cursor_of_another_query", json!("cursor")),
        (&damaged, 400, "cursor_invalid", json!("cursor")),
        ("/v1/suggest", 400, "parameter_missing", json!("q")),
        (
            "/v1/folders?path=/",
            400,
            "parameter_missing",
            json!("source"),
        ),
        (
            "/v1/asset?source=a",
            400,
            "parameter_missing",
            json!("path"),
        ),
        (
            "/v1/asset?source=a&path=/none",
            404,
            "not_found",
            json!("path"),
        ),
        (
            "/v1/asset?source=b&path=/none",
            404,
            "not_found",
            json!("source"),
        ),
        (
            "/v1/explain?source=a&path=s3://other/none",
            400,
            "parameter_invalid",
            json!("path"),
        ),
        ("/v1/sources?x", 400, "parameter_unknown", json!("x")),
        ("/v1/nothing", 404, "not_found", Value::Null),
        ("/api/v1/sources/0", 404, "not_found", Value::Null),
        ("/api/v1/sources/%ff", 404, "not_found", Value::Null),
        ("/api/v1/sources/0/assets", 404, "not_found", Value::Null),
        (&asset("/none"), 404, "not_found", Value::Null),
        (&asset("/"), 404, "not_found", Value::Null),
        (&asset("/%ff"), 400, "path_invalid", Value::Null),
        (
            &asset("?filter[size]=1"),
            400,
            "parameter_unknown",
            json!("filter[size]"),
        ),
        (
            &asset("?include=x"),
            400,
            "parameter_unknown",
            json!("include"),
        ),
        (
            &asset("?sort=name"),
            400,
            "parameter_invalid",
            json!("sort"),
        ),
    ] {
        let error = fixture.error(url).await;
        assert_eq!(error, (status, code.to_owned(), parameter), "{url}");
    }
}

#[tokio::test]
async fn query_error_has_the_column() {
    let fixture = Fixture::new(&[("a", &[])]);
    let (_, body) = fixture.send("/v1/search?q=summer%20size:%3Ebig").await;
    let meta = &body["errors"][0]["meta"];
    assert_eq!(*meta, json!({"column": 8, "text": "size:>big"}));
}

#[tokio::test]
async fn lists_sources_in_both_shapes() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS), ("b", &[])]);
    let own = fixture.get("/v1/sources").await;
    let want = json!({
        "name": "a", "id": source_id("a"), "enabled": true, "bucket": "a", "prefix": "",
        "base_url": "https://a.imgix.net", "status": "deployed", "assets": 8,
    });
    assert_eq!(own["data"][0], want);
    let sources = fixture
        .get("/api/v1/sources?sort=-name&fields[sources]=name")
        .await;
    assert_eq!(sources["data"][0]["attributes"], json!({"name": "b"}));
    assert_eq!(sources["meta"]["pagination"]["totalRecords"], 2);
    assert_eq!(sources["included"], json!([]));
    for (filter, count) in [
        ("filter[name]=a", 1),
        ("filter[name]=a,b", 2),
        ("filter[enabled]=true", 2),
        ("filter[enabled]=false", 0),
        (
            "filter[deployment.type]=s3&filter[deployment.s3_bucket]=b",
            1,
        ),
        ("filter[deployment.imgix_subdomains]=a", 1),
        ("page[number]=1&page[size]=1", 1),
        ("page[number]=7", 0),
    ] {
        let sources = fixture.get(&format!("/api/v1/sources?{filter}")).await;
        assert_eq!(sources["data"].as_array().unwrap().len(), count, "{filter}");
    }
    let one = fixture
        .get(&format!("/api/v1/sources/{}", source_id("b")))
        .await;
    assert_eq!(one["data"]["attributes"]["deployment_status"], "deployed");
    assert_eq!(one["data"]["attributes"]["date_deployed"], 5);
}

#[tokio::test]
async fn applies_filters_and_sparse_fields_to_assets() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS)]);
    let list = format!("/api/v1/sources/{}/assets", source_id("a"));
    for (filter, count) in [
        ("filter[tags]=a", 0),
        ("filter[custom:a]=", 0),
        ("filter[or:tags]=a&filter[or:keyword]=b", 3),
    ] {
        let assets = fixture.get(&format!("{list}?{filter}")).await;
        let total = &assets["meta"]["cursor"]["totalRecords"];
        assert_eq!(*total, count, "{filter}");
    }
    let assets = fixture
        .get(&format!("{list}?fields[assets]=origin_path&page[limit]=1"))
        .await;
    let attributes = assets["data"][0]["attributes"].as_object().unwrap();
    assert_eq!(attributes.len(), 1);
}

#[tokio::test]
async fn without_an_index_searches_fail_and_sources_are_deploying() {
    let folder = tempfile::tempdir().unwrap();
    let board = Arc::new(StatusBoard::new(folder.path().into()));
    let source = Arc::new(Source::new("a", "a", "a"));
    let fixture = Fixture {
        app: AppState::with_sources(board, vec![source]),
        _folder: folder,
    };
    for url in ["/v1/search", "/v1/suggest?q=a", "/v1/folders?source=a"] {
        let (status, code, _) = fixture.error(url).await;
        assert_eq!((status, code.as_str()), (503, "index_absent"), "{url}");
    }
    let sources = fixture.get("/v1/sources").await;
    assert_eq!(sources["data"][0]["status"], "deploying");
    assert_eq!(sources["data"][0]["assets"], Value::Null);
    let explained = fixture.get("/v1/explain?source=a&path=/x").await;
    assert_eq!(explained["data"]["facts"]["index"]["state"], "no_index");
}

#[tokio::test]
async fn search_without_a_free_permit_is_busy() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS)]);
    let mut app = Arc::try_unwrap(fixture.app).ok().unwrap();
    app.search_timeout = std::time::Duration::from_millis(1);
    let all = app.concurrent_searches.acquire_many(4).await;
    let fixture = Fixture {
        app: Arc::new(app),
        ..fixture
    };
    let (status, code, _) = fixture.error("/v1/search").await;
    assert_eq!((status, code.as_str()), (503, "busy"));
    drop(all);
}

#[tokio::test]
async fn etag_is_the_same_while_the_index_is() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS)]);
    let mut etags = BTreeSet::new();
    for _ in 0..2 {
        let request = Request::builder()
            .uri("/v1/search?q=jpg&limit=1")
            .body(Body::empty());
        let router = open_router(&fixture.app);
        let response = router.oneshot(request.unwrap()).await.unwrap();
        etags.insert(response.headers()["etag"].to_str().unwrap().to_owned());
    }
    assert_eq!(etags.len(), 1, "{etags:?}");
}

#[tokio::test]
async fn pages_through_folders_by_cursor() {
    let keys = ["a/1", "b/c/2", "b/3", "d/4", "x", "y", "z"];
    let fixture = Fixture::new(&[("a", &keys)]);
    let mut names = Vec::new();
    let mut page = fixture.get("/v1/folders?source=a&limit=2").await;
    for _ in 0..2 {
        let folders = page["data"]["folders"].as_array().unwrap();
        names.extend(
            folders
                .iter()
                .map(|folder| (folder["path"].to_string(), folder["assets"].as_u64())),
        );
        let Some(cursor) = page["meta"]["cursor"]["next"].as_str() else {
            break;
        };
        let next = format!("/v1/folders?source=a&limit=2&cursor={cursor}");
        page = fixture.get(&next).await;
    }
    let want = [("\"/a/\"", 1), ("\"/b/\"", 2), ("\"/d/\"", 1)];
    assert_eq!(
        names,
        want.map(|(path, count)| (path.to_owned(), Some(count)))
    );
    let other_folder = "/v1/folders?source=a&path=/b&cursor=";
    let first = fixture.get("/v1/folders?source=a&limit=2").await;
    let cursor = first["meta"]["cursor"]["next"].as_str().unwrap();
    let (_, code, _) = fixture.error(&format!("{other_folder}{cursor}")).await;
    assert_eq!(code, "cursor_of_another_query");
}

#[tokio::test]
async fn query_of_a_folder_continues_its_assets() {
    let keys = ["b/1", "b/2", "b/3", "b/c/4", "5"];
    let fixture = Fixture::new(&[("a", &keys)]);
    let folder = fixture.get("/v1/folders?source=a&path=/b&limit=2").await;
    assert_eq!(folder["data"]["assets"].as_array().unwrap().len(), 2);
    let assets = &folder["meta"]["assets"];
    assert_eq!(assets["total"]["value"], 3);
    let q = encoded(assets["q"].as_str().unwrap());
    let cursor = assets["cursor"]["next"].as_str().unwrap();
    let rest = format!("/v1/search?source=a&sort=name&q={q}&cursor={cursor}");
    let rest = fixture.get(&rest).await;
    assert_eq!(rest["data"][0]["path"], "/b/3");
    assert_eq!(rest["meta"]["cursor"]["has_more"], false);
}

#[tokio::test]
async fn returns_highlights_facets_and_suggestions() {
    let fixture = Fixture::new(&[("a", &["ü/summer beach.jpg", "x/summer.pdf", "y.png"])]);
    let page = fixture
        .get("/v1/search?q=summer&sort=path&highlights=true&facets=type,folder&limit=1&total=1")
        .await;
    assert_eq!(page["data"][0]["path"], "/x/summer.pdf");
    let highlights = &page["data"][0]["highlights"];
    assert_eq!(*highlights, json!([{"start": 3, "end": 9}]));
    let types = &page["facets"]["type"]["buckets"];
    assert_eq!(types.as_array().unwrap().len(), 2, "{page}");
    let folders = page["facets"]["folder"]["buckets"].as_array().unwrap();
    let folders: BTreeSet<_> = folders
        .iter()
        .filter_map(|bucket| bucket["value"].as_str())
        .collect();
    assert_eq!(folders, BTreeSet::from(["/x/", "/ü/"]));
    let suggestions = fixture.get("/v1/suggest?q=sum").await;
    assert_eq!(
        suggestions["data"].as_array().unwrap().len(),
        2,
        "{suggestions}"
    );
}

#[tokio::test]
async fn explains_why_a_path_is_found_or_not() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS)]);
    let indexed = fixture.get("/v1/explain?source=a&path=/a%20b.jpg").await;
    assert_eq!(indexed["data"]["searchable"], true, "{indexed}");
    let absent = fixture.get("/v1/explain?source=a&path=/none").await;
    assert_eq!(absent["data"]["facts"]["bucket"]["state"], "not_asked");
    assert!(absent["data"]["verdict"].is_string(), "{absent}");
}

#[tokio::test]
async fn every_documented_path_exists() {
    let fixture = Fixture::new(&[("a", &["x"])]);
    let document = fixture.get(operation::OPENAPI_PATH).await;
    let id = source_id("a");
    for path in document["paths"].as_object().unwrap().keys() {
        // The page has its own tests.
        if path == "/" {
            continue;
        }
        let url = path.replace("{id}", &id).replace("{origin_path}", "x");
        let request = Request::builder().uri(&url).body(Body::empty());
        let router = open_router(&fixture.app);
        let response = router.oneshot(request.unwrap()).await.unwrap();
        let status = response.status().as_u16().to_string();
        let documented = &document["paths"][path]["get"]["responses"][&status];
        assert!(documented.is_object(), "{url}: {status}");
        assert_ne!(status, "404", "{url}");
    }
}
