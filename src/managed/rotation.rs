//! Rotates the key that seals secrets: makes a new key, seals every secret again, and drops the old keys.
//!
//! At each moment the stored keys open all stored secrets. A rotation that was interrupted continues with the
//! next call.

use serde::{Deserialize, Serialize};

use super::changes::{self, ChangeError};
use super::store::SourceStore;
use crate::config::file::{CredentialsFile, SourceFile};
use crate::core::source::{KeyPlaces, SealedSecret, SecretPlace};
use crate::secrets::{self, KeyError, KeyOrigin, KeyRing};

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rotation {
    /// The id of the key that seals now.
    pub key_id: String,
    /// Secrets that were sealed again.
    pub resealed: usize,
    /// Where the keys are.
    pub place: String,
}

/// Makes a new key, unless an interrupted rotation made one, and seals every secret with it. The old keys stay
/// until [`drop_old_keys`].
///
/// # Errors
///
/// If a secret cannot be opened. Nothing is lost then: the old keys stay.
pub(crate) fn reseal<S: SourceStore>(
    store: &S,
    places: &KeyPlaces,
) -> Result<Rotation, ChangeError> {
    let lock = store.lock()?;
    let (ring, origin) = secrets::keys_for_sealing(places)?;
    let ring = match &origin {
        // An operator has put the new key into the credential.
        KeyOrigin::SystemdCredential(_) => ring,
        _ if ring.has_old_keys() => ring,
        origin => {
            let ring = ring.with_new_key().map_err(KeyError::Generate)?;
            secrets::replace_keys(origin, &ring)?;
            ring
        }
    };
    let mut resealed = 0;
    for name in store.names()? {
        let Some(mut file) = stored_file(store, &name)? else {
            continue;
        };
        let count = reseal_file(&name, &mut file, &ring, places)?;
        if count > 0 {
            store.put(&name, &changes::text_of(&file), &lock)?;
            resealed += count;
        }
    }
    Ok(Rotation {
        key_id: ring.sealing_id(),
        resealed,
        place: origin.to_string(),
    })
}

/// Removes the keys that no secret needs after [`reseal`]. A running daemon must have read the Sources again.
///
/// # Errors
///
/// If a stored secret needs an old key: another rotation may be under way. All keys stay then.
pub(crate) fn drop_old_keys<S: SourceStore>(
    store: &S,
    places: &KeyPlaces,
) -> Result<(), ChangeError> {
    let _lock = store.lock()?;
    let Some((ring, origin)) = secrets::find_keys(places)? else {
        return Ok(());
    };
    for name in store.names()? {
        let Some(mut file) = stored_file(store, &name)? else {
            continue;
        };
        let mut sealed = sealed_texts(&mut file);
        if sealed.any(|(text, _)| !ring.seals(text)) {
            return Err(ChangeError::KeyNeeded { name });
        }
    }
    if !matches!(origin, KeyOrigin::SystemdCredential(_)) {
        secrets::replace_keys(&origin, &ring.without_old_keys())?;
    }
    Ok(secrets::remove_unused_key_file(&origin, places)?)
}

/// The stored Source. `None` if it is not stored any more.
fn stored_file<S: SourceStore>(store: &S, name: &str) -> Result<Option<SourceFile>, ChangeError> {
    match changes::read(store, name, None) {
        Ok(file) => Ok(Some(file)),
        Err(ChangeError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The sealed texts of a Source, with the fields that they are sealed for.
fn sealed_texts(file: &mut SourceFile) -> impl Iterator<Item = (&mut String, &'static str)> {
    let of_queue = file.events.as_mut().and_then(|it| it.credentials.as_mut());
    let tables: [(Option<&mut CredentialsFile>, _); 2] = [
        (file.credentials.as_mut(), changes::BUCKET_SECRET),
        (of_queue, changes::QUEUE_SECRET),
    ];
    tables
        .into_iter()
        .filter_map(|(table, field)| Some((table?.secret_access_key_sealed.as_mut()?, field)))
}

/// Seals the secrets of a Source again that another key sealed. Returns how many.
fn reseal_file(
    source: &str,
    file: &mut SourceFile,
    ring: &KeyRing,
    places: &KeyPlaces,
) -> Result<usize, ChangeError> {
    let mut resealed = 0;
    for (text, field) in sealed_texts(file).filter(|(text, _)| !ring.seals(text)) {
        let secret = secrets::read(&SecretPlace::Sealed(SealedSecret {
            source: source.to_owned(),
            field: field.to_owned(),
            text: text.clone(),
            keys: places.clone(),
        }));
        let secret = secret.map_err(|error| ChangeError::Unopened(error.to_string()))?;
        *text = secrets::seal(ring, source, field, &secret).map_err(|_| ChangeError::Seal)?;
        resealed += 1;
    }
    Ok(resealed)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::managed::FileStore;
    use crate::secrets::Secret;

    struct Fixture {
        folder: TempDir,
        store: FileStore,
    }

    impl Fixture {
        /// A store with one sealed secret in each of these Sources.
        fn new(names: &[&str]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = FileStore::new(folder.path().join("sources"));
            let fixture = Self { folder, store };
            let (ring, _) = secrets::keys_for_sealing(&fixture.places()).unwrap();
            let lock = fixture.store.lock().unwrap();
            for name in names {
                let secret = Secret::new(format!("secret of {name}"));
                let field = changes::BUCKET_SECRET;
                let sealed = secrets::seal(&ring, name, field, &secret).unwrap();
                let text = format!(
                    "name = \"{name}\"\n[credentials]\naccess_key_id = \"A\"\n\
                     secret_access_key_sealed = \"{sealed}\"\n"
                );
                fixture.store.put(name, &text, &lock).unwrap();
            }
            fixture
        }

        fn places(&self) -> KeyPlaces {
            KeyPlaces {
                file: None,
                data_dir: self.folder.path().to_owned(),
            }
        }

        fn ids(&self) -> Vec<String> {
            secrets::find_keys(&self.places()).unwrap().unwrap().0.ids()
        }

        fn opens(&self, name: &str) -> bool {
            let text = self.store.get(name).unwrap().unwrap().text;
            let file = changes::parse(&text).unwrap();
            let sealed = file.credentials.unwrap().secret_access_key_sealed.unwrap();
            let place = SecretPlace::Sealed(SealedSecret {
                source: name.to_owned(),
                field: changes::BUCKET_SECRET.to_owned(),
                text: sealed,
                keys: self.places(),
            });
            secrets::read(&place).is_ok_and(|secret| secret.reveal() == format!("secret of {name}"))
        }
    }

    #[test]
    fn every_secret_opens_at_each_step() {
        let fixture = Fixture::new(&["a", "b"]);
        let old = fixture.ids();
        let rotation = reseal(&fixture.store, &fixture.places()).unwrap();
        assert_eq!(rotation.resealed, 2);
        assert_eq!(fixture.ids(), [old[0].clone(), rotation.key_id.clone()]);
        assert!(fixture.opens("a") && fixture.opens("b"));
        drop_old_keys(&fixture.store, &fixture.places()).unwrap();
        assert_eq!(fixture.ids(), [rotation.key_id]);
        assert!(fixture.opens("a") && fixture.opens("b"));
    }

    #[test]
    fn interrupted_rotation_continues_with_its_key() {
        let fixture = Fixture::new(&["a", "b"]);
        let before = fixture.store.get("b").unwrap().unwrap().text;
        let first = reseal(&fixture.store, &fixture.places()).unwrap();
        // As if the rotation had been killed before it wrote "b".
        let lock = fixture.store.lock().unwrap();
        fixture.store.put("b", &before, &lock).unwrap();
        drop(lock);
        assert!(fixture.opens("a") && fixture.opens("b"));
        let second = reseal(&fixture.store, &fixture.places()).unwrap();
        assert_eq!((second.key_id, second.resealed), (first.key_id, 1));
        drop_old_keys(&fixture.store, &fixture.places()).unwrap();
        assert!(fixture.opens("a") && fixture.opens("b"));
    }

    #[test]
    fn key_of_a_rotation_that_is_under_way_stays() {
        let fixture = Fixture::new(&["a", "b"]);
        let before = fixture.store.get("b").unwrap().unwrap().text;
        reseal(&fixture.store, &fixture.places()).unwrap();
        // As if another process had resealed only "a" until now.
        let lock = fixture.store.lock().unwrap();
        fixture.store.put("b", &before, &lock).unwrap();
        drop(lock);
        let error = drop_old_keys(&fixture.store, &fixture.places()).unwrap_err();
        assert!(
            error.to_string().contains("Source \"b\" need one"),
            "{error}"
        );
        assert!(fixture.opens("a") && fixture.opens("b"));
    }

    #[test]
    fn secret_that_no_key_opens_stops_the_rotation_and_keeps_all_keys() {
        let fixture = Fixture::new(&["a"]);
        let key_file = fixture.folder.path().join("secrets.key");
        let lost = fs::read(&key_file).unwrap();
        fs::remove_file(&key_file).unwrap();
        let error = reseal(&fixture.store, &fixture.places()).unwrap_err();
        assert!(error.to_string().contains("sealed with the key"), "{error}");
        // The backup of the key is found, and both keys are used.
        let new = fs::read(&key_file).unwrap();
        fs::write(&key_file, [lost, new].concat()).unwrap();
        assert!(fixture.opens("a"));
        reseal(&fixture.store, &fixture.places()).unwrap();
        drop_old_keys(&fixture.store, &fixture.places()).unwrap();
        assert!(fixture.opens("a"));
    }
}
