//! A Debian container with its own systemd, and commands that run in it.
//!
//! Changes are lost when the container ends: they are in an overlay in memory above the system that
//! `tests/setup.sh` created. The container shares the network of this machine, so it can reach the servers of
//! the tests at the loopback address. This module does not decide what is installed or tested in the
//! container.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::Output;

/// Maximum time to wait for a condition in the container.
const DEADLINE: Duration = Duration::from_secs(90);

/// Time between two checks of a condition.
const POLL: Duration = Duration::from_millis(50);

/// The path in the container of the folder passed to [`Container::boot`].
pub const SHARED: &str = "/packages";

/// A shell script that runs the container and kills it when standard input ends. That happens when this
/// process exits, in whatever way. The children of systemd-nspawn include the systemd of the container;
/// killing it ends everything in the container.
const KEEPER: &str = r#"
exec 3<&0
systemd-nspawn --directory="$1" --volatile=overlay --bind-ro="$2:$3" --boot --register=no --keep-unit \
    --link-journal=no --console=pipe >"$4" 2>&1 </dev/null 3<&- & nspawn=$!
echo "$nspawn"
{ cat <&3 >/dev/null
  for child in $(cat "/proc/$nspawn/task/$nspawn/children"); do kill -KILL "$child"; done; } & keeper=$!
{ wait "$nspawn"; } 2>/dev/null
kill "$keeper" 2>/dev/null
"#;

/// A running container. It ends when this is dropped or the process ends.
pub struct Container {
    keeper: Child,
    /// The process id of its systemd on this machine.
    leader: u32,
    /// A lock, because the systemds of two containers would use the same control groups.
    _lock: File,
}

/// The folder of the system that the container starts from.
fn system() -> PathBuf {
    let configured = std::env::var_os("ASSET_INDEXER_TEST_CONTAINER");
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/target/container");
    configured.map_or_else(|| default.into(), PathBuf::from)
}

/// Why no container can run here; `None` if it can.
fn obstacle() -> Option<String> {
    if !system().is_dir() {
        let reason = "tests/setup.sh has not created the system, because that needs root on Debian";
        return Some(reason.to_owned());
    }
    let mut nspawn = Command::new("systemd-nspawn");
    nspawn.arg("--directory").arg(system()).args([
        "--volatile=overlay",
        "--register=no",
        "--keep-unit",
        "--pipe",
        "--quiet",
        "true",
    ]);
    match nspawn.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("failed to run systemd-nspawn: {error}")),
    }
}

impl Container {
    /// Boots a new container that can read a folder of this machine at [`SHARED`]. If that is not possible,
    /// prints the reason and returns `None`.
    ///
    /// It first waits until no other container of these tests runs, also in other processes. `shared` is
    /// called only if a container can run.
    pub fn boot(shared: impl FnOnce() -> &'static Path) -> Option<Self> {
        let lock = std::env::temp_dir().join("asset-indexer-container.lock");
        let lock = File::create(lock).expect("the folder for temporary files is writable");
        lock.lock().expect("the file can be locked");
        if let Some(reason) = obstacle() {
            // Write to standard error directly: the test harness hides what a passing test prints.
            let line = format!("skipped: the package under systemd: {reason}\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return None;
        }
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("container.log");
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .args([system().as_path(), shared(), Path::new(SHARED), &log])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let mut nspawn = String::new();
        let stdout = keeper.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut nspawn).expect("text");
        let leader = wait_until("systemd in the container", || leader_of(nspawn.trim()));
        let container = Self {
            keeper,
            leader,
            _lock: lock,
        };
        container.wait_for(&["systemctl", "is-system-running", "--wait"], "running\n");
        Some(container)
    }

    /// A command that runs in the container, for the caller to complete.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--all", "--target", &self.leader.to_string(), "--"]);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
            .env("LC_ALL", "C.UTF-8")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    /// Runs a command and waits for its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        let output = command.stdin(Stdio::null()).output().expect("nsenter runs");
        Output {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that must succeed and returns its standard output.
    #[track_caller]
    pub fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:#?}");
        output.stdout
    }

    /// Runs a shell command that must succeed, with a text as its standard input. Returns its standard
    /// output.
    #[track_caller]
    pub fn shell(&self, line: &str, input: &str) -> String {
        let mut command = self.command(&["sh", "-c", line]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("nsenter runs");
        let mut stdin = child.stdin.take().expect("piped");
        stdin
            .write_all(input.as_bytes())
            .expect("the command reads its input");
        drop(stdin);
        let output = child.wait_with_output().expect("our own child");
        assert!(output.status.success(), "{line}: {output:#?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until a command prints exactly this text.
    #[track_caller]
    pub fn wait_for(&self, arguments: &[&str], expected: &str) {
        wait_until(&format!("{expected:?} from {arguments:?}"), || {
            (self.run(arguments).stdout == expected).then_some(())
        });
    }

    /// The path of a file of the container on this machine.
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.leader))
    }

    /// Writes a file and creates its folders.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("the path has a folder"))
            .expect("root may create folders");
        fs::write(path, text).expect("root may write files");
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.run(&["journalctl", "--no-pager", "--lines=60"]);
            eprintln!("the journal of the container:\n{}", log.stdout);
        }
        drop(self.keeper.stdin.take());
        self.keeper.wait().expect("our own child");
    }
}

/// The process id of the systemd that a systemd-nspawn has started.
fn leader_of(nspawn: &str) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children")).ok()?;
    let is_systemd = |id: &&str| {
        fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name == "systemd\n")
    };
    children.split_whitespace().find(is_systemd)?.parse().ok()
}

/// Waits until `find` returns a value, and returns it.
#[track_caller]
pub fn wait_until<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < deadline, "no {what} within {DEADLINE:?}");
        thread::park_timeout(POLL);
    }
}
