//! Changes of the tokens file: an entry more, or one less; all other lines stay as they are.
//!
//! The file is replaced as a whole, so that whoever reads sees it before or after a change, and changes
//! wait for each other.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::entry::TokenEntry;
use super::tokens::{MAX_TOKENS, TokenFileError, TokenList, is_comment};

/// The mode of a file that is new.
const NEW_MODE: u32 = 0o600;

/// What stands at the top of a file that is new.
const HEAD: &str = "# Tokens of asset-indexer, a line each: made by `token new`, taken out by `token remove`.\n\
                    # Of a token only its SHA-256 is here; the token itself is nowhere.\n";

/// Adds an entry; the file is made where there is none.
pub(crate) fn add(path: &Path, entry: &TokenEntry) -> Result<(), TokenFileError> {
    let change = Change::begin(path)?;
    let (mut text, tokens) = match change.read() {
        Err(TokenFileError::Absent { .. }) => (HEAD.to_owned(), TokenList::default()),
        read => read?,
    };
    if tokens
        .entries
        .iter()
        .any(|before| before.name == entry.name)
    {
        return Err(TokenFileError::Taken {
            path: path.to_owned(),
            name: entry.name.clone(),
        });
    }
    if tokens.entries.len() == MAX_TOKENS {
        let full = io::Error::other(format!("there can be {MAX_TOKENS} tokens; remove one"));
        return Err(change.failed("add a token to")(full));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&format!("{entry}\n"));
    change.finish(&text)
}

/// Takes out the entry of that name.
pub(crate) fn remove(path: &Path, name: &str) -> Result<(), TokenFileError> {
    let change = Change::begin(path)?;
    let (text, _) = change.read()?;
    let is_meant = |line: &str| {
        // Each line was read as an entry just before.
        !is_comment(line) && TokenEntry::parse(line).is_ok_and(|entry| entry.name == name)
    };
    let (gone, kept): (Vec<&str>, Vec<&str>) =
        text.split_inclusive('\n').partition(|line| is_meant(line));
    if gone.is_empty() {
        return Err(TokenFileError::Unknown {
            path: path.to_owned(),
            name: name.to_owned(),
        });
    }
    change.finish(&kept.concat())
}

/// A change that keeps others waiting until it is dropped.
struct Change {
    /// The file itself, where the path is a link to it.
    path: PathBuf,
    folder: PathBuf,
    _lock: File,
}

impl Change {
    /// Waits until nobody else changes a file in the same folder.
    fn begin(path: &Path) -> Result<Self, TokenFileError> {
        let path = match fs::canonicalize(path) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(cause) => return Err(failed("find", path)(cause)),
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        // The folder is locked, since the file is replaced; so no other file is needed for it.
        let lock = File::open(&folder).map_err(failed("open the folder", &folder))?;
        lock.lock().map_err(failed("lock the folder", &folder))?;
        Ok(Self {
            path,
            folder,
            _lock: lock,
        })
    }

    fn failed(&self, attempted: &'static str) -> impl FnOnce(io::Error) -> TokenFileError {
        failed(attempted, &self.path)
    }

    /// The text, and that it can be read.
    fn read(&self) -> Result<(String, TokenList), TokenFileError> {
        let tokens = TokenList::read(&self.path)?;
        let text = fs::read_to_string(&self.path).map_err(self.failed("read"))?;
        Ok((text, tokens))
    }

    /// Puts a file with that text in the place of the former, of the same owner and permissions.
    fn finish(self, text: &str) -> Result<(), TokenFileError> {
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        // What a command left that was killed; nobody else writes it while we have the lock.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("replace", &beside)(error));
            }
            _ => {}
        }
        self.write(&beside, text)
            .and_then(|()| fs::rename(&beside, &self.path))
            .and_then(|()| File::open(&self.folder)?.sync_all())
            .map_err(|cause| {
                let _ = fs::remove_file(&beside);
                self.failed("write")(cause)
            })
    }

    fn write(&self, beside: &Path, text: &str) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(NEW_MODE)
            .open(beside)?;
        if let Ok(former) = fs::metadata(&self.path) {
            let ours = file.metadata()?;
            // Else a file that root changes could not be read by the service any more.
            if (ours.uid(), ours.gid()) != (former.uid(), former.gid()) {
                fchown(&file, Some(former.uid()), Some(former.gid()))?;
            }
            let mode = former.permissions().mode() & 0o7777;
            file.set_permissions(fs::Permissions::from_mode(mode))?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }
}

fn failed(attempted: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TokenFileError {
    let path = path.to_owned();
    move |cause| TokenFileError::Write {
        attempted,
        path,
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::access::entry::{AccessLevel, SourceScope};
    use crate::serve::access::token::TokenHash;

    fn entry(name: &str) -> TokenEntry {
        TokenEntry {
            name: name.to_owned(),
            right: AccessLevel::Read,
            scope: SourceScope::only(["photos"]),
            hash: TokenHash::of(name),
            expires: None,
        }
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = TokenList::read(path).unwrap().entries;
        entries.into_iter().map(|entry| entry.name).collect()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn the_first_token_makes_a_file_that_only_its_owner_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        add(&path, &entry("a")).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(names(&path), ["a"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn other_lines_and_permissions_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let before = format!("# mine\r\n  {}\r\n\n# its end", entry("a"));
        fs::write(&path, &before).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        // What a command left that was killed.
        fs::write(folder.path().join("tokens.new"), "half").unwrap();
        add(&link, &entry("b")).unwrap();
        let after = format!("{before}\n{}\n", entry("b"));
        assert_eq!(fs::read_to_string(&path).unwrap(), after);
        assert_eq!(mode(&path), 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        remove(&path, "a").unwrap();
        let after = format!("# mine\r\n\n# its end\n{}\n", entry("b"));
        assert_eq!(fs::read_to_string(&path).unwrap(), after);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_change_that_cannot_be_meant_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let absent = remove(&path, "a").unwrap_err();
        assert!(matches!(absent, TokenFileError::Absent { .. }), "{absent}");
        add(&path, &entry("a")).unwrap();
        let before = fs::read_to_string(&path).unwrap();
        let taken = add(&path, &entry("a")).unwrap_err().to_string();
        assert!(
            taken.contains("\"a\"") && taken.contains("already"),
            "{taken}"
        );
        let unknown = remove(&path, "b").unwrap_err().to_string();
        assert!(unknown.contains("no token \"b\""), "{unknown}");
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
        fs::write(&path, format!("{before}nonsense\n")).unwrap();
        for result in [add(&path, &entry("b")), remove(&path, "a")] {
            let error = result.unwrap_err();
            assert!(
                matches!(error, TokenFileError::Line { line: 4, .. }),
                "{error}"
            );
        }
        let nowhere = add(&folder.path().join("no/tokens"), &entry("a")).unwrap_err();
        assert!(nowhere.to_string().contains("open the folder"), "{nowhere}");
    }

    #[test]
    fn changes_at_the_same_time_all_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let path = &path;
                scope.spawn(move || add(path, &entry(&format!("t{number}"))).unwrap());
            }
        });
        let mut names = names(&path);
        names.sort();
        let all: Vec<String> = (0..8).map(|number| format!("t{number}")).collect();
        assert_eq!(names, all);
    }
}
