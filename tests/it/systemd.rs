//! The package in a container with systemd: installation, start, upgrade and removal.
//!
//! The behavior of the running daemon is tested in `systemd_daemon`.

use std::os::unix::net::UnixStream;

use crate::container::{SHARED, wait_until};
use crate::deb::{PACKAGES, version};
use crate::http_client::send_over;
use crate::machine::{INSTANCE, Machine, REINDEX, RUNBOOK, SERVICE, SETTINGS, TIMER};

#[test]
fn installed_service_is_disabled_and_starts_without_a_source() {
    let Some(machine) = Machine::new("installed") else {
        return;
    };
    for unit in [SERVICE, TIMER] {
        machine.assert_property(unit, "UnitFileState", "disabled");
        machine.assert_property(unit, "ActiveState", "inactive");
    }
    assert_eq!(
        machine.systemctl(&["--failed", "--plain", "--no-legend"]),
        ""
    );
    let container = &machine.container;
    let stat = |path| container.succeed(&["stat", "--format=%a %U %G", path]);
    assert_eq!(stat("/etc/asset-indexer/sources.d"), "755 root root\n");
    assert_eq!(stat("/etc/asset-indexer/credentials"), "700 root root\n");
    assert_eq!(stat("/etc/asset-indexer/keys.cred"), "600 root root\n");
    assert_eq!(
        stat("/var/lib/asset-indexer"),
        "750 asset-indexer asset-indexer\n"
    );
    container.succeed(&["systemctl", "start", SERVICE]);
    machine.assert_property(SERVICE, "ActiveState", "active");
    // A wrong configuration is reported once, without a restart.
    container.write("/etc/asset-indexer/sources.d/wrong.toml", "bucket = 5\n");
    let started = container.run(&["systemctl", "restart", SERVICE]);
    assert!(!started.status.success(), "{started:#?}");
    machine.assert_property(SERVICE, "SubState", "failed");
    machine.assert_property(SERVICE, "ExecMainStatus", "2");
    machine.assert_property(SERVICE, "NRestarts", "0");
    assert!(machine.log(SERVICE).contains("sources.d/wrong.toml:1: "));
}

#[test]
fn units_are_valid_and_sandboxed() {
    let Some(machine) = Machine::new("units") else {
        return;
    };
    let units = [SERVICE, REINDEX, TIMER, INSTANCE];
    // Another test checks the manual pages: the container has no program that shows them.
    let verified = machine
        .container
        .run(&[&["systemd-analyze", "verify", "--man=no"][..], &units].concat());
    assert!(verified.status.success(), "{verified:#?}");
    assert_eq!(verified.stdout + &verified.stderr, "");
    for unit in [SERVICE, REINDEX, INSTANCE] {
        // 20 means an exposure level of 2.0.
        let rate = [
            "systemd-analyze",
            "security",
            "--offline=true",
            "--threshold=20",
            unit,
        ];
        machine.container.succeed(&rate);
    }
}

#[test]
fn is_ready_with_secrets_that_systemd_decrypts() {
    let Some(machine) = Machine::configured("secrets") else {
        return;
    };
    machine
        .bucket
        .put_keys(["2024/summer.jpg", "2024/winter.jpg"]);
    let container = &machine.container;
    // Type=notify: `systemctl` returns when the service is ready.
    machine.systemctl(&["enable", "--now", "asset-indexer"]);
    let socket = container.path("/run/asset-indexer/http.sock");
    let stream = UnixStream::connect(socket).expect("it listens");
    assert_eq!(
        send_over(stream, "localhost", "GET", "/readyz", &[]).status,
        200
    );
    machine.assert_property(SERVICE, "ActiveState", "active");
    machine.assert_property(SERVICE, "UnitFileState", "enabled");
    assert!(
        machine
            .property(SERVICE, "StatusText")
            .contains("of 1 Sources")
    );
    machine.wait_for_mirror("photos", None);
    machine.bucket.put("2024/autumn.jpg", "by an event");
    machine.wait_for_mirror("photos", None);
    // Only members of the group may use the control socket.
    let status = ["runuser", "--user=nobody", "--", "asset-indexer", "status"];
    assert!(!container.run(&status).status.success());
    container.succeed(&["usermod", "--append", "--groups=asset-indexer", "nobody"]);
    container.succeed(&status);
    // A command that sends requests to S3 gets the secret in the same way.
    let line = RUNBOOK
        .lines()
        .find(|line| line.trim().starts_with("systemd-run ") && line.ends_with(" check"));
    // A test has no terminal.
    let line = line
        .expect("the run-book contains the command")
        .replace("--pty", "--pipe --quiet");
    // `check` fails because of problems with the queue.
    let checked = container.shell(&format!("{line} || true"), "");
    assert!(checked.contains("keys can be listed"), "{checked}");
    // While the daemon runs, it examines the Source for `check`.
    let plain = container.shell("asset-indexer check || true", "");
    for text in ["keys can be listed", "the daemon has examined this Source"] {
        assert!(plain.contains(text), "{text}: {plain}");
    }
}

#[test]
fn serves_searches_without_a_valid_secret() {
    let Some(machine) = Machine::configured("absent") else {
        return;
    };
    machine.bucket.put_keys(["a.jpg"]);
    machine.systemctl(&["start", SERVICE]);
    machine.wait_for_mirror("photos", None);
    let assert_reason = |reason: &str| {
        wait_until(reason, || {
            machine
                .container
                .run(&["asset-indexer", "status"])
                .stdout
                .contains(reason)
                .then_some(())
        });
        assert_eq!(machine.keys("photos", None), ["a.jpg".to_owned()].into());
    };
    machine.encrypt("not the secret");
    machine.systemctl(&["restart", SERVICE]);
    assert_reason("SignatureDoesNotMatch");
    machine
        .container
        .succeed(&["rm", "-r", "/etc/asset-indexer/credentials"]);
    machine.systemctl(&["restart", SERVICE]);
    assert_reason("no usable credentials");
}

#[test]
fn service_reads_tokens_that_root_creates_as_in_the_run_book() {
    let Some(machine) = Machine::configured("tokens") else {
        return;
    };
    let container = &machine.container;
    container.shell(&format!("cat >>{SETTINGS}"), "serve.tokens = \"tokens\"\n");
    let lines = RUNBOOK.lines().map(str::trim);
    let creates_token = |line: &&str| {
        ["install -m ", "asset-indexer token new --name backend "]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let lines: Vec<&str> = lines.filter(creates_token).take(2).collect();
    let token = container.shell(&lines.join("\n"), "");
    machine.systemctl(&["start", SERVICE]);
    let send = |headers: &[&str]| {
        let stream = UnixStream::connect(container.path("/run/asset-indexer/http.sock"));
        send_over(
            stream.expect("it listens"),
            "localhost",
            "GET",
            "/v1/sources",
            headers,
        )
        .status
    };
    assert_eq!(send(&[]), 401);
    assert_eq!(
        send(&[&format!("Authorization: Bearer {}", token.trim())]),
        200
    );
}

#[test]
fn timer_reindexes_each_night_without_a_daemon() {
    let Some(machine) = Machine::configured("timer") else {
        return;
    };
    machine.bucket.put_keys(["a.jpg", "b.jpg"]);
    let calendar = machine.property(TIMER, "TimersCalendar");
    assert!(calendar.contains("OnCalendar=*-*-* 00:00:00"), "{calendar}");
    machine.assert_property(TIMER, "Persistent", "yes");
    // Now instead of at night.
    machine.edit(
        TIMER,
        "[Timer]\nOnCalendar=\nRandomizedDelaySec=0\nOnActiveSec=0\n",
    );
    machine.systemctl(&["enable", "--now", TIMER]);
    machine.wait_for_mirror("photos", None);
    machine.wait_for_property(REINDEX, "ActiveState", "inactive");
    machine.assert_property(REINDEX, "Result", "success");
    machine.assert_property(SERVICE, "ActiveState", "inactive");
    // systemd shows the failure because of a wrong secret.
    machine.encrypt("not the secret");
    assert!(
        !machine
            .container
            .run(&["systemctl", "start", REINDEX])
            .status
            .success()
    );
    machine.assert_property(REINDEX, "ExecMainStatus", "1");
}

#[test]
fn upgrade_keeps_data_removal_stops_services_and_purge_removes_all() {
    let Some(machine) = Machine::configured("upgrade") else {
        return;
    };
    let container = &machine.container;
    machine.bucket.put_keys(["a.jpg"]);
    machine.systemctl(&["enable", "--now", SERVICE]);
    machine.wait_for_mirror("photos", None);
    machine.start_instance();
    let read = |path: &str| container.succeed(&["cat", path]);
    let (settings, generation) = (read(SETTINGS), read("/var/lib/asset-indexer/CURRENT"));
    let before = [SERVICE, INSTANCE].map(|unit| machine.main_process(unit));
    machine.systemctl(&["enable", INSTANCE]);
    // A long scan does not delay the upgrade. It is started again afterwards.
    machine.edit(REINDEX, "[Service]\nExecStart=\nExecStart=sleep infinity\n");
    machine.systemctl(&["start", "--no-block", REINDEX]);
    machine.wait_for_property(REINDEX, "ActiveState", "activating");
    let scanning = machine.main_process(REINDEX);

    machine.install(PACKAGES[1]);
    machine.wait_for_property(REINDEX, "ActiveState", "activating");
    assert_ne!(machine.main_process(REINDEX), scanning);
    assert_eq!(
        container.succeed(&[
            "dpkg-query",
            "--show",
            "--showformat=${Version}",
            "asset-indexer"
        ]),
        version(PACKAGES[1])
    );
    for (unit, before) in [SERVICE, INSTANCE].into_iter().zip(before) {
        machine.wait_for_property(unit, "ActiveState", "active");
        let now = machine.main_process(unit);
        assert_ne!(now, before, "{unit} was not restarted");
        let binary = container.succeed(&["readlink", &format!("/proc/{now}/exe")]);
        assert_eq!(binary, "/usr/bin/asset-indexer\n");
    }
    machine.assert_property(SERVICE, "UnitFileState", "enabled");
    machine.assert_property(TIMER, "UnitFileState", "disabled");
    machine.assert_property(TIMER, "ActiveState", "inactive");
    assert_eq!(
        (read(SETTINGS), read("/var/lib/asset-indexer/CURRENT")),
        (settings.clone(), generation)
    );
    // There was only one scan, before the upgrade. Changes are found through events.
    machine.bucket.put("b.jpg", "by an event");
    machine.wait_for_mirror("photos", None);
    assert_eq!(machine.log(SERVICE).matches("scan completed").count(), 1);

    container.succeed(&["apt-get", "remove", "--yes", "--quiet", "asset-indexer"]);
    for unit in [SERVICE, INSTANCE] {
        machine.assert_property(unit, "ActiveState", "inactive");
    }
    assert_eq!(read(SETTINGS), settings);
    container.succeed(&["test", "-s", "/var/lib/asset-indexer/CURRENT"]);

    container.succeed(&["apt-get", "purge", "--yes", "--quiet", "asset-indexer"]);
    let left = "ls -d /etc/asset-indexer* /var/lib/asset-indexer* /etc/systemd/system/*/asset-indexer* 2>/dev/null || true";
    assert_eq!(container.shell(left, ""), "");
    // The user stays, so that no other user gets its id.
    container.succeed(&["id", "asset-indexer"]);
}

#[test]
fn key_that_the_package_created_seals_secrets_and_survives_an_upgrade() {
    let Some(machine) = Machine::new("sealed") else {
        return;
    };
    machine.bucket.put_keys(["a.jpg"]);
    machine.configure(50);
    let container = &machine.container;
    let values = machine.values_of_source("photos");
    let add = "umask 077; cat >/tmp/values && asset-indexer source add photos --from /tmp/values 2>&1 || true";
    // Without the service nobody can read the key.
    let refused = container.shell(add, &values);
    assert!(refused.contains("keys.cred"), "{refused}");
    machine.systemctl(&["start", SERVICE]);
    assert_eq!(container.shell(add, &values), "photos: created\n");
    machine.wait_for_mirror("photos", None);
    let key = "/etc/asset-indexer/keys.cred";
    let before = container.succeed(&["sha256sum", key]);
    machine.install(PACKAGES[1]);
    assert_eq!(container.succeed(&["sha256sum", key]), before);
    machine.bucket.put("b.jpg", "after the upgrade");
    container.succeed(&["asset-indexer", "reindex"]);
    machine.wait_for_mirror("photos", None);
    let stored = "cat /var/lib/asset-indexer/sources/photos.toml; ls /var/lib/asset-indexer";
    let stored = container.shell(stored, "");
    assert!(stored.contains("secret_access_key_sealed"), "{stored}");
    assert!(!stored.contains("secrets.key"), "{stored}");
    assert!(!stored.contains(machine.secret()), "{stored}");
    let checked = container.shell("asset-indexer check || true", "");
    assert!(
        checked.contains("the keys are in the systemd credential"),
        "{checked}"
    );
}

#[test]
fn without_systemd_creds_the_key_is_next_to_the_secrets() {
    let Some(machine) = Machine::new("unsealed") else {
        return;
    };
    machine.bucket.put_keys(["a.jpg"]);
    machine.configure(50);
    let container = &machine.container;
    container.shell(
        "systemctl stop asset-indexer; rm /etc/asset-indexer/keys.cred; rm /usr/bin/systemd-creds",
        "",
    );
    let missing = "rm -f /usr/bin/systemd-creds";
    let failing =
        "printf '#!/bin/sh\\nexit 1\\n' >/usr/bin/systemd-creds; chmod +x /usr/bin/systemd-creds";
    // It encrypts, but nothing can be decrypted.
    let broken = "printf '#!/bin/sh\\n[ $1 = encrypt ] && cat >\"$4\"\\n' >/usr/bin/systemd-creds";
    let install = format!("dpkg --install {SHARED}/{} 2>&1", PACKAGES[1]);
    for before in [missing, failing, broken] {
        container.shell(before, "");
        let installed = container.shell(&format!("{install}; echo \"status $?\""), "");
        for words in ["systemd-creds failed or is missing", "status 0"] {
            assert!(installed.contains(words), "{before}: {installed}");
        }
        let files = container.succeed(&["ls", "/etc/asset-indexer"]);
        assert!(!files.contains("keys.cred"), "{before}: {files}");
    }
    machine.systemctl(&["start", SERVICE]);
    let values = machine.values_of_source("photos");
    let add =
        "umask 077; cat >/tmp/values && asset-indexer source add photos --from /tmp/values 2>&1";
    container.shell(add, &values);
    machine.wait_for_mirror("photos", None);
    let checked = container.shell("asset-indexer check || true", "");
    let warning = "/var/lib/asset-indexer/secrets.key is next to the secrets that it opens";
    assert!(checked.contains(warning), "{checked}");
}
