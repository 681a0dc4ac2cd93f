//! Reads and checks a secret in a file, or opens a sealed one.
//!
//! Secrets never come from the configuration file, an argument or an environment variable, and are never
//! printed.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::envelope::{self, OpenError};
use super::in_memory;
use super::key_places::{self, KeyError};
use super::key_ring::KeyRing;
use super::secret::Secret;
use crate::core::source::{SealedSecret, SecretPlace};

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

impl SecretError {
    /// Whether another process may be able to use the secret: systemd passes it only to the service, this user may not
    /// read the file, or the file belongs to a group that this process is not in.
    pub(crate) fn is_only_here(&self) -> bool {
        match self {
            Self::NoCredentialsDirectory { .. } => true,
            Self::Unreadable { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            Self::Exposed { mode, .. } => mode & FORBIDDEN == 0,
            _ => false,
        }
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
    /// The keys that seal secrets cannot be read.
    #[error("failed to open the sealed secret of Source {source_name:?}: {cause}")]
    NoKeys {
        /// The Source.
        source_name: String,
        /// Why there are no keys.
        cause: KeyError,
    },
    /// There is no key at all.
    #[error(
        "failed to open the sealed secret of Source {source_name:?}: there is no key, because {} does not \
         exist; restore it from a backup, or enter the secret again",
        path.display()
    )]
    MissingKey {
        /// The Source.
        source_name: String,
        /// The file that has the key by default.
        path: PathBuf,
    },
    /// The keys do not open the secret.
    #[error("failed to open the sealed secret of Source {source_name:?}: {cause}")]
    Sealed {
        /// The Source.
        source_name: String,
        /// Why it cannot be opened.
        cause: OpenError,
    },
}

/// Reads the secret, without a line break at its end.
pub(crate) fn read(place: &SecretPlace) -> Result<Secret, SecretError> {
    match place {
        SecretPlace::File(path) => read_file(path, |file| is_exposed(file, &our_groups())),
        SecretPlace::SystemdCredential(name) => read_credential(credentials_directory(), name),
        SecretPlace::Sealed(sealed) => open(sealed),
    }
}

/// The file that has the secret and nothing else. It need not exist. `None` if the secret is sealed, or if systemd
/// has passed no credentials.
pub(crate) fn path_of(place: &SecretPlace) -> Option<PathBuf> {
    match place {
        SecretPlace::File(path) => Some(path.clone()),
        SecretPlace::SystemdCredential(name) => Some(credentials_directory()?.join(name)),
        SecretPlace::Sealed(_) => None,
    }
}

/// Reads the text of a key file: only its owner and the groups of this process may read it.
pub(super) fn read_key_file(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    read_text(path, |file| is_exposed(file, &our_groups()))
}

/// Reads the text of a systemd credential at this path.
pub(super) fn read_key_credential(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    read_text(path, |file| file.mode() & SYSTEMD_OTHERS != 0)
}

/// The folder with the systemd credentials of this unit.
pub(super) fn credentials_directory() -> Option<PathBuf> {
    std::env::var_os(CREDENTIALS_DIRECTORY).map(PathBuf::from)
}

fn open(sealed: &SealedSecret) -> Result<Secret, SecretError> {
    let source_name = || sealed.source.clone();
    let open_with = |keys: &KeyRing| {
        let opened = envelope::open(keys, &sealed.source, &sealed.field, &sealed.text);
        opened.map_err(|cause| SecretError::Sealed {
            source_name: source_name(),
            cause,
        })
    };
    if let Some(keys) = in_memory::keys_of(&sealed.text) {
        return open_with(keys);
    }
    let keys = key_places::find_keys(&sealed.keys).map_err(|cause| SecretError::NoKeys {
        source_name: source_name(),
        cause,
    })?;
    match keys {
        Some((keys, _)) => open_with(&keys),
        None => Err(SecretError::MissingKey {
            source_name: source_name(),
            path: key_places::default_file(&sealed.keys),
        }),
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

/// Whether [`read`] refuses the file because users other than its owner and the groups of this process can read or
/// change it. A file that does not exist is not refused for that.
pub(crate) fn is_exposed_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| is_exposed(&file, &our_groups()))
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
    let not_a_secret = |why| SecretError::NotASecret {
        path: path.into(),
        why,
    };
    let text = read_text(path, is_exposed)?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(not_a_secret("it is empty")),
        secret if secret.contains(['\r', '\n']) => Err(not_a_secret("it has several lines")),
        secret => Ok(Secret::new(secret.to_owned())),
    }
}

/// Reads a text of up to [`MAX_BYTES`] from a file that others cannot read.
fn read_text(
    path: &Path,
    is_exposed: impl FnOnce(&Metadata) -> bool,
) -> Result<Zeroizing<String>, SecretError> {
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
    // Allocate all of it at once, because a growing buffer leaves copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize + 1));
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(not_a_secret("it is too long"));
    }
    // Drop the error, because it contains the bytes.
    let text = std::str::from_utf8(&text).map_err(|_| not_a_secret("it is not text"))?;
    Ok(Zeroizing::new(text.to_owned()))
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
        let secret = read(&SecretPlace::File(path)).map_err(|error| error.to_string())?;
        assert!(!format!("{secret:?}").contains(secret.reveal()));
        Ok(secret.reveal().to_owned())
    }

    #[test]
    fn service_may_be_in_a_group_that_this_process_is_not_in() {
        for (mode, want) in [(0o640, true), (0o440, true), (0o644, false), (0o660, false)] {
            let path = PathBuf::from("secret");
            let error = SecretError::Exposed { path, mode };
            assert_eq!(error.is_only_here(), want, "{mode:o}");
        }
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
