//! The daemon as a child process, whose log is read while it runs.
//!
//! This module starts, watches, signals and stops it. The tests decide what it should do.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use crate::cli::{BINARY, Cli};

/// Maximum time to wait for the daemon.
const DEADLINE: Duration = Duration::from_secs(120);

/// A running daemon. Killed when dropped.
pub struct Daemon {
    child: Child,
    log: Arc<Log>,
}

/// The log of the daemon, from its standard error.
#[derive(Default)]
struct Log {
    written: Mutex<Written>,
    changed: Condvar,
}

#[derive(Default)]
struct Written {
    lines: Vec<String>,
    /// Whether the stream has ended, because the process has.
    ended: bool,
}

impl Cli {
    /// Starts the daemon.
    pub fn serve(&self) -> Daemon {
        self.serve_by(Command::new(BINARY))
    }

    /// Starts the daemon by a command that runs the binary with the arguments that are added to it.
    pub fn serve_by(&self, command: Command) -> Daemon {
        self.watch(command, &["serve"])
    }

    /// Starts a command that runs until it is stopped, and reads its log.
    pub fn watch(&self, command: Command, arguments: &[&str]) -> Daemon {
        let mut command = self.command(command);
        let mut child = command.args(arguments).spawn().expect("cargo built it");
        let log = Arc::new(Log::default());
        let writing = Arc::clone(&log);
        let stderr = child.stderr.take().expect("piped");
        thread::spawn(move || writing.read(stderr));
        Daemon { child, log }
    }
}

impl Log {
    fn read(&self, stream: impl Read) {
        // The stream can end in the middle of a line if the process is killed.
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            self.lock().lines.push(line);
            self.changed.notify_all();
        }
        self.lock().ended = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().expect("no thread panics with the lock")
    }

    /// Waits until the condition is true. Returns `false` after [`DEADLINE`].
    fn wait_until(&self, is_true: impl Fn(&Written) -> bool) -> bool {
        let waiting = |written: &mut Written| !is_true(written);
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), DEADLINE, waiting);
        let (written, _) = waited.expect("no thread panics with the lock");
        is_true(&written)
    }
}

impl Written {
    fn count(&self, words: &[&str]) -> usize {
        let has_all = |line: &&String| words.iter().all(|word| line.contains(word));
        self.lines.iter().filter(has_all).count()
    }
}

impl Daemon {
    /// Waits until a line of the log contains all these words.
    #[track_caller]
    pub fn wait_for(&self, words: &[&str]) {
        self.wait_for_times(1, words);
    }

    /// Waits until that many lines of the log contain all these words.
    #[track_caller]
    pub fn wait_for_times(&self, times: usize, words: &[&str]) {
        let log = &self.log;
        log.wait_until(|written| written.ended || written.count(words) >= times);
        let count = self.count(words);
        assert!(count >= times, "{count} of {times} lines contain {words:?}");
    }

    /// The number of lines of the log that contain all these words.
    pub fn count(&self, words: &[&str]) -> usize {
        self.log.lock().count(words)
    }

    /// The value of a field in the first line of the log that contains all these words.
    #[track_caller]
    pub fn field(&self, words: &[&str], name: &str) -> String {
        self.wait_for(words);
        let lines = self.lines_so_far();
        let mut lines = lines.iter();
        let line = lines.find(|line| words.iter().all(|word| line.contains(word)));
        let (_, rest) = line
            .and_then(|line| line.split_once(&format!("{name}=")))
            .unwrap_or_else(|| panic!("no field {name} in {line:?}"));
        rest.split(' ').next().unwrap_or_default().to_owned()
    }

    /// The standard output. The caller has to read it.
    pub fn output(&mut self) -> BufReader<ChildStdout> {
        BufReader::new(self.child.stdout.take().expect("piped, and taken once"))
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name, such as `INT`.
    pub fn signal(&self, name: &str) {
        let (signal, id) = (format!("-{name}"), self.id().to_string());
        let sent = Command::new("kill").args([signal, id]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// Reloads the configuration (SIGHUP).
    pub fn hangup(&self) {
        self.signal("HUP");
    }

    /// Waits until the process has ended.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> ExitStatus {
        let ended = self.log.wait_until(|written| written.ended);
        assert!(ended, "the daemon does not end");
        self.child.wait().expect("our own child")
    }

    /// Stops the daemon (SIGTERM). It must exit with 0. Returns its log.
    #[track_caller]
    pub fn terminate(mut self) -> Vec<String> {
        self.signal("TERM");
        let status = self.wait_for_end();
        assert_eq!(status.code(), Some(0), "the stop failed: {status}");
        self.lines_so_far()
    }

    /// Kills the daemon (SIGKILL), and waits until it is gone. Returns its log.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("our own child");
        self.wait_for_end();
        self.lines_so_far()
    }

    /// The log until now.
    pub fn lines_so_far(&self) -> Vec<String> {
        self.log.lock().lines.clone()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the daemon's log:\n{}", self.lines_so_far().join("\n"));
        }
    }
}
