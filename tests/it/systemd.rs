//! The package on a machine: installed in a container, started, upgraded and removed by its systemd.
//!
//! What the daemon does while it runs there is tested in `systemd_daemon`.

use std::os::unix::net::UnixStream;

use crate::container::wait_until;
use crate::deb::{LATER, PACKAGES};
use crate::http_client::ask_over;
use crate::machine::{INSTANCE, Machine, REINDEX, RUNBOOK, SERVICE, SETTINGS, TIMER};

#[test]
fn what_is_installed_waits_for_a_source_and_is_told_that_there_is_none() {
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
    assert_eq!(
        stat("/var/lib/asset-indexer"),
        "750 asset-indexer asset-indexer\n"
    );
    // A wrong configuration: said once, and not tried again.
    let started = container.run(&["systemctl", "start", SERVICE]);
    assert!(!started.status.success(), "{started:#?}");
    machine.assert_property(SERVICE, "SubState", "failed");
    machine.assert_property(SERVICE, "ExecMainStatus", "2");
    machine.assert_property(SERVICE, "NRestarts", "0");
    assert!(machine.log(SERVICE).contains("sources.d beside this file"));
}

#[test]
fn the_units_are_sound_and_may_do_little() {
    let Some(machine) = Machine::new("units") else {
        return;
    };
    let units = [SERVICE, REINDEX, TIMER, INSTANCE];
    // The pages of the manual are looked for elsewhere: no program that shows them is in the container.
    let verified = machine
        .container
        .run(&[&["systemd-analyze", "verify", "--man=no"][..], &units].concat());
    assert!(verified.status.success(), "{verified:#?}");
    assert_eq!(verified.stdout + &verified.stderr, "");
    for unit in [SERVICE, REINDEX, INSTANCE] {
        // 20 stands for 2.0.
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
fn it_is_ready_with_secrets_that_systemd_has_decrypted() {
    let Some(machine) = Machine::configured("secrets") else {
        return;
    };
    machine
        .bucket
        .put_keys(["2024/summer.jpg", "2024/winter.jpg"]);
    let container = &machine.container;
    // Type=notify: it returns when the process says that it is ready.
    machine.systemctl(&["enable", "--now", "asset-indexer"]);
    let socket = container.path("/run/asset-indexer/http.sock");
    let stream = UnixStream::connect(socket).expect("it listens");
    assert_eq!(
        ask_over(stream, "localhost", "GET", "/readyz", &[]).status,
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
    // Whoever is in the group may ask the daemon, nobody else.
    let status = ["runuser", "--user=nobody", "--", "asset-indexer", "status"];
    assert!(!container.run(&status).status.success());
    container.succeed(&["usermod", "--append", "--groups=asset-indexer", "nobody"]);
    container.succeed(&status);
    // A command that asks S3 itself gets the secret in the same way.
    let line = RUNBOOK
        .lines()
        .find(|line| line.trim().starts_with("systemd-run ") && line.ends_with(" check"));
    // A test has no terminal.
    let line = line
        .expect("the run-book has it")
        .replace("--pty", "--pipe --quiet");
    // Its exit code tells of what is missing in the queue.
    let checked = container.shell(&format!("{line} || true"), "");
    assert!(checked.contains("keys can be listed"), "{checked}");
}

#[test]
fn a_secret_that_is_wrong_or_absent_does_not_keep_it_from_serving() {
    let Some(machine) = Machine::configured("absent") else {
        return;
    };
    machine.bucket.put_keys(["a.jpg"]);
    machine.systemctl(&["start", SERVICE]);
    machine.wait_for_mirror("photos", None);
    let says = |reason: &str| {
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
    says("SignatureDoesNotMatch");
    machine
        .container
        .succeed(&["rm", "-r", "/etc/asset-indexer/credentials"]);
    machine.systemctl(&["restart", SERVICE]);
    says("no usable credentials");
}

#[test]
fn tokens_that_root_makes_by_the_run_book_are_read_by_the_service() {
    let Some(machine) = Machine::configured("tokens") else {
        return;
    };
    let container = &machine.container;
    container.shell(&format!("cat >>{SETTINGS}"), "serve.tokens = \"tokens\"\n");
    let lines = RUNBOOK.lines().map(str::trim);
    let is_meant = |line: &&str| {
        ["install -m ", "asset-indexer token new --name backend "]
            .iter()
            .any(|it| line.starts_with(it))
    };
    let lines: Vec<&str> = lines.filter(is_meant).take(2).collect();
    let token = container.shell(&lines.join("\n"), "");
    machine.systemctl(&["start", SERVICE]);
    let ask = |headers: &[&str]| {
        let stream = UnixStream::connect(container.path("/run/asset-indexer/http.sock"));
        ask_over(
            stream.expect("it listens"),
            "localhost",
            "GET",
            "/v1/sources",
            headers,
        )
        .status
    };
    assert_eq!(ask(&[]), 401);
    assert_eq!(
        ask(&[&format!("Authorization: Bearer {}", token.trim())]),
        200
    );
}

#[test]
fn the_timer_reindexes_each_night_without_a_daemon() {
    let Some(machine) = Machine::configured("timer") else {
        return;
    };
    machine.bucket.put_keys(["a.jpg", "b.jpg"]);
    let calendar = machine.property(TIMER, "TimersCalendar");
    assert!(calendar.contains("OnCalendar=*-*-* 00:00:00"), "{calendar}");
    machine.assert_property(TIMER, "Persistent", "yes");
    // At once instead of at night.
    machine.edit(
        TIMER,
        "[Timer]\nOnCalendar=\nRandomizedDelaySec=0\nOnActiveSec=0\n",
    );
    machine.systemctl(&["enable", "--now", TIMER]);
    machine.wait_for_mirror("photos", None);
    machine.wait_for_property(REINDEX, "ActiveState", "inactive");
    machine.assert_property(REINDEX, "Result", "success");
    machine.assert_property(SERVICE, "ActiveState", "inactive");
    // A wrong secret is a failure that systemd shows.
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
fn an_upgrade_keeps_data_and_settings_a_removal_ends_the_services_and_a_purge_all() {
    let Some(machine) = Machine::configured("upgrade") else {
        return;
    };
    let container = &machine.container;
    machine.bucket.put_keys(["a.jpg"]);
    machine.systemctl(&["enable", "--now", SERVICE]);
    machine.wait_for_mirror("photos", None);
    machine.start_instance();
    let read = |path: &str| container.succeed(&["cat", path]);
    let (kept, generation) = (read(SETTINGS), read("/var/lib/asset-indexer/CURRENT"));
    let before = [SERVICE, INSTANCE].map(|unit| machine.main_process(unit));
    machine.systemctl(&["enable", INSTANCE]);
    // A scan that takes long does not hold up the upgrade, and goes on after it.
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
        LATER
    );
    for (unit, before) in [SERVICE, INSTANCE].into_iter().zip(before) {
        machine.wait_for_property(unit, "ActiveState", "active");
        let now = machine.main_process(unit);
        assert_ne!(now, before, "{unit} is still of before");
        let binary = container.succeed(&["readlink", &format!("/proc/{now}/exe")]);
        assert_eq!(binary, "/usr/bin/asset-indexer\n");
    }
    machine.assert_property(SERVICE, "UnitFileState", "enabled");
    machine.assert_property(TIMER, "UnitFileState", "disabled");
    machine.assert_property(TIMER, "ActiveState", "inactive");
    assert_eq!(
        (read(SETTINGS), read("/var/lib/asset-indexer/CURRENT")),
        (kept.clone(), generation)
    );
    // Scanned once, before: what happens now comes by events.
    machine.bucket.put("b.jpg", "by an event");
    machine.wait_for_mirror("photos", None);
    assert_eq!(machine.log(SERVICE).matches("scan complete").count(), 1);

    container.succeed(&["apt-get", "remove", "--yes", "--quiet", "asset-indexer"]);
    for unit in [SERVICE, INSTANCE] {
        machine.assert_property(unit, "ActiveState", "inactive");
    }
    assert_eq!(read(SETTINGS), kept);
    container.succeed(&["test", "-s", "/var/lib/asset-indexer/CURRENT"]);

    container.succeed(&["apt-get", "purge", "--yes", "--quiet", "asset-indexer"]);
    let left = "ls -d /etc/asset-indexer* /var/lib/asset-indexer* /etc/systemd/system/*/asset-indexer* 2>/dev/null || true";
    assert_eq!(container.shell(left, ""), "");
    // The user stays, so that no other gets its number.
    container.succeed(&["id", "asset-indexer"]);
}
