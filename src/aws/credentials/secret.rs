//! Reads and checks a secret in a file.
//!
//! Secrets never come from the configuration file, an argument or an environment variable, and are never
//! printed.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::core::source::SecretFile;

/// The maximum size of a secret file. Secrets of AWS have 40 characters.
const MAX_BYTES: u64 = 4096;

/// The forbidden permission bits of a secret file: the owner may do everything, its group may read.
const FORBIDDEN: u32 = 0o037;

/// The permission bit that lets the group read. Only a group of this process may have it, such as the `fsGroup`
/// of a pod.
const GROUP_READ: u32 = 0o040;

/// The forbidden permission bits of a systemd credential. systemd lets only the unit's user read the file,
/// with an access control list. The group bits then show the mask of that list, so they may be set.
const SYSTEMD_OTHERS: u32 = 0o007;

/// The environment variable in which systemd names the folder with the credentials of the unit.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// A secret. Only [`Secret::reveal`] returns its text.
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
    #[error("failed to read the secret in {path}: {source}. Check that the file exists and that this process may read it.", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Users other than the owner and the groups of this process can read the file, or users other than the owner
    /// can change it.
    #[error("failed to read the secret in {path}: users other than its owner can read or change it (mode {mode:o}). Run chmod 600 on it, or chmod 640 if it belongs to a group of this process.", path = .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file does not contain a secret.
    #[error("failed to read the secret in {path}: {why}. Write only the secret access key into the file.", path = .path.display())]
    NotASecret {
        /// The file.
        path: PathBuf,
        /// What is wrong with its contents.
        why: &'static str,
    },
    /// The process is not part of a unit with systemd credentials.
    #[error(
        "failed to read the systemd credential {name:?}: {CREDENTIALS_DIRECTORY} is not set, because systemd \
         passes credentials only to the service. Let the daemon do it, or run the command as \
         `systemd-run --collect --pty --uid=asset-indexer \
         -p LoadCredentialEncrypted=s3:/etc/asset-indexer/credentials asset-indexer …`. A file F in that \
         folder becomes the credential s3_F."
    )]
    NoCredentialsDirectory {
        /// The credential.
        name: String,
    },
    /// The unit has no credential of that name.
    #[error(
        "failed to read the systemd credential {name:?}: systemd has not passed it to this \
         service. {directory} has: {present}. Use one of these names, or let the unit load the credential and \
         restart the unit (systemd passes credentials at a restart, not at a reload).",
        directory = .directory.display()
    )]
    NoSuchCredential {
        /// The credential.
        name: String,
        /// The folder of the credentials.
        directory: PathBuf,
        /// The names of the credentials in the folder, for the message.
        present: String,
    },
    /// A name that would lead out of the folder.
    #[error(
        "{name:?} is not a valid name of a systemd credential. Write the name as in LoadCredential=, without a path."
    )]
    BadName {
        /// The name.
        name: String,
    },
}

/// Reads the secret, without a line break at its end.
pub(super) fn read(file: &SecretFile) -> Result<Secret, SecretError> {
    match file {
        SecretFile::Path(path) => read_file(path, |file| is_exposed(file, &our_groups())),
        SecretFile::SystemdCredential(name) => {
            let directory = std::env::var_os(CREDENTIALS_DIRECTORY).map(PathBuf::from);
            read_credential(directory, name)
        }
    }
}

fn read_credential(directory: Option<PathBuf>, name: &str) -> Result<Secret, SecretError> {
    let path = credential_path(directory, name)?;
    read_file(&path, |file| file.mode() & SYSTEMD_OTHERS != 0).map_err(|error| {
        match (error, path.parent()) {
            (SecretError::Unreadable { source, .. }, Some(directory))
                if source.kind() == io::ErrorKind::NotFound =>
            {
                SecretError::NoSuchCredential {
                    name: name.into(),
                    directory: directory.into(),
                    present: names_in(directory),
                }
            }
            (error, _) => error,
        }
    })
}

/// The names of the files in a folder, for a message.
fn names_in(directory: &Path) -> String {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => return format!("nothing that can be listed ({error})"),
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

/// The groups of this process.
fn our_groups() -> Vec<u32> {
    let more = rustix::process::getgroups().unwrap_or_default();
    let own = rustix::process::getegid();
    more.into_iter()
        .chain([own])
        .map(|group| group.as_raw())
        .collect()
}

/// Whether users other than the owner can change the file, or users other than the owner and `groups` can read it.
fn is_exposed(file: &impl MetadataExt, groups: &[u32]) -> bool {
    let group_reads = file.mode() & GROUP_READ != 0;
    file.mode() & FORBIDDEN != 0 || group_reads && !groups.contains(&file.gid())
}

fn read_file(
    path: &Path,
    is_exposed: impl FnOnce(&Metadata) -> bool,
) -> Result<Secret, SecretError> {
    let unreadable = |source| SecretError::Unreadable {
        path: path.into(),
        source,
    };
    let not_a_secret = |why| SecretError::NotASecret {
        path: path.into(),
        why,
    };
    let file = File::open(path).map_err(unreadable)?;
    // Check the open file: the path could name another file by the time it is read.
    let metadata = file.metadata().map_err(unreadable)?;
    if is_exposed(&metadata) {
        return Err(SecretError::Exposed {
            path: path.into(),
            mode: metadata.mode() & 0o7777,
        });
    }
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(not_a_secret("it is too long"));
    }
    // Drop the error, because it contains the bytes.
    let text = String::from_utf8(text).map_err(|_| not_a_secret("it is not text"))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(not_a_secret("it is empty")),
        secret if secret.contains(['\r', '\n']) => Err(not_a_secret("it has several lines")),
        secret => Ok(Secret(secret.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn read_back(text: &[u8], mode: u32) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let secret = read(&SecretFile::Path(path)).map_err(|error| error.to_string())?;
        assert!(!format!("{secret:?}").contains(secret.reveal()));
        Ok(secret.reveal().to_owned())
    }

    #[test]
    fn reads_a_secret_without_its_line_break() {
        for (text, mode) in [
            ("abc+/=", 0o600),
            ("abc+/=\n", 0o400),
            ("abc+/=\r\n", 0o700),
            ("abc+/=", 0o640),
            ("abc+/=", 0o440),
        ] {
            assert_eq!(
                read_back(text.as_bytes(), mode).as_deref(),
                Ok("abc+/="),
                "{text:?}"
            );
        }
    }

    #[test]
    fn refuses_unusable_secrets_without_printing_them() {
        for (text, mode, expected) in [
            (&b"hidden"[..], 0o604, "chmod 600"),
            (b"hidden", 0o601, "(mode 601)"),
            (b"hidden", 0o660, "chmod 640 if"),
            (b"hidden", 0o602, "users other than its owner"),
            (b"", 0o600, "it is empty"),
            (b"\n\n", 0o600, "it is empty"),
            (b"hidden\nhidden\n", 0o600, "several lines"),
            (b"hidden\xFF", 0o600, "not text"),
            (&[b'h'; 4097], 0o600, "too long"),
        ] {
            let error = read_back(text, mode).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn only_a_group_of_this_process_may_read_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "abc").unwrap();
        for (mode, is_ours, want) in [
            (0o400, false, false),
            (0o600, false, false),
            (0o440, true, false),
            (0o640, true, false),
            (0o440, false, true),
            (0o640, false, true),
            (0o660, true, true),
            (0o650, true, true),
            (0o604, true, true),
        ] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let file = std::fs::metadata(&path).unwrap();
            let groups: &[u32] = if is_ours { &[file.gid()] } else { &[] };
            assert_eq!(is_exposed(&file, groups), want, "{mode:o} {is_ours}");
        }
    }

    #[test]
    fn systemd_credentials_may_have_group_bits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "abc").unwrap();
        for (mode, taken) in [(0o440, true), (0o400, true), (0o444, false)] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let read = read_file(&path, |file| file.mode() & SYSTEMD_OTHERS != 0);
            assert_eq!(read.is_ok(), taken, "{mode:o}");
        }
    }

    #[test]
    fn finds_systemd_credentials_in_the_folder_of_the_unit() {
        let directory = || Some(PathBuf::from("/run/credentials/unit"));
        assert_eq!(
            credential_path(directory(), "s3").unwrap(),
            Path::new("/run/credentials/unit/s3")
        );
        for name in ["", ".", "..", "../s3", "/etc/shadow", "a/b"] {
            let error = credential_path(directory(), name).unwrap_err().to_string();
            assert!(
                error.contains("not a valid name of a systemd credential"),
                "{error}"
            );
        }
        let error = credential_path(None, "s3").unwrap_err().to_string();
        for words in [
            "CREDENTIALS_DIRECTORY is not set",
            "only to the service. Let the daemon do it",
            "`systemd-run --collect --pty --uid=asset-indexer -p LoadCredentialEncrypted=s3:/etc/",
        ] {
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn names_the_credentials_that_systemd_passed() {
        let folder = tempfile::tempdir().unwrap();
        let directory = || Some(folder.path().to_owned());
        let error = || read_credential(directory(), "s4").unwrap_err().to_string();
        assert!(error().contains("has: none."), "{}", error());
        for name in ["s3_photos", "s3"] {
            std::fs::write(folder.path().join(name), "hidden").unwrap();
        }
        let error = error();
        for words in [
            "credential \"s4\": systemd has not passed it",
            "has: \"s3\", \"s3_photos\".",
            "at a restart, not at a reload",
        ] {
            assert!(error.contains(words), "{error}");
        }
        assert!(!error.contains("hidden"), "{error}");
    }
}
