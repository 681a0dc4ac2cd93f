//! A secret that lies in a file: read, checked, and never shown.
//!
//! It is never taken from the configuration's text, an argument or an environment variable.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::core::source::SecretFile;

/// The longest file that is taken for a secret; AWS's have 40 characters.
const MAX_BYTES: u64 = 4096;

/// The permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// As [`OTHERS`], for systemd's own files: there the group's bits show the access list by which
/// systemd lets the unit's user, and nobody else, read the file.
const OTHERS_BESIDE_SYSTEMD: u32 = 0o007;

/// The environment variable by which systemd tells where the unit's credentials lie.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// A secret; its text only by [`Secret::reveal`].
pub(super) struct Secret(String);

impl Secret {
    /// The text.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    /// The file cannot be opened or read.
    #[error("read the secret in {path}: {source}; check that the file exists and that this process may read it", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others can reach the file.
    #[error("the secret in {path} is open to others than its owner (mode {mode:o}); chmod 600 it", path = .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It holds no secret.
    #[error("{path} holds no secret: {why}; write the secret access key in it and nothing else", path = .path.display())]
    NotASecret {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: &'static str,
    },
    /// A systemd credential was asked for outside a unit that has one.
    #[error(
        "failed to read the systemd credential {name:?}: {CREDENTIALS_DIRECTORY} is not set, because systemd \
         hands credentials over to the service alone; let the daemon do it, or run the command as \
         `systemd-run --collect --pty --uid=asset-indexer \
         -p LoadCredentialEncrypted=s3:/etc/asset-indexer/credentials asset-indexer …`, where the file F of that \
         folder is the credential s3_F"
    )]
    NoCredentialsDirectory {
        /// The credential.
        name: String,
    },
    /// The unit has no credential of that name.
    #[error(
        "failed to read the systemd credential {name:?}: it is not among those that systemd has handed over \
         in {directory}, which are {present}; write the name of one of them, or have the unit load it and \
         restart it: credentials are handed over at a restart, not at a reload",
        directory = .directory.display()
    )]
    NoSuchCredential {
        /// The credential.
        name: String,
        /// Where they lie.
        directory: PathBuf,
        /// The names of those that are there, or that there are none.
        present: String,
    },
    /// A credential's name that would lead out of the directory.
    #[error(
        "{name:?} is no name of a systemd credential; write it as in LoadCredential=, without a path"
    )]
    BadName {
        /// The name.
        name: String,
    },
}

/// Reads the secret; a trailing end of line does not belong to it.
pub(super) fn read(file: &SecretFile) -> Result<Secret, SecretError> {
    match file {
        SecretFile::Path(path) => read_file(path, OTHERS),
        SecretFile::SystemdCredential(name) => {
            let directory = std::env::var_os(CREDENTIALS_DIRECTORY).map(PathBuf::from);
            read_credential(directory, name)
        }
    }
}

fn read_credential(directory: Option<PathBuf>, name: &str) -> Result<Secret, SecretError> {
    let path = credential_path(directory, name)?;
    read_file(&path, OTHERS_BESIDE_SYSTEMD).map_err(|fault| match (fault, path.parent()) {
        (SecretError::Unreadable { source, .. }, Some(directory))
            if source.kind() == io::ErrorKind::NotFound =>
        {
            SecretError::NoSuchCredential {
                name: name.into(),
                directory: directory.into(),
                present: names_in(directory),
            }
        }
        (fault, _) => fault,
    })
}

/// The names of the files in a folder, in words.
fn names_in(directory: &Path) -> String {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => return format!("not to be listed ({error})"),
    };
    let name =
        |entry: io::Result<std::fs::DirEntry>| Some(format!("{:?}", entry.ok()?.file_name()));
    let mut names: Vec<String> = entries.filter_map(name).collect();
    names.sort_unstable();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn credential_path(directory: Option<PathBuf>, name: &str) -> Result<PathBuf, SecretError> {
    if name.is_empty() || name.contains('/') || name == "." || name == ".." {
        return Err(SecretError::BadName { name: name.into() });
    }
    match directory {
        Some(directory) => Ok(directory.join(name)),
        None => Err(SecretError::NoCredentialsDirectory { name: name.into() }),
    }
}

fn read_file(path: &Path, others: u32) -> Result<Secret, SecretError> {
    let unreadable = |source| SecretError::Unreadable {
        path: path.into(),
        source,
    };
    let not_a_secret = |why| SecretError::NotASecret {
        path: path.into(),
        why,
    };
    let file = File::open(path).map_err(unreadable)?;
    // Of the open file, so that nobody can put another in its place between check and reading.
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & others != 0 {
        return Err(SecretError::Exposed {
            path: path.into(),
            mode,
        });
    }
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(not_a_secret("it is too long"));
    }
    // The error would carry the bytes: it is not kept.
    let text = String::from_utf8(text).map_err(|_| not_a_secret("it is not text"))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(not_a_secret("it is empty")),
        secret if secret.contains(['\r', '\n']) => Err(not_a_secret("it has several lines")),
        secret => Ok(Secret(secret.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(text: &[u8], mode: u32) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let secret = read(&SecretFile::Path(path)).map_err(|fault| fault.to_string())?;
        assert!(!format!("{secret:?}").contains(secret.reveal()));
        Ok(secret.reveal().to_owned())
    }

    #[test]
    fn a_secret_is_read_without_its_end_of_line() {
        for (text, mode) in [
            ("abc+/=", 0o600),
            ("abc+/=\n", 0o400),
            ("abc+/=\r\n", 0o700),
        ] {
            assert_eq!(
                read_back(text.as_bytes(), mode).as_deref(),
                Ok("abc+/="),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_secret_that_cannot_be_used_is_refused_without_being_shown() {
        for (text, mode, fault) in [
            (&b"hidden"[..], 0o604, "chmod 600"),
            (b"hidden", 0o601, "(mode 601)"),
            (b"hidden", 0o640, "(mode 640)"),
            (b"hidden", 0o602, "open to others"),
            (b"", 0o600, "it is empty"),
            (b"\n\n", 0o600, "it is empty"),
            (b"hidden\nhidden\n", 0o600, "several lines"),
            (b"hidden\xFF", 0o600, "not text"),
            (&[b'h'; 4097], 0o600, "too long"),
        ] {
            let refused = read_back(text, mode).unwrap_err();
            assert!(refused.contains(fault), "{refused}");
            assert!(!refused.contains("hidden"), "{refused}");
        }
    }

    #[test]
    fn a_file_of_systemds_may_show_its_access_list_as_the_group() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "abc").unwrap();
        for (mode, taken) in [(0o440, true), (0o400, true), (0o444, false)] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let read = read_file(&path, OTHERS_BESIDE_SYSTEMD);
            assert_eq!(read.is_ok(), taken, "{mode:o}");
        }
    }

    #[test]
    fn a_systemd_credential_lies_in_the_units_directory() {
        let directory = || Some(PathBuf::from("/run/credentials/unit"));
        assert_eq!(
            credential_path(directory(), "s3").unwrap(),
            Path::new("/run/credentials/unit/s3")
        );
        for name in ["", ".", "..", "../s3", "/etc/shadow", "a/b"] {
            let refused = credential_path(directory(), name).unwrap_err().to_string();
            assert!(
                refused.contains("no name of a systemd credential"),
                "{refused}"
            );
        }
        let refused = credential_path(None, "s3").unwrap_err().to_string();
        for words in [
            "CREDENTIALS_DIRECTORY is not set",
            "to the service alone; let the daemon do it",
            "`systemd-run --collect --pty --uid=asset-indexer -p LoadCredentialEncrypted=s3:/etc/",
        ] {
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn a_credential_that_was_not_handed_over_is_told_from_those_that_were() {
        let folder = tempfile::tempdir().unwrap();
        let directory = || Some(folder.path().to_owned());
        let refused = || read_credential(directory(), "s4").unwrap_err().to_string();
        assert!(refused().contains("which are none;"), "{}", refused());
        for name in ["s3_photos", "s3"] {
            std::fs::write(folder.path().join(name), "hidden").unwrap();
        }
        let refused = refused();
        for words in [
            "credential \"s4\": it is not among those",
            "which are \"s3\", \"s3_photos\";",
            "handed over at a restart, not at a reload",
        ] {
            assert!(refused.contains(words), "{refused}");
        }
        assert!(!refused.contains("hidden"), "{refused}");
    }
}
