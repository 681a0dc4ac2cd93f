//! Runs the real binary: with its own configuration, its own index, and a deadline.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::config::Config;

/// How long one command may take; far beyond what any needs, so that a hang is an error.
const DEADLINE: Duration = Duration::from_secs(120);

/// The program under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_asset-indexer");

/// The binary with a configuration file and a data folder of its own.
pub struct Cli {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// The numbers of a `reindex` summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub added: u64,
    pub changed: u64,
    pub removed: u64,
}

/// A command that runs.
pub struct Running {
    child: Child,
    /// Standard output and standard error, each sent when it ended.
    streams: [Receiver<String>; 2],
}

impl Cli {
    /// A fresh folder with that configuration in it and no index yet.
    pub fn new(config: &Config) -> Self {
        let cli = Self {
            folder: TempDir::new().expect("a temporary folder"),
            environment: Vec::new(),
        };
        cli.configure(config);
        cli
    }

    /// Writes the configuration file anew.
    pub fn configure(&self, config: &Config) {
        self.configure_with(&config.to_toml(&self.data_dir()));
    }

    /// Writes the configuration file anew, with this text.
    pub fn configure_with(&self, toml: &str) {
        std::fs::write(self.config_file(), toml).expect("the folder is ours");
    }

    /// Sets an environment variable for the commands to come.
    pub fn set_environment(&mut self, name: &'static str, value: &str) {
        self.environment.push((name, value.to_owned()));
    }

    /// The folder that everything of this test lies in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the index is.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The name of the live generation of the index.
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

    /// Completes a command that begins with the binary, or with something that runs it: the
    /// configuration, the environment and the streams.
    pub fn command(&self, mut command: Command) -> Command {
        command
            .arg("--config")
            .arg(self.config_file())
            // Nothing of the developer's own AWS set-up may reach a test.
            .env_clear()
            .env("HOME", self.folder.path())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            // As tests read it: a daemon whose log goes into a pipe writes JSON by itself.
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
        assert!(output.status.success(), "not a success: {output:#?}");
        output
    }

    /// Runs a command that must fail in good order, saying each of `words` on standard error.
    pub fn fail<A: AsRef<str>>(&self, arguments: &[A], words: &[&str]) -> Output {
        let output = self.run(arguments);
        output.assert_failed_saying(words);
        output
    }

    /// A `reindex` that must succeed.
    pub fn reindex(&self) -> Counts {
        self.succeed(&["reindex"]).counts()
    }
}

impl Output {
    /// The sums of a `reindex` summary: the numbers before `added`, `changed` and `removed`.
    pub fn counts(&self) -> Counts {
        Counts {
            added: self.number_before("added"),
            changed: self.number_before("changed"),
            removed: self.number_before("removed"),
        }
    }

    /// The number that stands right before a word, where the word is said last.
    pub fn number_before(&self, word: &str) -> u64 {
        let words: Vec<_> = self.stdout.split_whitespace().collect();
        let pairs = words.windows(2).rev();
        let said = |pair: &&[&str]| pair[1].trim_end_matches(['.', ',', ';']) == word;
        let number = pairs.filter(said).find_map(|pair| {
            let digits = pair[0].replace([',', '_'], "");
            digits.parse().ok()
        });
        number.unwrap_or_else(|| panic!("no number of {word} in {self:#?}"))
    }

    /// Checks for an exit with an error code (not a signal, not a panic) and these words.
    pub fn assert_failed_saying(&self, words: &[&str]) {
        let code = self.status.code();
        let in_good_order = code.is_some_and(|code| code != 0 && code != 101);
        assert!(in_good_order, "not a failure in good order: {self:#?}");
        let said = self.stderr.to_lowercase();
        for word in words {
            let word = word.to_lowercase();
            assert!(said.contains(&word), "does not say {word:?}: {self:#?}");
        }
    }
}

impl Running {
    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end; kills it and fails when that takes too long.
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

    /// Sends it a signal by name, such as `INT`.
    pub fn signal(&self, name: &str) {
        let (signal, id) = (format!("-{name}"), self.id().to_string());
        let sent = Command::new("kill").args([signal, id]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// Ends it the hard way (SIGKILL), and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }
}

/// Reads a stream to its end on a thread of its own, so that no pipe fills up.
fn collect(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A stream that breaks off is a process that was killed; what came is what counts.
        let _ = stream.read_to_end(&mut bytes);
        // Nobody listens any more when the test killed the process.
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}
