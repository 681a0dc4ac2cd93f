//! The daemon under systemd: the watchdog, a reload of the configuration, and a stop with messages in flight.

use crate::container::wait_until;
use crate::fixture::numbered;
use crate::machine::{Machine, SERVICE};

#[test]
fn hanging_daemon_is_restarted() {
    let Some(machine) = Machine::configured("hangs") else {
        return;
    };
    machine.systemctl(&["start", SERVICE]);
    machine.assert_property(SERVICE, "WatchdogUSec", "1min");
    machine.edit(SERVICE, "[Service]\nWatchdogSec=5\nRestartSec=100ms\n");
    machine.systemctl(&["restart", SERVICE]);
    let before = machine.main_process(SERVICE);
    machine
        .container
        .succeed(&["kill", "-STOP", &before.to_string()]);
    wait_until("restart", || {
        (machine.property(SERVICE, "NRestarts") != "0").then_some(())
    });
    machine.wait_for_property(SERVICE, "ActiveState", "active");
    assert_ne!(machine.main_process(SERVICE), before);
    assert!(machine.log(SERVICE).contains("Watchdog timeout"));
    machine.bucket.put("after.jpg", "by an event");
    machine.wait_for_mirror("photos", None);
}

#[test]
fn reload_applies_a_valid_configuration_and_refuses_a_wrong_one() {
    let Some(machine) = Machine::configured("reload") else {
        return;
    };
    machine.bucket.put_keys(["a.jpg"]);
    machine.systemctl(&["start", SERVICE]);
    machine.wait_for_mirror("photos", None);
    let process = machine.main_process(SERVICE);
    machine.write_source("second", false);
    machine.systemctl(&["reload", SERVICE]);
    machine.wait_for_mirror("second", None);
    machine.container.write(
        "/etc/asset-indexer/sources.d/third.toml",
        "name = \"third\"\nbukket = \"b\"\n",
    );
    let reload = machine.container.run(&["systemctl", "reload", SERVICE]);
    assert!(!reload.status.success(), "{reload:#?}");
    wait_until("refusal in the log", || {
        let log = machine.log(SERVICE);
        (log.contains("third.toml:2: unknown field `bukket`")
            && log.contains("third.toml:1: source \"third\": subdomain: missing"))
        .then_some(())
    });
    // The daemon that runs can be asked although the file is wrong.
    let status = machine.container.run(&["asset-indexer", "status"]);
    assert!(status.status.success(), "{status:#?}");
    assert!(status.stderr.contains("third.toml:2: "), "{status:#?}");
    machine.bucket.put("b.jpg", "by an event");
    // The search command would read the wrong configuration too.
    machine
        .container
        .succeed(&["rm", "/etc/asset-indexer/sources.d/third.toml"]);
    machine.wait_for_mirror("photos", None);
    machine.wait_for_property(SERVICE, "ActiveState", "active");
    assert_eq!(machine.main_process(SERVICE), process);
}

#[test]
fn stop_finishes_messages_in_flight() {
    const MESSAGES: usize = 50;
    let Some(machine) = Machine::configured("stop") else {
        return;
    };
    // Received messages are committed later than this test stops the daemon.
    machine.configure(10_000);
    machine.systemctl(&["start", SERVICE]);
    machine.bucket.put_keys(numbered(0..MESSAGES));
    machine.queue.wait_for("messages in flight", |counts| {
        counts.in_flight == MESSAGES as u32
    });
    machine.assert_property(SERVICE, "TimeoutStopUSec", "40s");
    machine.systemctl(&["stop", SERVICE]);
    machine.assert_property(SERVICE, "Result", "success");
    machine.assert_property(SERVICE, "ExecMainStatus", "0");
    machine.assert_property(SERVICE, "ActiveState", "inactive");
    assert_eq!(
        machine.keys("photos", None),
        numbered(0..MESSAGES).collect()
    );
    machine.queue.wait_until_empty();
}
