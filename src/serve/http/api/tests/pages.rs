//! Tests pages and their cursors.

use super::*;

#[tokio::test]
async fn pages_return_each_asset_once() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS), ("b", &["z", "y", "a b.jpg"])]);
    let id = source_id("a");
    let list = format!("/api/v1/sources/{id}/assets");
    let old = format!("/api/v1/assets/{id}");
    for (url, parameter, next, count) in [
        ("/v1/search?limit=2", "cursor", "/meta/cursor/next", 11),
        // The default order of words is not that of an empty query.
        ("/v1/search?limit=1&q=jpg", "cursor", "/meta/cursor/next", 5),
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
async fn sorts_by_several_keys() {
    // Sizes ascend in the order of the keys of each Source, and all times are equal.
    let fixture = Fixture::new(&[("a", &["x/b", "y/a", "z/a"]), ("b", &["x/b", "y/c"])]);
    for (sort, want) in [
        ("created,name", ["y/a", "z/a", "x/b", "x/b", "y/c"]),
        ("created,name,-path", ["z/a", "y/a", "x/b", "x/b", "y/c"]),
        ("-name,-size", ["y/c", "x/b", "x/b", "z/a", "y/a"]),
        ("-size,-name", ["z/a", "y/c", "y/a", "x/b", "x/b"]),
    ] {
        let url = format!("/v1/search?limit=1&sort={sort}");
        let paths = fixture.walk(&url, "cursor", "/meta/cursor/next").await;
        assert_eq!(paths, want.map(|path| format!("/{path}")), "{sort}");
    }
    let repeated = fixture.get("/v1/search?sort=-size&sort=-name").await;
    assert_eq!(repeated["data"][1]["path"], "/y/c");
    let list = format!("/api/v1/sources/{}/assets?page[limit]=1", source_id("a"));
    let url = format!("{list}&sort=date_created,-file_size");
    assert_eq!(fixture.follow(&url).await, ["/z/a", "/y/a", "/x/b"]);
    for url in [
        "/v1/search?sort=name,-name",
        "/v1/search?sort=path,name",
        "/v1/search?sort=name,size,created,modified",
        &format!("{list}&sort=file_size,-file_size"),
    ] {
        let want = (400, "parameter_invalid".to_owned(), json!("sort"));
        assert_eq!(fixture.error(url).await, want, "{url}");
    }
}

#[tokio::test]
async fn pages_lead_back_to_the_first_one() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS), ("b", &["z", "y", "a b.jpg"])]);
    let list = format!("/api/v1/sources/{}/assets?page[limit]=3", source_id("a"));
    for sort in ["path", "-size,name", "name"] {
        let url = format!("/v1/search?limit=4&sort={sort}");
        let mut pages = vec![fixture.get(&url).await];
        while let Some(next) = pages[pages.len() - 1]["meta"]["cursor"]["next"].as_str() {
            let next = format!("{url}&cursor={next}");
            pages.push(fixture.get(&next).await);
        }
        assert_eq!(pages.len(), 3);
        let mut page = pages.pop().unwrap();
        while let Some(earlier) = pages.pop() {
            let prev = page["meta"]["cursor"]["prev"].as_str().unwrap();
            page = fixture.get(&format!("{url}&cursor={prev}")).await;
            assert_eq!(page["data"], earlier["data"], "{sort}");
            assert_eq!(page["meta"]["cursor"]["has_more"], true);
        }
        assert_eq!(page["meta"]["cursor"]["prev"], Value::Null);
    }
    let first = fixture.get(&format!("{list}&page[cursor]=0")).await;
    let second = fixture.get(first["links"]["next"].as_str().unwrap()).await;
    let back = fixture.get(second["links"]["prev"].as_str().unwrap()).await;
    assert_eq!(back["data"], first["data"]);
    let again = fixture.get(back["links"]["next"].as_str().unwrap()).await;
    assert_eq!(again["data"], second["data"]);
}

/// An offset cannot reach the end of a long list, so the next page must not be one.
#[tokio::test]
async fn every_way_to_start_reaches_the_end_of_a_long_list() {
    let keys: Vec<String> = (0..11_100).map(|number| format!("{number:05}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let fixture = Fixture::new(&[("a", &keys)]);
    let list = format!("/api/v1/sources/{}/assets", source_id("a"));
    for start in [
        "page[cursor]=0&page[limit]=1000",
        "page[number]=0&page[size]=1000&sort=-file_size",
        "page[size]=1000&filter[origin_path]=/*&sort=date_created",
    ] {
        let paths = fixture.follow(&format!("{list}?{start}")).await;
        let unique: BTreeSet<_> = paths.iter().collect();
        assert_eq!((paths.len(), unique.len()), (11_100, 11_100), "{start}");
    }
    let far = fixture
        .get(&format!("{list}?page[number]=10&page[size]=1000"))
        .await;
    assert_eq!(far["data"][0]["attributes"]["origin_path"], "/10000");
    for too_far in ["page[number]=11&page[size]=1000", "page[cursor]=10001"] {
        let (status, body) = fixture.send(&format!("{list}?{too_far}")).await;
        let detail = body["errors"][0]["detail"].as_str().unwrap();
        assert!(
            status == 400 && detail.contains("meta.cursor.next"),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn lists_link_to_their_other_pages() {
    let fixture = Fixture::new(&[("a", &ODD_KEYS), ("b", &[]), ("c", &[])]);
    let list = format!("/api/v1/sources/{}/assets?page[limit]=3", source_id("a"));
    let first = fixture.get(&list).await;
    assert_eq!(first["links"]["self"], list);
    assert_eq!(first["links"]["first"], list);
    assert_eq!(first["links"]["prev"], Value::Null);
    assert_eq!(fixture.follow(&list).await.len(), ODD_KEYS.len());
    let middle = fixture.get(&format!("{list}&page[cursor]=4")).await;
    assert_eq!(middle["links"]["first"], list);
    assert_eq!(
        middle["links"]["prev"],
        format!("{list}&page%5Bcursor%5D=1")
    );
    let page = |number: u64| format!("/api/v1/sources?page[size]=1&page%5Bnumber%5D={number}");
    for (number, prev, next) in [
        (0, None, Some(1)),
        (1, Some(0), Some(2)),
        (2, Some(1), None),
        (9, Some(2), None),
    ] {
        let links = &fixture.get(&page(number)).await["links"];
        let want = json!({
            "self": page(number),
            "first": "/api/v1/sources?page[size]=1",
            "prev": prev.map(page),
            "next": next.map(page),
            "last": page(2),
        });
        assert_eq!(*links, want);
    }
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
