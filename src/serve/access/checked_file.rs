//! A file that is taken only where others cannot reach it.
//!
//! Its group may read it, so that a file of root's can be read by the service alone.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Nobody but the owner may change it, and nobody but the owner and the group may read it.
pub(crate) const PRIVATE: u32 = 0o027;
/// It is no secret.
pub(crate) const OPEN: u32 = 0;

/// Why it is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckedFileError {
    /// It cannot be opened or read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It is a folder, a pipe or a device.
    #[error("it is no file")]
    NoFile,
    /// It is open to others.
    #[error(
        "it is open to others than its owner and group (mode {0:o}); chmod 600 it, or 640 where the \
         service reads it by its group"
    )]
    Exposed(u32),
    /// It is longer than such a file can be.
    #[error("it has more than {0} bytes")]
    TooLong(u64),
    /// It is not text.
    #[error("it is not text")]
    NotText,
}

/// Reads all of it, and what the open file is; `forbidden` are the permission bits that it must not have.
pub(crate) fn read(
    path: &Path,
    forbidden: u32,
    max_bytes: u64,
) -> Result<(String, std::fs::Metadata), CheckedFileError> {
    // Whoever opens a pipe waits for a writer, and whoever waits for a token waits with it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(CheckedFileError::NoFile);
    }
    let file = File::open(path)?;
    // Of the open file, so that nobody can put another in its place between check and reading.
    let about = file.metadata()?;
    let mode = about.permissions().mode() & 0o7777;
    if mode & forbidden != 0 {
        return Err(CheckedFileError::Exposed(mode));
    }
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(CheckedFileError::TooLong(max_bytes));
    }
    // The error would carry the bytes: it is not kept.
    let text = String::from_utf8(bytes).map_err(|_| CheckedFileError::NotText)?;
    Ok((text, about))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_others_can_reach_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (text, mode, fault) in [
            (&b"text"[..], 0o600, None),
            (b"text", 0o400, None),
            (b"text", 0o640, None),
            (b"text", 0o644, Some("(mode 644); chmod 600 it")),
            (b"text", 0o660, Some("(mode 660)")),
            (b"text", 0o601, Some("(mode 601)")),
            (b"12345", 0o600, Some("more than 4 bytes")),
            (b"\xFF", 0o600, Some("not text")),
        ] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let read = read(&path, PRIVATE, 4);
            match (read, fault) {
                (Ok((read, _)), None) => assert_eq!(read.as_bytes(), text),
                (Err(error), Some(words)) => {
                    assert!(error.to_string().contains(words), "{mode:o}: {error}");
                }
                (read, _) => panic!("{mode:o}: {read:?}"),
            }
        }
        std::fs::write(&path, "text").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        read(&path, OPEN, 4).unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for no_file in [&*pipe, folder.path()] {
            let fault = read(no_file, OPEN, 4).unwrap_err();
            assert!(matches!(fault, CheckedFileError::NoFile), "{fault}");
        }
        let absent = read(&folder.path().join("absent"), OPEN, 4).unwrap_err();
        assert!(matches!(absent, CheckedFileError::Unreadable(_)));
    }
}
