//! Runs the binary on a terminal, and answers its questions as a person does.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::cli::{BINARY, Cli};

/// Opens a terminal, runs a command on it, and types each answer when the output shows its question. Prints the
/// exit status, the output, and whether the terminal shows what is typed afterwards. A secret is typed only when the
/// terminal does not show it.
const SCRIPT: &str = r#"
import fcntl, json, os, pty, select, struct, subprocess, sys, termios, time
steps, columns, command = json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 0, columns, 0, 0))
take_terminal = lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)
child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=take_terminal)
output, unread = b"", b""
def read():
    global output, unread
    if not select.select([master], [], [], 60)[0]:
        child.kill()
        sys.exit("nothing within 60 s after " + output.decode(errors="replace"))
    read = os.read(master, 65536)
    output += read
    unread += read
for question, answer in steps:
    question = question.encode()
    while question not in unread:
        read()
    unread = unread.split(question, 1)[1]
    while question.startswith(b"Secret") and termios.tcgetattr(slave)[3] & termios.ECHO:
        time.sleep(0.01)
    os.write(master, answer.encode())
code = child.wait(60)
while select.select([master], [], [], 0)[0]:
    read()
shows = bool(termios.tcgetattr(slave)[3] & termios.ECHO)
print(json.dumps({"code": code, "output": output.decode(errors="replace"), "shows_typed": shows}))
"#;

/// How a command on a terminal ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; negative if a signal ended it.
    pub code: i64,
    pub output: String,
    /// Whether the terminal shows what is typed.
    pub shows_typed: bool,
}

/// Runs a command on a terminal that does not know its width. Each step is a part of a question, and the bytes to
/// type.
pub fn run(cli: &Cli, arguments: &[&str], steps: &[(&str, &str)]) -> Ended {
    run_at(0, cli, arguments, steps)
}

/// The same on a terminal with as many columns.
pub fn run_at(columns: u16, cli: &Cli, arguments: &[&str], steps: &[(&str, &str)]) -> Ended {
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT, &json!(steps).to_string()]);
    python.args([&columns.to_string(), BINARY]);
    let mut command = cli.command(python);
    command.args(arguments).stderr(Stdio::inherit());
    let output = command.output().expect("python3 runs");
    assert!(output.status.success(), "{output:?}");
    let ended: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    Ended {
        code: ended["code"].as_i64().expect("a number"),
        output: ended["output"].as_str().expect("a text").to_owned(),
        shows_typed: ended["shows_typed"].as_bool().expect("a switch"),
    }
}
