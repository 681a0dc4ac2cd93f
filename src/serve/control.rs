//! The control socket: how other commands send requests to the daemon, and how it answers.
//!
//! A connection carries one request and its answers, each a line of JSON. The permissions of the socket's
//! file decide who may connect. This module does not execute requests. The daemon does.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;
use tokio::net::unix::OwnedReadHalf;

use crate::config::ConfigDigest;
use crate::core::counters::{ScanCounts, ScanProgress};
use crate::core::human::permission_hint;
use crate::index::current::LostRecords;
use crate::index::directory::WriterLock;
use crate::managed::changes::{AppliedChange, Change, Values};
use crate::managed::rotation::Rotation;
use crate::observe::status::StatusReport;
use crate::serve::source_drafts::TestReport;
use crate::serve::unix_socket;

mod client;

pub(crate) use client::{AnswerStream, is_in_use, send_request};

/// Maximum length of a request in bytes, with its line break. Enough for the names of ten thousand Sources.
pub(crate) const MAX_REQUEST_BYTES: u64 = 1 << 20;

/// Maximum length of an answer in bytes, with its line break. Enough for a report of some thousand Sources.
pub(crate) const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// Maximum time to write a line. A client that does not read for that long is disconnected.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// A request to the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ControlRequest {
    /// Return the status report.
    Status,
    /// Scan Sources.
    Reindex {
        /// The names of the Sources. If empty, all are scanned.
        sources: Vec<String>,
        /// Whether to start from the beginning even if a scan is unfinished.
        fresh: bool,
        /// Whether a Source that has moved to another bucket or prefix loses its former assets even if the
        /// new location has none.
        #[serde(default)]
        allow_empty: bool,
    },
    /// Build a new index next to the current one, and swap it in when it is complete.
    Rebuild {
        /// As for a reindex.
        #[serde(default)]
        allow_empty: bool,
    },
    /// Merge all segments of the index into one, without deleted records.
    Compact,
    /// Handle quarantined messages again.
    Retry {
        /// The ids of the quarantine entries. Only [`MAX_REQUEST_BYTES`] limits their number.
        ids: Vec<String>,
    },
    /// Change the log filter, and return it.
    Log(LogCommand),
    /// Return what the daemon's configuration is, to compare it.
    Configuration,
    /// Look a key up in the bucket of a Source, with the daemon's environment and credentials.
    LookUp {
        /// The name of the Source.
        source: String,
        /// The key.
        key: String,
    },
    /// Examine Sources as `check` does, with the daemon's environment and credentials.
    Check {
        /// The names of the Sources.
        sources: Vec<String>,
    },
    /// Make a one-time link to the page.
    Link,
    /// Rotate the key that seals the secrets of managed Sources.
    RotateKey,
    /// Change a managed Source.
    ChangeSource {
        /// The name of the Source.
        name: String,
        /// The change.
        change: Change,
        /// Whether the change is made without a test of new credentials, bucket or endpoint.
        #[serde(default)]
        is_untested: bool,
    },
    /// Test a draft of a Source.
    TestSource {
        /// The values, as for a new Source or as a patch of an existing one.
        draft: Values,
    },
}

/// A change of the log filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogCommand {
    /// Change nothing.
    Show,
    /// Use this filter.
    Set(String),
    /// Use the filter that the daemon started with.
    Reset,
}

/// An answer of the daemon.
///
/// The first answer is [`ControlAnswer::Accepted`], as soon as the request is read. It may be missing if the
/// request is refused. The last answer is [`ControlAnswer::Done`] or [`ControlAnswer::Refused`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ControlAnswer {
    /// The daemon executes the request. There is no limit on how long that takes.
    Accepted,
    /// The status report.
    Status(Box<StatusReport>),
    /// The progress of a scan.
    Progress(SourceScanCounts),
    /// A scan has ended.
    Ended {
        /// The final counts.
        figures: SourceScanCounts,
        /// Whether an unfinished scan was resumed, and the time (milliseconds since the epoch) as of which
        /// the index is complete. The error is the reason why the scan is not complete.
        result: Result<(bool, Option<i64>), String>,
        /// How long the scan took.
        took_seconds: f64,
        /// LIST requests sent, including failed attempts.
        requests: u64,
    },
    /// The records of the current index that a rebuild cannot carry over.
    Lost(LostRecords),
    /// A quarantined message was handled again.
    Retried {
        /// The id of the quarantine entry.
        id: String,
        /// Why the message stays in the quarantine. `None` if it was handled and removed.
        problem: Option<String>,
    },
    /// The log filter.
    Log {
        /// The current filter.
        filter: String,
        /// The filter that the daemon started with.
        initial: String,
    },
    /// The configuration of the daemon.
    Configuration {
        /// Its digests.
        digest: ConfigDigest,
        /// The address for HTTP, as in `serve.listen`. `None` if HTTP is off.
        listen: Option<String>,
    },
    /// The object under the key, if there is one. The error is the reason why that is unknown.
    LookedUp(Result<Option<ListedObject>, String>),
    /// The findings about the Sources, as `check --json` prints them.
    Checked(serde_json::Value),
    /// The daemon does not use the change yet that the next answer is about, for this reason.
    NotInUse(String),
    /// The change of a managed Source is stored. Without [`ControlAnswer::NotInUse`], the daemon uses it.
    SourceChanged(AppliedChange),
    /// A draft was tested.
    SourceTested(TestReport),
    /// A one-time link.
    Link {
        /// The address to open. It has a secret code.
        url: String,
    },
    /// The key that seals secrets was rotated.
    KeyRotated(Rotation),
    /// A change of a Source was refused, because of these mistakes in it.
    InvalidSource(Vec<String>),
    /// The request failed or was refused, for this reason.
    Refused(String),
    /// The request is done.
    Done,
}

/// An object in a bucket, as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListedObject {
    /// The size in bytes.
    pub size: u64,
    /// The entity tag, without quotes.
    pub etag: Option<String>,
    /// When S3 last changed the object, in milliseconds since the epoch.
    pub last_modified: i64,
    /// The storage class, by its name in S3.
    pub storage_class: String,
}

/// The counts of the scan of one Source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceScanCounts {
    /// The name of the Source.
    pub source: String,
    /// The counts so far.
    #[serde(flatten)]
    pub counts: ScanCounts,
}

impl SourceScanCounts {
    /// The current counts.
    pub(crate) fn of(source: &str, progress: &ScanProgress) -> Self {
        Self {
            source: source.to_owned(),
            counts: progress.counts(),
        }
    }
}

/// Why a request failed, or why the socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// No daemon is running.
    #[error(
        "no daemon answers on {}; start one with `asset-indexer serve` or `systemctl start asset-indexer`",
        path.display()
    )]
    NoDaemon {
        /// The socket.
        path: PathBuf,
    },
    /// Another daemon listens on the socket.
    #[error("another daemon answers on {}; stop it, or set another serve.control_socket", path.display())]
    AlreadyRunning {
        /// The socket.
        path: PathBuf,
    },
    /// The path of the socket belongs to another kind of file.
    #[error("{} is not a socket; set another serve.control_socket", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The request is longer than [`MAX_REQUEST_BYTES`].
    #[error(
        "the request has {bytes} bytes, but at most {MAX_REQUEST_BYTES} are allowed; split it into several \
         requests"
    )]
    RequestTooLong {
        /// The length of the request.
        bytes: usize,
    },
    /// The daemon is running but does not answer.
    #[error(
        "failed to {attempted} through the control socket {}: the daemon did not answer within {} seconds; \
         see its log for the reason, stop other commands that wait for it, and try again",
        path.display(), limit.as_secs_f64()
    )]
    NoAnswer {
        /// The attempt, worded to follow "failed to".
        attempted: &'static str,
        /// The socket.
        path: PathBuf,
        /// How long the client waited.
        limit: Duration,
    },
    /// The socket could not be used.
    #[error(
        "failed to {attempted} the control socket {}: {cause}{}",
        path.display(), permission_hint(cause)
    )]
    Socket {
        /// The attempt, worded to follow "failed to".
        attempted: &'static str,
        /// The socket.
        path: PathBuf,
        /// The error of the system.
        cause: io::Error,
    },
    /// The connection failed or was closed early, or the daemon has another version.
    #[error("failed to communicate with the daemon on the control socket: {0}")]
    Connection(String),
    /// The daemon refused the request, or failed to execute it.
    #[error("the daemon reports: {0}")]
    Refused(String),
}

/// Listens on the socket. Replaces the socket of a dead daemon, but no other kind of file.
///
/// The lock proves that no other daemon runs on the data directory.
pub(crate) async fn listen(path: &Path, _lock: &WriterLock) -> Result<UnixListener, ControlError> {
    use std::os::unix::fs::FileTypeExt;
    let failed = |attempted| {
        let path = path.to_owned();
        move |cause| ControlError::Socket {
            attempted,
            path,
            cause,
        }
    };
    if is_in_use(path).await {
        return Err(ControlError::AlreadyRunning {
            path: path.to_owned(),
        });
    }
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => {
            std::fs::remove_file(path).map_err(failed("replace"))?;
        }
        Ok(_) => {
            return Err(ControlError::NotASocket {
                path: path.to_owned(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("examine")(error)),
    }
    unix_socket::listen(path).map_err(failed("listen on"))
}

/// Reads one line of JSON. Returns `None` if the other side has closed the connection.
///
/// # Errors
///
/// If the line, with its line break, is longer than `max_bytes`, or if it cannot be read.
pub(crate) async fn read_line<T: DeserializeOwned>(
    lines: &mut BufReader<OwnedReadHalf>,
    max_bytes: u64,
) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    let mut limited = lines.take(max_bytes);
    if limited.read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    if limited.limit() == 0 && !line.ends_with(b"\n") {
        let reason = format!("a line is longer than {max_bytes} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    serde_json::from_slice(&line)
        .map(Some)
        .map_err(io::Error::from)
}

/// Writes one line of JSON. Fails if that takes longer than [`WRITE_TIMEOUT`].
pub(crate) async fn write_line(
    to: &mut (impl AsyncWriteExt + Unpin),
    value: &impl Serialize,
) -> io::Result<()> {
    write_within(WRITE_TIMEOUT, to, &line_of(value)?).await
}

fn line_of(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

async fn write_within(
    limit: Duration,
    to: &mut (impl AsyncWriteExt + Unpin),
    line: &[u8],
) -> io::Result<()> {
    let written = tokio::time::timeout(limit, to.write_all(line)).await;
    written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;

    use super::*;
    use crate::index::directory::DataDir;

    fn lock(folder: &tempfile::TempDir) -> WriterLock {
        DataDir::new(folder.path(), 1).lock().unwrap()
    }

    #[tokio::test]
    async fn sends_a_request_and_reads_its_answers() {
        let folder = tempfile::tempdir().unwrap();
        let lock = lock(&folder);
        let path = folder.path().join("control.sock");
        let absent = send_request(&path, &ControlRequest::Status).await;
        assert!(matches!(absent, Err(ControlError::NoDaemon { .. })));
        let listener = listen(&path, &lock).await.unwrap();
        assert!(matches!(
            listen(&path, &lock).await,
            Err(ControlError::AlreadyRunning { .. })
        ));
        let request = ControlRequest::Reindex {
            sources: vec!["a".into()],
            fresh: true,
            allow_empty: false,
        };
        let answered = ControlAnswer::Retried {
            id: "1".into(),
            problem: None,
        };
        let serve = async {
            // The first connection is from the second `listen`, which tested whether a daemon answers.
            listener.accept().await.unwrap();
            let (reader, mut writer) = listener.accept().await.unwrap().0.into_split();
            let mut lines = BufReader::new(reader);
            let got = read_line(&mut lines, MAX_REQUEST_BYTES).await;
            let got: ControlRequest = got.unwrap().unwrap();
            write_line(&mut writer, &ControlAnswer::Accepted)
                .await
                .unwrap();
            write_line(&mut writer, &answered).await.unwrap();
            write_line(&mut writer, &ControlAnswer::Done).await.unwrap();
            got
        };
        let client = async {
            let mut answers = send_request(&path, &request).await.unwrap();
            let first = answers.next().await.unwrap();
            (first, answers.next().await.unwrap())
        };
        let (got, (first, end)) = tokio::join!(serve, client);
        assert_eq!((got, first, end), (request, Some(answered), None));
    }

    #[tokio::test]
    async fn replaces_the_socket_of_a_dead_daemon() {
        let folder = tempfile::tempdir().unwrap();
        let lock = lock(&folder);
        let path = folder.path().join("control.sock");
        drop(listen(&path, &lock).await.unwrap());
        assert!(path.exists());
        let refused = send_request(&path, &ControlRequest::Status).await;
        assert!(matches!(refused, Err(ControlError::NoDaemon { .. })));
        listen(&path, &lock).await.unwrap();
    }

    #[tokio::test]
    async fn does_not_replace_other_kinds_of_files() {
        let folder = tempfile::tempdir().unwrap();
        let lock = lock(&folder);
        let path = folder.path().join("photo.jpg");
        std::fs::write(&path, "precious").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for path in [&path, &link, &folder.path().to_owned()] {
            let refused = listen(path, &lock).await.unwrap_err().to_string();
            assert!(
                refused.contains("is not a socket; set another"),
                "{refused}"
            );
        }
        assert_eq!(std::fs::read(&link).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn rejects_a_line_above_the_limit() {
        for (text, max_bytes, problem) in [
            ("12345\n", 6, None),
            ("12345", 6, None),
            ("12345\n", 5, Some("longer than 5 bytes")),
            ("12345", 5, Some("longer than 5 bytes")),
        ] {
            let (mut ours, theirs) = UnixStream::pair().unwrap();
            ours.write_all(text.as_bytes()).await.unwrap();
            drop(ours);
            let mut lines = BufReader::new(theirs.into_split().0);
            let read: io::Result<Option<u32>> = read_line(&mut lines, max_bytes).await;
            match (read, problem) {
                (Ok(read), None) => assert_eq!(read, Some(12345)),
                (Err(error), Some(words)) => assert!(error.to_string().contains(words)),
                (read, _) => panic!("{text:?} of {max_bytes}: {read:?}"),
            }
        }
    }

    #[tokio::test]
    async fn write_times_out_if_the_client_does_not_read() {
        let (mut ours, _theirs) = UnixStream::pair().unwrap();
        let line = vec![0; 16 << 20];
        let written = write_within(Duration::from_millis(50), &mut ours, &line).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
