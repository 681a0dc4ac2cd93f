//! The key that seals the secrets of drafts. It exists only in the memory of this process.
//!
//! A draft is not stored. If a text that this key sealed is stored by mistake, it cannot be opened later.

use std::sync::OnceLock;

use super::envelope::{self, SealError};
use super::key_ring::KeyRing;
use super::secret::Secret;

static KEYS: OnceLock<KeyRing> = OnceLock::new();

/// Seals `secret` as [`super::seal`] does, but so that only this process can open it.
pub(crate) fn seal_in_memory(
    source: &str,
    field: &str,
    secret: &Secret,
) -> Result<String, SealError> {
    let keys = match KEYS.get() {
        Some(keys) => keys,
        None => {
            let new = KeyRing::generate().map_err(|_| SealError)?;
            KEYS.get_or_init(|| new)
        }
    };
    envelope::seal(keys, source, field, secret)
}

/// The keys, if they sealed this text.
pub(super) fn keys_of(sealed: &str) -> Option<&'static KeyRing> {
    let keys = KEYS.get()?;
    keys.get(envelope::key_id(sealed)?).map(|_| keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::source::{KeyPlaces, SealedSecret, SecretPlace};

    #[test]
    fn opens_without_any_stored_key_and_only_for_its_source() {
        let text = seal_in_memory("photos", "f", &Secret::new("hidden".into())).unwrap();
        assert!(!text.contains("hidden"));
        let read = |source: &str| {
            super::super::read(&SecretPlace::Sealed(SealedSecret {
                source: source.into(),
                field: "f".into(),
                text: text.clone(),
                keys: KeyPlaces {
                    file: None,
                    data_dir: "/nonexistent".into(),
                },
            }))
        };
        assert_eq!(read("photos").unwrap().reveal(), "hidden");
        assert!(read("videos").is_err());
    }
}
