//! Creates files and folders of the data directory that only their owner may write and the owner's group may read,
//! whatever the umask is.
//!
//! A file never has wider permissions, not even for a moment.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The mode of new files.
const FILE_MODE: u32 = 0o640;

/// The mode of new folders.
const FOLDER_MODE: u32 = 0o750;

/// Creates a folder and its missing parents. Does not change folders that exist.
pub fn create_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_folder(parent)?;
    }
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => {
            // Adds what the umask has removed. Some file systems have fixed permissions, so a failure is no error.
            let _ = fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE));
            Ok(())
        }
    }
}

/// Creates a file for reading and writing. Fails if it exists.
pub fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    let file = options.mode(FILE_MODE).open(path)?;
    // Adds what the umask has removed. Some file systems have fixed permissions, so a failure is no error.
    let _ = file.set_permissions(Permissions::from_mode(FILE_MODE));
    Ok(file)
}

/// Opens a file for reading and writing, and creates it if it does not exist.
pub fn open_or_create_file(path: &Path) -> io::Result<File> {
    match create_file(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            OpenOptions::new().read(true).write(true).open(path)
        }
        created => created,
    }
}

/// Replaces the contents of a file in one step: after a crash it has either the old or the new contents.
///
/// Only one thread at a time may replace a file. Sync the folder afterwards to make the step durable.
pub fn replace_file(path: &Path, contents: &[u8]) -> io::Result<()> {
    let draft = draft_of(path);
    // A process that was killed may have left this file.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let replace = || {
        let mut file = create_file(&draft)?;
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    replace().inspect_err(|_| {
        // If this fails too, the next call removes the file.
        let _ = fs::remove_file(&draft);
    })
}

fn draft_of(path: &Path) -> PathBuf {
    let mut draft = path.to_owned().into_os_string();
    draft.push(".new");
    draft.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    /// `permissions` in the integration tests has another umask.
    #[test]
    fn creates_files_and_folders_for_owner_and_group() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        create_folder(&path("a/b")).unwrap();
        create_file(&path("created")).unwrap();
        open_or_create_file(&path("opened")).unwrap();
        replace_file(&path("replaced"), b"new").unwrap();
        let names = ["a", "a/b", "created", "opened", "replaced"];
        assert_eq!(
            names.map(|name| mode(&path(name))),
            [0o750, 0o750, 0o640, 0o640, 0o640]
        );
        assert!(create_file(&path("created")).is_err());
    }

    #[test]
    fn does_not_change_permissions_of_what_exists() {
        let folder = tempfile::tempdir().unwrap();
        let (path, file) = (folder.path().join("a"), folder.path().join("b"));
        fs::create_dir(&path).unwrap();
        fs::write(&file, "old").unwrap();
        for path in [&path, &file] {
            fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
        }
        create_folder(&path).unwrap();
        open_or_create_file(&file).unwrap();
        assert_eq!((mode(&path), mode(&file)), (0o700, 0o700));
        assert_eq!(fs::read(&file).unwrap(), b"old");
    }

    #[test]
    fn replaces_a_file_and_an_old_draft() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for contents in ["first", "second"] {
            fs::write(draft_of(&path), "left by a killed process").unwrap();
            replace_file(&path, contents.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), contents);
            assert!(!draft_of(&path).exists());
        }
    }

    #[test]
    fn failed_replacement_leaves_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        // A folder that is not empty cannot be replaced, not even by root.
        fs::create_dir_all(path.join("full")).unwrap();
        assert!(replace_file(&path, b"new").is_err());
        assert!(!draft_of(&path).exists());
    }
}
