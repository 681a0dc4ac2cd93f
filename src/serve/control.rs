//! The control socket: how another command asks the daemon, and what it is answered.
//!
//! Who may is decided by the permissions of the socket's file. A connection carries one request, a line
//! of JSON, and its answers, a line each. What a request leads to is the daemon's affair.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;
use tokio::net::unix::OwnedReadHalf;

use crate::core::counters::{ScanCounts, ScanProgress};
use crate::core::human::permission_hint;
use crate::index::directory::WriterLock;
use crate::observe::status::StatusReport;

mod client;

pub(crate) use client::{AnswerStream, is_in_use, send_request};

/// The longest request, in bytes with its line break: the names of ten thousand Sources.
pub(crate) const MAX_REQUEST_BYTES: u64 = 1 << 20;

/// The longest answer, in bytes with its line break: a report of some thousand Sources.
pub(crate) const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// How long a line may take to be written; whoever does not read for so long has no need of it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The mode of the socket's file: its user and its group may ask.
const SOCKET_MODE: u32 = 0o660;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ControlRequest {
    /// The report, once.
    Status,
    /// A scan of these Sources, or of all.
    Reindex {
        /// Their names; none: all.
        sources: Vec<String>,
        /// Whether to begin anew even where a scan is unfinished.
        fresh: bool,
    },
    /// A new index beside the live one, which it replaces when it is complete.
    Rebuild,
    /// To make one segment of all, without what is deleted.
    Compact,
    /// To handle messages once more that are kept in quarantine.
    Retry {
        /// Their ids there; how many is bounded by [`MAX_REQUEST_BYTES`] alone.
        ids: Vec<String>,
    },
    /// What is logged, after this is done.
    Log(LogCommand),
}

/// What is to be done about what is logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogCommand {
    /// Nothing.
    Show,
    /// This filter is to hold.
    Set(String),
    /// The one that the daemon began with is to hold again.
    Reset,
}

/// What is answered: [`ControlAnswer::Accepted`] as soon as the request is read, what it asks for, and at last
/// [`ControlAnswer::Done`] or [`ControlAnswer::Refused`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ControlAnswer {
    /// The request is there, and gets what it asks for, however long that takes.
    Accepted,
    /// The report.
    Status(Box<StatusReport>),
    /// How far a scan is.
    Progress(SourceScanCounts),
    /// A scan has ended.
    Ended {
        /// Its last figures.
        figures: SourceScanCounts,
        /// Whether an unfinished scan was resumed, and as of when (milliseconds since the epoch) it
        /// is complete; or why it is not.
        result: Result<(bool, Option<i64>), String>,
        /// How long it took.
        took_seconds: f64,
        /// LIST requests that were sent.
        requests: u64,
    },
    /// What became of a message that was kept.
    Retried {
        /// Its id in the quarantine.
        id: String,
        /// Why it is still there; `None`: it is done, and gone.
        problem: Option<String>,
    },
    /// What is logged now, and what was when the daemon began.
    Log {
        /// The filter now.
        filter: String,
        /// The filter then.
        initial: String,
    },
    /// It cannot be done, for this reason.
    Refused(String),
    /// It is done.
    Done,
}

/// What the scan of one Source has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceScanCounts {
    /// The Source.
    pub source: String,
    /// Its counters.
    #[serde(flatten)]
    pub counts: ScanCounts,
}

impl SourceScanCounts {
    /// The figures now.
    pub(crate) fn of(source: &str, progress: &ScanProgress) -> Self {
        Self {
            source: source.to_owned(),
            counts: progress.counts(),
        }
    }
}

/// Why the daemon could not be asked, or could not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// There is no daemon.
    #[error(
        "no daemon answers on {}; start one with `asset-indexer serve` or `systemctl start asset-indexer`",
        path.display()
    )]
    NoDaemon {
        /// The socket.
        path: PathBuf,
    },
    /// A daemon is there already.
    #[error("another daemon answers on {}; stop it, or write another serve.control_socket", path.display())]
    Taken {
        /// The socket.
        path: PathBuf,
    },
    /// Something else is where the socket is to be.
    #[error("{} is no socket; write another serve.control_socket", path.display())]
    NoSocket {
        /// What is no socket.
        path: PathBuf,
    },
    /// The request is longer than [`MAX_REQUEST_BYTES`].
    #[error(
        "the request has {bytes} bytes, of at most {MAX_REQUEST_BYTES}; ask for less at a time"
    )]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The daemon is there, and says nothing.
    #[error(
        "failed to ask the daemon for {what} on the control socket {}: no answer in {} seconds; see its \
         log for what it waits for, end other commands that wait for it, and ask again",
        path.display(), limit.as_secs_f64()
    )]
    NoAnswer {
        /// What it was asked for.
        what: &'static str,
        /// The socket.
        path: PathBuf,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The socket could not be used.
    #[error(
        "failed to {attempted} the control socket {}: {cause}{}",
        path.display(), permission_hint(cause)
    )]
    Socket {
        /// What was attempted.
        attempted: &'static str,
        /// The socket.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// The other side is not of this version, or broke off.
    #[error("the daemon's answer on the control socket cannot be read: {0}")]
    Answer(String),
    /// The daemon said no.
    #[error("the daemon refuses: {0}")]
    Refused(String),
}

/// Listens on the socket; one that a dead daemon has left is replaced, nothing else is.
///
/// Only who holds the data directory's lock may.
pub(crate) async fn listen(path: &Path, _lock: &WriterLock) -> Result<UnixListener, ControlError> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let failed = |attempted| {
        let path = path.to_owned();
        move |cause| ControlError::Socket {
            attempted,
            path,
            cause,
        }
    };
    if is_in_use(path).await {
        return Err(ControlError::Taken {
            path: path.to_owned(),
        });
    }
    match std::fs::symlink_metadata(path) {
        Ok(about) if about.file_type().is_socket() => {
            std::fs::remove_file(path).map_err(failed("replace"))?;
        }
        Ok(_) => {
            return Err(ControlError::NoSocket {
                path: path.to_owned(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("look at")(error)),
    }
    let listener = UnixListener::bind(path).map_err(failed("listen on"))?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(SOCKET_MODE))
        .map_err(failed("set the permissions of"))?;
    Ok(listener)
}

/// Reads one line of JSON of at most so many bytes; `None` where the other side is done.
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
        let why = format!("a line is longer than {max_bytes} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    serde_json::from_slice(&line)
        .map(Some)
        .map_err(io::Error::from)
}

/// Writes one line of JSON, within 30 seconds.
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
    async fn a_request_and_its_answers_come_over_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let lock = lock(&folder);
        let path = folder.path().join("control.sock");
        let absent = send_request(&path, &ControlRequest::Status).await;
        assert!(matches!(absent, Err(ControlError::NoDaemon { .. })));
        let listener = listen(&path, &lock).await.unwrap();
        assert!(matches!(
            listen(&path, &lock).await,
            Err(ControlError::Taken { .. })
        ));
        let request = ControlRequest::Reindex {
            sources: vec!["a".into()],
            fresh: true,
        };
        let answered = ControlAnswer::Retried {
            id: "1".into(),
            problem: None,
        };
        let serve = async {
            // The first is the one of `listen`, which looked whether anybody answers.
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
    async fn a_socket_that_nobody_listens_on_any_more_is_replaced() {
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
    async fn what_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let lock = lock(&folder);
        let path = folder.path().join("photo.jpg");
        std::fs::write(&path, "precious").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for path in [&path, &link, &folder.path().to_owned()] {
            let refused = listen(path, &lock).await.unwrap_err().to_string();
            assert!(refused.contains("is no socket; write another"), "{refused}");
        }
        assert_eq!(std::fs::read(&link).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn a_line_is_as_long_as_its_bound_at_most() {
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
    async fn whoever_never_reads_is_given_up() {
        let (mut ours, _theirs) = UnixStream::pair().unwrap();
        let line = vec![0; 16 << 20];
        let written = write_within(Duration::from_millis(50), &mut ours, &line).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
