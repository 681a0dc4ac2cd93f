//! Reads a file only if its permissions are strict enough.
//!
//! The group may have read access, so that a file owned by root can be shared with only the service.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Forbidden bits for a secret: only the owner may write, only owner and group may read.
pub(crate) const PRIVATE: u32 = 0o027;
/// Forbidden bits for a public file: none.
pub(crate) const PUBLIC: u32 = 0;

/// Why a file is rejected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckedFileError {
    /// Opening or reading failed.
    #[error("failed to read it: {0}")]
    Unreadable(#[from] io::Error),
    /// It is a folder, a pipe or a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// Its permissions are too open. Holds the mode.
    #[error(
        "its permissions are too open (mode {0:o}); chmod 600 it, or 640 if the service reads it \
         through its group"
    )]
    Exposed(u32),
    /// It is longer than the limit, in bytes.
    #[error("it has more than {0} bytes")]
    TooLong(u64),
    /// It is not valid UTF-8.
    #[error("it is not UTF-8 text")]
    NotText,
}

/// Returns the content and metadata of a file of up to `max_bytes`. It must have no permission bit of `forbidden`.
pub(crate) fn read(
    path: &Path,
    forbidden: u32,
    max_bytes: u64,
) -> Result<(String, std::fs::Metadata), CheckedFileError> {
    // Opening a named pipe would block until it has a writer, and block requests with it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(CheckedFileError::NotAFile);
    }
    let file = File::open(path)?;
    // Metadata of the open file: the path could be swapped between a check and the read.
    let metadata = file.metadata()?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & forbidden != 0 {
        return Err(CheckedFileError::Exposed(mode));
    }
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(CheckedFileError::TooLong(max_bytes));
    }
    // The UTF-8 error holds the bytes of the secret: drop it.
    let text = String::from_utf8(bytes).map_err(|_| CheckedFileError::NotText)?;
    Ok((text, metadata))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_permissions_size_and_kind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (text, mode, want) in [
            (&b"text"[..], 0o600, None),
            (b"text", 0o400, None),
            (b"text", 0o640, None),
            (b"text", 0o644, Some("(mode 644); chmod 600 it")),
            (b"text", 0o660, Some("(mode 660)")),
            (b"text", 0o601, Some("(mode 601)")),
            (b"12345", 0o600, Some("more than 4 bytes")),
            (b"\xFF", 0o600, Some("not UTF-8")),
        ] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let read = read(&path, PRIVATE, 4);
            match (read, want) {
                (Ok((read, _)), None) => assert_eq!(read.as_bytes(), text),
                (Err(error), Some(words)) => {
                    assert!(error.to_string().contains(words), "{mode:o}: {error}");
                }
                (read, _) => panic!("{mode:o}: {read:?}"),
            }
        }
        std::fs::write(&path, "text").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        read(&path, PUBLIC, 4).unwrap();
        let pipe = folder.path().join("pipe");
        let created = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(created.unwrap().success());
        for path in [&*pipe, folder.path()] {
            let error = read(path, PUBLIC, 4).unwrap_err();
            assert!(matches!(error, CheckedFileError::NotAFile), "{error}");
        }
        let absent = read(&folder.path().join("absent"), PUBLIC, 4).unwrap_err();
        assert!(matches!(absent, CheckedFileError::Unreadable(_)));
    }
}
