//! Tests that no request for a Source follows a redirect. Its server could otherwise lead the program to any host.
//!
//! The trap is a host that the limits allow, so only not following keeps the program away from it.

use std::collections::BTreeSet;
use std::sync::{Condvar, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

use super::*;

use crate::managed_api::Service;

/// Maximum time until the daemon has sent its requests.
const DEADLINE: Duration = Duration::from_secs(60);

/// The answers that lead to another address.
const STATUSES: [&str; 5] = [
    "301 Moved Permanently",
    "302 Found",
    "303 See Other",
    "307 Temporary Redirect",
    "308 Permanent Redirect",
];

/// Answers every request with a redirect.
struct Redirector {
    address: SocketAddr,
    seen: Arc<(Mutex<BTreeSet<&'static str>>, Condvar)>,
}

impl Redirector {
    fn start(status: &'static str, target: SocketAddr) -> Self {
        let seen: Arc<(Mutex<BTreeSet<_>>, Condvar)> = Arc::default();
        let shared = Arc::clone(&seen);
        let address = listen(move |mut client| {
            let head = read_head(&client)?;
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let is_length = name.eq_ignore_ascii_case("content-length");
                is_length.then(|| value.trim().parse().ok())?
            });
            let mut body = vec![0; length.unwrap_or(0)];
            client.read_exact(&mut body)?;
            let (seen, changed) = &*shared;
            seen.lock().unwrap().insert(kind_of(&head));
            changed.notify_all();
            let answer = format!(
                "HTTP/1.1 {status}\r\nLocation: http://{target}/latest/meta-data/\r\nContent-Length: 0\r\n\
                 Connection: close\r\n\r\n"
            );
            client.write_all(answer.as_bytes())
        });
        Self { address, seen }
    }

    /// Waits until all these kinds of requests have arrived, and forgets them.
    #[track_caller]
    fn wait_for(&self, kinds: &[&str]) {
        let (seen, changed) = &*self.seen;
        let lacks = |seen: &mut BTreeSet<_>| !kinds.iter().all(|kind| seen.contains(kind));
        let locked: MutexGuard<'_, _> = seen.lock().unwrap();
        let waited = changed.wait_timeout_while(locked, DEADLINE, lacks);
        let (mut seen, timeout) = waited.unwrap();
        assert!(!timeout.timed_out(), "{kinds:?} are not all in {seen:?}");
        seen.clear();
    }
}

fn kind_of(head: &str) -> &'static str {
    let lower = head.to_ascii_lowercase();
    if lower.starts_with("head ") {
        "HeadBucket"
    } else if lower.contains("?location") {
        "GetBucketLocation"
    } else if lower.contains("list-type=2") {
        "ListObjectsV2"
    } else if lower.contains("x-amz-target: amazonsqs") {
        "SQS"
    } else if lower.starts_with("post / ") {
        "STS"
    } else {
        "another request"
    }
}

/// A host that nothing may reach. It counts the connections.
fn trap() -> (SocketAddr, Arc<Mutex<usize>>) {
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    let address = listen(move |_| {
        *counted.lock().unwrap() += 1;
        Ok(())
    });
    (address, count)
}

#[test]
fn no_request_of_a_managed_source_follows_a_redirect() {
    let service = Service::start();
    let (target, connections) = trap();
    for (number, status) in STATUSES.into_iter().enumerate() {
        let server = Redirector::start(status, target);
        let mut values = json!({
            "name": format!("s{number}"),
            "bucket": "my-bucket",
            "endpoint_url": format!("http://{}", server.address),
            "path_style": true,
            "subdomain": format!("s{number}"),
            "credentials": {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "secret"},
            "events": {"queue_url": format!("http://{}/1/q", server.address)},
        });
        let send = |path: &str, body: &Value| {
            let response = service.send("POST", path, &[], body);
            assert!(response.status < 300, "{status}: {}", response.text());
        };
        // Without a Region, the bucket is asked for it.
        send("/v1/sources/test", &values);
        server.wait_for(&["HeadBucket", "GetBucketLocation", "ListObjectsV2"]);
        values["region"] = "us-east-1".into();
        send("/v1/sources/test", &values);
        server.wait_for(&["ListObjectsV2"]);
        send("/v1/sources/preview", &json!({"source": values}));
        server.wait_for(&["ListObjectsV2"]);
        // Now the daemon scans the bucket and receives from the queue.
        send("/v1/sources", &values);
        server.wait_for(&["ListObjectsV2", "SQS"]);
        assert_eq!(*connections.lock().unwrap(), 0, "{status}");
    }
    service.daemon.terminate();
}

#[test]
fn no_request_for_a_role_follows_a_redirect() {
    let (target, connections) = trap();
    let mut cli = Cli::new(&Config::of([]));
    let bucket = Bucket::create(server::shared());
    let source = Source::of("photos", &bucket, server::shared().endpoint());
    let mut config = Config::of([source]);
    config.attempts = 1;
    let toml = config.to_toml(&cli.data_dir());
    let role = "arn:aws:iam::000000000000:role/reader";
    cli.configure_with(&format!(
        "{toml}credentials = {{ role_arn = \"{role}\" }}\n"
    ));
    cli.set_environment("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE");
    cli.set_environment("AWS_SECRET_ACCESS_KEY", "secret");
    for status in STATUSES {
        let server = Redirector::start(status, target);
        let endpoint = format!("http://{}", server.address);
        cli.set_environment("AWS_ENDPOINT_URL_STS", &endpoint);
        cli.fail(&["reindex"], &["no usable credentials", &endpoint]);
        server.wait_for(&["STS"]);
        assert_eq!(*connections.lock().unwrap(), 0, "{status}");
    }
}
