//! The client of the control socket: sends a request, and reads its answers.
//!
//! It fails if the daemon does not accept the request in time. There is no limit on how long the daemon works
//! on an accepted scan or rebuild. The client may disconnect meanwhile.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::{
    ControlAnswer, ControlError, ControlRequest, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, line_of,
    read_line,
};

/// Maximum time until the daemon accepts a request. If the request takes no work, the answer must arrive
/// within the same time after that.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The wait before connecting again if the socket's backlog is full.
const CONNECT_PAUSE: Duration = Duration::from_millis(50);

/// The answers to a request.
pub(crate) struct AnswerStream {
    lines: BufReader<OwnedReadHalf>,
    /// Kept open: to the daemon, closing it means that the client is gone.
    _writer: OwnedWriteHalf,
    /// The first answer, unless it was [`ControlAnswer::Accepted`].
    first: Option<ControlAnswer>,
    /// Maximum time to wait for each answer. `None` if it depends on the work.
    limit: Option<Duration>,
    request: SentRequest,
}

/// A request that was sent, for error messages.
#[derive(Clone)]
struct SentRequest {
    path: PathBuf,
    attempted: &'static str,
}

/// Sends a request to the daemon, and waits until it is accepted.
pub(crate) async fn send_request(
    path: &Path,
    request: &ControlRequest,
) -> Result<AnswerStream, ControlError> {
    send_request_within(ANSWER_TIMEOUT, path, request).await
}

async fn send_request_within(
    limit: Duration,
    path: &Path,
    request: &ControlRequest,
) -> Result<AnswerStream, ControlError> {
    let line = line_of(request).map_err(connection_failed)?;
    if line.len() as u64 > MAX_REQUEST_BYTES {
        return Err(ControlError::RequestTooLong { bytes: line.len() });
    }
    let sent = SentRequest {
        path: path.to_owned(),
        attempted: request.attempted(),
    };
    let accepted = tokio::time::timeout(limit, send_line(path, &line)).await;
    let (lines, writer, first) = accepted.map_err(|_| sent.no_answer(limit))??;
    Ok(AnswerStream {
        lines,
        _writer: writer,
        first: Some(first).filter(|first| *first != ControlAnswer::Accepted),
        limit: request.takes_no_work().then_some(limit),
        request: sent,
    })
}

/// Writes the request, and reads the first answer.
async fn send_line(
    path: &Path,
    line: &[u8],
) -> Result<(BufReader<OwnedReadHalf>, OwnedWriteHalf, ControlAnswer), ControlError> {
    let (reader, mut writer) = connect(path).await?.into_split();
    writer.write_all(line).await.map_err(connection_failed)?;
    let mut lines = BufReader::new(reader);
    let first = read_line(&mut lines, MAX_ANSWER_BYTES).await;
    let first = first.map_err(connection_failed)?.ok_or_else(closed)?;
    Ok((lines, writer, first))
}

/// Connects. Waits while the socket's backlog is full.
async fn connect(path: &Path) -> Result<UnixStream, ControlError> {
    loop {
        let cause = match UnixStream::connect(path).await {
            Ok(stream) => return Ok(stream),
            Err(cause) => cause,
        };
        let path = path.to_owned();
        match cause.kind() {
            io::ErrorKind::WouldBlock => tokio::time::sleep(CONNECT_PAUSE).await,
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                return Err(ControlError::NoDaemon { path });
            }
            _ => {
                return Err(ControlError::Socket {
                    attempted: "connect to",
                    path,
                    cause,
                });
            }
        }
    }
}

/// Whether a daemon listens on the socket.
pub(crate) async fn is_in_use(path: &Path) -> bool {
    match UnixStream::connect(path).await {
        Ok(_) => true,
        // The backlog is full, so a process listens.
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

impl AnswerStream {
    /// The next answer. `None` after the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<ControlAnswer>, ControlError> {
        let answer = match self.first.take() {
            Some(first) => first,
            None => self.read().await?,
        };
        match answer {
            ControlAnswer::Done => Ok(None),
            ControlAnswer::Refused(reason) => Err(ControlError::Refused(reason)),
            answer => Ok(Some(answer)),
        }
    }

    async fn read(&mut self) -> Result<ControlAnswer, ControlError> {
        let read = read_line(&mut self.lines, MAX_ANSWER_BYTES);
        let read = match self.limit {
            None => read.await,
            Some(limit) => {
                let read = tokio::time::timeout(limit, read).await;
                read.map_err(|_| self.request.no_answer(limit))?
            }
        };
        read.map_err(connection_failed)?.ok_or_else(closed)
    }
}

impl SentRequest {
    fn no_answer(&self, limit: Duration) -> ControlError {
        ControlError::NoAnswer {
            attempted: self.attempted,
            path: self.path.clone(),
            limit,
        }
    }
}

impl ControlRequest {
    /// Names the request in an error message, after "failed to".
    fn attempted(&self) -> &'static str {
        match self {
            Self::Link => "make a one-time link",
            Self::RotateKey => "rotate the key of the secrets",
            Self::ChangeSource { .. } => "change a Source",
            Self::TestSource { .. } => "test a Source",
            Self::Status => "read the daemon's status",
            Self::Reindex { .. } => "start a scan",
            Self::Rebuild { .. } => "start a rebuild",
            Self::Compact => "compact the index",
            Self::Retry { .. } => "retry quarantined messages",
            Self::Log(_) => "read or change the log filter",
            Self::Configuration => "compare the configuration with the daemon's",
            Self::LookUp { .. } => "look a key up",
            Self::Check { .. } => "let the daemon examine Sources",
        }
    }

    /// Whether the daemon answers the request without any work, so that its answer must arrive soon.
    fn takes_no_work(&self) -> bool {
        matches!(
            self,
            Self::Status | Self::Log(_) | Self::Configuration | Self::Link
        )
    }
}

fn connection_failed(error: io::Error) -> ControlError {
    ControlError::Connection(error.to_string())
}

fn closed() -> ControlError {
    ControlError::Connection("the daemon closed the connection before its last answer".to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::super::{LogCommand, write_line};
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(20);

    fn all_requests() -> [ControlRequest; 6] {
        [
            ControlRequest::Status,
            ControlRequest::Log(LogCommand::Show),
            ControlRequest::Rebuild { allow_empty: false },
            ControlRequest::Compact,
            ControlRequest::Retry { ids: Vec::new() },
            ControlRequest::Reindex {
                sources: Vec::new(),
                fresh: false,
                allow_empty: false,
            },
        ]
    }

    fn listening() -> (tempfile::TempDir, PathBuf, UnixListener) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let listener = UnixListener::bind(&path).unwrap();
        (folder, path, listener)
    }

    /// Accepts one request, and answers nothing more.
    async fn accept_request(listener: &UnixListener) -> UnixStream {
        let mut stream = listener.accept().await.unwrap().0;
        write_line(&mut stream, &ControlAnswer::Accepted)
            .await
            .unwrap();
        stream
    }

    #[tokio::test]
    async fn fails_if_the_daemon_does_not_accept_the_request() {
        let (_folder, path, _listener) = listening();
        for request in all_requests() {
            let attempted = request.attempted();
            let Err(error) = send_request_within(SHORT, &path, &request).await else {
                panic!("no daemon accepts it: {request:?}");
            };
            let text = error.to_string();
            let start = format!("failed to {attempted} through the control socket /");
            assert!(text.starts_with(&start), "{text}");
            assert!(
                text.contains("control.sock: the daemon did not answer within 0.05 seconds; "),
                "{text}"
            );
            assert!(text.contains("log"), "{text}");
        }
    }

    #[tokio::test]
    async fn fails_if_the_answer_to_a_request_without_work_is_late() {
        let (_folder, path, listener) = listening();
        for request in all_requests() {
            let sent = send_request_within(SHORT, &path, &request);
            let (sent, _daemon) = tokio::join!(sent, accept_request(&listener));
            let mut answers = sent.ok().unwrap();
            let answer = tokio::time::timeout(2 * SHORT, answers.next()).await;
            match request {
                ControlRequest::Status | ControlRequest::Log(_) => {
                    let error = answer.unwrap().unwrap_err();
                    assert!(matches!(error, ControlError::NoAnswer { .. }), "{error}");
                }
                _ => assert!(answer.is_err(), "{request:?} has no time limit"),
            }
        }
    }

    #[tokio::test]
    async fn reads_a_refusal_without_acceptance() {
        let (_folder, path, listener) = listening();
        let refused = async {
            let mut stream = listener.accept().await.unwrap().0;
            let refused = ControlAnswer::Refused("no".into());
            write_line(&mut stream, &refused).await.unwrap();
            stream
        };
        let sent =
            send_request_within(LONG, &path, &ControlRequest::Rebuild { allow_empty: false });
        let (sent, _daemon) = tokio::join!(sent, refused);
        let error = sent.ok().unwrap().next().await.unwrap_err();
        assert_eq!(error.to_string(), "the daemon reports: no");
    }

    #[tokio::test]
    async fn full_backlog_counts_as_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let socket = tokio::net::UnixSocket::new_stream().unwrap();
        socket.bind(&path).unwrap();
        let _listener = socket.listen(1).unwrap();
        let mut waiting = Vec::new();
        let refused = loop {
            match UnixStream::connect(&path).await {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        assert!(is_in_use(&path).await);
        let sent = send_request_within(SHORT, &path, &ControlRequest::Status).await;
        assert!(matches!(sent, Err(ControlError::NoAnswer { .. })));
    }

    #[test]
    fn permission_error_names_the_user_to_run_as() {
        let denied = ControlError::Socket {
            attempted: "connect to",
            path: "control.sock".into(),
            cause: io::ErrorKind::PermissionDenied.into(),
        };
        let text = denied.to_string();
        assert!(
            text.contains("; run it as root or as the service's user; "),
            "{text}"
        );
    }

    #[tokio::test]
    async fn error_without_a_daemon_says_how_to_start_it() {
        let sent = send_request(Path::new("/nowhere/control.sock"), &ControlRequest::Status).await;
        let text = sent
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        let ways = "start one with `asset-indexer serve` or `systemctl start asset-indexer`";
        assert!(text.ends_with(ways), "{text}");
    }

    #[tokio::test]
    async fn does_not_send_a_request_above_the_limit() {
        let ids = vec!["x".repeat(MAX_REQUEST_BYTES as usize)];
        let sent = send_request(Path::new("/nowhere"), &ControlRequest::Retry { ids }).await;
        assert!(matches!(sent, Err(ControlError::RequestTooLong { .. })));
    }
}
