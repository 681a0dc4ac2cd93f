//! The files that the credentials of a Source depend on, to notice that their content has changed although the
//! configuration has not.
//!
//! It never reads a secret: it compares what the file system says about the files.

use std::path::PathBuf;

use super::file_state::FileState;
use crate::aws::credentials::files;
use crate::core::source::Source;

/// The files with the credentials of a Source, and the state of each. `None` if it cannot be found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CredentialFiles(Vec<(PathBuf, Option<FileState>)>);

impl CredentialFiles {
    /// The current state of the files. Look before the credentials are read: a change in between is then noticed
    /// the next time.
    pub(super) fn of(source: &Source) -> Self {
        let event_credentials = source.events.as_ref().map(|events| &events.credentials);
        let all = [Some(&source.credentials), event_credentials];
        let paths = all.into_iter().flatten().flat_map(files);
        let states = paths.map(|path| {
            let state = FileState::of(&path);
            (path, state)
        });
        Self(states.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::source::{Credentials, SecretPlace};

    #[test]
    fn notices_a_file_that_is_written_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let source = Source {
            credentials: Credentials::AccessKey {
                access_key_id: "AKIAEXAMPLE".into(),
                secret: SecretPlace::File(path.clone()),
            },
            ..Source::new("a", "bucket", "a")
        };
        let missing = CredentialFiles::of(&source);
        std::fs::write(&path, "first").unwrap();
        let first = CredentialFiles::of(&source);
        assert_ne!(first, missing);
        assert_eq!(first, CredentialFiles::of(&source));
        std::fs::write(&path, "longer").unwrap();
        let second = CredentialFiles::of(&source);
        assert_ne!(second, first);
        let other = folder.path().join("other");
        std::fs::write(&other, "longer").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_ne!(CredentialFiles::of(&source), second);
    }
}
