//! Runs the real binary with a separate configuration and index, and with a deadline.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::config::Config;

/// Maximum time for one command. No command needs that long unless it hangs.
const DEADLINE: Duration = Duration::from_secs(120);

/// The program under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_asset-indexer");

/// The binary with a separate configuration file and data directory.
pub struct Cli {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

/// The exit status and the output of a command.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// The totals of a `reindex` summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub added: u64,
    pub changed: u64,
    pub removed: u64,
}

/// A running command.
pub struct Running {
    child: Child,
    /// Standard output and standard error. Each is sent when it ends.
    streams: [Receiver<String>; 2],
}

impl Cli {
    /// A new folder with this configuration and without an index.
    pub fn new(config: &Config) -> Self {
        let cli = Self {
            folder: TempDir::new().expect("a temporary folder"),
            environment: Vec::new(),
        };
        cli.configure(config);
        cli
    }

    /// Replaces the configuration file.
    pub fn configure(&self, config: &Config) {
        self.configure_with(&config.to_toml(&self.data_dir()));
    }

    /// Replaces the configuration file with this text.
    pub fn configure_with(&self, toml: &str) {
        std::fs::write(self.config_file(), toml).expect("the folder is ours");
    }

    /// Sets an environment variable for the next commands.
    pub fn set_environment(&mut self, name: &'static str, value: &str) {
        self.environment.push((name, value.to_owned()));
    }

    /// The folder with all files of this test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The name of the index's current generation.
    pub fn generation(&self) -> String {
        std::fs::read_to_string(self.data_dir().join("CURRENT")).expect("there is an index")
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("asset-indexer.toml")
    }

    /// Starts a command.
    pub fn start<A: AsRef<str>>(&self, arguments: &[A]) -> Running {
        let mut command = self.command(Command::new(BINARY));
        command.args(arguments.iter().map(AsRef::as_ref));
        let mut child = command.spawn().expect("cargo built the binary");
        let streams = [
            collect(child.stdout.take().expect("piped")),
            collect(child.stderr.take().expect("piped")),
        ];
        Running { child, streams }
    }

    /// Adds the configuration, the environment and the streams to a command that starts the binary, directly
    /// or through another program.
    pub fn command(&self, mut command: Command) -> Command {
        command
            .arg("--config")
            .arg(self.config_file())
            // The developer's AWS settings must not reach a test.
            .env_clear()
            .env("HOME", self.folder.path())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            // Tests read text. By default, the daemon writes JSON if its log goes to a pipe.
            .env("ASSET_INDEXER_LOG_FORMAT", "text")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run<A: AsRef<str>>(&self, arguments: &[A]) -> Output {
        self.start(arguments).wait()
    }

    /// Runs a command that must succeed.
    pub fn succeed<A: AsRef<str>>(&self, arguments: &[A]) -> Output {
        let output = self.run(arguments);
        assert!(output.status.success(), "the command failed: {output:#?}");
        output
    }

    /// Runs a command that must fail with an error that contains each of `words`.
    pub fn fail<A: AsRef<str>>(&self, arguments: &[A], words: &[&str]) -> Output {
        let output = self.run(arguments);
        output.assert_failed_with(words);
        output
    }

    /// Runs `reindex`, which must succeed.
    pub fn reindex(&self) -> Counts {
        self.succeed(&["reindex"]).counts()
    }
}

impl Output {
    /// The totals of a `reindex` summary: the numbers before `added`, `changed` and `removed`.
    pub fn counts(&self) -> Counts {
        Counts {
            added: self.number_before("added"),
            changed: self.number_before("changed"),
            removed: self.number_before("removed"),
        }
    }

    /// The number directly before the last occurrence of a word.
    pub fn number_before(&self, word: &str) -> u64 {
        let words: Vec<_> = self.stdout.split_whitespace().collect();
        let pairs = words.windows(2).rev();
        let is_before_word = |pair: &&[&str]| pair[1].trim_end_matches(['.', ',', ';']) == word;
        let number = pairs.filter(is_before_word).find_map(|pair| {
            let digits = pair[0].replace([',', '_'], "");
            digits.parse().ok()
        });
        number.unwrap_or_else(|| panic!("no number of {word} in {self:#?}"))
    }

    /// Checks for an exit with an error code, not by a signal or a panic, and for these words in the error.
    pub fn assert_failed_with(&self, words: &[&str]) {
        let code = self.status.code();
        let is_error = code.is_some_and(|code| code != 0 && code != 101);
        assert!(is_error, "no exit with an error code: {self:#?}");
        let stderr = self.stderr.to_lowercase();
        for word in words {
            let word = word.to_lowercase();
            assert!(
                stderr.contains(&word),
                "{word:?} is not in the error: {self:#?}"
            );
        }
    }
}

impl Running {
    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the command has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// Waits for the end of the command. If that takes too long, kills it and fails.
    pub fn wait(mut self) -> Output {
        let end = Instant::now() + DEADLINE;
        let [stdout, stderr] = &self.streams;
        let rest = |receiver: &Receiver<String>| {
            receiver.recv_timeout(end.saturating_duration_since(Instant::now()))
        };
        let streams = (rest(stdout), rest(stderr));
        let (Ok(stdout), Ok(stderr)) = streams else {
            self.kill();
            panic!("the command hangs: {streams:?}");
        };
        Output {
            status: self.child.wait().expect("our own child"),
            stdout,
            stderr,
        }
    }

    /// Sends a signal by name, such as `INT`.
    pub fn signal(&self, name: &str) {
        let (signal, id) = (format!("-{name}"), self.id().to_string());
        let sent = Command::new("kill").args([signal, id]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// Sends SIGKILL and waits for the end of the process.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }
}

/// Reads a stream to its end in a separate thread, so that no pipe fills up.
fn collect(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // The stream breaks off if the process is killed. Keep what has arrived.
        let _ = stream.read_to_end(&mut bytes);
        // The receiver is gone if the test killed the process.
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}
