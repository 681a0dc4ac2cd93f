//! Where connections come in: an address and a port, or a Unix socket.
//!
//! Who may connect to a Unix socket is decided by the permissions of its file and of the folders above;
//! what is done with a connection, elsewhere.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::config::Listen;
use crate::config::listen::PENDING_SUFFIX;

/// The mode of a socket's file: its user and its group may connect.
const SOCKET_MODE: u32 = 0o660;

/// Why nobody can connect.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// The address cannot be listened on.
    #[error("failed to listen on {listen}: {}", advice(.cause))]
    Bind {
        /// The address, or the path of the socket.
        listen: Listen,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// Another process answers on the socket.
    #[error("another process listens on {listen}; stop it, or write another serve.listen")]
    Taken {
        /// The socket.
        listen: Listen,
    },
    /// Something else is where the socket is to be.
    #[error("{} is no socket; write another serve.listen", path.display())]
    NoSocket {
        /// What is no socket.
        path: PathBuf,
    },
}

/// Why an address cannot be listened on, and what to do.
pub(super) fn advice(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::AddrInUse => {
            "another process listens there; stop it, or configure another port".into()
        }
        io::ErrorKind::PermissionDenied => {
            "this user may not; configure a port above 1023, or grant CAP_NET_BIND_SERVICE; for a \
             socket, let this user write in its folder"
                .into()
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; configure one that it has, such as 127.0.0.1".into()
        }
        _ => cause.to_string(),
    }
}

/// Takes connections.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    address: Listen,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(
        UnixListener,
        #[expect(dead_code, reason = "it is there to be dropped")] SocketFile,
    ),
}

/// Removes the socket's file when it is dropped: nobody answers there any more.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // One that stays is replaced by the next process.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What bytes come and go by.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

impl Listener {
    pub(super) async fn bind(listen: &Listen) -> Result<Self, ListenError> {
        let failed = |cause| ListenError::Bind {
            listen: listen.clone(),
            cause,
        };
        match listen {
            Listen::Tcp(address) => {
                let socket = TcpListener::bind(address).await.map_err(failed)?;
                let address = socket.local_addr().map_err(failed)?;
                Ok(Self {
                    socket: Socket::Tcp(socket),
                    address: Listen::Tcp(address),
                })
            }
            Listen::Unix(path) => {
                check_vacant(listen, path).await?;
                let socket = bind_socket(path).map_err(failed)?;
                Ok(Self {
                    socket: Socket::Unix(socket, SocketFile(path.clone())),
                    address: listen.clone(),
                })
            }
        }
    }

    /// Where it takes them: with the port that it got, where any would do.
    pub(crate) fn address(&self) -> &Listen {
        &self.address
    }

    /// The next connection. Nothing is lost where this is dropped.
    pub(super) async fn accept(&self) -> io::Result<Box<dyn Transport>> {
        Ok(match &self.socket {
            Socket::Tcp(socket) => Box::new(socket.accept().await?.0),
            Socket::Unix(socket, _) => Box::new(socket.accept().await?.0),
        })
    }
}

/// Looks whether there is nothing, or a socket that nobody listens on any more.
async fn check_vacant(listen: &Listen, path: &Path) -> Result<(), ListenError> {
    if UnixStream::connect(path).await.is_ok() {
        let listen = listen.clone();
        return Err(ListenError::Taken { listen });
    }
    match std::fs::symlink_metadata(path) {
        Ok(about) if !about.file_type().is_socket() => {
            let path = path.to_owned();
            Err(ListenError::NoSocket { path })
        }
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            let listen = listen.clone();
            Err(ListenError::Bind { listen, cause })
        }
        _ => Ok(()),
    }
}

/// Listens beside the path, and takes its place when the permissions are right: at no time others can
/// connect.
fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    let mut beside = path.to_owned().into_os_string();
    beside.push(PENDING_SUFFIX);
    let beside = PathBuf::from(beside);
    match std::fs::symlink_metadata(&beside) {
        // What a process left that was killed in between.
        Ok(about) if about.file_type().is_socket() => std::fs::remove_file(&beside)?,
        _ => {}
    }
    let socket = UnixListener::bind(&beside)?;
    std::fs::set_permissions(&beside, PermissionsExt::from_mode(SOCKET_MODE))?;
    std::fs::rename(&beside, path)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(folder: &tempfile::TempDir) -> (PathBuf, Listen) {
        let path = folder.path().join("http.sock");
        (path.clone(), Listen::Unix(path))
    }

    #[tokio::test]
    async fn a_socket_is_for_its_user_and_group_and_goes_with_its_listener() {
        let folder = tempfile::tempdir().unwrap();
        let (path, listen) = socket(&folder);
        let listener = Listener::bind(&listen).await.unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o660);
        assert_eq!(*listener.address(), listen);
        drop(listener);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn only_a_socket_that_nobody_listens_on_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, listen) = socket(&folder);
        // A standard listener leaves its file, as a process does that is killed.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let first = Listener::bind(&listen).await.unwrap();
        let taken = Listener::bind(&listen).await.unwrap_err().to_string();
        assert!(
            taken.contains("another process listens on unix:/"),
            "{taken}"
        );
        assert!(UnixStream::connect(&path).await.is_ok());
        drop(first);
        std::fs::write(&path, "precious").unwrap();
        let refused = Listener::bind(&listen).await.unwrap_err().to_string();
        assert!(refused.contains("is no socket"), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_explained() {
        let listen = Listen::Unix("/nonexistent/http.sock".into());
        let error = Listener::bind(&listen).await.unwrap_err().to_string();
        let begin = "failed to listen on unix:/nonexistent/http.sock: ";
        assert!(error.starts_with(begin), "{error}");
    }
}
