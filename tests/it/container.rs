//! A Debian system in a container with a systemd of its own, and commands that run in it.
//!
//! What is written there is gone when it ends: it is a layer in memory above the system that `tests/setup.sh` made. It
//! shares the network with this machine, so that the tests' servers are on its loopback too. What is
//! installed and tried in it is not said here.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::Output;

/// How long something in the container may take to come true.
const DEADLINE: Duration = Duration::from_secs(90);

/// How long to wait between two looks.
const POLL: Duration = Duration::from_millis(50);

/// Where the folder that is given with [`Container::boot`] is seen in the container.
pub const SHARED: &str = "/packages";

/// Runs the container and ends it when standard input ends, as it does when this process is gone, however it
/// went. The first child of systemd-nspawn is the container's systemd, with which everything in it ends.
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

/// A running container; it ends when this is dropped or the process ends.
pub struct Container {
    keeper: Child,
    /// Its systemd as this machine numbers it.
    leader: u32,
    /// Two containers would have their systemds share the same control groups.
    _alone: File,
}

/// The system that the container begins as.
fn system() -> PathBuf {
    let given = std::env::var_os("ASSET_INDEXER_TEST_CONTAINER");
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/target/container");
    given.map_or_else(|| default.into(), PathBuf::from)
}

/// Why no container can be run here.
fn obstacle() -> Option<String> {
    if !system().is_dir() {
        let why = "tests/setup.sh has made no system, for which it needs root on a Debian";
        return Some(why.to_owned());
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
        Ok(tried) if tried.status.success() => None,
        Ok(tried) => Some(String::from_utf8_lossy(&tried.stderr).trim().to_owned()),
        Err(error) => Some(format!("systemd-nspawn cannot be run: {error}")),
    }
}

impl Container {
    /// A fresh system that has come up, with a folder of this machine in it as [`SHARED`]; where that is not possible a
    /// line that says so, and `None`.
    ///
    /// Waits until no other container of these tests runs, in whatever process.
    pub fn boot(shared: &Path) -> Option<Self> {
        let lock = std::env::temp_dir().join("asset-indexer-container.lock");
        let alone = File::create(lock).expect("the folder for temporary files is writable");
        alone.lock().expect("the file can be locked");
        if let Some(why) = obstacle() {
            // Past the test harness, which keeps what a test that passes says to itself.
            let why = format!("skipped: the package under systemd: {why}");
            writeln!(std::io::stderr(), "{why}").unwrap();
            return None;
        }
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("container.log");
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .args([system().as_path(), shared, Path::new(SHARED), &log])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh is there");
        let mut nspawn = String::new();
        let stdout = keeper.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut nspawn).expect("text");
        let leader = wait_until("a systemd", || leader_of(nspawn.trim()));
        let container = Self {
            keeper,
            leader,
            _alone: alone,
        };
        container.wait_for(&["systemctl", "is-system-running", "--wait"], "running\n");
        Some(container)
    }

    /// A command that runs in it, to be completed.
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

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        let output = command
            .stdin(Stdio::null())
            .output()
            .expect("nsenter is there");
        Output {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that must succeed, and gives what it wrote.
    #[track_caller]
    pub fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:#?}");
        output.stdout
    }

    /// Runs a line of a shell that must succeed, with this text as its standard input.
    #[track_caller]
    pub fn shell(&self, line: &str, input: &str) -> String {
        let mut command = self.command(&["sh", "-c", line]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("nsenter is there");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().expect("our own child");
        assert!(output.status.success(), "{line}: {output:#?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until a command writes exactly this.
    #[track_caller]
    pub fn wait_for(&self, arguments: &[&str], wanted: &str) {
        let mut last = String::new();
        wait_until(&format!("{wanted:?} from {arguments:?}"), || {
            last = self.run(arguments).stdout;
            (last == wanted).then_some(())
        });
    }

    /// A file of the container as this machine sees it.
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.leader))
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("root may");
        fs::write(path, text).expect("root may");
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.run(&["journalctl", "--no-pager", "--lines=60"]);
            eprintln!("the container's journal:\n{}", log.stdout);
        }
        drop(self.keeper.stdin.take());
        self.keeper.wait().expect("our own child");
    }
}

/// The systemd that a systemd-nspawn has started.
fn leader_of(nspawn: &str) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children")).ok()?;
    let is_systemd = |id: &&str| {
        fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name == "systemd\n")
    };
    children.split_whitespace().find(is_systemd)?.parse().ok()
}

/// Waits until there is something.
#[track_caller]
pub fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "no {what} within {DEADLINE:?}");
        thread::park_timeout(POLL);
    }
}
