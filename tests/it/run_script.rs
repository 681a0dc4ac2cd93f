//! The scripts around the tests: they say what they install, and name the programs that are missing.

use std::process::{Command, Output};

const SETUP: &str = include_str!("../setup.sh");
const RUN: &str = include_str!("../run.sh");

/// Runs shell commands with the functions of `tests/setup.sh`.
fn shell(mut command: Command, line: &str) -> Output {
    let script = format!("{SETUP}\n{line}");
    let output = command.args(["bash", "-c", &script]).output();
    output.expect("bash is installed")
}

/// Becomes another user than root and runs the rest of the command.
fn as_nobody() -> Command {
    let is_root = rustix::process::geteuid().is_root();
    let mut command = Command::new(if is_root { "setpriv" } else { "env" });
    if is_root {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    command
}

#[test]
fn missing_programs_are_an_error_without_root() {
    let output = shell(
        as_nobody(),
        "get_programs no-program=some-package bash no-other-program",
    );
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: not installed: no-program no-other-program. Install them as root (Debian, Ubuntu: apt install \
         some-package no-other-program)\n"
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn packages_are_named_before_they_are_installed() {
    // These functions take the place of the programs, so that the test changes nothing on this machine.
    let replaced = "id() { echo 0; }; apt-get() { echo apt-get \"$@\" >&2; }; exec 2>&1;";
    let line = format!("{replaced} get_programs bash no-program=some-package no-other-program");
    let output = shell(Command::new("env"), &line);
    assert!(output.status.success(), "{output:#?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "Installing Debian packages with apt-get: some-package no-other-program\n\
         apt-get update -qq\n\
         apt-get install -y -qq --no-install-recommends some-package no-other-program\n"
    );
    let nothing = shell(
        Command::new("env"),
        &format!("{replaced} get_programs bash env"),
    );
    assert!(
        nothing.status.success() && nothing.stdout.is_empty(),
        "{nothing:#?}"
    );
}

#[test]
fn tests_are_compiled_before_their_time_limit_begins() {
    let steps: Vec<&str> = RUN
        .lines()
        .filter(|line| line.contains("cargo test"))
        .collect();
    assert_eq!(
        steps,
        [
            "step 'compilation of the tests' cargo test --locked --no-run",
            "step 'tests' timeout --foreground \"$MAX_TEST_SECONDS\" cargo test --locked",
        ]
    );
}
