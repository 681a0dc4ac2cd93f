//! Tests searches, suggestions and explanations.

use super::*;

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
async fn suggests_what_exists_together_with_a_query_and_below_a_folder() {
    let keys = ["beach/sunset.jpg", "beach/sub/x.jpg", "city/sunrise.jpg"];
    let fixture = Fixture::new(&[("a", &keys)]);
    for (rest, want) in [
        (
            "",
            &["/beach/sub/", "/city/sunrise.jpg", "/beach/sunset.jpg"][..],
        ),
        ("&within=beach", &["/beach/sub/", "/beach/sunset.jpg"]),
        ("&within=beach&folder=/city", &[]),
        ("&folder=city/", &["/city/sunrise.jpg"]),
    ] {
        let suggested = fixture.get(&format!("/v1/suggest?q=su{rest}")).await;
        let paths = suggested["data"].as_array().unwrap().iter();
        let paths: BTreeSet<_> = paths.filter_map(|it| it["path"].as_str()).collect();
        assert_eq!(paths, want.iter().copied().collect(), "{rest}");
    }
}

#[tokio::test]
async fn explains_why_a_path_is_found_or_not() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS)]);
    let indexed = fixture.get("/v1/explain?source=a&path=/a%20b.jpg").await;
    assert_eq!(indexed["data"]["searchable"], true, "{indexed}");
    let absent = fixture.get("/v1/explain?source=a&path=/none").await;
    assert_eq!(absent["data"]["facts"]["bucket"]["state"], "not_looked_up");
    assert!(absent["data"]["verdict"].is_string(), "{absent}");
}

#[tokio::test]
async fn address_finds_exactly_its_asset() {
    let keys: &[&str] = &["x/a b.jpg", "a b.jpg", "b.jpg", "a/x/a b.jpg"];
    let fixture = Fixture::new(&[("a", keys), ("b", keys)]);
    let url = |q: &str, rest: &str| {
        let mut url = "/v1/search?q=".to_owned();
        percent_encode(q, &mut url);
        url + rest
    };
    for address in [
        "s3://a/x/a b.jpg",
        " arn:aws:s3:::a/x/a b.jpg ",
        "https://a.s3.eu-west-1.amazonaws.com/x/a%20b.jpg",
        "https://a.s3.amazonaws.com/x/a%20b.jpg",
        "https://a.s3.dualstack.eu-west-1.amazonaws.com/x/a%20b.jpg",
        "https://s3.amazonaws.com/a/x/a%20b.jpg",
        "https://s3.eu-west-1.amazonaws.com/a/x/a%20b.jpg?versionId=1",
        "https://a.imgix.net/x/a%20b.jpg?w=200&h=100#top",
    ] {
        let body = fixture
            .get(&url(address, "&facets=ext&highlights=true"))
            .await;
        let found = &body["data"];
        assert_eq!(found.as_array().unwrap().len(), 1, "{address}: {body}");
        assert_eq!(
            (&found[0]["source"], &found[0]["key"]),
            (&json!("a"), &json!("x/a b.jpg"))
        );
        assert_eq!(body["meta"]["total"], json!({"value": 1, "relation": "eq"}));
        assert_eq!(
            body["meta"]["named"],
            json!([{"source": "a", "path": "/x/a b.jpg"}])
        );
        assert_eq!(
            body["facets"]["ext"]["buckets"],
            json!([{"value": "jpg", "count": 1}])
        );
    }
    for (path_or_key, sources) in [
        ("/x/a b.jpg", &["a", "b"][..]),
        ("x/a b.jpg", &["a", "b"]),
        ("/a/x/a b.jpg", &["a", "b"]),
        ("/b.jpg", &["a", "b"]),
    ] {
        let body = fixture.get(&url(path_or_key, "")).await;
        let found = body["data"].as_array().unwrap().iter();
        let path = format!("/{}", path_or_key.trim_start_matches('/'));
        let found: Vec<_> = found.map(|hit| (&hit["source"], &hit["path"])).collect();
        let (path, sources) = (json!(path), sources.iter().map(|source| json!(source)));
        let sources: Vec<_> = sources.collect();
        let want: Vec<_> = sources.iter().map(|source| (source, &path)).collect();
        assert_eq!(found, want, "{path_or_key}");
        assert_eq!(body["meta"]["named"].as_array().unwrap().len(), want.len());
    }
    let words = fixture.get(&url("x/a", "")).await;
    assert_eq!(words["data"].as_array().unwrap().len(), 4, "{words}");
    assert!(words["meta"].get("named").is_none(), "{words}");
    let absent = fixture.get(&url("s3://a/none.jpg", "")).await;
    assert_eq!(absent["data"], json!([]));
    assert_eq!(
        absent["meta"]["named"],
        json!([{"source": "a", "path": "/none.jpg"}])
    );
    let words = fixture.get("/v1/search?q=b").await;
    assert!(words["meta"].get("named").is_none(), "{words}");
    for (q, rest) in [
        ("s3://c/x", ""),
        ("s3://a/x/a b.jpg", "&source=b"),
        ("https://a.imgix.net/%", ""),
    ] {
        let want = (400, "query_invalid".to_owned(), json!("q"));
        assert_eq!(fixture.error(&url(q, rest)).await, want, "{q}");
    }
    let suggested = fixture.get("/v1/suggest?q=s3://a/x/a%20b").await;
    assert_eq!(suggested["data"], json!([]));
    let list = format!(
        "/api/v1/sources/{}/assets?filter[keyword]=s3://a/x/a+b.jpg",
        source_id("a")
    );
    let assets = fixture.get(&list).await;
    assert_eq!(assets["data"].as_array().unwrap().len(), 1, "{assets}");
    assert_eq!(assets["data"][0]["attributes"]["origin_path"], "/x/a b.jpg");
}
