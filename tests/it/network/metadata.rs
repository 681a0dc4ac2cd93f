//! Tests that requests for the credentials of this machine go to its metadata service, and never through a proxy.

use std::io::Write;

use super::{HttpsStore, Log, listen, read_head, start_proxy, trust};
use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::fixture::SOURCE;
use crate::s3::Bucket;
use crate::server;

#[test]
fn credentials_of_the_machine_are_not_requested_through_a_proxy() {
    let requests = Log::default();
    let log = requests.clone();
    let metadata = listen(move |mut client| {
        log.add(read_head(&client)?);
        let keys = r#"{"AccessKeyId":"test","SecretAccessKey":"test","Token":"t","Expiration":"2100-01-01T00:00:00Z"}"#;
        let length = keys.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        client.write_all((head + keys).as_bytes())
    });
    let (proxy, targets) = start_proxy();
    let store = HttpsStore::start();
    let (bucket, mut cli) = store.bucket();
    trust(&mut cli);
    let url = format!("http://{metadata}/keys");
    cli.set_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    cli.set_environment("AWS_ACCESS_KEY_ID", "");
    cli.set_environment("AWS_SECRET_ACCESS_KEY", "");
    cli.set_environment("HTTP_PROXY", &format!("http://{proxy}"));
    cli.reindex();
    cli.assert_mirrors(SOURCE, &bucket);
    assert!(requests.take()[0].starts_with("GET /keys "));
    assert_eq!(targets.take(), [""; 0]);
}

#[test]
fn metadata_service_of_the_environment_and_of_the_profile_needs_no_proxy() {
    for setting in ["environment", "profile"] {
        let requests = Log::default();
        let log = requests.clone();
        let metadata = listen(move |mut client| {
            log.add(read_head(&client)?);
            client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        });
        let (proxy, targets) = start_proxy();
        let bucket = Bucket::create(server::shared());
        let source = Source::of(SOURCE, &bucket, server::shared().endpoint());
        let mut cli = Cli::new(&Config::of([source]));
        let url = format!("http://{metadata}");
        if setting == "environment" {
            cli.set_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url);
        } else {
            let file = cli.folder().join("aws-config");
            let text = format!("[default]\nec2_metadata_service_endpoint = {url}\n");
            std::fs::write(&file, text).unwrap();
            cli.set_environment("AWS_CONFIG_FILE", file.to_str().unwrap());
        }
        cli.set_environment("AWS_EC2_METADATA_DISABLED", "false");
        cli.set_environment("AWS_ACCESS_KEY_ID", "");
        cli.set_environment("AWS_SECRET_ACCESS_KEY", "");
        cli.set_environment("HTTP_PROXY", &format!("http://{proxy}"));
        cli.fail(&["reindex"], &["no usable credentials"]);
        let first = requests.take().remove(0);
        assert!(first.starts_with("PUT /latest/api/token "), "{first}");
        assert_eq!(targets.take(), [""; 0], "{setting}");
    }
}
