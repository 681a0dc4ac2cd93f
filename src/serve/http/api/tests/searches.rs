//! Tests several searches in one request, and that each answer is of one snapshot.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use crate::serve::access::{AccessLevel, Grant, SourceScope};
use crate::serve::http::client::ClientId;
use crate::serve::http::fair_queue::Asker;

impl Fixture {
    /// Sends searches with the grant of a token.
    async fn searches_as(&self, grant: Grant, body: &Value) -> (u16, Value) {
        let request = Request::post("/v1/searches").header("content-type", "application/json");
        let mut request = request.body(Body::from(body.to_string())).unwrap();
        request.extensions_mut().insert(grant);
        let response = router(Arc::clone(&self.app)).oneshot(request).await;
        let (parts, body) = response.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (
            parts.status.as_u16(),
            serde_json::from_slice(&body).unwrap(),
        )
    }

    async fn searches(&self, searches: Value) -> (u16, Value) {
        let token = Grant::of_token("t", AccessLevel::Read, SourceScope::All);
        self.searches_as(token, &json!({ "searches": searches }))
            .await
    }
}

#[tokio::test]
async fn each_search_has_its_own_answer_or_error() {
    let fixture = Fixture::new(&[("a", &["summer.jpg", "x/winter.png", "x/summer.pdf"])]);
    let first = fixture.get("/v1/search?limit=1&sort=-size,name").await;
    let cursor = &first["meta"]["cursor"]["next"];
    let searches = json!([
        {},
        {"q": "summer", "facets": ["ext", "type"], "limit": 1, "total": 1, "highlights": true},
        {"q": "size:>big"},
        {"sort": ["-size", "name"], "limit": 1, "cursor": cursor},
        {"q": "sumer"},
        {"source": ["a", "nobody"]},
        {"q": "x/winter.png", "fields": ["path"]},
        {"limit": 1, "colour": "red"},
        7,
        {"q": "s3://a/none.jpg", "exact": true},
    ]);
    let (status, body) = fixture.searches(searches).await;
    assert_eq!(status, 200, "{body}");
    let answers = body["data"].as_array().unwrap();
    assert_eq!(answers.len(), MAX_SEARCHES);
    for (index, url) in [
        (0, "/v1/search".to_owned()),
        (
            1,
            "/v1/search?q=summer&facets=ext,type&limit=1&total=1&highlights=true".to_owned(),
        ),
        (
            3,
            format!(
                "/v1/search?limit=1&sort=-size,name&cursor={}",
                cursor.as_str().unwrap()
            ),
        ),
        (4, "/v1/search?q=sumer".to_owned()),
        (6, "/v1/search?q=x/winter.png&fields=path".to_owned()),
        (9, "/v1/search?q=s3://a/none.jpg&exact=true".to_owned()),
    ] {
        let (mut answer, mut want) = (answers[index].clone(), fixture.get(&url).await);
        for body in [&mut answer, &mut want] {
            assert!(body["meta"]["took_ms"].take().is_u64(), "{url}");
        }
        assert_eq!(answer, want, "{url}");
    }
    for (index, code, pointer) in [
        (2, "query_invalid", "/searches/2/q"),
        (5, "not_found", "/searches/5/source"),
        (7, "parameter_unknown", "/searches/7/colour"),
        (8, "value_invalid", "/searches/8"),
    ] {
        let error = &answers[index]["errors"][0];
        let found = (&error["code"], &error["source"]["pointer"]);
        assert_eq!(found, (&json!(code), &json!(pointer)), "{error}");
    }
}

#[tokio::test]
async fn refuses_a_body_that_is_no_list_of_searches() {
    let fixture = Fixture::new(&[("a", &["x"])]);
    let token = || Grant::of_token("t", AccessLevel::Read, SourceScope::All);
    for (body, pointer) in [
        (json!({}), "/searches"),
        (json!({"searches": []}), "/searches"),
        (json!({"searches": {}}), "/searches"),
        (
            json!({"searches": vec![json!({}); MAX_SEARCHES + 1]}),
            "/searches",
        ),
        (json!({"searches": [{"limit": 981}, {}]}), "/searches"),
        (json!({"searches": [{}], "a/b": 1}), "/a~1b"),
    ] {
        let (status, answer) = fixture.searches_as(token(), &body).await;
        let error = &answer["errors"][0];
        assert_eq!(
            (status, &error["code"]),
            (422, &json!("value_invalid")),
            "{body}"
        );
        assert_eq!(error["source"]["pointer"], pointer, "{body}");
    }
    let (status, _) = fixture.searches(json!([{"limit": 980}, {}])).await;
    assert_eq!(status, 200);
    let (status, code, _) = fixture.error("/v1/searches").await;
    assert_eq!((status, code.as_str()), (405, "method_not_allowed"));
}

#[tokio::test]
async fn a_token_limits_every_search() {
    let fixture = Fixture::new(&[("a", &["x"]), ("b", &["x", "y"])]);
    let searches = json!({"searches": [{}, {"source": ["b"]}, {"q": "s3://b/y"}, {"q": "/y"}]});
    let only_a = Grant::of_token("t", AccessLevel::Read, SourceScope::only(["a"]));
    let (status, body) = fixture.searches_as(only_a, &searches).await;
    assert_eq!(status, 200);
    assert_eq!(body["data"][0]["meta"]["total"]["value"], 1);
    assert_eq!(body["data"][1]["errors"][0]["code"], "not_found");
    assert_eq!(body["data"][2]["errors"][0]["code"], "query_invalid");
    assert_eq!(body["data"][3]["data"], json!([]));
    let all = Grant::of_token("t", AccessLevel::Read, SourceScope::All);
    let (_, body) = fixture.searches_as(all, &searches).await;
    assert_eq!(body["data"][0]["meta"]["total"]["value"], 3);
    assert_eq!(body["data"][3]["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn all_searches_share_one_permit_and_one_time_limit() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS)]);
    let mut app = Arc::try_unwrap(fixture.app).ok().unwrap();
    app.search_timeout = Duration::ZERO;
    let late = Fixture {
        app: Arc::new(app),
        ..fixture
    };
    let (status, body) = late.searches(json!([{}, {"q": "size:>big"}, {}])).await;
    assert_eq!(status, 200);
    for (index, code) in [(0, "too_slow"), (1, "query_invalid"), (2, "too_slow")] {
        assert_eq!(body["data"][index]["errors"][0]["code"], code, "{body}");
    }
    let mut app = Arc::try_unwrap(late.app).ok().unwrap();
    app.search_timeout = Duration::from_secs(20);
    let fixture = Fixture {
        app: Arc::new(app),
        ..late
    };
    // One permit is left, and that is enough for all searches.
    let other = Asker {
        client: ClientId::Local,
        connection: 1,
    };
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(fixture.app.search_permits.acquire(&other).await.unwrap());
    }
    let (status, body) = fixture.searches(json!([{}, {}])).await;
    assert_eq!(status, 200);
    assert_eq!(body["data"][1]["meta"]["total"]["value"], ODD_KEYS.len());
    drop(taken);
}

/// Ends the thread that commits, also if an assertion fails.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Commits one more asset again and again.
fn commit_until(is_done: &AtomicBool, data_dir: &DataDir) {
    let lock = data_dir.lock().unwrap();
    let mut engine = open_or_create_current(data_dir, &lock, MIN_WRITER_MEMORY).unwrap();
    let checkpoint = engine.checkpoint().unwrap();
    let id = checkpoint.source("a").unwrap().id;
    for number in 1.. {
        if is_done.load(Ordering::Relaxed) {
            break;
        }
        let mut changes = Changes::new();
        let change = Change {
            record: Some(record(1)),
            replaces: false,
        };
        changes.insert((id, format!("{number}.jpg")), change);
        engine.commit(&changes, &checkpoint).unwrap();
    }
}

/// Answers that mix two commits would differ in the number of assets.
#[test]
fn hits_facets_and_all_searches_are_of_one_snapshot() {
    let fixture = Fixture::new(&[("a", &["0.jpg"])]);
    let data_dir = DataDir::new(fixture._folder.path(), SCHEMA_VERSION);
    let is_done = AtomicBool::new(false);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| commit_until(&is_done, &data_dir));
        let _stop = StopOnDrop(&is_done);
        let search = || json!({"q": "ext:jpg", "facets": ["ext"], "limit": 100});
        let mut totals = BTreeSet::new();
        while totals.len() < 5 {
            assert!(!writer.is_finished(), "the commits failed");
            let searches = json!([search(), {"q": "/0.jpg"}, search(), search()]);
            let (_, body) = runtime.block_on(fixture.searches(searches));
            let total = body["data"][0]["meta"]["total"]["value"].as_u64().unwrap();
            totals.insert(total);
            for index in [0, 2, 3] {
                let answer = &body["data"][index];
                assert_eq!(answer["meta"]["total"]["value"], total, "{body}");
                assert_eq!(answer["facets"]["ext"]["buckets"][0]["count"], total);
                let hits = answer["data"].as_array().unwrap().len() as u64;
                assert_eq!(hits, total.min(100));
            }
        }
    });
}
