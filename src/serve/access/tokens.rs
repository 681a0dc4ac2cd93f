//! Reads the tokens file: one entry per line, plus empty lines and comments that start with `#`.
//!
//! [`super::edit`] writes it.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::checked_file::{self, CheckedFileError};
use super::entry::TokenEntry;
use super::token::TokenHash;

/// Maximum size of the file, in bytes.
const MAX_BYTES: u64 = 4 << 20;
/// Maximum number of tokens. Each request is compared with all of them.
pub(crate) const MAX_TOKENS: usize = 1000;

/// Why the tokens file cannot be read or edited.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenFileError {
    /// The file does not exist.
    #[error(
        "no tokens file at {}; create the first token with `asset-indexer token new --name NAME \
         --all-sources --admin`",
        path.display()
    )]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// The file has no entry.
    #[error(
        "no token in {}; create one with `asset-indexer token new --name NAME --all-sources \
         --admin`",
        path.display()
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is rejected as a whole.
    #[error("cannot use the tokens file {}: {fault}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: CheckedFileError,
    },
    /// A line is invalid.
    #[error("{}:{line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The name is taken.
    #[error("{} already has a token {name:?}; remove it or choose another name", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// No token has that name.
    #[error("no token {name:?} in {}; `asset-indexer token list` lists them", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// An edit failed.
    #[error("failed to {attempted} {}: {cause}", path.display())]
    Write {
        attempted: &'static str,
        path: PathBuf,
        cause: io::Error,
    },
}

/// The entries of the file.
#[derive(Debug, Default)]
pub(crate) struct TokenList {
    /// In the order of the file.
    pub entries: Vec<TokenEntry>,
    /// The version of the file they were read from.
    pub version: Option<FileVersion>,
}

/// Identifies a version of a file. It changes with every write, rename or chmod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileVersion {
    device: u64,
    inode: u64,
    length: u64,
    /// Modification and status change time, in seconds and nanoseconds.
    times: [i64; 4],
}

impl FileVersion {
    fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            times: [
                metadata.mtime(),
                metadata.mtime_nsec(),
                metadata.ctime(),
                metadata.ctime_nsec(),
            ],
        }
    }

    /// The current version, or `None` if the file does not exist or its metadata cannot be read.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self::of(&metadata))
    }
}

impl TokenList {
    pub(crate) fn read(path: &Path) -> Result<Self, TokenFileError> {
        let (text, metadata) = match checked_file::read(path, checked_file::PRIVATE, MAX_BYTES) {
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
        let version = Some(FileVersion::of(&metadata));
        Ok(Self { entries, version })
    }

    /// Returns the token with this hash. Compares all tokens, so the duration does not reveal which one it is.
    pub(crate) fn find(&self, hash: &TokenHash) -> Option<&TokenEntry> {
        let mut found = None;
        for entry in &self.entries {
            if entry.hash.matches(hash) {
                found = Some(entry);
            }
        }
        found
    }

    /// The tokens that have not expired.
    pub(crate) fn valid(&self, now: Timestamp) -> impl Iterator<Item = &TokenEntry> {
        let entries = self.entries.iter();
        entries.filter(move |entry| !entry.is_expired(now))
    }
}

/// Whether a line is empty or a comment.
pub(crate) fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// Returns the entries, or the number of the first invalid line and what is wrong with it.
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
                format!("too many tokens; the maximum is {MAX_TOKENS}"),
            ));
        }
        if entries.iter().any(|before| before.name == entry.name) {
            let problem = format!("duplicate token name {:?}", entry.name);
            return Err((number, problem));
        }
        if let Some(before) = entries.iter().find(|before| before.hash == entry.hash) {
            let problem = format!("the same token as {:?} above", before.name);
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
    fn parses_one_token_per_line() {
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
    fn names_the_invalid_line() {
        let same = line("a").replace("name=a", "name=b");
        let many: Vec<String> = (0..=MAX_TOKENS).map(|n| line(&format!("t{n}"))).collect();
        for (text, number, expected) in [
            (format!("\n{}\nnonsense", line("a")), 3, "expected words"),
            (
                format!("{}\n{}", line("a"), line("a")),
                2,
                "token name \"a\"",
            ),
            (
                format!("{}\n{same}", line("a")),
                2,
                "the same token as \"a\"",
            ),
            (many.join("\n"), MAX_TOKENS + 1, "maximum is 1000"),
        ] {
            let (at, problem) = parse(&text).unwrap_err();
            assert_eq!(at, number, "{problem}");
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn errors_name_the_file_and_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let error = TokenList::read(&path).unwrap_err().to_string();
        assert!(
            error.contains("tokens; create the first token with"),
            "{error}"
        );
        std::fs::write(&path, "\n\nx").unwrap();
        let set = |mode| {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(&path, mode).unwrap();
        };
        set(0o604);
        let error = TokenList::read(&path).unwrap_err().to_string();
        assert!(
            error.contains("tokens: its permissions are too open"),
            "{error}"
        );
        set(0o600);
        let error = TokenList::read(&path).unwrap_err().to_string();
        assert!(error.contains("tokens:3: "), "{error}");
    }
}
