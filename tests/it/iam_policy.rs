//! Tests the printed policy on a server that checks permissions: it allows what the program needs and nothing
//! else.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::ProvideErrorMetadata;
use serde_json::Value;

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::examined::Examined;
use crate::live_fixture::wait_for_keys;
use crate::s3::{Bucket, wait};
use crate::server::{self, AccessKey};
use crate::sqs::Sqs;

/// A bucket on the server that checks permissions, and a Source with a queue for a part of it.
struct PolicyFixture {
    bucket: Bucket,
    queue: Sqs,
    cli: Cli,
    source: Source,
}

impl PolicyFixture {
    fn new(name: &str) -> Self {
        let server = server::shared_with_rights();
        let (bucket, queue) = (Bucket::create(server), Sqs::create(server));
        server.set_queue_attributes(&queue.url, &[("Policy", ALLOW_ANY_SENDER)]);
        bucket.notify(&queue.arn());
        let source = Source {
            prefix: Some("photos".to_owned()),
            region: None,
            queue_url: Some(queue.url.clone()),
            ..Source::of(name, &bucket, server.endpoint()).with_rules(&["/2024", "/b*.jpg"], &[])
        };
        let cli = Cli::new(&Config::of([source.clone()]));
        Self {
            bucket,
            queue,
            cli,
            source,
        }
    }

    /// The printed policy, with the names of actions that the server requires.
    fn policy(&self, arguments: &[&str]) -> Value {
        let output = self.cli.succeed(&[&["iam-policy"], arguments].concat());
        let mut policy: Value = serde_json::from_str(&output.stdout).expect("JSON");
        for statement in policy["Statement"].as_array_mut().expect("a list") {
            let actions = statement["Action"].as_array_mut().expect("a list");
            // The server requires these actions for batches. AWS has no such actions: the single actions
            // allow batches.
            for single in ["sqs:DeleteMessage", "sqs:ChangeMessageVisibility"] {
                if actions.iter().any(|action| action == single) {
                    actions.push(format!("{single}Batch").into());
                }
            }
        }
        policy
    }

    /// Gives the program an access key with this policy.
    fn use_policy(&mut self, policy: &Value) -> AccessKey {
        let server = server::shared_with_rights();
        let key = server.create_user_with(&self.source.name, &policy.to_string());
        let file = self.cli.folder().join("secret");
        let source = self.source.clone().with_access_key(&key, &file, 0o600);
        // The queue has its own credentials.
        let credentials = format!(
            "{{ access_key_id = \"{}\", secret_access_key_file = \"{}\" }}",
            key.id,
            file.display()
        );
        let toml = Config::of([source]).to_toml(&self.cli.data_dir());
        let queue_url = format!("queue_url = \"{}\"", self.queue.url);
        let with_credentials = format!("{queue_url}, credentials = {credentials}");
        self.cli
            .configure_with(&toml.replace(&queue_url, &with_credentials));
        key
    }
}

/// A queue policy that lets S3 send events.
pub const ALLOW_ANY_SENDER: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"*"}}"#;

#[test]
fn program_works_with_the_printed_policy() {
    let mut fixture = PolicyFixture::new("least-rights");
    fixture
        .bucket
        .put_keys(["photos/2024/a", "photos/b.jpg", "photos/2023/c", "d"]);
    fixture.use_policy(&fixture.policy(&["--check"]));
    let name = fixture.source.name.clone();
    fixture.cli.succeed(&["reindex"]);
    let output = fixture.cli.run(&["check"]);
    assert!(!output.stdout.contains("denied"), "{output:#?}");
    let daemon = fixture.cli.serve();
    daemon.wait_for(&["ready"]);
    wait_for_keys(&fixture.cli, &name, &["photos/2024/a", "photos/b.jpg"]);
    fixture.bucket.put("photos/2024/e", "x");
    fixture.bucket.put("photos/2023/f", "x");
    fixture.bucket.delete("photos/b.jpg");
    wait_for_keys(&fixture.cli, &name, &["photos/2024/a", "photos/2024/e"]);
    // The removal of a version does not say what is under the key now, so the daemon lists this key.
    fixture.bucket.enable_versioning();
    fixture.bucket.put("photos/2024/g", "1");
    fixture.bucket.put("photos/2024/g", "2");
    let versions = fixture.bucket.versions("photos/2024/g");
    fixture.bucket.delete_version("photos/2024/g", &versions[0]);
    wait_for_keys(
        &fixture.cli,
        &name,
        &["photos/2024/a", "photos/2024/e", "photos/2024/g"],
    );
    fixture.queue.wait_until_empty();
    let log = daemon.terminate().join("\n");
    assert!(!log.contains("denied"), "{log}");
}

#[test]
fn check_tests_every_admitted_range() {
    let mut fixture = PolicyFixture::new("each-range");
    fixture.source.include = vec!["/2024".to_owned()];
    // Neither the rules nor the policy admit the first key with this prefix.
    fixture
        .bucket
        .put_keys(["photos/2024-old/a.jpg", "photos/2024/b.jpg"]);
    let mut config = Config::of([fixture.source.clone()]);
    config.listen = "127.0.0.1:0".to_owned();
    fixture.cli.configure(&config);
    fixture.use_policy(&fixture.policy(&["--check"]));
    let toml =
        std::fs::read_to_string(fixture.cli.config_file()).expect("the configuration exists");
    let narrow = toml.replace("listen = \"off\"", "listen = \"127.0.0.1:0\"");
    let wide = narrow.replace("[\"/2024\"]", "[\"/2024\", \"/new/\"]");
    assert!(toml != narrow && narrow != wide, "{toml}");
    for (toml, expected) in [(narrow, "can be listed"), (wide, "photos/new/")] {
        fixture.cli.configure_with(&toml);
        let examined = Examined::of(&fixture.cli, &[]);
        let listing = examined.finding("s3:ListBucket").to_string();
        let is_denied = listing.contains("denied");
        assert_eq!(is_denied, expected == "photos/new/", "{listing}");
        assert!(listing.contains(expected), "{listing}");
        let reading = examined.finding("s3:GetObject");
        assert_eq!(reading["verdict"], "ok", "{reading:#}");
    }
}

#[test]
fn wider_rules_stay_within_the_printed_policy() {
    let mut fixture = PolicyFixture::new("narrower");
    fixture.source.exclude = vec!["**/tmp/**".to_owned()];
    fixture
        .bucket
        .put_keys(["photos/2024/a", "photos/2024/tmp/b", "photos/tmp/c"]);
    fixture.use_policy(&fixture.policy(&[]));
    let name = fixture.source.name.clone();
    let daemon = fixture.cli.serve();
    daemon.wait_for(&["scan completed"]);
    wait_for_keys(&fixture.cli, &name, &["photos/2024/a"]);
    let toml =
        std::fs::read_to_string(fixture.cli.config_file()).expect("the configuration exists");
    let without = toml.replace(", exclude = [\"**/tmp/**\"]", "");
    assert_ne!(toml, without);
    fixture.cli.configure_with(&without);
    daemon.hangup();
    wait_for_keys(&fixture.cli, &name, &["photos/2024/a", "photos/2024/tmp/b"]);
    let log = daemon.terminate().join("\n");
    assert!(!log.contains("denied"), "{log}");
}

/// Sends requests with an access key, and returns the error code of each; `None` if S3 accepts the request.
fn error_codes(key: &AccessKey, bucket: &str) -> Vec<(&'static str, Option<String>)> {
    let keys = Credentials::new(&key.id, &key.secret, None, None, "tests");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(keys)
        .region(Region::new("us-east-1"))
        .endpoint_url(server::shared_with_rights().endpoint())
        .force_path_style(true)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let client = Client::from_conf(config);
    fn code<T, E: ProvideErrorMetadata>(answer: Result<T, E>) -> Option<String> {
        answer
            .err()
            .map(|error| error.code().unwrap_or("none").to_owned())
    }
    let list = |prefix: &str| {
        let request = client.list_objects_v2().bucket(bucket).prefix(prefix);
        code(wait(request.send()))
    };
    let get = |key: &str| code(wait(client.get_object().bucket(bucket).key(key).send()));
    let put = client.put_object().bucket(bucket).key("photos/2024/a");
    vec![
        ("list an admitted folder", list("photos/2024/")),
        ("list a key in this folder", list("photos/2024/a")),
        ("list the keys of another rule", list("photos/b")),
        ("list the parent folder", list("photos/")),
        ("list another folder", list("photos/2023/")),
        ("list the bucket", list("")),
        ("get an asset", get("photos/2024/a")),
        ("get another object", get("photos/2023/a")),
        ("put", code(wait(put.send()))),
        ("read notifications", {
            let request = client.get_bucket_notification_configuration();
            code(wait(request.bucket(bucket).send()))
        }),
    ]
}

#[test]
fn printed_policy_allows_nothing_else() {
    let fixture = PolicyFixture::new("no-more");
    let server = server::shared_with_rights();
    fixture.bucket.put_keys(["photos/2024/a", "photos/2023/a"]);
    let listing = [
        "list an admitted folder",
        "list a key in this folder",
        "list the keys of another rule",
    ];
    for (name, arguments, listen, more) in [
        ("bare", &[][..], "off", "nothing"),
        ("check", &["--check"], "off", "read notifications"),
        ("previews", &[], "127.0.0.1:0", "get an asset"),
    ] {
        let mut config = Config::of([fixture.source.clone()]);
        config.listen = listen.to_owned();
        fixture.cli.configure(&config);
        let policy = fixture.policy(arguments).to_string();
        let key = server.create_user_with(&format!("no-more-{name}"), &policy);
        for (request, code) in error_codes(&key, &fixture.bucket.name) {
            let is_allowed = listing.contains(&request) || more == request;
            let expected = (!is_allowed).then_some("AccessDenied");
            assert_eq!(code.as_deref(), expected, "{name}: {request}");
        }
    }
}
