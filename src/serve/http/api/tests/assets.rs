//! Tests single assets and lists of them.

use super::*;

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
async fn keywords_are_ranked_and_forgiven() {
    let keys = [
        "a/summer/x.jpg",
        "b/summer beach.jpg",
        "c/summer.jpg",
        "d/winter.jpg",
    ];
    let fixture = Fixture::new(&[("a", &keys)]);
    let list = format!("/api/v1/sources/{}/assets", source_id("a"));
    let by_path = ["/a/summer/x.jpg", "/b/summer beach.jpg", "/c/summer.jpg"];
    let by_relevance = [by_path[2], by_path[1], by_path[0]];
    let follow = async |query: &str| fixture.follow(&format!("{list}?{query}")).await;
    assert_eq!(follow("filter[keyword]=summer").await, by_relevance);
    assert_eq!(
        follow("filter[keyword]=summer&page[limit]=1").await,
        by_relevance
    );
    assert_eq!(
        follow("filter[keyword]=sumer&page[number]=0").await.len(),
        3
    );
    assert_eq!(
        follow("filter[keyword]=summer&sort=date_created").await,
        by_path
    );
    assert_eq!(follow("filter[media_kind]=IMAGE").await[..3], by_path);
    let typo = fixture.get(&format!("{list}?filter[keyword]=sumer")).await;
    assert_eq!(typo["meta"]["interpretation"]["step"], "typos", "{typo}");
    let both = "filter[keyword]=beech&filter[origin_path]=/b";
    assert_eq!(follow(both).await, [by_path[1]]);
    // A path names one asset, also if others have its words.
    assert_eq!(follow("filter[keyword]=c/summer.jpg").await, [by_path[2]]);
}

#[tokio::test]
async fn paths_work_without_their_slashes() {
    let fixture = Fixture::new(&[("a", &["x/y.jpg", "x/z/", "w"]), ("empty", &[])]);
    let id = source_id("a");
    for (url, pointer, want) in [
        ("/v1/asset?source=a&path=x/y.jpg", "/data/path", "/x/y.jpg"),
        (
            "/v1/asset/?source=a&path=/x/y.jpg",
            "/data/path",
            "/x/y.jpg",
        ),
        (
            "/v1/explain/?source=a&path=x/y.jpg",
            "/data/facts/key",
            "x/y.jpg",
        ),
        (
            "/v1/folders?source=a&path=x",
            "/data/folders/0/path",
            "/x/z/",
        ),
        (
            "/v1/folders?source=a&path=/x/",
            "/data/assets/0/path",
            "/x/y.jpg",
        ),
        ("/v1/folders/?source=a&path=x/z", "/data/path", "/x/z/"),
        ("/v1/folders?source=empty&path=", "/data/path", "/"),
        ("/v1/search/?q=path:x/y.jpg", "/data/0/path", "/x/y.jpg"),
        ("/v1/search?q=folder:x&sort=-path", "/data/0/path", "/x/z/"),
        (
            "/v1/search?facets=folder&folder=x",
            "/facets/folder/buckets/0/value",
            "/x/z/",
        ),
        (
            &format!("/api/v1/sources/{id}/assets/x/z/"),
            "/data/id",
            &format!("{id}/x/z/"),
        ),
        (
            &format!("/api/v1/sources/{id}/assets/?filter[origin_path]=w"),
            "/data/0/id",
            &format!("{id}/w"),
        ),
        (
            &format!("/api/v1/assets/{id}/"),
            "/data/0/id",
            &format!("{id}/w"),
        ),
    ] {
        let body = fixture.get(url).await;
        assert_eq!(body.pointer(pointer), Some(&json!(want)), "{url}: {body}");
    }
    let (_, body) = fixture.send("/v1/folders?source=a&path=X").await;
    let detail = body["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("no folder \"/X/\""), "{detail}");
}

#[tokio::test]
async fn lists_can_be_repeated() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS), ("b", &[])]);
    let list = format!("/api/v1/sources/{}/assets?page[limit]=1", source_id("a"));
    for (repeated, joined) in [
        (
            "/v1/search?facets=type&facets=ext",
            "/v1/search?facets=type,ext",
        ),
        (
            &format!("{list}&fields[assets]=name&fields[assets]=file_size"),
            &format!("{list}&fields[assets]=name,file_size"),
        ),
        (
            &format!("{list}&filter[media_kind]=VECTOR&filter[media_kind]=IMAGE"),
            &format!("{list}&filter[media_kind]=VECTOR,IMAGE"),
        ),
        (
            "/api/v1/sources?filter[name]=a&filter[name]=b",
            "/api/v1/sources?filter[name]=a,b",
        ),
    ] {
        let (one, other) = (fixture.get(repeated).await, fixture.get(joined).await);
        for pointer in ["/data", "/facets", "/meta/cursor/totalRecords"] {
            assert_eq!(one.pointer(pointer), other.pointer(pointer), "{repeated}");
        }
    }
    let types = fixture.get("/v1/search?facets=type&facets=ext").await;
    assert_eq!(types["facets"].as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn fields_choose_the_attributes_of_hits() {
    let Fixture { app, _folder } = Fixture::new(&[("a", &["summer.jpg"])]);
    // No preview needs credentials.
    let source = Source {
        thumbnail_url: Some("https://thumbs.example.com/{path}".to_owned()),
        ..Source::new("a", "a", "a")
    };
    let app = AppState::with_sources(Arc::clone(&app.board), vec![Arc::new(source)]);
    let fixture = Fixture { app, _folder };
    let names = |hit: &Value| hit.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (url, pointer, want) in [
        ("/v1/search?fields=url,path", "/data/0", vec!["path", "url"]),
        (
            "/v1/search?fields=size&fields=ext&previews=true",
            "/data/0",
            vec!["ext", "size"],
        ),
        (
            "/v1/search?q=summer&fields=highlights",
            "/data/0",
            vec!["highlights"],
        ),
        (
            "/v1/search?fields=preview_url,thumbnail_url",
            "/data/0",
            vec!["preview_url", "thumbnail_url"],
        ),
        (
            "/v1/asset?source=a&path=summer.jpg&fields=type",
            "/data",
            vec!["type"],
        ),
        (
            "/v1/folders?source=a&fields=key",
            "/data/assets/0",
            vec!["key"],
        ),
    ] {
        let body = fixture.get(url).await;
        assert_eq!(names(body.pointer(pointer).unwrap()), want, "{url}");
    }
    // Each attribute can be chosen by its name.
    let whole = fixture
        .get("/v1/search?q=summer&highlights=true&previews=true")
        .await;
    let all = names(&whole["data"][0]);
    assert_eq!(all.len(), 16);
    let chosen = fixture
        .get(&format!("/v1/search?q=summer&fields={}", all.join(",")))
        .await;
    assert_eq!(chosen["data"], whole["data"]);
    let list = format!("/api/v1/sources/{}/assets", source_id("a"));
    let whole = fixture.get(&list).await;
    let all = names(&whole["data"][0]["attributes"]).join(",");
    let chosen = fixture.get(&format!("{list}?fields[assets]={all}")).await;
    assert_eq!(chosen["data"], whole["data"]);
    for (url, parameter) in [
        ("/v1/search?fields=path,colour", "fields"),
        ("/v1/search?fields=", "fields"),
        (&format!("{list}?fields[assets]=colour"), "fields[assets]"),
    ] {
        let (status, body) = fixture.send(url).await;
        let error = &body["errors"][0];
        assert_eq!(
            (status, &error["source"]["parameter"]),
            (400, &json!(parameter))
        );
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains("content_type"), "{detail}");
    }
}

#[tokio::test]
async fn thumbnails_replace_presigned_previews() {
    let Fixture { app, _folder } = Fixture::new(&[("a", &["x y.psd"])]);
    let source = Source {
        thumbnail_url: Some("https://thumbs.example.com{path}?w=400".to_owned()),
        ..Source::new("a", "a", "a")
    };
    let own_address = Source {
        base_url: "https://cdn.example.com".to_owned(),
        ..source.clone()
    };
    for (source, preview) in [
        (source, Value::Null),
        (own_address, json!("https://cdn.example.com/x%20y.psd")),
    ] {
        let app = AppState::with_sources(Arc::clone(&app.board), vec![Arc::new(source)]);
        let fixture = Fixture {
            app,
            _folder: tempfile::tempdir().unwrap(),
        };
        let page = fixture.get("/v1/search?previews=true").await;
        let hit = &page["data"][0];
        let want = "https://thumbs.example.com/x%20y.psd?w=400";
        assert_eq!(hit["thumbnail_url"], want);
        assert_eq!(hit["preview_url"], preview);
        let page = fixture.get("/v1/search").await;
        assert_eq!(page["data"][0]["thumbnail_url"], want);
        assert_eq!(page["data"][0].get("preview_url"), None);
    }
}
