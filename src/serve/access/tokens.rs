//! The tokens file: its entries, a line each, and what is wrong with one that is not taken.
//!
//! Empty lines, and those that begin with `#`, are for people. The file is read here, and written in
//! [`super::edit`].

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::checked_file::{self, CheckedFileError};
use super::entry::TokenEntry;
use super::token::TokenHash;

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;
/// The most tokens; each request is compared with all of them.
pub(crate) const MAX_TOKENS: usize = 1000;

/// Why tokens cannot be had from a file, or not written to it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenFileError {
    /// There is no such file.
    #[error(
        "there is no tokens file {}; make a first token by `asset-indexer token new --name NAME \
         --all-sources --admin`",
        path.display()
    )]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// There is no entry in it.
    #[error(
        "there is no token in {}; make one by `asset-indexer token new --name NAME --all-sources \
         --admin`",
        path.display()
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file as a whole is not taken.
    #[error("the tokens file {} is not taken: {fault}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: CheckedFileError,
    },
    /// A line that cannot be meant.
    #[error("{}:{line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// There is a token of that name.
    #[error("there is a token {name:?} in {} already; remove it, or choose another name", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// There is no token of that name.
    #[error("there is no token {name:?} in {}; `asset-indexer token list` shows which there are", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// The file cannot be written.
    #[error("failed to {attempted} {}: {cause}", path.display())]
    Write {
        /// What was attempted.
        attempted: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
}

/// The entries of the file.
#[derive(Debug, Default)]
pub(crate) struct TokenList {
    /// As they stand there.
    pub entries: Vec<TokenEntry>,
    /// Which version of the file they are from.
    pub version: Option<FileVersion>,
}

/// What tells one version of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileVersion {
    device: u64,
    inode: u64,
    length: u64,
    /// Of the change of the content, and of the file's own facts such as its permissions.
    times: [i64; 4],
}

impl FileVersion {
    fn of(about: &std::fs::Metadata) -> Self {
        Self {
            device: about.dev(),
            inode: about.ino(),
            length: about.len(),
            times: [
                about.mtime(),
                about.mtime_nsec(),
                about.ctime(),
                about.ctime_nsec(),
            ],
        }
    }

    /// Which is there now; `None` where there is no file, or none that can be looked at.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|about| Self::of(&about))
    }
}

impl TokenList {
    /// Reads the file.
    pub(crate) fn read(path: &Path) -> Result<Self, TokenFileError> {
        let (text, about) = match checked_file::read(path, checked_file::PRIVATE, MAX_BYTES) {
            Ok(read) => read,
            Err(CheckedFileError::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => {
                let path = path.to_owned();
                return Err(TokenFileError::Absent { path });
            }
            Err(fault) => {
                let path = path.to_owned();
                return Err(TokenFileError::File { path, fault });
            }
        };
        let entries = parse(&text).map_err(|(line, problem)| TokenFileError::Line {
            path: path.to_owned(),
            line,
            problem,
        })?;
        let version = Some(FileVersion::of(&about));
        Ok(Self { entries, version })
    }

    /// The one whose text has that hash. All are compared, whichever it is.
    pub(crate) fn find(&self, hash: &TokenHash) -> Option<&TokenEntry> {
        let mut found = None;
        for entry in &self.entries {
            if entry.hash.is(hash) {
                found = Some(entry);
            }
        }
        found
    }

    /// The names of those that are of use still.
    pub(crate) fn valid(&self, now: Timestamp) -> impl Iterator<Item = &TokenEntry> {
        let entries = self.entries.iter();
        entries.filter(move |entry| !entry.is_expired(now))
    }
}

/// Whether a line is none of an entry.
pub(crate) fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The entries; or the number of the line that cannot be meant, and why.
fn parse(text: &str) -> Result<Vec<TokenEntry>, (usize, String)> {
    let mut entries: Vec<TokenEntry> = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if is_comment(line) {
            continue;
        }
        let entry = TokenEntry::parse(line).map_err(|problem| (number, problem))?;
        if entries.len() == MAX_TOKENS {
            return Err((
                number,
                format!("there can be {MAX_TOKENS} tokens, and no more"),
            ));
        }
        if entries.iter().any(|before| before.name == entry.name) {
            let problem = format!("there is a token {:?} above already", entry.name);
            return Err((number, problem));
        }
        if let Some(before) = entries.iter().find(|before| before.hash == entry.hash) {
            let problem = format!("it is the same token as {:?} above", before.name);
            return Err((number, problem));
        }
        entries.push(entry);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str) -> String {
        format!(
            "name={name} right=read sources=* sha256={}",
            TokenHash::of(name)
        )
    }

    #[test]
    fn the_file_is_a_line_for_each_token() {
        let text = format!("# ours\n\n{}\n  # theirs\r\n{}\r\n", line("a"), line("b"));
        let names: Vec<String> = parse(&text)
            .unwrap()
            .into_iter()
            .map(|it| it.name)
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn the_line_at_fault_is_named() {
        let same = line("a").replace("name=a", "name=b");
        let many: Vec<String> = (0..=MAX_TOKENS).map(|n| line(&format!("t{n}"))).collect();
        for (text, number, said) in [
            (format!("\n{}\nnonsense", line("a")), 3, "no line of words"),
            (
                format!("{}\n{}", line("a"), line("a")),
                2,
                "a token \"a\" above",
            ),
            (
                format!("{}\n{same}", line("a")),
                2,
                "the same token as \"a\"",
            ),
            (many.join("\n"), MAX_TOKENS + 1, "1000 tokens"),
        ] {
            let (at, problem) = parse(&text).unwrap_err();
            assert_eq!(at, number, "{problem}");
            assert!(problem.contains(said), "{problem}");
        }
    }

    #[test]
    fn what_cannot_be_read_names_the_file_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let error = TokenList::read(&path).unwrap_err().to_string();
        assert!(error.contains("tokens; make a first token by"), "{error}");
        std::fs::write(&path, "\n\nx").unwrap();
        let set = |mode| {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(&path, mode).unwrap();
        };
        set(0o604);
        let error = TokenList::read(&path).unwrap_err().to_string();
        assert!(
            error.contains("is not taken: it is open to others"),
            "{error}"
        );
        set(0o600);
        let error = TokenList::read(&path).unwrap_err().to_string();
        assert!(error.contains("tokens:3: "), "{error}");
    }
}
