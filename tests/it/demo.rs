//! The demo of the README: with and without a terminal, and interrupted.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::cli::BINARY;
use crate::deb::root;
use crate::http_client;

/// Maximum time for one demo on a terminal. Then it is stopped, and the test fails.
const DEADLINE: Duration = Duration::from_secs(180);

/// Ctrl-C, as a terminal sends it.
const CTRL_C: &[u8] = b"\x03";

/// There is one folder for the demo, so its tests take turns.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A command that gets the binary under test.
fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(root())
        .env("ASSET_INDEXER", BINARY)
        .stderr(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// The address after this text, such as `http://127.0.0.1:20000`.
fn address<'a>(output: &'a str, before: &str) -> &'a str {
    let (_, rest) = output.split_once(before).expect("the text is there");
    let (_, rest) = rest.split_once("http://").expect("an address follows");
    let is_end = |c: char| c == '/' || c.is_whitespace();
    rest.split(is_end).next().expect("split yields one part")
}

/// Fails if the local S3 server still listens.
fn assert_stopped(output: &str) {
    let server = address(output, "Starting the local S3 server at ");
    assert!(
        TcpStream::connect(server).is_err(),
        "{server} still answers"
    );
}

/// A demo on a terminal.
struct OnTerminal {
    child: Child,
    output: String,
}

impl OnTerminal {
    fn start() -> Self {
        // If the tests run in the background, they ignore Ctrl-C, and so would their children.
        let mut command = command("env", &["--default-signal=INT,QUIT"]);
        let seconds = DEADLINE.as_secs().to_string();
        command.args(["timeout", "--foreground", &seconds]);
        // `script` runs the command with $SHELL, or with `sh`. Without `exec`, `sh` would stay, and Ctrl-C would end
        // it with another exit code.
        command.args(["script", "--quiet", "--return", "--command"]);
        command.arg("exec deploy/demo.sh");
        command.arg("/dev/null").stdin(Stdio::piped());
        let child = command.spawn().expect("script is a part of Debian");
        let output = String::new();
        Self { child, output }
    }

    /// Reads until the output contains this text.
    fn read_until(&mut self, text: &str) {
        let mut buffer = [0; 4096];
        let stdout = self.child.stdout.as_mut().expect("piped");
        while !self.output.contains(text) {
            let length = stdout.read(&mut buffer).expect("the pipe works");
            assert!(length > 0, "no {text:?} in {}", self.output);
            self.output += &String::from_utf8_lossy(&buffer[..length]);
        }
    }

    /// Presses Ctrl-C and waits for the end. Returns the exit code and the whole output.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let mut stdin = self.child.stdin.take().expect("piped");
        stdin.write_all(CTRL_C).expect("the terminal reads");
        let mut stdout = self.child.stdout.take().expect("piped");
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).expect("the pipe works");
        let status = self.child.wait().expect("our own child");
        (
            status.code(),
            self.output.clone() + &String::from_utf8_lossy(&rest),
        )
    }
}

#[test]
fn demo_ends_without_a_terminal_and_reports_no_problem() {
    let _turn = turn();
    for run in 0..2 {
        let mut command = command("deploy/demo.sh", &[]);
        let output = command.stdin(Stdio::null()).output().expect("bash runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}{errors}");
        assert!(text.contains("0 failures, 0 warnings"), "{text}");
        // The events and the listing of the test server differ by a millisecond. That is not a change.
        let (_, last) = text
            .rsplit_once(": complete in")
            .expect("a reindex comes last");
        assert!(last.contains("0 added, 0 changed, 0 removed"), "{text}");
        assert!(
            text.contains("# The web page is http://127.0.0.1:"),
            "{text}"
        );
        assert!(text.ends_with("# Done\n"), "{text}");
        assert_stopped(&text);
        let deletes = text.contains("# Deleting the data of the last demo in target/demo\n");
        assert!(deletes || run == 0, "{text}");
    }
}

#[test]
fn demo_serves_the_page_until_ctrl_c() {
    let _turn = turn();
    let mut demo = OnTerminal::start();
    demo.read_until("until you press Ctrl-C");
    demo.read_until("--help");
    let page = address(&demo.output, "# The web page is ").to_owned();
    let page = http_client::send(&page, "GET", "/", &[]);
    assert_eq!(page.status, 200);
    // A second demo must not delete the data of this one.
    let second = command("deploy/demo.sh", &["--once"]).output();
    let second = second.expect("bash runs");
    let error = String::from_utf8_lossy(&second.stderr);
    assert!(error.contains("another demo is running"), "{error}");
    assert_eq!(second.status.code(), Some(1));
    let (code, output) = demo.interrupt();
    assert_eq!(code, Some(0), "{output}");
    assert!(!output.contains("Traceback"), "{output}");
    assert_stopped(&output);
}

#[test]
fn interrupted_demo_leaves_no_traceback_and_no_process() {
    let _turn = turn();
    for moment in ["Starting the local S3 server at ", "$ asset-indexer check"] {
        let mut demo = OnTerminal::start();
        demo.read_until(moment);
        demo.read_until("\n");
        let (code, output) = demo.interrupt();
        assert_eq!(code, Some(130), "{output}");
        for word in ["Traceback", "KeyboardInterrupt"] {
            assert!(!output.contains(word), "{output}");
        }
        assert_stopped(&output);
    }
}
