//! Replaces a file so that a crash or a power failure leaves either the old or the new content.
//!
//! Files get the owner of their folder: root may run a command for a service that has another user. It does not
//! lock. If several processes write the same file, the caller holds a lock.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Writes `content` into a temporary file next to `path`, makes it durable, and renames it to `path`. The file has
/// exactly the permission bits `mode`, whatever the umask.
///
/// The temporary file is hidden and ends in `.new`. A killed process leaves it behind, and the next call for the
/// same path removes it.
pub(crate) fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let folder = folder_of(path);
    replace_with(path, content, |file| {
        file.set_permissions(Permissions::from_mode(mode))?;
        give_to_owner_of(folder, file)
    })
}

/// The same, but an existing file keeps its owner, its group and its permission bits. A new one gets `mode`.
pub(crate) fn replace_content(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let old = match fs::metadata(path) {
        Ok(old) => old,
        Err(error) if error.kind() == ErrorKind::NotFound => return replace(path, content, mode),
        Err(error) => return Err(error),
    };
    // A link stays, and the file that it names is replaced.
    let path = fs::canonicalize(path)?;
    replace_with(&path, content, |file| {
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            fchown(file, Some(old.uid()), Some(old.gid()))?;
        }
        // After the change of the owner, which can remove bits.
        file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))
    })
}

/// Replaces the file. `give_access` sets the owner and the permission bits of the new one.
fn replace_with(
    path: &Path,
    content: &[u8],
    give_access: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let folder = folder_of(path);
    let draft = draft_of(path, folder);
    remove_if_present(&draft)?;
    create(&draft, content, give_access)
        .and_then(|()| {
            crash::step();
            fs::rename(&draft, path)
        })
        .inspect_err(|_| {
            // The draft may have filled the disk. If it stays, the next call removes it.
            let _ = fs::remove_file(&draft);
        })?;
    sync_folder(folder)
}

/// Creates a folder and the folders above it, with exactly these permission bits. Does nothing if it exists.
pub(crate) fn create_folder(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = folder_of(path);
    create_folder(above, mode)?;
    crash::step();
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    }
    crash::step();
    let folder = File::open(path)?;
    folder.set_permissions(Permissions::from_mode(mode))?;
    give_to_owner_of(above, &folder)?;
    sync_folder(above)
}

/// Removes a file durably. Returns whether it existed.
pub(crate) fn remove(path: &Path) -> io::Result<bool> {
    let existed = remove_if_present(path)?;
    if existed {
        sync_folder(folder_of(path))?;
    }
    Ok(existed)
}

/// Creates the draft, which only this user can read until `give_access` changes that.
fn create(
    draft: &Path,
    content: &[u8],
    give_access: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    crash::step();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    crash::step();
    give_access(&file)?;
    crash::step();
    file.write_all(content)?;
    crash::step();
    file.sync_all()
}

/// Gives the file to the owner and the group of the folder, if they differ.
fn give_to_owner_of(folder: &Path, file: &File) -> io::Result<()> {
    let (wanted, given) = (fs::metadata(folder)?, file.metadata()?);
    if wanted.uid() == given.uid() {
        // The group of a new file is right, or is meant to be another one.
        return Ok(());
    }
    fchown(file, Some(wanted.uid()), Some(wanted.gid()))
}

fn remove_if_present(path: &Path) -> io::Result<bool> {
    crash::step();
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    crash::step();
    File::open(folder)?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn draft_of(path: &Path, folder: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    folder.join(name)
}

/// Where a process can be killed between two system calls. Only tests do that.
#[cfg(not(test))]
mod crash {
    pub(super) fn step() {}
}

/// Lets tests kill what runs in a function. It ends without any cleanup of its own, as a killed process does.
#[cfg(test)]
pub(crate) mod crash {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    thread_local! {
        /// The steps that this thread may still make. `None` if it is not killed.
        static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
    }

    /// Ends the function.
    struct Killed;

    /// Runs the function, and kills it after so many steps. `None` if it was killed.
    pub(crate) fn after<T>(steps: u32, function: impl FnOnce() -> T) -> Option<T> {
        LEFT.set(Some(steps));
        let ended = catch_unwind(AssertUnwindSafe(function));
        LEFT.set(None);
        match ended {
            Ok(value) => Some(value),
            Err(panic) if panic.is::<Killed>() => None,
            Err(panic) => resume_unwind(panic),
        }
    }

    pub(super) fn step() {
        match LEFT.get() {
            None => {}
            // Without the message of a panic.
            Some(0) => resume_unwind(Box::new(Killed)),
            Some(left) => LEFT.set(Some(left - 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn replaces_content_and_mode_and_leaves_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (content, bits) in [("old", 0o640), ("new", 0o600)] {
            // As a killed process leaves it.
            fs::write(folder.path().join(".file.new"), "half").unwrap();
            replace(&path, content.as_bytes(), bits).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            assert_eq!(mode(&path), bits);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
        assert!(remove(&path).unwrap());
        assert!(!remove(&path).unwrap());
    }

    #[test]
    fn new_content_keeps_the_access_and_the_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        replace_content(&path, b"first", 0o600).unwrap();
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace_content(&link, b"second", 0o600).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(mode(&path), 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn failed_replacement_keeps_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"old", 0o600).unwrap();
        // The draft cannot be created, because a folder has its name.
        fs::create_dir(folder.path().join(".file.new")).unwrap();
        assert!(replace(&path, b"new", 0o600).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }
}
