//! Examines the keys that seal the secrets of managed Sources.
//!
//! Whether they open a secret is part of the credentials of its Source.

use std::path::Path;

use super::finding::{Finding, Subject};
use crate::config::Config;
use crate::core::source::{Credentials, SecretPlace, Source};
use crate::secrets::{self, KeyOrigin};

/// Examines the keys. Without a sealed secret there is no finding. `path` is the configuration file.
pub(super) fn examine(config: &Config, path: &Path) -> Option<Finding> {
    let is_needed = config
        .sources
        .iter()
        .any(|source| has_sealed_secret(source));
    is_needed.then(|| judge(config, path))
}

fn has_sealed_secret(source: &Source) -> bool {
    let of_queue = source.events.as_ref().map(|events| &events.credentials);
    let mut credentials = [Some(&source.credentials), of_queue].into_iter().flatten();
    credentials.any(|credentials| {
        matches!(
            credentials,
            Credentials::AccessKey {
                secret: SecretPlace::Sealed(_),
                ..
            }
        )
    })
}

fn judge(config: &Config, path: &Path) -> Finding {
    let subject = Subject::SealingKeys;
    let (ring, origin) = match secrets::find_keys(&config.keys) {
        Ok(Some(found)) => found,
        Ok(None) => {
            if let Some(credential) = secrets::encrypted_credential(path) {
                let credential = credential.display();
                let what = format!(
                    "the keys are in the systemd credential {credential}, which only the service can read"
                );
                return Finding::ok(subject, what);
            }
            let what = "there is no key to open the secrets of managed Sources";
            return Finding::failure(subject, what).remedy(
                "Restore the key from a backup, or enter the secrets again with `asset-indexer source edit`. If \
                 the key is in a systemd credential, ask the running service.",
            );
        }
        Err(error) => {
            return Finding::failure(subject, error.to_string()).remedy(
                "Restore the key from a backup. Without it, enter the secrets again with `asset-indexer source \
                 edit`.",
            );
        }
    };
    if ring.has_old_keys() {
        let what = format!("{origin} has an old key, which a rotation did not remove");
        return Finding::warning(subject, what)
            .remedy("Finish the rotation")
            .command("asset-indexer secrets rotate");
    }
    match origin {
        KeyOrigin::DataFolder(path) => {
            let what = format!(
                "{} is next to the secrets that it opens, so a copy of the data folder has both",
                path.display()
            );
            Finding::warning(subject, what).remedy(
                "Move the key into a systemd credential, or into a file elsewhere that secrets.key_file names.",
            )
        }
        origin => Finding::ok(
            subject,
            format!("{origin} seals the secrets of managed Sources"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::MANAGED_FOLDER;
    use crate::doctor::finding::Verdict;

    /// A configuration with one managed Source, whose secret looks sealed.
    fn config(folder: &Path, more: &str) -> Config {
        let managed = folder.join("data").join(MANAGED_FOLDER);
        fs::create_dir_all(&managed).unwrap();
        let text = "name = \"a\"\nbucket = \"bucket\"\nsubdomain = \"a\"\n[credentials]\naccess_key_id = \
                    \"A\"\nsecret_access_key_sealed = \"v1.00000000.AA\"\n";
        fs::write(managed.join("a.toml"), text).unwrap();
        let file = folder.join("asset-indexer.toml");
        fs::write(&file, format!("data_dir = \"data\"\n{more}")).unwrap();
        Config::load(&file).unwrap()
    }

    #[test]
    fn key_must_exist_and_should_not_be_next_to_the_data() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("asset-indexer.toml");
        let examined = |more: &str| examine(&config(folder.path(), more), &path).unwrap();
        let found = examined("");
        assert_eq!(found.verdict, Verdict::Failure);
        // The key of the service, which this process cannot read.
        let credential = folder.path().join("keys.cred");
        fs::write(&credential, "encrypted").unwrap();
        let found = examined("");
        assert_eq!(found.verdict, Verdict::Ok);
        assert!(found.what.contains("keys.cred"), "{}", found.what);
        fs::remove_file(&credential).unwrap();
        secrets::keys_for_sealing(&config(folder.path(), "").keys).unwrap();
        let found = examined("");
        assert_eq!(found.verdict, Verdict::Warning);
        assert!(found.what.contains("next to the secrets"), "{}", found.what);
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(folder.path().join("data/secrets.key"), &elsewhere).unwrap();
        let found = examined("secrets.key_file = \"elsewhere\"");
        assert_eq!(found.verdict, Verdict::Ok, "{}", found.what);
        let ring = secrets::KeyRing::generate()
            .unwrap()
            .with_new_key()
            .unwrap();
        secrets::replace_keys(&KeyOrigin::ConfiguredFile(elsewhere), &ring).unwrap();
        let found = examined("secrets.key_file = \"elsewhere\"");
        assert_eq!(found.verdict, Verdict::Warning);
        assert!(found.what.contains("old key"), "{}", found.what);
    }

    #[test]
    fn without_a_sealed_secret_there_is_no_finding() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), "");
        let none = Config {
            sources: Vec::new(),
            ..config
        };
        assert!(examine(&none, folder.path()).is_none());
    }
}
