//! The daemon under systemd: what becomes of one that hangs, of a new configuration, and of what is in hand at a
//! stop.

use crate::container::wait_until;
use crate::fixture::numbered;
use crate::machine::{Machine, SERVICE};

#[test]
fn one_that_hangs_is_replaced() {
    let Some(machine) = Machine::configured("hangs") else {
        return;
    };
    machine.systemctl(&["start", SERVICE]);
    machine.assert_property(SERVICE, "WatchdogUSec", "1min");
    machine.edit(SERVICE, "[Service]\nWatchdogSec=2\nRestartSec=100ms\n");
    machine.systemctl(&["restart", SERVICE]);
    let before = machine.main_process(SERVICE);
    machine
        .container
        .succeed(&["kill", "-STOP", &before.to_string()]);
    machine.wait_for_property(SERVICE, "NRestarts", "1");
    machine.wait_for_property(SERVICE, "ActiveState", "active");
    assert_ne!(machine.main_process(SERVICE), before);
    assert!(machine.log(SERVICE).contains("Watchdog timeout"));
    machine.bucket.put("after.jpg", "by an event");
    machine.wait_for_mirror("photos", None);
}

#[test]
fn a_new_configuration_is_taken_while_it_runs_and_a_wrong_one_is_not() {
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
    machine.systemctl(&["reload", SERVICE]);
    wait_until("word of the refusal", || {
        machine
            .log(SERVICE)
            .contains("the new configuration is refused")
            .then_some(())
    });
    machine.bucket.put("b.jpg", "by an event");
    // Search by the command would read the wrong configuration itself.
    machine
        .container
        .succeed(&["rm", "/etc/asset-indexer/sources.d/third.toml"]);
    machine.wait_for_mirror("photos", None);
    machine.wait_for_property(SERVICE, "ActiveState", "active");
    assert_eq!(machine.main_process(SERVICE), process);
}

#[test]
fn a_stop_finishes_what_is_in_hand() {
    const MESSAGES: usize = 50;
    let Some(machine) = Machine::configured("stop") else {
        return;
    };
    // What has been received waits for its commit for longer than this test lets it.
    machine.configure(5_000);
    machine.systemctl(&["start", SERVICE]);
    machine.bucket.put_keys(numbered(0..MESSAGES));
    machine.queue.wait_for("messages in hand", |counts| {
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
