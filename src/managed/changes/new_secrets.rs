//! Puts the new secrets of a Source into its file, sealed.
//!
//! The caller seals them.

use super::ChangeError;
use crate::config::file::{CredentialsFile, SourceFile};
use crate::managed::draft::DraftSecrets;
use crate::secrets::Secret;

/// The table of the credentials for the bucket, and the name under which their secret is sealed.
pub(in crate::managed) const BUCKET_SECRET: &str = "credentials.secret_access_key";

/// The same for the queue.
pub(in crate::managed) const QUEUE_SECRET: &str = "events.credentials.secret_access_key";

/// Puts a sealed text into the file for each new secret.
pub(super) fn for_each_secret(
    file: &mut SourceFile,
    secrets: &DraftSecrets,
    mut seal: impl FnMut(&'static str, &Secret) -> Result<String, ChangeError>,
) -> Result<(), ChangeError> {
    let events = file.events.as_mut();
    let tables: [(Option<&mut CredentialsFile>, _, _); 2] = [
        (file.credentials.as_mut(), &secrets.bucket, BUCKET_SECRET),
        (
            events.and_then(|events| events.credentials.as_mut()),
            &secrets.queue,
            QUEUE_SECRET,
        ),
    ];
    for (table, secret, field) in tables {
        if let (Some(table), Some(secret)) = (table, secret) {
            table.secret_access_key_sealed = Some(seal(field, secret)?);
        }
    }
    Ok(())
}
