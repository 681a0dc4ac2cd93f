//! The printed policy on a server that checks rights: it is enough, and it is not more than enough.

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

/// A bucket of the server that checks rights, and a Source of a part of it with a queue.
struct World {
    bucket: Bucket,
    queue: Sqs,
    cli: Cli,
    source: Source,
}

impl World {
    fn new(name: &str) -> Self {
        let server = server::shared_with_rights();
        let (bucket, queue) = (Bucket::create(server), Sqs::create(server));
        server.set_queue_attributes(&queue.url, &[("Policy", ANYBODY_SENDS)]);
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

    /// The printed policy, in words that the server knows too.
    fn policy(&self, arguments: &[&str]) -> Value {
        let output = self.cli.succeed(&[&["iam-policy"], arguments].concat());
        let mut policy: Value = serde_json::from_str(&output.stdout).expect("JSON");
        for statement in policy["Statement"].as_array_mut().expect("a list") {
            let actions = statement["Action"].as_array_mut().expect("a list");
            // AWS has no rights of these names: there the single ones allow the batches.
            for single in ["sqs:DeleteMessage", "sqs:ChangeMessageVisibility"] {
                if actions.iter().any(|action| action == single) {
                    actions.push(format!("{single}Batch").into());
                }
            }
        }
        policy
    }

    /// From now on the program has a key with that policy.
    fn give(&mut self, policy: &Value) -> AccessKey {
        let server = server::shared_with_rights();
        let key = server.create_user_with(&self.source.name, &policy.to_string());
        let file = self.cli.folder().join("secret");
        let source = self.source.clone().with_access_key(&key, &file, 0o600);
        // Its queue has credentials of its own.
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

/// What lets S3 send events to a queue.
pub const ANYBODY_SENDS: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"*"}}"#;

#[test]
fn the_program_works_with_the_printed_policy() {
    let mut world = World::new("least-rights");
    world
        .bucket
        .put_keys(["photos/2024/a", "photos/b.jpg", "photos/2023/c", "d"]);
    world.give(&world.policy(&["--check"]));
    let name = world.source.name.clone();
    world.cli.succeed(&["reindex"]);
    let output = world.cli.run(&["check"]);
    assert!(!output.stdout.contains("denied"), "{output:#?}");
    let daemon = world.cli.serve();
    daemon.wait_for(&["ready"]);
    wait_for_keys(&world.cli, &name, &["photos/2024/a", "photos/b.jpg"]);
    world.bucket.put("photos/2024/e", "x");
    world.bucket.put("photos/2023/f", "x");
    world.bucket.delete("photos/b.jpg");
    wait_for_keys(&world.cli, &name, &["photos/2024/a", "photos/2024/e"]);
    // A removal of one version does not tell what is there now: the key is listed alone.
    world.bucket.keep_versions();
    world.bucket.put("photos/2024/g", "1");
    world.bucket.put("photos/2024/g", "2");
    let versions = world.bucket.versions("photos/2024/g");
    world.bucket.delete_version("photos/2024/g", &versions[0]);
    wait_for_keys(
        &world.cli,
        &name,
        &["photos/2024/a", "photos/2024/e", "photos/2024/g"],
    );
    world.queue.wait_until_empty();
    let log = daemon.terminate().join("\n");
    assert!(!log.contains("denied"), "{log}");
}

#[test]
fn check_tries_what_the_rules_admit_and_all_of_it() {
    let mut world = World::new("each-range");
    world.source.include = vec!["/2024".to_owned()];
    // The first key that begins so is none that the rules admit, or the policy.
    world
        .bucket
        .put_keys(["photos/2024-old/a.jpg", "photos/2024/b.jpg"]);
    let mut config = Config::of([world.source.clone()]);
    config.listen = "127.0.0.1:0".to_owned();
    world.cli.configure(&config);
    world.give(&world.policy(&["--check"]));
    let toml = std::fs::read_to_string(world.cli.config_file()).expect("there is one");
    let narrow = toml.replace("listen = \"off\"", "listen = \"127.0.0.1:0\"");
    let wide = narrow.replace("[\"/2024\"]", "[\"/2024\", \"/new/\"]");
    assert!(toml != narrow && narrow != wide, "{toml}");
    for (toml, said) in [(narrow, "can be listed"), (wide, "photos/new/")] {
        world.cli.configure_with(&toml);
        let examined = Examined::of(&world.cli, &[]);
        let listing = examined.finding("s3:ListBucket").to_string();
        let is_denied = listing.contains("denied");
        assert_eq!(is_denied, said == "photos/new/", "{listing}");
        assert!(listing.contains(said), "{listing}");
        let reading = examined.finding("s3:GetObject");
        assert_eq!(reading["verdict"], "ok", "{reading:#}");
    }
}

#[test]
fn new_rules_are_listed_within_the_printed_policy() {
    let mut world = World::new("narrower");
    world.source.exclude = vec!["**/tmp/**".to_owned()];
    world
        .bucket
        .put_keys(["photos/2024/a", "photos/2024/tmp/b", "photos/tmp/c"]);
    world.give(&world.policy(&[]));
    let name = world.source.name.clone();
    let daemon = world.cli.serve();
    daemon.wait_for(&["scan complete"]);
    wait_for_keys(&world.cli, &name, &["photos/2024/a"]);
    let toml = std::fs::read_to_string(world.cli.config_file()).expect("there is one");
    let without = toml.replace(", exclude = [\"**/tmp/**\"]", "");
    assert_ne!(toml, without);
    world.cli.configure_with(&without);
    daemon.hangup();
    wait_for_keys(&world.cli, &name, &["photos/2024/a", "photos/2024/tmp/b"]);
    let log = daemon.terminate().join("\n");
    assert!(!log.contains("denied"), "{log}");
}

/// What S3 says to each request of somebody with that key; `None`: it is done.
fn refusals(key: &AccessKey, bucket: &str) -> Vec<(&'static str, Option<String>)> {
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
        ("list what the rules admit", list("photos/2024/")),
        ("list one key of it", list("photos/2024/a")),
        ("list what another rule admits", list("photos/b")),
        ("list more", list("photos/")),
        ("list beside it", list("photos/2023/")),
        ("list all", list("")),
        ("get an asset", get("photos/2024/a")),
        ("get what is none", get("photos/2023/a")),
        ("put", code(wait(put.send()))),
        ("read notifications", {
            let request = client.get_bucket_notification_configuration();
            code(wait(request.bucket(bucket).send()))
        }),
    ]
}

#[test]
fn nothing_else_is_allowed_by_the_printed_policy() {
    let world = World::new("no-more");
    let server = server::shared_with_rights();
    world.bucket.put_keys(["photos/2024/a", "photos/2023/a"]);
    let listing = [
        "list what the rules admit",
        "list one key of it",
        "list what another rule admits",
    ];
    for (name, arguments, listen, more) in [
        ("bare", &[][..], "off", "nothing"),
        ("check", &["--check"], "off", "read notifications"),
        ("previews", &[], "127.0.0.1:0", "get an asset"),
    ] {
        let mut config = Config::of([world.source.clone()]);
        config.listen = listen.to_owned();
        world.cli.configure(&config);
        let policy = world.policy(arguments).to_string();
        let key = server.create_user_with(&format!("no-more-{name}"), &policy);
        for (what, refusal) in refusals(&key, &world.bucket.name) {
            let is_allowed = listing.contains(&what) || more == what;
            let expected = (!is_allowed).then_some("AccessDenied");
            assert_eq!(refusal.as_deref(), expected, "{name}: {what}");
        }
    }
}
