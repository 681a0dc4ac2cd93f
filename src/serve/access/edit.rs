//! Adds and removes entries of the tokens file. All other lines stay as they are.
//!
//! The file is replaced atomically, so readers never see half a change. Concurrent edits wait for each other.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::entry::TokenEntry;
use super::tokens::{MAX_TOKENS, TokenFileError, TokenList, is_comment};
use crate::atomic_file;

/// The permissions of a new file.
const NEW_MODE: u32 = 0o600;

/// The first lines of a new file.
const HEAD: &str = "# Access tokens of asset-indexer, one per line. `token new` adds one, `token remove` deletes one.\n\
                    # Only the SHA-256 of each token is stored, never the token itself.\n";

/// Adds an entry. Creates the file if there is none.
pub(crate) fn add(path: &Path, entry: &TokenEntry) -> Result<(), TokenFileError> {
    let edit = Edit::begin(path)?;
    let (mut text, tokens) = match edit.read() {
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
        let full = io::Error::other(format!(
            "it has {MAX_TOKENS} tokens, which is the maximum; remove one"
        ));
        return Err(edit.failed("add a token to")(full));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&format!("{entry}\n"));
    edit.finish(&text)
}

/// Removes the entry with this name.
pub(crate) fn remove(path: &Path, name: &str) -> Result<(), TokenFileError> {
    let edit = Edit::begin(path)?;
    let (text, _) = edit.read()?;
    let is_entry_to_remove = |line: &str| {
        // `read` has already checked that every line is valid.
        !is_comment(line) && TokenEntry::parse(line).is_ok_and(|entry| entry.name == name)
    };
    let (removed, kept): (Vec<&str>, Vec<&str>) = text
        .split_inclusive('\n')
        .partition(|line| is_entry_to_remove(line));
    if removed.is_empty() {
        return Err(TokenFileError::Unknown {
            path: path.to_owned(),
            name: name.to_owned(),
        });
    }
    edit.finish(&kept.concat())
}

/// An edit in progress. Other edits wait until it is dropped.
struct Edit {
    /// The tokens file, with symbolic links resolved.
    path: PathBuf,
    _lock: File,
}

impl Edit {
    /// Waits for other edits in the same folder.
    fn begin(path: &Path) -> Result<Self, TokenFileError> {
        let path = match fs::canonicalize(path) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(cause) => return Err(failed("find", path)(cause)),
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // Lock the folder: the file itself is replaced, and a separate lock file would be left behind.
        let lock = File::open(folder).map_err(failed("open the folder", folder))?;
        lock.lock().map_err(failed("lock the folder", folder))?;
        Ok(Self { path, _lock: lock })
    }

    fn failed(&self, attempted: &'static str) -> impl FnOnce(io::Error) -> TokenFileError {
        failed(attempted, &self.path)
    }

    /// Returns the text and its valid entries.
    fn read(&self) -> Result<(String, TokenList), TokenFileError> {
        let tokens = TokenList::read(&self.path)?;
        let text = fs::read_to_string(&self.path).map_err(self.failed("read"))?;
        Ok((text, tokens))
    }

    /// Replaces the file with a file that has this text. Owner and permissions stay: otherwise the service could not
    /// read the file after root edited it.
    fn finish(self, text: &str) -> Result<(), TokenFileError> {
        let written = atomic_file::replace_content(&self.path, text.as_bytes(), NEW_MODE);
        written.map_err(self.failed("write"))
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
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::serve::access::entry::{AccessLevel, SourceScope};
    use crate::serve::access::token::TokenHash;

    fn entry(name: &str) -> TokenEntry {
        TokenEntry {
            name: name.to_owned(),
            level: AccessLevel::Read,
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
    fn creates_a_file_that_only_its_owner_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        add(&path, &entry("a")).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(names(&path), ["a"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn keeps_other_lines_and_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let before = format!("# mine\r\n  {}\r\n\n# its end", entry("a"));
        fs::write(&path, &before).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        // As a killed command leaves it.
        fs::write(folder.path().join(".tokens.new"), "half").unwrap();
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
    fn invalid_edit_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let absent = remove(&path, "a").unwrap_err();
        assert!(matches!(absent, TokenFileError::Absent { .. }), "{absent}");
        add(&path, &entry("a")).unwrap();
        let before = fs::read_to_string(&path).unwrap();
        let taken = add(&path, &entry("a")).unwrap_err().to_string();
        assert!(
            taken.contains("\"a\"") && taken.contains("already has"),
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
    fn concurrent_edits_are_all_applied() {
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
