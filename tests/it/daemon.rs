//! The daemon as a process of its own, with its log read while it runs.
//!
//! What it should do is said by the tests; here it is started, watched, signalled and ended.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use crate::cli::{BINARY, Cli};

/// How long the daemon may take for what a test waits for.
const DEADLINE: Duration = Duration::from_secs(120);

/// The daemon; killed when this is dropped.
pub struct Daemon {
    child: Child,
    log: Arc<Log>,
}

/// What it wrote to standard error.
#[derive(Default)]
struct Log {
    written: Mutex<Written>,
    changed: Condvar,
}

#[derive(Default)]
struct Written {
    lines: Vec<String>,
    /// The stream has ended, as it does when the process has.
    ended: bool,
}

impl Cli {
    /// Starts the daemon.
    pub fn serve(&self) -> Daemon {
        self.serve_by(Command::new(BINARY))
    }

    /// Starts the daemon by a command that runs the binary with the arguments that follow.
    pub fn serve_by(&self, command: Command) -> Daemon {
        self.watch(command, &["serve"])
    }

    /// Starts a command that runs until it is ended, and reads its log.
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
        // A stream that breaks off is a process that was killed.
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

    /// Waits until the condition is true; whether it came true in time.
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
    /// Waits until a line of the log has all these words.
    #[track_caller]
    pub fn wait_for(&self, words: &[&str]) {
        self.wait_for_times(1, words);
    }

    /// Waits until that many lines of the log have all these words.
    #[track_caller]
    pub fn wait_for_times(&self, times: usize, words: &[&str]) {
        let log = &self.log;
        log.wait_until(|written| written.ended || written.count(words) >= times);
        let count = self.count(words);
        assert!(count >= times, "{count} of {times} lines say {words:?}");
    }

    /// How many lines of the log have all these words.
    pub fn count(&self, words: &[&str]) -> usize {
        self.log.lock().count(words)
    }

    /// The field of that name in the first line of the log that has all these words.
    #[track_caller]
    pub fn field(&self, words: &[&str], name: &str) -> String {
        self.wait_for(words);
        let lines = self.lines();
        let mut lines = lines.iter();
        let line = lines.find(|line| words.iter().all(|word| line.contains(word)));
        let (_, rest) = line
            .and_then(|line| line.split_once(&format!("{name}=")))
            .unwrap_or_else(|| panic!("no field {name} in {line:?}"));
        rest.split(' ').next().unwrap_or_default().to_owned()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by name, such as `INT`.
    pub fn signal(&self, name: &str) {
        let (signal, id) = (format!("-{name}"), self.id().to_string());
        let sent = Command::new("kill").args([signal, id]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// Has it read its configuration anew (SIGHUP).
    pub fn hangup(&self) {
        self.signal("HUP");
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> ExitStatus {
        let ended = self.log.wait_until(|written| written.ended);
        assert!(ended, "the daemon does not end");
        self.child.wait().expect("our own child")
    }

    /// Ends it in good order (SIGTERM); it must succeed. Gives its log.
    #[track_caller]
    pub fn terminate(mut self) -> Vec<String> {
        self.signal("TERM");
        let status = self.wait_for_end();
        assert_eq!(status.code(), Some(0), "not in good order: {status}");
        self.lines()
    }

    /// Ends it the hard way (SIGKILL), and waits until it is gone. Gives its log.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("our own child");
        self.wait_for_end();
        self.lines()
    }

    fn lines(&self) -> Vec<String> {
        self.log.lock().lines.clone()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the daemon's log:\n{}", self.lines().join("\n"));
        }
    }
}
