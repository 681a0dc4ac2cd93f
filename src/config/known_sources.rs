//! Reads the folders with Sources, and keeps the Sources: if the text of a file has not changed, it is neither parsed
//! nor validated again.
//!
//! Every file is read every time and its bytes are compared, so no change is missed. The time of a file does not show
//! every change.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Config;
use super::document::{self, Document};
use super::error::Mistake;
use super::resolve::SourceContext;
use super::source_file::{self, FoundSource, Origin};
use crate::core::source::{KeyPlaces, SourceLimits};

/// Maximum size of all texts that are kept, in bytes. It is enough for more than 10,000 usual Sources. Other files are
/// parsed every time.
const MAX_KEPT_BYTES: usize = 32 << 20;

/// The Sources of files without mistakes, as they were read last.
#[derive(Default)]
pub(super) struct KnownSources {
    files: HashMap<PathBuf, KnownSource>,
    /// The size of their texts.
    kept_bytes: usize,
    /// What the managed Sources were validated with.
    validated_with: Option<(KeyPlaces, Arc<SourceLimits>)>,
}

struct KnownSource {
    text: Vec<u8>,
    found: FoundSource,
}

impl KnownSources {
    /// Reads the Sources in a folder, by file name. Empty if there is no such folder.
    ///
    /// Skips hidden files: editors create them while a file is open.
    pub(super) fn read_folder(
        &mut self,
        folder: &Path,
        context: SourceContext<'_>,
        mistakes: &mut Vec<Mistake>,
    ) -> Vec<FoundSource> {
        let is_managed = context.keys.is_some();
        let paths = source_files(folder).unwrap_or_else(|cause| {
            // A user who may not enter the data folder cannot use the index or the managed Sources either.
            let is_denied = cause.kind() == ErrorKind::PermissionDenied;
            if !(is_managed && is_denied && is_closed(folder.parent())) {
                let path = folder.to_owned();
                mistakes.push(Mistake::Unreadable { path, cause });
            }
            Vec::new()
        });
        let read = |path| self.read(path, context, mistakes);
        paths.into_iter().filter_map(read).collect()
    }

    /// Reads the Source in a file. `None` if nothing of the file can be used.
    fn read(
        &mut self,
        path: PathBuf,
        context: SourceContext<'_>,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<FoundSource> {
        let text = document::bytes_of(&path, mistakes)?;
        if let Some(known) = self.files.get(&path)
            && known.text == text
        {
            return Some(known.found.clone());
        }
        let before = mistakes.len();
        let Document { value, places } = document::parse(&path, &text, mistakes)?;
        let origin = Origin::of_file(path, places);
        let found = source_file::validate(value, origin, context, mistakes);
        if mistakes.len() == before {
            self.keep(text, &found);
        }
        Some(found)
    }

    fn keep(&mut self, text: Vec<u8>, found: &FoundSource) {
        let path = &found.origin.path;
        if let Some(old) = self.files.remove(path) {
            self.kept_bytes -= old.text.len();
        }
        if self.kept_bytes + text.len() <= MAX_KEPT_BYTES {
            self.kept_bytes += text.len();
            let found = found.clone();
            self.files.insert(path.clone(), KnownSource { text, found });
        }
    }

    /// Forgets the managed Sources if the settings have changed that they were validated with.
    pub(super) fn forget_if_changed(&mut self, settings: &Config) {
        let new = (settings.keys.clone(), Arc::clone(&settings.managed.limits));
        if self.validated_with.as_ref() != Some(&new) {
            self.files.retain(|_, known| !known.found.source.is_managed);
            self.validated_with = Some(new);
        }
    }

    /// Forgets all Sources but these.
    pub(super) fn retain(&mut self, sources: &[FoundSource]) {
        let paths: HashSet<&Path> = sources.iter().map(|it| it.origin.path.as_path()).collect();
        self.files.retain(|path, _| paths.contains(path.as_path()));
        self.kept_bytes = self.files.values().map(|it| it.text.len()).sum();
    }
}

/// Whether this user may not enter the folder.
fn is_closed(folder: Option<&Path>) -> bool {
    let entered = folder.map(|folder| folder.join(".").metadata());
    entered.is_some_and(|entered| {
        entered.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    })
}

fn source_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.ends_with(b".toml") && !name.starts_with(b".") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::places::Places;
    use crate::core::source::Source;

    #[test]
    fn keeps_no_more_than_the_maximum() {
        let found = |path: &str| FoundSource {
            origin: Origin::of_file(path.into(), Places::new("", &toml::de::DeTable::new())),
            source: Arc::new(Source::new("a", "bucket", "a")),
        };
        let mut known = KnownSources::default();
        known.keep(vec![0; MAX_KEPT_BYTES - 1], &found("a"));
        known.keep(vec![0; 2], &found("b"));
        assert_eq!(
            (known.files.len(), known.kept_bytes),
            (1, MAX_KEPT_BYTES - 1)
        );
        // The new text of a file replaces its old one.
        known.keep(vec![0; 1], &found("a"));
        known.keep(vec![0; 2], &found("b"));
        assert_eq!((known.files.len(), known.kept_bytes), (2, 3));
        known.retain(&[found("b")]);
        assert_eq!((known.files.len(), known.kept_bytes), (1, 2));
    }
}
