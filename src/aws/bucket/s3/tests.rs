//! [`S3Bucket`] with a server that plays recorded responses in order.

mod region;
mod server;

use std::os::unix::fs::PermissionsExt;

use self::server::Server;
use super::*;
use crate::aws::bucket::BucketErrorKind as Kind;
use crate::core::replication::listing::ContinuationToken;
use crate::core::source::{Credentials, SecretPlace};

/// Sun, 06 Nov 1994 08:49:37 GMT
const DATE_MILLIS: i64 = 784_111_777_000;

fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n\
         Content-Length: {length}\r\n{headers}\r\n{body}"
    )
}

fn error(status: &str, code: &str) -> String {
    let body = format!("<Error><Code>{code}</Code><Message>said so</Message></Error>");
    response(status, "", &body)
}

const PAGE: &str = "<ListBucketResult><IsTruncated>false</IsTruncated>\
    <EncodingType>url</EncodingType><Contents><Key>a%2Bb</Key><Size>1</Size>\
    <LastModified>2026-11-24T08:00:00Z</LastModified></Contents></ListBucketResult>";

fn page() -> String {
    response("200 OK", "", PAGE)
}

/// A page whose connection closes ten bytes early.
fn broken_page() -> String {
    let whole = page();
    whole[..whole.len() - 10].to_owned()
}

fn broken_chunk() -> String {
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFF\r\n<ListBucketResult>".into()
}

/// A Source at this endpoint, with a secret file in the folder.
fn source(folder: &tempfile::TempDir, endpoint_url: Option<String>) -> Source {
    let path = folder.path().join("secret");
    std::fs::write(&path, "secret").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    Source {
        prefix: "a/".into(),
        region: Some("eu-west-1".into()),
        endpoint_url,
        path_style: true,
        credentials: Credentials::AccessKey {
            access_key_id: "AKIAEXAMPLE".into(),
            secret: SecretPlace::File(path),
        },
        expected_bucket_owner: Some("123456789012".into()),
        request_payer: true,
        ..Source::new("shop", "photos", "shop")
    }
}

async fn open(source: &Source, attempts: u32) -> Result<S3Bucket, BucketError> {
    let urls = vec![source.endpoint_url.clone()];
    S3Bucket::open_at(source, urls, None, Retrier::without_delay(attempts)).await
}

fn request() -> PageRequest {
    PageRequest {
        prefix: "a/".into(),
        start_after: Some("a/ +%é".into()),
        token: None,
        max_keys: 1000,
    }
}

/// Lists one page from a server that plays these responses. Returns the result and the requests.
async fn list(
    responses: &[&str],
    attempts: u32,
) -> (Result<ListingPage, BucketError>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::playing(responses);
    let bucket = open(&source(&folder, Some(server.url())), attempts)
        .await
        .unwrap();
    let outcome = bucket.list(&request()).await;
    let requests = server.requests();
    assert_eq!(bucket.lists_sent(), requests.len() as u64);
    (outcome, requests)
}

#[tokio::test]
async fn lists_a_page_with_its_timestamp() {
    let (page, requests) = list(&[&page()], 1).await;
    let page = page.unwrap();
    assert_eq!(page.entries[0].key, "a+b");
    let latest = DATE_MILLIS - 1000;
    assert!(page.listed_at.as_millis() <= latest, "{:?}", page.listed_at);
    assert!(
        page.listed_at.as_millis() > latest - 60_000,
        "{:?}",
        page.listed_at
    );
    let head = requests[0].to_ascii_lowercase();
    for part in [
        "get /photos",
        "list-type=2",
        "encoding-type=url",
        "max-keys=1000",
        "prefix=a%2f",
        "start-after=a%2f%20%2b%25%c3%a9",
        "x-amz-expected-bucket-owner: 123456789012",
        "x-amz-request-payer: requester",
        "credential=akiaexample/",
        "/eu-west-1/s3/aws4_request",
    ] {
        assert!(head.contains(part), "{part} in {head}");
    }
    assert!(!head.contains("continuation-token"), "{head}");
}

#[tokio::test]
async fn page_of_another_request_is_refused() {
    for (name, echo) in [
        ("bucket", "<Name>others</Name>"),
        ("prefix", "<Prefix>b/</Prefix>"),
        ("start", "<StartAfter>a/b</StartAfter>"),
    ] {
        let root = "<ListBucketResult>";
        let body = PAGE.replacen(root, &format!("{root}{echo}"), 1);
        let (page, _) = list(&[&response("200 OK", "", &body)], 1).await;
        let error = page.unwrap_err();
        assert_eq!(error.kind(), &Kind::InvalidResponse, "{error}");
        let words = format!("names another {name} than the request");
        assert!(error.to_string().contains(&words), "{error}");
    }
}

#[tokio::test]
async fn sends_a_token_instead_of_start_after() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::playing(&[&page()]);
    let bucket = open(&source(&folder, Some(server.url())), 1).await.unwrap();
    let with_token = PageRequest {
        token: Some(ContinuationToken("1/+=&".into())),
        ..request()
    };
    bucket.list(&with_token).await.unwrap();
    let head = server.requests().remove(0);
    assert!(head.contains("continuation-token=1%2F%2B%3D%26"), "{head}");
    assert!(!head.contains("start-after"), "{head}");
}

#[tokio::test]
async fn retries_transient_failures() {
    for (case, failing) in [
        ("503", error("503 Slow Down", "SlowDown")),
        ("429", response("429 Too Many Requests", "", "")),
        ("500", error("500 Internal Server Error", "InternalError")),
        (
            "502 in HTML",
            response("502 Bad Gateway", "", "<html></html>"),
        ),
        ("SlowDown under 200", error("200 OK", "SlowDown")),
        ("InternalError under 200", error("200 OK", "InternalError")),
        ("body truncated", broken_page()),
        ("chunk truncated", broken_chunk()),
        ("no response", String::new()),
        ("half a head", "HTTP/1.1 200 OK\r\nDa".into()),
        ("not HTTP", "SSH-2.0-OpenSSH\r\n\r\n".into()),
        ("page truncated", response("200 OK", "", &PAGE[..100])),
        ("an empty body", response("200 OK", "", "")),
    ] {
        let (outcome, requests) = list(&[&failing, &failing, &page()], 3).await;
        let page = outcome.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!((page.entries.len(), requests.len()), (1, 3), "{case}");
    }
}

#[tokio::test]
async fn stops_after_the_last_attempt() {
    for (case, failing, want) in [
        (
            "throttled",
            error("503 Slow Down", "SlowDown"),
            Kind::Throttled,
        ),
        (
            "unavailable",
            error("200 OK", "InternalError"),
            Kind::Unavailable,
        ),
        ("connection", broken_page(), Kind::Connection),
        (
            "malformed",
            response("200 OK", "", &PAGE[..100]),
            Kind::InvalidResponse,
        ),
    ] {
        let (outcome, requests) = list(&[&failing, &failing, &page()], 2).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), &want, "{case}: {error}");
        assert!(error.is_retryable() && error.to_string().contains("after 2 attempts"));
        assert_eq!(requests.len(), 2, "{case}");
    }
}

#[tokio::test]
async fn does_not_retry_permanent_failures() {
    for (failing, want) in [
        (error("403 Forbidden", "AccessDenied"), Kind::AccessDenied),
        (
            error("403 Forbidden", "InvalidAccessKeyId"),
            Kind::UnknownAccessKey,
        ),
        (
            error("403 Forbidden", "SignatureDoesNotMatch"),
            Kind::WrongSecret,
        ),
        (
            error("403 Forbidden", "RequestTimeTooSkewed"),
            Kind::ClockSkew,
        ),
        (error("400 Bad Request", "ExpiredToken"), Kind::ExpiredToken),
        (error("400 Bad Request", "InvalidArgument"), Kind::Refused),
        (error("404 Not Found", "NoSuchBucket"), Kind::NoSuchBucket),
        (
            error("501 Not Implemented", "NotImplemented"),
            Kind::NotImplemented,
        ),
        (error("200 OK", "AccessDenied"), Kind::AccessDenied),
        (
            response("301 Moved Permanently", "", ""),
            Kind::WrongRegion { actual: None },
        ),
    ] {
        let (outcome, requests) = list(&[&failing, &page()], 5).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), &want, "{error}");
        assert!(!error.is_retryable());
        assert_eq!(requests.len(), 1, "{error}");
        let text = error.to_string();
        assert!(
            text.starts_with("failed to list bucket \"photos\" at http://127.0.0.1:"),
            "{text}"
        );
        assert!(text.contains(" (prefix \"a/\"): "), "{text}");
        assert!(!text.contains("+%é"), "it names a key: {text}");
    }
}

#[tokio::test]
async fn page_without_a_usable_date_gets_a_timestamp_with_a_margin() {
    for date in ["", "Date: Fri, 01 Jan 2100 00:00:00 GMT\r\n"] {
        let response = page().replace("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", date);
        let (page, _) = list(&[&response], 1).await;
        let age = local_time().as_millis() - page.unwrap().listed_at.as_millis();
        let margin = MAX_CLOCK_DIFFERENCE.as_millis() as i64;
        let expected = margin + 1000..margin + 60_000;
        assert!(expected.contains(&age), "{date:?}: {age} ms");
    }
}

#[tokio::test]
async fn closed_port_is_a_connection_error() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::playing(&[]);
    let url = server.url();
    server.requests();
    let bucket = open(&source(&folder, Some(url)), 2).await.unwrap();
    let error = bucket.list(&request()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts), (&Kind::Connection, 2));
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn removed_secret_is_a_credentials_error() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(&folder, Some("http://127.0.0.1:1".into()));
    let bucket = open(&source, 2).await.unwrap();
    std::fs::remove_file(folder.path().join("secret")).unwrap();
    for error in [
        bucket.list(&request()).await.unwrap_err(),
        open(&source, 2).await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.attempts), (&Kind::NoCredentials, 1));
        assert!(error.to_string().contains("secret in /"), "{error}");
    }
    assert_eq!(bucket.lists_sent(), 0);
}

/// Lists two pages with two endpoints. Returns the error kinds, and the number of requests per endpoint.
async fn list_twice(preferred: &[&str], fallback: &[&str]) -> (Vec<Option<Kind>>, [usize; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let servers = [Server::playing(preferred), Server::playing(fallback)];
    let source = Source {
        endpoint_order: EndpointOrder::ExternalFirst,
        region: None,
        ..source(&folder, None)
    };
    let urls = servers.iter().map(|server| Some(server.url())).collect();
    let bucket = S3Bucket::open_at(&source, urls, None, Retrier::without_delay(1))
        .await
        .unwrap();
    assert_eq!(bucket.region(), "us-east-1");
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let outcome = bucket.list(&request()).await;
        outcomes.push(outcome.err().map(|error| error.cause.kind));
    }
    (outcomes, servers.map(|server| server.requests().len()))
}

#[tokio::test]
async fn uses_the_fallback_after_the_preferred_endpoint_fails() {
    let page = page();
    let unavailable = error("503 Service Unavailable", "ServiceUnavailable");
    let denied = error("403 Forbidden", "AccessDenied");
    let missing = error("404 Not Found", "NoSuchBucket");
    for (case, preferred, fallback, want, requests) in [
        (
            "well",
            [&*page, &*page],
            [&*page, &*page],
            [None, None],
            [2, 0],
        ),
        (
            "5xx, remembered",
            [&unavailable, &page],
            [&page, &page],
            [None, None],
            [1, 2],
        ),
        (
            "no response, remembered",
            ["", &page],
            [&page, &page],
            [None, None],
            [1, 2],
        ),
        (
            "both down, then well",
            [&unavailable, &page],
            [&unavailable, &page],
            [Some(Kind::Unavailable), None],
            [2, 1],
        ),
        (
            "403 and 404 are responses",
            [&denied, &missing],
            [&page, &page],
            [Some(Kind::AccessDenied), Some(Kind::NoSuchBucket)],
            [2, 0],
        ),
    ] {
        let (outcomes, came) = list_twice(&preferred, &fallback).await;
        assert_eq!((outcomes.as_slice(), came), (&want[..], requests), "{case}");
    }
}
