//! Reads, seals and opens the secrets of Sources.
//!
//! A secret is in a file, in a systemd credential, or sealed in the file of a managed Source. Sealed means
//! encrypted with a key that is stored elsewhere. This room does not know what a secret is for.

mod envelope;
mod erase;
mod file;
mod in_memory;
mod key_places;
mod key_ring;
mod secret;

pub(crate) use envelope::seal;
pub(crate) use erase::erase;
pub(crate) use file::{SecretError, is_exposed_file, path_of, read};
pub(crate) use in_memory::seal_in_memory;
pub(crate) use key_places::{
    KeyError, KeyOrigin, default_file, encrypted_credential, find_keys, keys_for_sealing,
    remove_unused_key_file, replace_keys,
};
pub(crate) use key_ring::KeyRing;
pub(crate) use secret::Secret;
