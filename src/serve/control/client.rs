//! Asks the daemon behind the control socket, and gives up where it does not take a request in.
//!
//! How long a scan or a rebuild takes that it has taken in is not bounded; whoever asked may leave.

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

/// How long the daemon may take to take a request in, and again to answer one that it answers at once.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

/// How long to wait where as many wait to be accepted as the kernel lets.
const CONNECT_PAUSE: Duration = Duration::from_millis(50);

/// One request that was put, and its answers to come.
pub(crate) struct AnswerStream {
    lines: BufReader<OwnedReadHalf>,
    /// The daemon takes its end for ours.
    _writer: OwnedWriteHalf,
    /// What came first, where it was an answer.
    first: Option<ControlAnswer>,
    /// How long each answer may take; `None` where that is up to the work.
    limit: Option<Duration>,
    asked: Asked,
}

/// What was asked of whom, to tell it.
#[derive(Clone)]
struct Asked {
    path: PathBuf,
    what: &'static str,
}

/// Asks the daemon behind the socket, and waits until it has taken the request in.
pub(crate) async fn send_request(
    path: &Path,
    request: &ControlRequest,
) -> Result<AnswerStream, ControlError> {
    send_request_within(FIRST_ANSWER, path, request).await
}

async fn send_request_within(
    limit: Duration,
    path: &Path,
    request: &ControlRequest,
) -> Result<AnswerStream, ControlError> {
    let line = line_of(request).map_err(unread)?;
    if line.len() as u64 > MAX_REQUEST_BYTES {
        return Err(ControlError::TooLong { bytes: line.len() });
    }
    let asked = Asked {
        path: path.to_owned(),
        what: request.what(),
    };
    let unanswered = asked.unanswered(limit);
    let put = tokio::time::timeout(limit, put(path, &line)).await;
    let (lines, writer, first) = put.map_err(|_| unanswered)??;
    Ok(AnswerStream {
        lines,
        _writer: writer,
        // One that says no more than that it was taken in is none.
        first: Some(first).filter(|first| *first != ControlAnswer::Accepted),
        limit: request.is_answered_at_once().then_some(limit),
        asked,
    })
}

/// Writes the request, and reads what comes first.
async fn put(
    path: &Path,
    line: &[u8],
) -> Result<(BufReader<OwnedReadHalf>, OwnedWriteHalf, ControlAnswer), ControlError> {
    let (reader, mut writer) = connect(path).await?.into_split();
    writer.write_all(line).await.map_err(unread)?;
    let mut lines = BufReader::new(reader);
    let first = read_line(&mut lines, MAX_ANSWER_BYTES).await;
    let first = first.map_err(unread)?.ok_or_else(broken_off)?;
    Ok((lines, writer, first))
}

/// Connects, as soon as the kernel lets.
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

/// Whether a daemon answers on the socket, or at least has it.
pub(crate) async fn is_in_use(path: &Path) -> bool {
    match UnixStream::connect(path).await {
        Ok(_) => true,
        // Others wait before us.
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

impl AnswerStream {
    /// The next answer; `None` behind the last.
    pub(crate) async fn next(&mut self) -> Result<Option<ControlAnswer>, ControlError> {
        let answer = match self.first.take() {
            Some(first) => first,
            None => self.read().await?,
        };
        match answer {
            ControlAnswer::Done => Ok(None),
            ControlAnswer::Refused(why) => Err(ControlError::Refused(why)),
            answer => Ok(Some(answer)),
        }
    }

    async fn read(&mut self) -> Result<ControlAnswer, ControlError> {
        let read = read_line(&mut self.lines, MAX_ANSWER_BYTES);
        let read = match self.limit {
            None => read.await,
            Some(limit) => {
                let read = tokio::time::timeout(limit, read).await;
                read.map_err(|_| self.asked.unanswered(limit))?
            }
        };
        read.map_err(unread)?.ok_or_else(broken_off)
    }
}

impl Asked {
    fn unanswered(&self, limit: Duration) -> ControlError {
        ControlError::NoAnswer {
            what: self.what,
            path: self.path.clone(),
            limit,
        }
    }
}

impl ControlRequest {
    /// What is asked for, behind "ask the daemon for".
    fn what(&self) -> &'static str {
        match self {
            Self::Status => "its status",
            Self::Reindex { .. } => "a scan",
            Self::Rebuild => "a rebuild",
            Self::Compact => "a compaction",
            Self::Retry { .. } => "another try at messages",
            Self::Log(_) => "what it logs",
        }
    }

    /// Whether there is nothing to be done before the answer.
    fn is_answered_at_once(&self) -> bool {
        matches!(self, Self::Status | Self::Log(_))
    }
}

fn unread(error: io::Error) -> ControlError {
    ControlError::Answer(error.to_string())
}

fn broken_off() -> ControlError {
    ControlError::Answer("it broke off".to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::super::{LogCommand, write_line};
    use super::*;

    const LITTLE: Duration = Duration::from_millis(50);
    const TOO_LONG: Duration = Duration::from_secs(20);

    fn requests() -> [ControlRequest; 6] {
        [
            ControlRequest::Status,
            ControlRequest::Log(LogCommand::Show),
            ControlRequest::Rebuild,
            ControlRequest::Compact,
            ControlRequest::Retry { ids: Vec::new() },
            ControlRequest::Reindex {
                sources: Vec::new(),
                fresh: false,
            },
        ]
    }

    fn listening() -> (tempfile::TempDir, PathBuf, UnixListener) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let listener = UnixListener::bind(&path).unwrap();
        (folder, path, listener)
    }

    /// Takes one request in, and says nothing more.
    async fn take_in(listener: &UnixListener) -> UnixStream {
        let mut stream = listener.accept().await.unwrap().0;
        write_line(&mut stream, &ControlAnswer::Accepted)
            .await
            .unwrap();
        stream
    }

    #[tokio::test]
    async fn a_request_that_nobody_takes_in_is_given_up() {
        let (_folder, path, _listener) = listening();
        for request in requests() {
            let what = request.what();
            let Err(error) = send_request_within(LITTLE, &path, &request).await else {
                panic!("nobody listens: {request:?}");
            };
            let text = error.to_string();
            let begin = format!("failed to ask the daemon for {what} on the control socket /");
            assert!(text.starts_with(&begin), "{text}");
            assert!(
                text.contains("control.sock: no answer in 0.05 seconds; "),
                "{text}"
            );
            assert!(text.contains("log"), "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_answered_at_once_is_given_up_too_where_it_is_not() {
        let (_folder, path, listener) = listening();
        for request in requests() {
            let asked = send_request_within(LITTLE, &path, &request);
            let (asked, _daemon) = tokio::join!(asked, take_in(&listener));
            let mut answers = asked.ok().unwrap();
            let answer = tokio::time::timeout(2 * LITTLE, answers.next()).await;
            match request {
                ControlRequest::Status | ControlRequest::Log(_) => {
                    let error = answer.unwrap().unwrap_err();
                    assert!(matches!(error, ControlError::NoAnswer { .. }), "{error}");
                }
                _ => assert!(answer.is_err(), "{request:?} takes its time"),
            }
        }
    }

    #[tokio::test]
    async fn an_answer_may_come_first() {
        let (_folder, path, listener) = listening();
        let refused = async {
            let mut stream = listener.accept().await.unwrap().0;
            let refused = ControlAnswer::Refused("no".into());
            write_line(&mut stream, &refused).await.unwrap();
            stream
        };
        let asked = send_request_within(TOO_LONG, &path, &ControlRequest::Rebuild);
        let (asked, _daemon) = tokio::join!(asked, refused);
        let error = asked.ok().unwrap().next().await.unwrap_err();
        assert_eq!(error.to_string(), "the daemon refuses: no");
    }

    #[tokio::test]
    async fn a_socket_at_which_others_wait_is_answered() {
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
        let asked = send_request_within(LITTLE, &path, &ControlRequest::Status).await;
        assert!(matches!(asked, Err(ControlError::NoAnswer { .. })));
    }

    #[test]
    fn whom_the_socket_denies_is_told_whom_to_be() {
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
    async fn a_daemon_that_is_missing_can_be_started_in_two_ways() {
        let asked = send_request(Path::new("/nowhere/control.sock"), &ControlRequest::Status).await;
        let text = asked
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        let ways = "start one with `asset-indexer serve` or `systemctl start asset-indexer`";
        assert!(text.ends_with(ways), "{text}");
    }

    #[tokio::test]
    async fn a_request_that_is_too_long_is_not_put() {
        let ids = vec!["x".repeat(MAX_REQUEST_BYTES as usize)];
        let asked = send_request(Path::new("/nowhere"), &ControlRequest::Retry { ids }).await;
        assert!(matches!(asked, Err(ControlError::TooLong { .. })));
    }
}
