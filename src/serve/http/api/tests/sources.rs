//! Tests the Sources, and that every documented path exists.

use super::*;

#[tokio::test]
async fn lists_sources_in_both_shapes() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS), ("b", &[])]);
    let own = fixture.get("/v1/sources").await;
    let want = json!({
        "name": "a", "id": source_id("a"), "is_managed": false, "enabled": true, "subdomain": "a", "bucket": "a",
        "prefix": "",
        "base_url": "https://a.imgix.net", "thumbnail_url": null, "annotation": null,
        "reconcile_every_minutes": 1, "status": "deployed", "assets": 8,
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
async fn every_documented_path_exists() {
    let fixture = Fixture::new(&[("a", &["x"])]);
    let document = fixture.get(operation::OPENAPI_PATH).await;
    let id = source_id("a");
    for (path, item) in document["paths"].as_object().unwrap() {
        // The page has its own tests.
        if path == "/" || path.starts_with("/page/") {
            continue;
        }
        let url = path.replace("{id}", &id).replace("{origin_path}", "x");
        let url = url.replace("{name}", "a");
        for (method, operation) in item.as_object().unwrap() {
            let request = Request::builder().method(&*method.to_uppercase());
            let request = request.uri(&url).body(Body::empty());
            let router = open_router(&fixture.app);
            let response = router.oneshot(request.unwrap()).await.unwrap();
            let status = response.status().as_u16().to_string();
            let documented = &operation["responses"][&status];
            assert!(documented.is_object(), "{method} {url}: {status}");
            assert!(status != "404" && status != "405", "{method} {url}");
        }
    }
}
