//! Listens on a TCP address or a Unix socket.
//!
//! File permissions decide who may connect to a Unix socket. This module only accepts connections; it does
//! not serve them.

use std::io;
use std::net::IpAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::config::Listen;
use crate::config::listen::PENDING_SUFFIX;
use crate::serve::unix_socket;

/// Why listening failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// The operating system refused.
    #[error("failed to listen on {listen}: {}", bind_advice(.cause))]
    Bind {
        listen: Listen,
        #[source]
        cause: io::Error,
    },
    /// Another process listens on the socket.
    #[error("another process listens on {listen}; stop it or change serve.listen")]
    Taken { listen: Listen },
    /// Something other than a socket has that path.
    #[error("{} exists and is not a socket; change serve.listen", path.display())]
    NotASocket { path: PathBuf },
}

/// Explains why listening failed and what to do.
pub(super) fn bind_advice(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::AddrInUse => {
            "another process listens there; stop it or use another port".into()
        }
        io::ErrorKind::PermissionDenied => {
            "permission denied; use a port above 1023 or grant CAP_NET_BIND_SERVICE. For a Unix \
             socket, give this user write access to its folder"
                .into()
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; use one that it has, such as 127.0.0.1".into()
        }
        _ => cause.to_string(),
    }
}

/// Accepts connections.
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
        #[expect(dead_code, reason = "removes the file when dropped")] SocketFile,
    ),
}

/// Removes the socket file when dropped.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // If this fails, the next process replaces the file.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A byte stream in both directions: TCP, Unix socket or TLS.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// An accepted connection.
pub(super) struct Accepted {
    pub stream: Box<dyn Transport>,
    /// The address of the client. `None` over a Unix socket.
    pub address: Option<IpAddr>,
}

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
                check_unused(listen, path).await?;
                let socket = bind_socket(path).map_err(failed)?;
                Ok(Self {
                    socket: Socket::Unix(socket, SocketFile(path.clone())),
                    address: listen.clone(),
                })
            }
        }
    }

    /// The address it listens on. Port 0 is replaced by the actual port.
    pub(crate) fn address(&self) -> &Listen {
        &self.address
    }

    /// Accepts the next connection. Cancel safe.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        Ok(match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, address) = socket.accept().await?;
                Accepted {
                    stream: Box::new(stream),
                    address: Some(address.ip()),
                }
            }
            Socket::Unix(socket, _) => Accepted {
                stream: Box::new(socket.accept().await?.0),
                address: None,
            },
        })
    }
}

/// Checks that the path does not exist, or is a socket without a listener.
async fn check_unused(listen: &Listen, path: &Path) -> Result<(), ListenError> {
    if UnixStream::connect(path).await.is_ok() {
        let listen = listen.clone();
        return Err(ListenError::Taken { listen });
    }
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            let path = path.to_owned();
            Err(ListenError::NotASocket { path })
        }
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            let listen = listen.clone();
            Err(ListenError::Bind { listen, cause })
        }
        _ => Ok(()),
    }
}

/// Creates the socket next to the path and renames it, so that it replaces the socket of a dead process.
fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    let mut pending_path = path.to_owned().into_os_string();
    pending_path.push(PENDING_SUFFIX);
    let pending_path = PathBuf::from(pending_path);
    match std::fs::symlink_metadata(&pending_path) {
        // A killed process may have left this file.
        Ok(metadata) if metadata.file_type().is_socket() => std::fs::remove_file(&pending_path)?,
        _ => {}
    }
    let socket = unix_socket::listen(&pending_path)?;
    std::fs::rename(&pending_path, path)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn socket(folder: &tempfile::TempDir) -> (PathBuf, Listen) {
        let path = folder.path().join("http.sock");
        (path.clone(), Listen::Unix(path))
    }

    #[tokio::test]
    async fn socket_has_mode_660_and_is_removed_on_drop() {
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
    async fn replaces_only_a_socket_without_listener() {
        let folder = tempfile::tempdir().unwrap();
        let (path, listen) = socket(&folder);
        // A standard listener leaves its file behind, like a killed process.
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
        assert!(refused.contains("is not a socket"), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn missing_folder_is_reported() {
        let listen = Listen::Unix("/nonexistent/http.sock".into());
        let error = Listener::bind(&listen).await.unwrap_err().to_string();
        let begin = "failed to listen on unix:/nonexistent/http.sock: ";
        assert!(error.starts_with(begin), "{error}");
    }
}
