//! Which key seals the secrets of a change that this command makes itself, without a daemon.
//!
//! The service can have its key in a systemd credential, which only the service gets. A key that this command created
//! instead would be next to the secrets.

use std::path::PathBuf;

use anyhow::anyhow;

use super::Configured;
use crate::cli::{FAILED, Failure};
use crate::managed::changes::Change;
use crate::secrets;

/// The keys as they were before the change.
pub(super) struct KeyUse {
    /// The key file that the change would create. `None` if there are keys, or none is needed.
    new_file: Option<PathBuf>,
}

impl KeyUse {
    /// # Errors
    ///
    /// If the keys of the service are in a credential that this process does not have.
    pub(super) fn of(change: &Change, configured: Configured<'_>) -> Result<Self, Failure> {
        let places = &configured.config.keys;
        if !change.has_secret() || !matches!(secrets::find_keys(places), Ok(None)) {
            return Ok(Self { new_file: None });
        }
        if let Some(credential) = secrets::encrypted_credential(configured.path) {
            let problem = anyhow!(
                "nothing was changed: the key that seals secrets is in the systemd credential {}, which only the \
                 service can read. Start the service (`systemctl start asset-indexer`), so that it makes the change, \
                 and run the command again",
                credential.display()
            );
            return Err(Failure::Error(FAILED, problem));
        }
        Ok(Self {
            new_file: Some(secrets::default_file(places)),
        })
    }

    /// Says on standard error that the change created a key.
    pub(super) fn tell_what_changed(self) {
        if let Some(path) = self.new_file.filter(|path| path.exists()) {
            eprintln!(
                "note: created the key {}, which opens the secrets of managed Sources. It is next to them, so a copy \
                 of the data folder has both; `asset-indexer check` says what protects them better",
                path.display()
            );
        }
    }
}
