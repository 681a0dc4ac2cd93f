//! Every form of a reference, on AWS and on other stores.

use super::*;

fn source() -> Source {
    Source {
        prefix: "photos/".to_owned(),
        ..Source::new("photos", "my.bucket", "acme")
    }
}

#[test]
fn all_forms_name_the_same_key() {
    for text in [
        "/2024/a b+%é.jpg",
        "photos/2024/a b+%é.jpg",
        "2024/a b+%é.jpg",
        "s3://my.bucket/photos/2024/a b+%é.jpg",
        "S3://my.bucket/photos/2024/a b+%é.jpg",
        "arn:aws:s3:::my.bucket/photos/2024/a b+%é.jpg",
        "arn:aws-cn:s3:::my.bucket/photos/2024/a b+%é.jpg",
        "https://acme.imgix.net/2024/a%20b%2B%25%C3%A9.jpg",
        "https://acme.imgix.net/2024/a b+%25é.jpg?w=200#x",
        "http://ACME.imgix.net/2024/a%20b%2b%25%c3%a9.jpg",
        "https://my.bucket.s3.eu-west-1.amazonaws.com/photos/2024/a%20b%2B%25%C3%A9.jpg",
        "https://my.bucket.s3.amazonaws.com/photos/2024/a%20b%2B%25%C3%A9.jpg?X-Amz-Date=1",
        "https://my.bucket.s3-eu-west-1.amazonaws.com/photos/2024/a%20b%2B%25%C3%A9.jpg",
        "https://my.bucket.s3.dualstack.eu-west-1.amazonaws.com/photos/2024/a%20b%2B%25%C3%A9.jpg",
        "https://my.bucket.s3.cn-north-1.amazonaws.com.cn/photos/2024/a%20b%2B%25%C3%A9.jpg",
        "https://s3.eu-west-1.amazonaws.com/my.bucket/photos/2024/a%20b%2B%25%C3%A9.jpg",
        "https://s3.amazonaws.com/my.bucket/photos/2024/a%20b%2B%25%C3%A9.jpg",
        "https://s3-eu-west-1.amazonaws.com:443/my.bucket/photos/2024/a%20b%2B%25%C3%A9.jpg",
        "acme.imgix.net/2024/a%20b%2B%25%C3%A9.jpg?w=200&u=http://x",
        "my.bucket.s3.eu-west-1.amazonaws.com/photos/2024/a%20b%2B%25%C3%A9.jpg",
        "s3.eu-west-1.amazonaws.com/my.bucket/photos/2024/a%20b%2B%25%C3%A9.jpg?versionId=1",
    ] {
        let key = source().key_of_reference(text);
        assert_eq!(key.as_deref(), Ok("photos/2024/a b+%é.jpg"), "{text}");
    }
}

#[test]
fn urls_of_other_stores_and_base_urls() {
    let source = Source {
        endpoint_url: Some("http://127.0.0.1:9000".to_owned()),
        base_url: "https://cdn.example.com/img".to_owned(),
        ..source()
    };
    for text in [
        "http://127.0.0.1:9000/my.bucket/photos/a%20b",
        "http://my.bucket.127.0.0.1:9000/photos/a%20b",
        "https://cdn.example.com/img/a%20b",
        "https://acme.imgix.net/a%20b",
        "127.0.0.1:9000/my.bucket/photos/a%20b",
        "my.bucket.127.0.0.1:9000/photos/a%20b",
        "cdn.example.com/img/a%20b",
    ] {
        let key = source.key_of_reference(text);
        assert_eq!(key.as_deref(), Ok("photos/a b"), "{text}");
    }
    for text in [
        "https://my.bucket.s3.amazonaws.com/photos/a",
        "https://cdn.example.com/image/a",
        "http://127.0.0.1:9001/my.bucket/photos/a",
    ] {
        let error = source.key_of_reference(text).unwrap_err();
        assert!(matches!(error, ReferenceError::OtherUrl { .. }), "{text}");
    }
}

#[test]
fn every_key_has_its_path_and_its_urls() {
    let source = source();
    for key in [
        "photos//",
        "photos/photos/a",
        "photos/s3://x/y",
        "photos/é?#%41",
        "photos/arn:a",
    ] {
        let path = source.asset_path(key).unwrap();
        let uri = format!("s3://my.bucket/{key}");
        for text in [
            path,
            source.asset_url(key),
            uri,
            format!("arn:aws:s3:::my.bucket/{key}"),
        ] {
            assert_eq!(source.key_of_reference(&text).as_deref(), Ok(key), "{text}");
        }
    }
    let outside = source.key_of_reference("s3://my.bucket/other/a");
    assert_eq!(outside.as_deref(), Ok("other/a"));
}

#[test]
fn folders_may_look_like_hosts() {
    for text in ["cdn.example.com/a%20b", "v1.2/a", "2024.s3/a", "a:b/c"] {
        let key = source().key_of_reference(text);
        assert_eq!(key, Ok(format!("photos/{text}")), "{text}");
    }
}

#[test]
fn refuses_references_to_something_else() {
    let cases = [
        ("", "names no asset"),
        ("s3://my.bucket", "names no asset"),
        ("https://acme.imgix.net", "names no asset"),
        ("https://acme.imgix.net?w=1", "names no asset"),
        ("https://s3.eu-west-1.amazonaws.com/", "names no asset"),
        ("s3://other/a", "names the bucket \"other\""),
        ("arn:aws:s3:::other/a", "names the bucket \"other\""),
        (
            "https://other.s3.amazonaws.com/a",
            "names the bucket \"other\"",
        ),
        (
            "https://s3.amazonaws.com/other/a",
            "names the bucket \"other\"",
        ),
        ("other.s3.amazonaws.com/a", "names the bucket \"other\""),
        ("acme.imgix.net/100%", "write %25"),
        ("https://example.com/a", "neither a URL of"),
        ("https://ec2.amazonaws.com/my.bucket/a", "neither a URL of"),
        ("https://acme.imgix.net/100%", "write %25"),
        ("https://acme.imgix.net/%ff", "write %25"),
        ("https://acme.imgix.net/%+1", "write %25"),
    ];
    for (text, reason) in cases {
        let error = source().key_of_reference(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    let whole_bucket = Source::new("photos", "my.bucket", "acme");
    assert!(whole_bucket.key_of_reference("/").is_err());
}

#[test]
fn only_uris_are_recognized_as_such() {
    for text in ["s3://b/k", "HTTPS://x/y", "http://x", "arn:aws:s3:::b/k"] {
        assert!(is_uri(text), "{text}");
    }
    for text in ["summer", "/a", "a/b", "ext:jpg", "arn:x", "s3", "hé", ""] {
        assert!(!is_uri(text), "{text}");
    }
}
