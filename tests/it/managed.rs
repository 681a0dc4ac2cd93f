//! Tests Sources that are set up on the command line: their files, secrets and history, and that they are mirrored.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::access::serve_read_only;
use crate::cli::{Cli, Output};
use crate::config::Config;
use crate::container::wait_until;
use crate::http_client::get;
use crate::live_fixture::wait_for_keys;
use crate::s3::Bucket;
use crate::server::{self, AccessKey};

/// A configuration without Sources.
fn empty() -> Cli {
    Cli::new(&Config::of([]))
}

/// A bucket with one object on the server that checks permissions, and a key that may list it.
fn guarded(user: &str) -> (Bucket, AccessKey) {
    let server = server::shared_with_rights();
    let bucket = Bucket::create(server);
    bucket.put("images/a.jpg", "content");
    (bucket, server.create_user(user, &["s3:ListBucket"]))
}

/// Sets up a Source, with its values in a file.
fn add(cli: &Cli, name: &str, bucket: &Bucket, key: &AccessKey) -> Output {
    let values = json!({
        "bucket": bucket.name,
        "endpoint_url": server::shared_with_rights().endpoint(),
        "path_style": true,
        "region": "us-east-1",
        "subdomain": bucket.name,
        "credentials": {"access_key_id": key.id, "secret_access_key": key.secret},
    });
    let file = cli.folder().join("values.json");
    fs::write(&file, values.to_string()).expect("the folder is ours");
    let output = cli.succeed(&[
        "source",
        "add",
        name,
        "--from",
        file.to_str().expect("UTF-8"),
    ]);
    fs::remove_file(&file).expect("the file is ours");
    output
}

/// Whether a file in the folder, or in a folder in it, contains the text.
fn is_stored(folder: &Path, text: &str) -> bool {
    let entries = fs::read_dir(folder).expect("the folder exists");
    let mut paths = entries.map(|entry| entry.expect("readable").path());
    paths.any(|path| {
        if path.is_dir() {
            is_stored(&path, text)
        } else {
            contains(&fs::read(&path).unwrap_or_default(), text)
        }
    })
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn source_that_was_set_up_is_mirrored_and_its_secret_is_nowhere() {
    let (bucket, key) = guarded("setup");
    let mut cli = empty();
    cli.set_environment("ASSET_INDEXER_LOG", "trace");
    let mut outputs = vec![add(&cli, "photos", &bucket, &key)];
    for command in [
        &["reindex"][..],
        &["check"],
        &["source", "list", "--json"],
        &["source", "show", "photos"],
        &["source", "history", "photos"],
    ] {
        outputs.push(cli.succeed(command));
    }
    cli.assert_mirrors("photos", &bucket);
    for output in &outputs {
        let printed = format!("{}{}", output.stdout, output.stderr);
        assert!(!printed.contains(&key.secret), "the secret is printed");
    }
    assert!(
        !is_stored(cli.folder(), &key.secret),
        "the secret is stored in the clear"
    );
    assert!(is_stored(cli.folder(), &key.id));
}

#[test]
fn index_follows_each_change_of_a_source() {
    let (bucket, key) = guarded("changes");
    bucket.put("videos/b.mp4", "content");
    let cli = empty();
    add(&cli, "photos", &bucket, &key);
    assert_eq!(cli.reindex().added, 2);
    let changed = cli.succeed(&["source", "edit", "photos", "--include", "/images"]);
    assert_eq!(changed.stdout, "photos: changed rules.include\n");
    assert_eq!(cli.reindex().removed, 1);
    cli.succeed(&["source", "disable", "photos"]);
    // There is nothing to scan. Its asset stays in the index: only the other one is added at the end.
    cli.succeed(&["reindex"]);
    cli.succeed(&["source", "enable", "photos"]);
    cli.succeed(&["source", "edit", "photos", "--include", ""]);
    assert_eq!(cli.reindex().added, 1);
    cli.fail(&["source", "remove", "photos"], &["must be confirmed"]);
    let removed = cli.succeed(&["source", "remove", "photos", "--yes"]);
    assert_eq!(removed.stdout, "photos: removed\n");
    cli.fail(&["reindex"], &["no Source is configured", "source add"]);
    let history = cli
        .succeed(&["source", "history", "photos", "--json"])
        .stdout;
    let actions: Vec<String> = history
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["action"].to_string())
        .collect();
    let want = ["create", "update", "disable", "enable", "update", "remove"];
    assert_eq!(actions, want.map(|action| format!("{action:?}")));
}

#[test]
fn wrong_values_are_all_named_and_nothing_is_stored() {
    let cli = empty();
    let output = cli.run(&[
        "source",
        "add",
        "photos",
        "--bucket",
        "s3://b",
        "--subdomain",
        "a.b",
        "--region",
        "eu west",
    ]);
    assert_eq!(output.status.code(), Some(2), "{output:#?}");
    for words in [
        "bucket = \"s3://b\"",
        "subdomain = \"a.b\"",
        "region = \"eu west\"",
    ] {
        assert!(output.stderr.contains(words), "{}", output.stderr);
    }
    assert_eq!(cli.succeed(&["source", "list"]).stdout, "");
    for (command, words) in [
        (&["source", "add"][..], "the name is missing"),
        (
            &["source", "edit", "photos", "--bucket", "b"],
            "no managed Source \"photos\"",
        ),
        (&["source", "edit", "photos"], "nothing to change"),
        (
            &["source", "remove", "photos"],
            "no managed Source \"photos\"",
        ),
        (
            &["source", "show", "photos"],
            "there is no Source \"photos\"",
        ),
    ] {
        let output = cli.fail(command, &[words]);
        assert_eq!(output.status.code(), Some(2), "{command:?}");
    }
}

#[test]
fn rotation_keeps_every_secret_and_a_stolen_folder_opens_none() {
    let (bucket, key) = guarded("rotation");
    let cli = empty();
    add(&cli, "photos", &bucket, &key);
    let key_file = cli.data_dir().join("secrets.key");
    let before = fs::read(&key_file).expect("the first secret made a key");
    let rotated = cli.succeed(&["secrets", "rotate"]).stdout;
    assert!(
        rotated.starts_with("sealed 1 secrets with the key "),
        "{rotated}"
    );
    let after = fs::read(&key_file).expect("the key was replaced");
    assert_ne!(after, before);
    cli.reindex();
    cli.assert_mirrors("photos", &bucket);
    // The old key opens nothing any more, and without a key the error says so.
    fs::write(&key_file, &before).expect("the file is ours");
    cli.fail(
        &["reindex"],
        &["photos", "sealed with the key", "restore that key"],
    );
    fs::remove_file(&key_file).expect("the file is ours");
    cli.fail(
        &["reindex"],
        &["photos", "there is no key", "secrets.key does not exist"],
    );
    fs::write(&key_file, &after).expect("the file is ours");
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    cli.reindex();
}

#[test]
fn running_daemon_makes_the_changes_and_uses_them() {
    let (bucket, key) = guarded("live");
    let mut cli = empty();
    cli.set_environment("ASSET_INDEXER_LOG", "trace");
    bucket.put("videos/b.mp4", "content");
    let daemon = cli.serve();
    daemon.wait_for(&["ready"]);
    add(&cli, "photos", &bucket, &key);
    wait_for_keys(&cli, "photos", &["images/a.jpg", "videos/b.mp4"]);
    cli.succeed(&["source", "edit", "photos", "--include", "/videos"]);
    wait_for_keys(&cli, "photos", &["videos/b.mp4"]);
    cli.fail(
        &["source", "edit", "photos", "--bucket", "s3://b"],
        &["bucket = \"s3://b\": set only the name"],
    );
    let rotated = cli.succeed(&["secrets", "rotate"]).stdout;
    assert!(rotated.starts_with("sealed 1 secrets"), "{rotated}");
    bucket.put("videos/c.mp4", "content");
    cli.succeed(&["reindex"]);
    wait_for_keys(&cli, "photos", &["videos/b.mp4", "videos/c.mp4"]);
    cli.succeed(&["source", "remove", "photos", "--yes"]);
    assert_eq!(cli.succeed(&["source", "list"]).stdout, "");
    let history = cli.succeed(&["source", "history", "photos"]).stdout;
    assert!(history.contains("on the command line"), "{history}");
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.id())).expect("it runs");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core: Vec<&str> = core.expect("a limit").split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "a core dump would contain secrets");
    let environment = fs::read(format!("/proc/{}/environ", daemon.id())).expect("it runs");
    assert!(!contains(&environment, &key.secret));
    let log = daemon.terminate().join("\n");
    assert!(!log.contains(&key.secret), "the secret is logged");
}

#[test]
fn daemon_starts_again_without_sources_and_names_stay_in_the_store() {
    let cli = empty();
    let victim = cli.data_dir().join("x.toml");
    for _ in 0..2 {
        let daemon = cli.serve();
        daemon.wait_for(&["ready"]);
        fs::write(&victim, "kept").expect("the folder is ours");
        for command in [
            &["source", "remove", "../x", "--yes"][..],
            &["source", "edit", "../x", "--bucket", "my-bucket"],
            &["source", "disable", "../x"],
        ] {
            let refused = cli.fail(command, &["there is no managed Source \"../x\""]);
            assert_eq!(refused.status.code(), Some(2), "as without a daemon");
        }
        cli.fail(&["source", "history", "../x"], &["has no history"]);
        daemon.terminate();
    }
    assert_eq!(
        fs::read_to_string(&victim).expect("it is still there"),
        "kept"
    );
}

#[test]
fn change_that_the_daemon_could_not_load_is_not_stored() {
    let (bucket, key) = guarded("unloadable");
    let cli = empty();
    let daemon = cli.serve();
    daemon.wait_for(&["ready"]);
    add(&cli, "photos", &bucket, &key);
    // An operator adds a Source to a file, but has not reloaded the daemon yet.
    let folder = cli.folder().join("sources.d");
    fs::create_dir(&folder).expect("the folder is ours");
    let text = "name = \"late\"\nbucket = \"my-bucket\"\nsubdomain = \"late\"\n";
    fs::write(folder.join("late.toml"), text).expect("the folder is ours");
    for (command, words) in [
        (
            &["source", "edit", "photos", "--subdomain", "late"][..],
            "\"late\" already has this subdomain",
        ),
        (
            &[
                "source",
                "add",
                "late",
                "--bucket",
                "my-bucket",
                "--subdomain",
                "other",
            ],
            "\"late\" is in the configuration file",
        ),
    ] {
        cli.fail(command, &[words]);
    }
    daemon.terminate();
    cli.succeed(&["check", "--offline"]);
    assert!(
        cli.succeed(&["source", "history", "photos"])
            .stdout
            .lines()
            .count()
            == 1
    );
}

/// Managed Sources may use the credentials of this machine, and the servers of the tests.
const OF_THE_MACHINE: [&str; 2] = [
    "allow_machine_credentials = true",
    r#"allowed_hosts = ["127.0.0.1"]"#,
];

/// Writes the configuration with other limits of managed Sources.
fn limit(cli: &Cli, lines: &[&str]) {
    let mut config = Config::of([]);
    config.managed = lines.iter().map(|&line| line.to_owned()).collect();
    cli.configure(&config);
}

/// The command that sets a Source up with values from a file.
fn add_command(cli: &Cli, name: &str, values: &Value) -> [String; 5] {
    let file = cli.folder().join(format!("{name}.json"));
    fs::write(&file, values.to_string()).expect("the folder is ours");
    let file = file.to_str().expect("UTF-8");
    ["source", "add", name, "--from", file].map(str::to_owned)
}

#[test]
fn servers_in_the_network_need_the_list() {
    let (bucket, key) = guarded("network");
    let cli = empty();
    limit(&cli, &[]);
    let endpoint = server::shared_with_rights().endpoint();
    let (_, port) = endpoint.rsplit_once(':').expect("the URL has a port");
    let at = |host: &str| {
        let values = json!({
            "bucket": bucket.name,
            "subdomain": bucket.name,
            "endpoint_url": format!("http://{host}:{port}"),
            "path_style": true,
            "region": "us-east-1",
            "credentials": {"access_key_id": key.id, "secret_access_key": key.secret},
        });
        add_command(&cli, "photos", &values)
    };
    // An address is refused at once, in every spelling, and so is a name that always means this machine.
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "localhost",
    ] {
        let words = ["endpoint_url = ", "no public address", "allowed_hosts"];
        cli.fail(&at(host), &words);
    }
    // Another name is resolved for each connection.
    cli.succeed(&at(&name_of_this_machine()));
    let words = [
        "this host is not allowed",
        "no public address",
        "allowed_hosts",
    ];
    cli.fail(&["reindex"], &words);
    assert_check_says(&cli, &words);
    cli.succeed(&["source", "remove", "photos", "--yes"]);
    limit(&cli, &[r#"allowed_hosts = ["127.0.0.0/8"]"#]);
    cli.succeed(&at("127.0.0.1"));
    cli.reindex();
    cli.assert_mirrors("photos", &bucket);
    // If the limit becomes stricter, the stored Source fails.
    limit(&cli, &[]);
    cli.fail(&["reindex"], &["photos", "this host is not allowed"]);
    cli.succeed(&["source", "disable", "photos"]);
}

/// Runs `check`, which must find these words.
fn assert_check_says(cli: &Cli, words: &[&str]) {
    let found = cli.run(&["check"]);
    assert_eq!(found.status.code(), Some(1), "{found:#?}");
    for word in words {
        assert!(found.stdout.contains(word), "{word}: {}", found.stdout);
    }
}

/// A name of this machine that is not `localhost`.
fn name_of_this_machine() -> String {
    use std::net::ToSocketAddrs;
    let host = fs::read_to_string("/etc/hostname").unwrap_or_default();
    let names = ["ip6-localhost", host.trim(), "localhost4"];
    let mut names = names.into_iter();
    let name = names.find(|name| !name.is_empty() && (*name, 0).to_socket_addrs().is_ok());
    name.expect("/etc/hosts has a name of this machine")
        .to_owned()
}

#[test]
fn credentials_of_the_machine_need_the_setting() {
    let bucket = Bucket::create(server::shared());
    bucket.put("a.jpg", "content");
    let cli = empty();
    let values = json!({
        "bucket": bucket.name,
        "subdomain": bucket.name,
        "endpoint_url": server::shared().endpoint(),
        "path_style": true,
        "region": "us-east-1",
    });
    let command = add_command(&cli, "photos", &values);
    cli.fail(
        &command,
        &["credentials: ", "allow_machine_credentials = true"],
    );
    let hosts = r#"allowed_hosts = ["127.0.0.1"]"#;
    limit(&cli, &[hosts, "allow_machine_credentials = true"]);
    cli.succeed(&command);
    cli.reindex();
    cli.assert_mirrors("photos", &bucket);
    // Without the setting, the stored Source fails and says why. Nothing else does.
    limit(&cli, &[hosts]);
    let why = [
        "these credentials are not allowed",
        "allow_machine_credentials",
    ];
    cli.fail(&["reindex"], &why);
    assert_check_says(&cli, &why);
    let daemon = cli.serve();
    daemon.wait_for(&["ready"]);
    let (other, key) = guarded("others");
    add(&cli, "others", &other, &key);
    wait_for_keys(&cli, "others", &["images/a.jpg"]);
    let status = cli.run(&["status"]).stdout;
    assert!(status.contains("allow_machine_credentials"), "{status}");
    daemon.terminate();
    cli.assert_mirrors("photos", &bucket);
}

#[test]
fn subdomain_of_a_removed_source_stays_bound() {
    let (bucket, key) = guarded("bound");
    let cli = empty();
    add(&cli, "photos", &bucket, &key);
    cli.reindex();
    cli.succeed(&["source", "remove", "photos", "--yes"]);
    let values = json!({
        "bucket": bucket.name,
        "subdomain": bucket.name,
        "credentials": {"access_key_id": key.id, "secret_access_key": key.secret},
    });
    let command = add_command(&cli, "videos", &values);
    let words = ["subdomain = ", "bound to Source \"photos\" for good"];
    cli.fail(&command, &words);
    // The daemon refuses it too.
    let daemon = cli.serve();
    daemon.wait_for(&["ready"]);
    cli.fail(&command, &words);
    daemon.terminate();
}

#[test]
fn show_prints_every_value_that_differs_from_its_default() {
    let cli = empty();
    limit(&cli, &OF_THE_MACHINE);
    let values = json!({
        "bucket": "my-bucket",
        "subdomain": "photos",
        "endpoint_url": "http://127.0.0.1:9",
        "path_style": true,
        "folder_markers": true,
        "request_payer": true,
        "expected_bucket_owner": "123456789012",
        "annotation": "A note",
        "reconcile_every_minutes": 30,
        "rules": {"include": ["/images", "**/*.JPG"], "exclude": ["/tmp"], "case_insensitive": true},
        "credentials": {"role_arn": "arn:aws:iam::123456789012:role/reader", "external_id": "x7"},
        "events": {"queue_url": "http://127.0.0.1:9/q", "region": "eu-west-1"},
    });
    let file = cli.folder().join("values.json");
    fs::write(&file, values.to_string()).expect("the folder is ours");
    let from = file.to_str().expect("UTF-8");
    cli.succeed(&["source", "add", "photos", "--from", from]);
    let shown = cli.succeed(&["source", "show", "photos"]).stdout;
    for words in [
        "path_style              true",
        "folder_markers          true",
        "request_payer           true",
        "expected_bucket_owner   123456789012",
        "annotation              A note",
        "reconcile_every_minutes 30",
        r#"{"case_insensitive":true,"exclude":["/tmp"],"include":["/images","**/*.JPG"]}"#,
        "reader with the external ID x7",
        "queue_region            eu-west-1",
    ] {
        assert!(shown.contains(words), "{words:?} is not in {shown}");
    }
    // Defaults are not shown.
    cli.succeed(&[
        "source",
        "add",
        "plain",
        "--bucket",
        "my-bucket",
        "--subdomain",
        "plain",
    ]);
    let shown = cli.succeed(&["source", "show", "plain"]).stdout;
    for key in [
        "path_style",
        "rules",
        "queue",
        "request_payer",
        "annotation",
    ] {
        assert!(!shown.contains(key), "{key} is in {shown}");
    }
}

#[test]
fn contradicting_names_are_refused() {
    let cli = empty();
    limit(&cli, &OF_THE_MACHINE);
    let file = cli.folder().join("values.json");
    let values = json!({"name": "other", "bucket": "my-bucket", "subdomain": "photos"});
    fs::write(&file, values.to_string()).expect("the folder is ours");
    let from = file.to_str().expect("UTF-8");
    let words = ["names the Source \"photos\"", "the name \"other\""];
    let refused = cli.fail(&["source", "add", "photos", "--from", from], &words);
    assert_eq!(refused.status.code(), Some(2));
    let added = cli.succeed(&["source", "add", "--from", from]);
    assert_eq!(added.stdout, "other: created\n");
}

#[test]
fn key_of_the_service_is_not_replaced_by_one_next_to_the_secrets() {
    let (bucket, key) = guarded("credential");
    let cli = empty();
    // As the package creates it. This process is not the service, so it cannot read the key.
    let credential = cli.folder().join("keys.cred");
    fs::write(&credential, "encrypted").expect("the folder is ours");
    let values = json!({
        "bucket": bucket.name,
        "subdomain": bucket.name,
        "credentials": {"access_key_id": key.id, "secret_access_key": key.secret},
    });
    let file = cli.folder().join("values.json");
    fs::write(&file, values.to_string()).expect("the folder is ours");
    let command = [
        "source",
        "add",
        "photos",
        "--from",
        file.to_str().expect("UTF-8"),
    ];
    cli.fail(&command, &["keys.cred", "start the service"]);
    assert!(!cli.data_dir().join("secrets.key").exists());
    assert_eq!(cli.succeed(&["source", "list"]).stdout, "");
    fs::remove_file(&credential).expect("the file is ours");
    let added = cli.succeed(&command);
    assert!(added.stderr.contains("note: created the key"), "{added:?}");
    let again = cli.succeed(&["source", "edit", "photos", "--prefix", "images"]);
    assert_eq!(again.stderr, "");
}

#[test]
fn check_tests_the_machine_before_there_is_a_source() {
    let cli = empty();
    let checked = cli.succeed(&["check"]).stdout;
    for words in ["no Source is set up yet", "source add", "no index yet"] {
        assert!(checked.contains(words), "{words:?} is not in {checked}");
    }
    cli.succeed(&["check", "--offline"]);
}

#[test]
fn read_only_server_notices_a_changed_source() {
    let mut config = Config::of([]);
    config.listen = "127.0.0.1:0".to_owned();
    config.managed = OF_THE_MACHINE.map(str::to_owned).to_vec();
    let cli = Cli::new(&config);
    let (server, address) = serve_read_only(&cli);
    let names = || get(&address, "/v1/sources")["data"].to_string();
    assert_eq!(names(), "[]");
    cli.succeed(&[
        "source",
        "add",
        "photos",
        "--bucket",
        "my-bucket",
        "--subdomain",
        "photos",
    ]);
    wait_until("the new Source", || {
        names().contains("photos").then_some(())
    });
    cli.succeed(&["source", "edit", "photos", "--subdomain", "pictures"]);
    wait_until("the new address", || {
        names().contains("pictures").then_some(())
    });
    // Written in place, without a change of the folder.
    let file = cli.data_dir().join("sources/photos.toml");
    let text = fs::read_to_string(&file).expect("the Source is stored");
    fs::write(&file, text.replace("pictures", "drawings")).expect("the file is ours");
    wait_until("the change by hand", || {
        names().contains("drawings").then_some(())
    });
    cli.succeed(&["source", "remove", "photos", "--yes"]);
    wait_until("the removal", || (names() == "[]").then_some(()));
    server.terminate();
}
