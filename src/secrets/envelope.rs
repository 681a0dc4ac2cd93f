//! Seals a secret into a text that only the key opens, and only for the field that it was sealed for.
//!
//! The text is `v1.KEY.DATA`: the id of the key, and base64url of the nonce, the ciphertext and the tag of
//! AES-256-GCM (NIST SP 800-38D). The nonce is random. The Source and the field are authenticated but not
//! stored, so a sealed secret cannot be moved to another Source or field.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::key_ring::{KeyRing, SealingKey};
use super::secret::Secret;

/// The first part of the text. Another way to seal gets another version.
const VERSION: &str = "v1";

/// Separates the parts of the text.
const SEPARATOR: char = '.';

/// Why a secret could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to seal a secret: the operating system provides no random bytes")]
pub(crate) struct SealError;

/// Why a sealed secret cannot be opened. It contains no part of the secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenError {
    /// The text was not written by [`seal`].
    #[error("the sealed text is damaged; enter the secret again")]
    Malformed,
    /// None of the keys sealed it.
    #[error(
        "it was sealed with the key {id}, but the keys here are {known}; restore that key from a backup, or \
         enter the secret again"
    )]
    UnknownKey {
        /// The id of the missing key.
        id: String,
        /// The ids of the keys, for the message.
        known: String,
    },
    /// The text was changed, or was sealed for another Source or field.
    #[error(
        "the sealed text was changed, or belongs to another Source or field; enter the secret again"
    )]
    NotAuthentic,
}

/// Seals `secret` for the field `field` of the Source `source` with the newest key.
pub(crate) fn seal(
    keys: &KeyRing,
    source: &str,
    field: &str,
    secret: &Secret,
) -> Result<String, SealError> {
    let key = keys.sealing();
    let mut nonce = [0; NONCE_LEN];
    let random = SystemRandom::new().fill(&mut nonce);
    random.map_err(|_| SealError)?;
    let mut bytes = Zeroizing::new(secret.reveal().as_bytes().to_vec());
    let tag = cipher(key).seal_in_place_separate_tag(
        Nonce::assume_unique_for_key(nonce),
        aad(source, field),
        &mut bytes,
    );
    let tag = tag.expect("a secret is shorter than the limit of AES-GCM, 64 GB");
    let data = [&nonce[..], &bytes, tag.as_ref()].concat();
    let data = URL_SAFE_NO_PAD.encode(data);
    Ok([VERSION, &key.id(), &data].join(&SEPARATOR.to_string()))
}

/// Opens a text of [`seal`] for the same Source and field.
pub(super) fn open(
    keys: &KeyRing,
    source: &str,
    field: &str,
    sealed: &str,
) -> Result<Secret, OpenError> {
    let (id, data) = parts(sealed).ok_or(OpenError::Malformed)?;
    let key = keys.get(id).ok_or_else(|| OpenError::UnknownKey {
        id: id.to_owned(),
        known: keys.ids().join(", "),
    })?;
    let data = URL_SAFE_NO_PAD.decode(data);
    let mut data = Zeroizing::new(data.map_err(|_| OpenError::Malformed)?);
    let (nonce, bytes) = data
        .split_at_mut_checked(NONCE_LEN)
        .ok_or(OpenError::Malformed)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Malformed)?;
    let opened = cipher(key).open_in_place(nonce, aad(source, field), bytes);
    let opened = opened.map_err(|_| OpenError::NotAuthentic)?;
    let text = std::str::from_utf8(opened).map_err(|_| OpenError::NotAuthentic)?;
    Ok(Secret::new(text.to_owned()))
}

/// The id of the key that sealed the text.
pub(super) fn key_id(sealed: &str) -> Option<&str> {
    Some(parts(sealed)?.0)
}

/// The id of the key and the data.
fn parts(sealed: &str) -> Option<(&str, &str)> {
    let rest = sealed.strip_prefix(VERSION)?.strip_prefix(SEPARATOR)?;
    rest.split_once(SEPARATOR)
}

fn cipher(key: &SealingKey) -> LessSafeKey {
    let key = UnboundKey::new(&AES_256_GCM, key.bytes());
    LessSafeKey::new(key.expect("the length of a sealing key is that of an AES-256 key"))
}

/// The context that is authenticated with the secret. Names contain no zero byte.
fn aad(source: &str, field: &str) -> Aad<String> {
    Aad::from(format!("asset-indexer secret {VERSION}\0{source}\0{field}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: &str = "credentials.secret_access_key";

    fn keys() -> KeyRing {
        KeyRing::generate().unwrap()
    }

    fn sealed(keys: &KeyRing, secret: &str) -> String {
        seal(keys, "photos", FIELD, &Secret::new(secret.into())).unwrap()
    }

    #[test]
    fn opens_only_for_its_source_and_field() {
        let keys = keys();
        for secret in ["wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", "ü"] {
            let text = sealed(&keys, secret);
            assert!(secret.is_empty() || !text.contains(secret));
            let opened = open(&keys, "photos", FIELD, &text).unwrap();
            assert_eq!(opened.reveal(), secret);
            for (source, field) in [
                ("photo", FIELD),
                ("videos", FIELD),
                ("photos", "events.credentials.secret_access_key"),
            ] {
                let error = open(&keys, source, field, &text).unwrap_err();
                assert_eq!(error, OpenError::NotAuthentic, "{source} {field}");
            }
        }
    }

    #[test]
    fn same_secret_is_sealed_differently_each_time() {
        let keys = keys();
        assert_ne!(sealed(&keys, "secret"), sealed(&keys, "secret"));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let keys = keys();
        let text = sealed(&keys, "secret");
        for at in 0..text.len() {
            for other in [b'A', b'B', b'.', b'0'] {
                let mut bytes = text.clone().into_bytes();
                // The last character has two unused bits, which the decoder demands to be zero.
                if bytes[at] == other {
                    continue;
                }
                bytes[at] = other;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(open(&keys, "photos", FIELD, &changed).is_err(), "{changed}");
            }
        }
        for text in ["", "v1", "v1.", "v1.aa.", "v2.aa.bb", "wJalrXUtnFEMI"] {
            let error = open(&keys, "photos", FIELD, text).unwrap_err();
            let known = matches!(error, OpenError::Malformed | OpenError::UnknownKey { .. });
            assert!(known, "{text:?}: {error}");
        }
    }

    #[test]
    fn old_key_opens_until_it_is_removed() {
        let old = keys();
        let text = sealed(&old, "secret");
        let both = old.with_new_key().unwrap();
        assert_eq!(
            open(&both, "photos", FIELD, &text).unwrap().reveal(),
            "secret"
        );
        let error = open(&both.without_old_keys(), "photos", FIELD, &text).unwrap_err();
        let want = OpenError::UnknownKey {
            id: old.ids().remove(0),
            known: both.ids()[1].clone(),
        };
        assert_eq!(error, want);
        let resealed = sealed(&both, "secret");
        assert!(open(&both.without_old_keys(), "photos", FIELD, &resealed).is_ok());
    }
}
