//! Finds, creates and replaces the keys that seal secrets.
//!
//! The keys are in up to three places: a systemd credential, a file that the configuration names, and a file in
//! the data folder. All of them open secrets. The first place that has keys seals.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::file::{SecretError, credentials_directory, read_key_credential, read_key_file};
use super::key_ring::{KeyRing, KeyRingError};
use crate::atomic_file;
use crate::core::source::KeyPlaces;

/// The systemd credential with the keys.
pub(crate) const KEY_CREDENTIAL: &str = "asset-indexer.keys";

/// The text of the credential if the machine has none. The unit sets it, because systemd refuses to start a service
/// whose credential does not exist.
const NO_CREDENTIAL: &str = "none";

/// The file in the data folder.
pub(crate) const KEY_FILE: &str = "secrets.key";

/// The file with the encrypted credential, next to the configuration file. The package creates it, and the units name
/// it.
const ENCRYPTED_CREDENTIAL: &str = "keys.cred";

/// The permissions of a new key file: only its owner.
const KEY_FILE_MODE: u32 = 0o600;

/// The place whose keys seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyOrigin {
    /// A systemd credential, which this program cannot change.
    SystemdCredential(PathBuf),
    /// The file that the configuration names.
    ConfiguredFile(PathBuf),
    /// The file in the data folder.
    DataFolder(PathBuf),
}

impl fmt::Display for KeyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SystemdCredential(_) => write!(f, "the systemd credential {KEY_CREDENTIAL}"),
            Self::ConfiguredFile(path) | Self::DataFolder(path) => path.display().fmt(f),
        }
    }
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// The file or the credential cannot be read.
    #[error(transparent)]
    Unreadable(Box<SecretError>),
    /// The configured file does not exist.
    #[error(
        "the key file {} does not exist; restore it from a backup, or create it with `asset-indexer secrets \
         new-key`",
        path.display()
    )]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// The file has no valid keys.
    #[error("failed to read the keys in {}: {cause}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: KeyRingError,
    },
    /// No key could be made.
    #[error("failed to make a key: {0}")]
    Generate(KeyRingError),
    /// The file cannot be written.
    #[error("failed to write the key file {}: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The keys are in a systemd credential.
    #[error(
        "the keys are in the systemd credential {KEY_CREDENTIAL}, which only an operator can change; see \
         \"Rotate the key\" in the run-book"
    )]
    ReadOnly,
}

/// The file in the data folder that has the keys by default.
pub(crate) fn default_file(places: &KeyPlaces) -> PathBuf {
    places.data_dir.join(KEY_FILE)
}

/// The file with the keys of the service, if there is one. Only systemd can decrypt it. `config` is the configuration
/// file.
pub(crate) fn encrypted_credential(config: &Path) -> Option<PathBuf> {
    Some(config.with_file_name(ENCRYPTED_CREDENTIAL)).filter(|path| path.exists())
}

/// All keys, the ones that seal last, and the place of these. `None` if no place has keys.
pub(crate) fn find_keys(places: &KeyPlaces) -> Result<Option<(KeyRing, KeyOrigin)>, KeyError> {
    find_keys_in(credentials_directory().as_deref(), places)
}

fn find_keys_in(
    credentials: Option<&Path>,
    places: &KeyPlaces,
) -> Result<Option<(KeyRing, KeyOrigin)>, KeyError> {
    let mut found: Option<(KeyRing, KeyOrigin)> = None;
    let credential = credentials.map(|folder| folder.join(KEY_CREDENTIAL));
    let credential = credential.filter(|path| path.exists());
    let candidates = [
        credential.map(KeyOrigin::SystemdCredential),
        places.file.clone().map(KeyOrigin::ConfiguredFile),
        Some(default_file(places))
            .filter(|path| path.exists())
            .map(KeyOrigin::DataFolder),
    ];
    for origin in candidates.into_iter().flatten() {
        let Some(ring) = read_ring(&origin)? else {
            continue;
        };
        found = Some(match found {
            None => (ring, origin),
            Some((first, first_origin)) => (first.with_old_keys(ring), first_origin),
        });
    }
    Ok(found)
}

/// `None` if the credential only says that there is none.
fn read_ring(origin: &KeyOrigin) -> Result<Option<KeyRing>, KeyError> {
    let (path, read) = match origin {
        KeyOrigin::SystemdCredential(path) => (path, read_key_credential(path)),
        KeyOrigin::ConfiguredFile(path) | KeyOrigin::DataFolder(path) => {
            (path, read_key_file(path))
        }
    };
    let text = read.map_err(|error| match error {
        SecretError::Unreadable { source, path } if source.kind() == io::ErrorKind::NotFound => {
            KeyError::Absent { path }
        }
        error => KeyError::Unreadable(Box::new(error)),
    })?;
    if matches!(origin, KeyOrigin::SystemdCredential(_)) && text.trim() == NO_CREDENTIAL {
        return Ok(None);
    }
    let ring = KeyRing::parse(&text).map_err(|cause| KeyError::Invalid {
        path: path.clone(),
        cause,
    });
    ring.map(Some)
}

/// The keys to seal with. If no place has keys, creates the file in the data folder.
pub(crate) fn keys_for_sealing(places: &KeyPlaces) -> Result<(KeyRing, KeyOrigin), KeyError> {
    if let Some(found) = find_keys(places)? {
        return Ok(found);
    }
    let ring = KeyRing::generate().map_err(KeyError::Generate)?;
    let origin = KeyOrigin::DataFolder(default_file(places));
    replace_keys(&origin, &ring)?;
    Ok((ring, origin))
}

/// Replaces the keys in a file.
pub(crate) fn replace_keys(origin: &KeyOrigin, ring: &KeyRing) -> Result<(), KeyError> {
    let path = match origin {
        KeyOrigin::SystemdCredential(_) => return Err(KeyError::ReadOnly),
        KeyOrigin::ConfiguredFile(path) | KeyOrigin::DataFolder(path) => path,
    };
    // The service may read the file because of its group, also after root has replaced the keys.
    atomic_file::replace_content(path, ring.to_text().as_bytes(), KEY_FILE_MODE).map_err(|cause| {
        KeyError::Write {
            path: path.clone(),
            cause,
        }
    })
}

/// Removes the key file in the data folder if other keys seal. After a rotation no secret needs it.
pub(crate) fn remove_unused_key_file(
    origin: &KeyOrigin,
    places: &KeyPlaces,
) -> Result<(), KeyError> {
    let path = default_file(places);
    if matches!(origin, KeyOrigin::DataFolder(_)) {
        return Ok(());
    }
    let removed = atomic_file::remove(&path);
    removed
        .map(drop)
        .map_err(|cause| KeyError::Write { path, cause })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn places(folder: &Path) -> KeyPlaces {
        KeyPlaces {
            file: None,
            data_dir: folder.to_owned(),
        }
    }

    fn write(path: &Path, ring: &KeyRing) {
        atomic_file::replace(path, ring.to_text().as_bytes(), 0o600).unwrap();
    }

    #[test]
    fn creates_a_private_key_file_once() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        assert!(find_keys_in(None, &places).unwrap().is_none());
        let (first, origin) = keys_for_sealing(&places).unwrap();
        let path = folder.path().join(KEY_FILE);
        assert_eq!(origin, KeyOrigin::DataFolder(path.clone()));
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o600
        );
        let (again, _) = keys_for_sealing(&places).unwrap();
        assert_eq!(again.ids(), first.ids());
    }

    #[test]
    fn first_place_seals_and_all_places_open() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = tempfile::tempdir().unwrap();
        let rings: Vec<KeyRing> = (0..3).map(|_| KeyRing::generate().unwrap()).collect();
        let id = |index: usize| rings[index].ids().remove(0);
        let mut places = places(folder.path());
        write(&folder.path().join(KEY_FILE), &rings[2]);
        let find = |places: &KeyPlaces| {
            let found = find_keys_in(Some(credentials.path()), places).unwrap();
            let (ring, origin) = found.unwrap();
            (ring.ids(), origin)
        };
        let default = KeyOrigin::DataFolder(folder.path().join(KEY_FILE));
        assert_eq!(find(&places), (vec![id(2)], default));
        let configured = folder.path().join("configured");
        write(&configured, &rings[1]);
        places.file = Some(configured.clone());
        let origin = KeyOrigin::ConfiguredFile(configured);
        assert_eq!(find(&places), (vec![id(2), id(1)], origin));
        let credential = credentials.path().join(KEY_CREDENTIAL);
        atomic_file::replace(&credential, b"none\n", 0o600).unwrap();
        assert_eq!(find(&places).0, [id(2), id(1)]);
        write(&credential, &rings[0]);
        let origin = KeyOrigin::SystemdCredential(credential);
        assert_eq!(find(&places), (vec![id(2), id(1), id(0)], origin.clone()));
        let error = replace_keys(&origin, &rings[0]).unwrap_err();
        assert!(matches!(error, KeyError::ReadOnly));
    }

    #[test]
    fn missing_exposed_or_damaged_key_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("configured");
        let places = KeyPlaces {
            file: Some(path.clone()),
            ..places(folder.path())
        };
        let error = || find_keys_in(None, &places).unwrap_err();
        assert!(matches!(error(), KeyError::Absent { .. }), "{}", error());
        fs::write(&path, "hidden").unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(error().to_string().contains("mode 644"), "{}", error());
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let text = error().to_string();
        assert!(text.contains("line 1 is not a key"), "{text}");
        assert!(!text.contains("hidden"), "{text}");
    }
}
