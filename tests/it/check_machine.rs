//! Tests the findings of `check` about this machine: files, disk, index, clock, and a network without
//! responses.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::cli::BINARY;
use crate::config::{Config, Source};
use crate::examined::{Examined, Wired};
use crate::fixture::Fixture;
use crate::proxy::Action;
use crate::server::{self, AccessKey};

/// Maximum time for `check` if a server does not respond: 1.5 times the request timeout.
const BOUND: Duration = Duration::from_secs(15);

/// A group that no test runs in.
const FOREIGN_GROUP: u32 = 54_321;

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("our file");
}

#[test]
fn reports_a_refused_connection_immediately() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = free.local_addr().expect("bound");
    drop(free);
    let mut wired = Wired::on(server::shared());
    wired.configure(|config| config.sources[0].endpoint = format!("http://{address}"));
    let examined = wired.examine();
    examined.assert_bad("bucket", "failure", &["no complete response", "firewall"]);
    assert!(examined.took < BOUND, "{examined:#?}");
}

#[test]
fn silent_endpoints_time_out_concurrently() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let endpoint = format!("http://{}", silent.local_addr().expect("bound"));
    let mut fixture = Fixture::new();
    let source = |number: u32| Source {
        name: format!("silent-{number}"),
        subdomain: format!("silent-{number}"),
        endpoint: endpoint.clone(),
        ..fixture.config.sources[0].clone()
    };
    let sources: Vec<Source> = (0..5).map(source).collect();
    fixture.configure(|config| config.sources = sources);
    let examined = Examined::of(&fixture.cli, &[]);
    assert_eq!(examined.bad(), [("bucket", "failure"); 5], "{examined:#?}");
    assert!(examined.took < BOUND, "{examined:#?}");
    let names = examined.report["sources"].as_array().expect("a list");
    let names: Vec<_> = names.iter().map(|source| source["name"].clone()).collect();
    let expected: Vec<_> = (0..5).map(|number| format!("silent-{number}")).collect();
    assert_eq!(names, expected, "in the order of the configuration");
}

#[test]
fn reports_a_wrong_clock() {
    let fixture = Fixture::with_keys(["a"]);
    let days = 24 * 60 * 60;
    for (seconds, verdict) in [
        (-60, "warning"),
        (60, "warning"),
        (-400, "failure"),
        (400 * days, "failure"),
    ] {
        fixture.proxy.set_clock(Some(seconds));
        let words = ["this machine's clock is", "timedatectl"];
        let examined = Examined::of(&fixture.cli, &[]);
        examined.assert_bad("clock", verdict, &words);
    }
    fixture.proxy.set_clock(None);
    let examined = Examined::of(&fixture.cli, &[]);
    examined.assert_bad("clock", "warning", &["no Date"]);
    fixture.proxy.set_clock(Some(0));
    let skewed = Action::Error(403, "RequestTimeTooSkewed");
    fixture
        .proxy
        .fault(1, |request| request.list.is_some(), skewed);
    Examined::of(&fixture.cli, &[]).assert_bad("clock", "failure", &["NTP"]);
}

#[test]
fn names_the_region_of_the_bucket_if_another_is_configured() {
    let server = server::shared();
    let bucket = crate::s3::Bucket::create_in("eu-west-1", server);
    for (region, is_right) in [
        (Some("eu-west-1"), true),
        (None, true),
        (Some("us-east-1"), false),
    ] {
        let source = Source {
            region: region.map(str::to_owned),
            ..Source::of("far", &bucket, server.endpoint())
        };
        let cli = crate::cli::Cli::new(&Config::of([source]));
        let examined = Examined::of(&cli, &[]);
        if is_right {
            examined.assert_well()
        } else {
            let words = [
                "configured region us-east-1",
                "is in eu-west-1",
                "region = \"eu-west-1\"",
            ];
            examined.assert_bad("region", "warning", &words);
            assert_eq!(examined.finding("s3:ListBucket")["verdict"], "ok");
        }
    }
}

#[test]
fn reports_a_readable_secret_once() {
    let server = server::shared();
    let mut wired = Wired::on(server);
    let key = AccessKey {
        id: "AKIAEXAMPLE".to_owned(),
        secret: "secretsecretsecretsecretsecretsecretsecr".to_owned(),
    };
    wired.sign_by(&key);
    wired.examine().assert_well();
    let file = wired.cli.folder().join("secret");
    // The group of the file is a group of this process.
    chmod(&file, 0o440);
    wired.examine().assert_well();
    let assert_exposed = |mode: u32| {
        chmod(&file, mode);
        let (path, shown) = (file.to_str().expect("UTF-8"), format!("mode {mode:o}"));
        let examined = wired.examine();
        examined.assert_bad("credentials", "failure", &[path, &shown, "chmod 600"]);
        assert!(!examined.report.to_string().contains(&key.secret));
        // Only the finding about the credentials speaks about reading the secret.
        let others = examined.finding("permissions").to_string();
        assert!(!others.contains("read a secret"), "{others}");
    };
    for mode in [0o644, 0o660, 0o602, 0o650] {
        assert_exposed(mode);
    }
    // Only root can give a file to a group that it is not in.
    if chown(&file, None, Some(FOREIGN_GROUP)).is_ok() {
        assert_exposed(0o640);
    }
}

#[test]
fn reports_files_that_other_users_can_change_or_read() {
    let mut fixture = Fixture::with_keys(["a"]);
    fixture.cli.reindex();
    let (config, data) = (fixture.cli.config_file(), fixture.cli.data_dir());
    Examined::of(&fixture.cli, &[]).assert_well();
    let folder = fixture.cli.folder().to_owned();
    for (path, bad, good) in [
        (&config, 0o646, 0o644),
        (&data, 0o777, 0o755),
        (&folder, 0o777, 0o755),
    ] {
        chmod(path, bad);
        let examined = Examined::of(&fixture.cli, &[]);
        let shown = path.to_str().expect("UTF-8");
        examined.assert_bad("permissions", "failure", &[shown, "chmod o-w"]);
        chmod(path, good);
    }
    fixture.configure(|config| {
        config.listen = "127.0.0.1:0".to_owned();
        config.serve = vec!["tokens = \"tokens\"".to_owned()];
    });
    // Other users cannot enter the folder, so they cannot reach the index.
    chmod(fixture.cli.folder(), 0o700);
    fixture
        .cli
        .succeed(&["token", "new", "--name", "a", "--all-sources"]);
    Examined::of(&fixture.cli, &[]).assert_well();
    let tokens = fixture.cli.folder().join("tokens");
    chmod(&tokens, 0o644);
    let examined = Examined::of(&fixture.cli, &[]);
    examined.assert_bad("permissions", "failure", &["mode 644", "chmod u=rw,g=,o="]);
    chmod(&tokens, 0o600);
    // Now other users can enter all folders above the index.
    chmod(fixture.cli.folder(), 0o755);
    let examined = Examined::of(&fixture.cli, &[]);
    examined.assert_bad(
        "permissions",
        "warning",
        &["without a token", "chmod o-rwx"],
    );
    chmod(&data, 0o750);
    Examined::of(&fixture.cli, &[]).assert_well();
}

#[test]
fn names_the_process_that_writes_the_index() {
    let fixture = Fixture::with_keys(["a"]);
    let writer = || {
        Examined::of(&fixture.cli, &[])
            .finding("writer")
            .to_string()
    };
    assert!(writer().contains("no process writes"), "{}", writer());
    let daemon = fixture.cli.serve();
    daemon.wait_for(&["ready"]);
    let examined = Examined::of(&fixture.cli, &[]);
    examined.assert_well();
    let holder = format!("process {}", daemon.id());
    assert!(writer().contains(&holder), "{}", writer());
    daemon.terminate();
    assert!(writer().contains("no process writes"), "{}", writer());
}

#[test]
fn tells_its_own_port_from_a_taken_one() {
    let mut fixture = Fixture::with_keys(["a"]);
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    fixture.configure(|config| config.listen = address.clone());
    let words = [&*address, "another process listens there", "--listen"];
    Examined::of(&fixture.cli, &[]).assert_bad("http", "warning", &words);
    drop(taken);
    Examined::of(&fixture.cli, &[]).assert_well();
    let daemon = fixture.cli.serve();
    daemon.wait_for(&["ready"]);
    Examined::of(&fixture.cli, &[]).assert_well();
    daemon.terminate();
    fixture.configure(|config| config.listen = "192.0.2.1:80".to_owned());
    fixture.configure(|config| config.serve = vec!["tokens = \"tokens\"".to_owned()]);
    fixture
        .cli
        .succeed(&["token", "new", "--name", "a", "--all-sources"]);
    let examined = Examined::of(&fixture.cli, &[]).report.to_string();
    assert!(
        examined.contains("this machine has no such address"),
        "{examined}"
    );
}

#[test]
fn daemon_examines_sources_whose_secret_only_it_can_read() {
    let server = server::shared_with_rights();
    let key = server.create_user("in-systemd", &["s3:ListBucket"]);
    let bucket = crate::s3::Bucket::create(server);
    bucket.put("a.jpg", "content");
    let cli = crate::cli::Cli::new(&Config::of([]));
    let credentials = cli.folder().join("credentials");
    std::fs::create_dir(&credentials).expect("our folder");
    let file = credentials.join("s3");
    let source = Source::of("guarded", &bucket, server.endpoint());
    let source = source.with_access_key(&key, &file, 0o400);
    let toml = Config::of([source]).to_toml(&cli.data_dir());
    let in_file = format!(
        "secret_access_key_file = {:?}",
        file.to_str().expect("UTF-8")
    );
    assert!(toml.contains(&in_file), "{toml}");
    cli.configure_with(&toml.replace(&in_file, "secret_access_key_credential = \"s3\""));
    let alone = Examined::of(&cli, &[]);
    alone.assert_bad(
        "credentials",
        "failure",
        &["CREDENTIALS_DIRECTORY is not set"],
    );
    // As systemd starts it.
    let mut command = Command::new("env");
    let directory = format!("CREDENTIALS_DIRECTORY={}", credentials.display());
    command.args([directory.as_str(), BINARY]);
    let daemon = cli.serve_by(command);
    daemon.wait_for(&["scan completed"]);
    let examined = Examined::of(&cli, &[]);
    examined.assert_well();
    assert!(
        examined.subjects().contains(&"s3:ListBucket"),
        "{examined:#?}"
    );
    let source = examined.report["sources"][0].to_string();
    assert!(
        source.contains("the daemon has examined this Source"),
        "{source}"
    );
    // The daemon also looks keys up for `explain`.
    let explained = cli.succeed(&["explain", "guarded", "a.jpg"]).stdout;
    let matches = "searchable, and the index matches the bucket";
    assert!(explained.contains(matches), "{explained}");
    daemon.terminate();
}

#[test]
fn unreadable_index_has_a_remedy() {
    let fixture = Fixture::with_keys(["a"]);
    fixture.cli.reindex();
    let current = fixture.cli.data_dir().join("CURRENT");
    std::fs::write(&current, "assets-v9999-000001\n").expect("our file");
    let examined = Examined::of(&fixture.cli, &[]);
    assert_eq!(examined.bad(), [("index", "failure")], "{examined:#?}");
    let index = examined.finding("index").to_string();
    assert!(index.contains("reindex --rebuild"), "{index}");
}

/// Mounts a small file system at the first argument, with the options in the second, and runs the other
/// arguments.
const MOUNTED: &str = "mount -t tmpfs -o \"$2\" none \"$1\" && shift 2 && exec \"$@\"";

#[test]
fn reports_a_full_or_read_only_disk() {
    let fixture = Fixture::with_keys(["a"]);
    let data = fixture.cli.data_dir();
    std::fs::create_dir_all(&data).expect("our folder");
    for (options, words) in [
        ("size=1m", ["has 1.0 MB", "Free disk space"]),
        ("size=1g,nr_inodes=100", ["files free", "Free disk space"]),
        ("size=1g,ro", ["cannot write", "mount"]),
    ] {
        // The mount namespace ends with the process.
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", MOUNTED, "sh"]);
        command.arg(&data).args([options, BINARY]);
        let mut command = fixture.cli.command(command);
        let output = command.args(["check", "--json"]).output();
        let output = output.expect("unshare (util-linux) is installed");
        if output.stdout.is_empty() {
            let reason = String::from_utf8_lossy(&output.stderr);
            let is_refused = ["unshare:", "mount:"]
                .iter()
                .any(|program| reason.starts_with(program));
            assert!(is_refused, "{output:?}");
            eprintln!(
                "SKIPPED: this machine does not allow mounting a small disk: {}",
                reason.trim()
            );
            return;
        }
        let report = serde_json::from_slice(&output.stdout).expect("JSON");
        let examined = Examined {
            report,
            exit_code: output.status.code(),
            took: Duration::ZERO,
        };
        examined.assert_bad("disk", "failure", &words);
    }
}
