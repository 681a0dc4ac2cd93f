//! The permissions of what the daemon creates, and a reader that is another user of the group.
//!
//! The second test needs root, because it runs processes as several users.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use crate::cli::BINARY;
use crate::fixture::{Fixture, SOURCE, numbered};
use crate::http_client::{get, send};
use crate::live_fixture::Live;

/// Runs a command with this umask.
fn with_umask(umask: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh", BINARY]);
    command
}

/// What the folder contains: each path with its mode and the time of its last change.
fn contents(folder: &Path) -> BTreeMap<String, (u32, i64)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("our folder") {
            let path = entry.expect("our folder").path();
            let metadata = fs::symlink_metadata(&path).expect("our file");
            let changed = metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec();
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            found.insert(
                path.display().to_string(),
                (metadata.mode() & 0o7777, changed),
            );
        }
    }
    found
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    for umask in ["000", "077"] {
        let mut live = Live::new();
        let sockets = ["http.sock", "control.sock"].map(|name| live.cli.folder().join(name));
        live.configure(|config| {
            config.listen = format!("unix:{}", sockets[0].display());
            let control = format!("control_socket = {:?}", sockets[1].display().to_string());
            config.serve.push(control);
        });
        live.bucket.put_keys(numbered(0..10));
        let daemon = live.cli.serve_by(with_umask(umask));
        daemon.wait_for(&["scan completed"]);
        // An event that replaces a record also writes a file of deletes. One of ten records causes no merge.
        live.bucket.put("photos/00003.jpg", "changed");
        live.wait_for_mirror();
        let data_dir = live.cli.data_dir();
        let mode = |path: &Path| fs::metadata(path).expect("it exists").mode() & 0o7777;
        assert_eq!(mode(&data_dir), 0o750, "{umask}");
        for socket in &sockets {
            let metadata = fs::metadata(socket).expect("the daemon listens");
            assert!(metadata.file_type().is_socket());
            assert_eq!(mode(socket), 0o660, "{umask}: {}", socket.display());
        }
        let mut endings = Vec::new();
        for (path, (mode, _)) in contents(&data_dir) {
            let wanted = if Path::new(&path).is_dir() {
                0o750
            } else {
                0o640
            };
            assert_eq!(mode, wanted, "{umask}: {path}");
            endings.push(
                path.rsplit(['.', '/'])
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            );
        }
        for ending in ["CURRENT", "lock", "json", "term", "fast", "del"] {
            assert!(
                endings.iter().any(|it| it == ending),
                "{ending}: {endings:?}"
            );
        }
        daemon.terminate();
    }
}

/// Runs the binary as this user, whose only group is `group`.
fn as_user(user: u32, group: u32) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &user.to_string(), "--regid", &group.to_string()]);
    command.args(["--clear-groups", BINARY]);
    command
}

#[test]
fn another_user_of_the_group_can_serve_searches() {
    /// Ids that belong to no user. The kernel does not mind.
    const WRITER: u32 = 61_001;
    const READER: u32 = 61_002;
    const STRANGER: u32 = 61_003;
    const GROUP: u32 = 61_100;
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can run processes as other users");
        return;
    }
    let mut fixture = Fixture::with_keys(["a.jpg", "b.jpg"]);
    fixture.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    let (cli, data_dir) = (&fixture.cli, fixture.cli.data_dir());
    fs::set_permissions(cli.folder(), Permissions::from_mode(0o755)).expect("our folder");
    fs::create_dir(&data_dir).expect("our folder");
    chown(&data_dir, Some(WRITER), Some(GROUP)).expect("root may");
    fs::set_permissions(&data_dir, Permissions::from_mode(0o750)).expect("our folder");
    let mut reindex = cli.command(as_user(WRITER, GROUP));
    let written = reindex
        .arg("reindex")
        .output()
        .expect("setpriv is installed");
    assert!(written.status.success(), "{written:?}");
    let before = contents(&data_dir);

    let arguments = ["serve", "--read-only"];
    let reader = cli.watch(as_user(READER, GROUP), &arguments);
    let address = reader.field(&["serving searches"], "address");
    let found = get(&address, "/v1/search?q=jpg");
    assert_eq!(found["meta"]["total"]["value"], 2);
    let mut search = cli.command(as_user(READER, GROUP));
    let found = search.args(["search", "", "--source", SOURCE]).output();
    let found = found.expect("setpriv is installed");
    assert!(found.status.success(), "{found:?}");
    reader.terminate();
    assert_eq!(contents(&data_dir), before, "a reader writes nothing");

    let stranger = cli.watch(as_user(STRANGER, STRANGER), &arguments);
    let address = stranger.field(&["serving searches"], "address");
    stranger.wait_for(&["the index cannot be searched", "ermission denied"]);
    assert_eq!(send(&address, "GET", "/readyz", &[]).status, 503);
    stranger.terminate();
}
