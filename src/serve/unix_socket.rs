//! Listens on a Unix socket whose file has its final permissions from the start.
//!
//! This module does not decide whether another process listens there, or whether an old file may be replaced.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{Mode, fchmod};
use tokio::net::{UnixListener, UnixSocket};

/// The mode of the socket's file: its owner and its group may connect.
const SOCKET_MODE: u32 = 0o660;

/// Number of connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Creates the socket's file and listens. Fails if the path exists.
pub(crate) fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = bind(path)?;
    // Adds what the umask has removed. No client can connect yet.
    fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE))?;
    socket.listen(BACKLOG)
}

/// Creates the socket's file, with [`SOCKET_MODE`] or less.
fn bind(path: &Path) -> io::Result<UnixSocket> {
    let socket = UnixSocket::new_stream()?;
    // Linux creates the file with the mode of the socket, without the bits of the umask.
    fchmod(&socket, Mode::from_raw_mode(SOCKET_MODE))?;
    socket.bind(path)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[tokio::test]
    async fn file_never_has_wider_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let (bound, listening) = (folder.path().join("a"), folder.path().join("b"));
        bind(&bound).unwrap();
        assert_eq!(mode(&bound) & !SOCKET_MODE, 0, "{:o}", mode(&bound));
        listen(&listening).unwrap();
        assert_eq!(mode(&listening), SOCKET_MODE);
        assert!(listen(&listening).is_err(), "the path exists");
    }
}
