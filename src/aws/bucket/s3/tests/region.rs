//! The region of a bucket: detected, or named by the store in an error.

use super::*;

#[tokio::test]
async fn finds_the_region_with_head_bucket() {
    let header = "x-amz-bucket-region: ap-south-1\r\n";
    for (case, responses, want) in [
        (
            "200",
            vec![response("200 OK", header, "")],
            Ok("ap-south-1"),
        ),
        (
            "301",
            vec![response("301 Moved Permanently", header, "")],
            Ok("ap-south-1"),
        ),
        (
            "403",
            vec![response("403 Forbidden", header, "")],
            Ok("ap-south-1"),
        ),
        (
            "another store",
            vec![response("200 OK", "", "")],
            Ok("us-east-1"),
        ),
        (
            "no bucket",
            vec![response("404 Not Found", "", "")],
            Err(Kind::NoSuchBucket),
        ),
        (
            "503, then 200",
            vec![
                response("503 Slow Down", "", ""),
                response("200 OK", header, ""),
            ],
            Ok("ap-south-1"),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let responses: Vec<&str> = responses.iter().map(String::as_str).collect();
        let server = Server::playing(&responses);
        let source = Source {
            region: None,
            ..source(&folder, Some(server.url()))
        };
        let opened = open(&source, 2).await;
        let region = opened.map(|bucket| bucket.region());
        let region = region.map_err(|error| error.cause.kind);
        assert_eq!(region, want.map(str::to_owned), "{case}");
        let requests = server.requests();
        assert_eq!(requests.len(), responses.len(), "{case}");
        assert!(requests[0].starts_with("HEAD /photos"), "{}", requests[0]);
    }
}

#[tokio::test]
async fn finds_the_region_with_get_bucket_location() {
    let folder = tempfile::tempdir().unwrap();
    let location = response("200 OK", "", "<LocationConstraint>EU</LocationConstraint>");
    let server = Server::playing(&[&response("400 Bad Request", "", ""), &location, &page()]);
    let source = Source {
        region: None,
        endpoint_url: None,
        ..source(&folder, None)
    };
    let urls = vec![Some(server.url())];
    let bucket = S3Bucket::open_at(&source, urls, None, Retrier::without_delay(1))
        .await
        .unwrap();
    assert_eq!(bucket.region(), "eu-west-1");
    bucket.list(&request()).await.unwrap();
    let requests = server.requests();
    assert!(
        requests[1].starts_with("GET /photos/?location"),
        "{}",
        requests[1]
    );
    assert!(requests[2].contains("/eu-west-1/s3/"), "{}", requests[2]);
    // The Date of a response must not change the clock that signs the next request.
    assert!(!requests[2].contains("19941106"), "{}", requests[2]);
}

/// An error that names this region in its document.
fn malformed(region: &str) -> String {
    let body = format!(
        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>said so</Message>\
         <Region>{region}</Region></Error>"
    );
    response("400 Bad Request", "", &body)
}

/// The region that the request with this head is signed for.
fn signed_region(head: &str) -> Option<&str> {
    head.split("Credential=").nth(1)?.split('/').nth(2)
}

#[tokio::test]
async fn retries_once_in_the_region_that_the_store_names() {
    let (page, denied) = (page(), error("403 Forbidden", "AccessDenied"));
    let header = "x-amz-bucket-region: ap-south-1\r\n";
    let moved = response("301 Moved Permanently", header, "");
    let redirected = response("307 Temporary Redirect", header, "");
    let (asia, america) = (malformed("ap-south-1"), malformed("us-east-1"));
    let (ours, theirs) = ("eu-west-1", "ap-south-1");
    let elsewhere = Some(Kind::WrongRegion {
        actual: Some("us-east-1".into()),
    });
    for (case, responses, want, regions) in [
        (
            "named in the document",
            vec![&asia, &page, &page],
            [None, None],
            vec![ours, theirs, theirs],
        ),
        (
            "named in the header",
            vec![&moved, &page, &page],
            [None, None],
            vec![ours, theirs, theirs],
        ),
        (
            "named in a temporary redirect",
            vec![&redirected, &page, &page],
            [None, None],
            vec![ours, theirs, theirs],
        ),
        (
            "refused for another reason",
            vec![&asia, &denied, &denied],
            [Some(Kind::AccessDenied), Some(Kind::AccessDenied)],
            vec![ours, theirs, theirs],
        ),
        (
            "never right",
            vec![&asia, &america, &asia, &america],
            [elsewhere.clone(), elsewhere],
            vec![ours, theirs, ours, theirs],
        ),
        (
            "the same region",
            vec![&malformed(ours), &page],
            [
                Some(Kind::WrongRegion {
                    actual: Some(ours.into()),
                }),
                None,
            ],
            vec![ours, ours],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let responses: Vec<&str> = responses.into_iter().map(String::as_str).collect();
        let server = Server::playing(&responses);
        let bucket = open(&source(&folder, Some(server.url())), 5).await.unwrap();
        let mut outcomes = Vec::new();
        for _ in 0..2 {
            let outcome = bucket.list(&request()).await;
            outcomes.push(outcome.err().map(|error| error.cause.kind));
        }
        assert_eq!(outcomes, want, "{case}");
        let requests = server.requests();
        let signed: Vec<&str> = requests.iter().filter_map(|it| signed_region(it)).collect();
        assert_eq!(signed, regions, "{case}");
    }
}

#[tokio::test]
async fn reads_objects_and_signs_previews_in_the_region_that_the_store_names() {
    let header = "x-amz-bucket-region: ap-south-1\r\n";
    let refused = response("400 Bad Request", header, "");
    let folder = tempfile::tempdir().unwrap();
    let server = Server::playing(&[&refused, &response("200 OK", header, "")]);
    let bucket = open(&source(&folder, Some(server.url())), 1).await.unwrap();
    assert_eq!(bucket.has_object("a/b").await, Ok(true));
    assert_eq!(bucket.region(), "ap-south-1");
    let server = Server::playing(&[&refused]);
    let bucket = open(&source(&folder, Some(server.url())), 1).await.unwrap();
    bucket.confirm_region().await;
    assert_eq!(bucket.region(), "ap-south-1");
}
