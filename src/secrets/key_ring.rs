//! The keys that seal secrets, as text and in memory.
//!
//! A key file has one key in each line, in base64. The last one seals. All of them open, so that a rotation can
//! seal one secret after another.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::{Zeroize, Zeroizing};

use super::envelope;

/// Length of a key in bytes: AES-256.
pub(super) const KEY_BYTES: usize = 32;

/// Maximum number of keys in a file. A rotation that ends leaves one.
const MAX_KEYS: usize = 16;

/// Bytes of the hash that form the id of a key.
const ID_BYTES: usize = 4;

/// The first lines of a key file.
const HEAD: &str = "# The keys that seal the secrets of managed Sources, in base64. The last one seals.\n\
                    # Without them the secrets cannot be read. Back them up, but not next to the data.\n";

/// One key.
#[derive(Clone)]
pub(super) struct SealingKey(Zeroizing<[u8; KEY_BYTES]>);

impl SealingKey {
    fn generate() -> Result<Self, KeyRingError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        let random = SystemRandom::new().fill(&mut *bytes);
        random.map_err(|_| KeyRingError::NoRandomBytes)?;
        Ok(Self(bytes))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut decoded = Zeroizing::new(STANDARD.decode(text).ok()?);
        let bytes = <[u8; KEY_BYTES]>::try_from(decoded.as_slice()).ok();
        decoded.zeroize();
        Some(Self(Zeroizing::new(bytes?)))
    }

    /// Names the key in an envelope: the start of its SHA-256, in hexadecimal.
    pub(super) fn id(&self) -> String {
        let hash = digest(&SHA256, &*self.0);
        let start = &hash.as_ref()[..ID_BYTES];
        start.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

/// The keys of one key file, at least one.
#[derive(Clone)]
pub(crate) struct KeyRing(Vec<SealingKey>);

/// Why a text has no usable keys, or why there is no new key. It does not contain the text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyRingError {
    /// A line is not a key.
    #[error("line {0} is not a key: it must have {KEY_BYTES} bytes in base64")]
    NotAKey(usize),
    /// There is no key.
    #[error("it has no key; restore it from a backup")]
    Empty,
    /// There are more than [`MAX_KEYS`].
    #[error("it has more than {MAX_KEYS} keys; remove keys that seal no secret")]
    TooMany,
    /// The system provides no random bytes.
    #[error("the operating system provides no random bytes")]
    NoRandomBytes,
}

impl KeyRing {
    /// A ring with one new key.
    pub(crate) fn generate() -> Result<Self, KeyRingError> {
        Ok(Self(vec![SealingKey::generate()?]))
    }

    /// Reads the text of a key file.
    pub(crate) fn parse(text: &str) -> Result<Self, KeyRingError> {
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            keys.push(SealingKey::parse(line).ok_or(KeyRingError::NotAKey(index + 1))?);
        }
        match keys.len() {
            0 => Err(KeyRingError::Empty),
            1..=MAX_KEYS => Ok(Self(keys)),
            _ => Err(KeyRingError::TooMany),
        }
    }

    /// The text of a key file with these keys.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        let line_bytes = KEY_BYTES * 2;
        let mut text = Zeroizing::new(String::with_capacity(
            HEAD.len() + self.0.len() * line_bytes,
        ));
        text.push_str(HEAD);
        for key in &self.0 {
            STANDARD.encode_string(key.bytes(), &mut text);
            text.push('\n');
        }
        text
    }

    /// The same keys and a new one, which seals from now on.
    pub(crate) fn with_new_key(&self) -> Result<Self, KeyRingError> {
        if self.0.len() == MAX_KEYS {
            return Err(KeyRingError::TooMany);
        }
        let mut keys = self.0.clone();
        keys.push(SealingKey::generate()?);
        Ok(Self(keys))
    }

    /// These keys and the keys of another ring, which only open.
    pub(super) fn with_old_keys(self, old: Self) -> Self {
        Self(old.0.into_iter().chain(self.0).collect())
    }

    /// Only the key that seals.
    pub(crate) fn without_old_keys(&self) -> Self {
        Self(vec![self.sealing().clone()])
    }

    /// Whether there are keys that only open.
    pub(crate) fn has_old_keys(&self) -> bool {
        self.0.len() > 1
    }

    /// The ids of the keys.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.0.iter().map(SealingKey::id).collect()
    }

    /// The id of the key that seals.
    pub(crate) fn sealing_id(&self) -> String {
        self.sealing().id()
    }

    /// Whether the key that seals has sealed this text.
    pub(crate) fn seals(&self, sealed: &str) -> bool {
        envelope::key_id(sealed) == Some(self.sealing_id().as_str())
    }

    pub(super) fn sealing(&self) -> &SealingKey {
        self.0.last().expect("a ring has at least one key")
    }

    pub(super) fn get(&self, id: &str) -> Option<&SealingKey> {
        self.0.iter().find(|key| key.id() == id)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&self.ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_ring_gives_the_same_ring() {
        let ring = KeyRing::generate().unwrap().with_new_key().unwrap();
        let again = KeyRing::parse(&ring.to_text()).unwrap();
        assert_eq!(again.ids(), ring.ids());
        assert_eq!(again.sealing().bytes(), ring.sealing().bytes());
        assert!(again.has_old_keys());
        let newest = again.without_old_keys();
        assert_eq!(newest.ids(), &ring.ids()[1..]);
        assert!(!newest.has_old_keys());
    }

    #[test]
    fn names_the_line_that_is_not_a_key() {
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let ring = KeyRing::parse(&format!("# comment\n\n  {key}\r\n")).unwrap();
        assert_eq!(ring.ids(), ["630dcd29"]);
        for (text, want) in [
            (String::new(), KeyRingError::Empty),
            ("# only a comment\n".into(), KeyRingError::Empty),
            (format!("{key}\nshort\n"), KeyRingError::NotAKey(2)),
            ("AAEC".into(), KeyRingError::NotAKey(1)),
            (format!("{key}\n").repeat(17), KeyRingError::TooMany),
        ] {
            assert_eq!(KeyRing::parse(&text).unwrap_err(), want, "{text:?}");
        }
    }

    #[test]
    fn debug_output_has_only_ids() {
        let ring = KeyRing::generate().unwrap();
        let shown = format!("{ring:?}");
        assert_eq!(shown, format!("KeyRing({:?})", ring.ids()));
    }
}
