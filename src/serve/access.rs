//! Access tokens, and which Sources each token may read.
//!
//! The tokens file stores the SHA-256 of each token. Before a request, the file is checked for changes, at
//! most once a second. So a removed token stops working within a second, without a signal or a restart. An
//! invalid file (a bad line, permissions that are too open) is logged once and the tokens stay as they were.
//! A deleted file revokes all tokens.
//!
//! This module does not read requests: the HTTP server extracts the token.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub(crate) mod checked_file;
pub(crate) mod edit;
pub(crate) mod entry;
pub(crate) mod token;
pub(crate) mod tokens;

pub(crate) use entry::{AccessLevel, SourceScope};
use token::TokenHash;
pub(crate) use tokens::TokenFileError;
use tokens::{FileVersion, TokenList};

/// Minimum time between two checks of the file for changes.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Decides what a request may see. `None` allows everything. Share it in an [`Arc`].
#[derive(Debug)]
pub(crate) struct Access(Option<TokenFile>);

/// The tokens file and the tokens last read from it.
#[derive(Debug)]
struct TokenFile {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: Arc<TokenList>,
    /// The version of the file that was last read, whether it was valid or not.
    seen_version: Option<FileVersion>,
    checked_at: Instant,
}

/// The rights of a client: its access level and the Sources that it may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    level: AccessLevel,
    scope: SourceScope,
}

/// Why a token gives no access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// The request has no token.
    #[error("a token is required; send the header Authorization: Bearer TOKEN")]
    Missing,
    /// The text does not have the form of a token.
    #[error("invalid token: it is incomplete, mistyped or for another service")]
    Malformed,
    /// The tokens file does not contain it, or no longer does.
    #[error("unknown token; create one with `asset-indexer token new`")]
    Unknown,
    /// It has expired.
    #[error("the token has expired; create another with `asset-indexer token new`")]
    Expired,
}

impl Grant {
    /// May see everything.
    pub(crate) const ALL: Self = Self {
        level: AccessLevel::Admin,
        scope: SourceScope::All,
    };

    pub(crate) fn new(level: AccessLevel, scope: SourceScope) -> Self {
        Self { level, scope }
    }

    /// Whether it may read metrics, in addition to searching.
    pub(crate) fn is_admin(&self) -> bool {
        self.level == AccessLevel::Admin
    }

    /// Whether it may see the Source with this name. A hidden Source must look like a missing one.
    pub(crate) fn may_see(&self, source: &str) -> bool {
        self.scope.contains(source)
    }

    /// Whether it may see all Sources, and so facts about the whole index, the disk and the process.
    pub(crate) fn sees_all(&self) -> bool {
        self.scope == SourceScope::All
    }
}

impl Access {
    /// Every client may see everything.
    pub(crate) fn open() -> Self {
        Self(None)
    }

    /// Requires a token from this file. Fails if the file has none.
    pub(crate) fn from_file(path: &Path) -> Result<Self, TokenFileError> {
        let tokens = TokenList::read(path)?;
        if tokens.entries.is_empty() {
            let path = path.to_owned();
            return Err(TokenFileError::Empty { path });
        }
        Ok(Self(Some(TokenFile {
            path: path.to_owned(),
            state: Mutex::new(State {
                seen_version: tokens.version,
                tokens: Arc::new(tokens),
                checked_at: Instant::now(),
            }),
        })))
    }

    /// Whether every client may see everything.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// Returns what the bearer token may see. Reads the disk at most once a second.
    pub(crate) fn grant(&self, bearer: Option<&str>) -> Result<Grant, TokenError> {
        let Some(file) = &self.0 else {
            return Ok(Grant::ALL);
        };
        let tokens = file.tokens(Instant::now());
        grant(&tokens, bearer, Timestamp::now())
    }

    /// Reads the file now, even if it seems unchanged. A missing file revokes all tokens. Any other error
    /// leaves the tokens as they were.
    pub(crate) fn reload(&self) -> Result<(), TokenFileError> {
        self.0.as_ref().map_or(Ok(()), TokenFile::reload)
    }

    /// The number of tokens that have not expired, or `None` if no token is required.
    pub(crate) fn count(&self) -> Option<usize> {
        let now = Timestamp::now();
        let file = self.0.as_ref()?;
        Some(file.lock().tokens.valid(now).count())
    }

    /// Returns each token that names a Source that is not in `known`, with that Source.
    pub(crate) fn unknown_sources(&self, known: &[&str]) -> Vec<(String, String)> {
        let Some(file) = &self.0 else {
            return Vec::new();
        };
        let mut unknown_sources = Vec::new();
        for entry in &file.lock().tokens.entries {
            if let SourceScope::Only(names) = &entry.scope {
                let unknown = names.iter().filter(|name| !known.contains(&name.as_str()));
                unknown_sources.extend(unknown.map(|source| (entry.name.clone(), source.clone())));
            }
        }
        unknown_sources
    }
}

fn grant(tokens: &TokenList, bearer: Option<&str>, now: Timestamp) -> Result<Grant, TokenError> {
    let text = bearer.ok_or(TokenError::Missing)?;
    if !token::is_well_formed(text) {
        return Err(TokenError::Malformed);
    }
    let entry = tokens
        .find(&TokenHash::of(text))
        .ok_or(TokenError::Unknown)?;
    if entry.is_expired(now) {
        return Err(TokenError::Expired);
    }
    Ok(Grant::new(entry.level, entry.scope.clone()))
}

impl TokenFile {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current tokens. Reads the file again if it changed.
    fn tokens(&self, now: Instant) -> Arc<TokenList> {
        let mut state = self.lock();
        if now.saturating_duration_since(state.checked_at) >= RECHECK_INTERVAL {
            state.checked_at = now;
            let version = FileVersion::at(&self.path);
            if version != state.seen_version {
                state.seen_version = version;
                match self.read(&mut state) {
                    Ok(()) => {}
                    Err(error @ TokenFileError::Absent { .. }) => {
                        tracing::error!(%error, "tokens file is missing; all tokens are revoked");
                    }
                    Err(error) => {
                        tracing::error!(%error, "failed to reload tokens; keeping the previous ones");
                    }
                }
            }
        }
        Arc::clone(&state.tokens)
    }

    fn reload(&self) -> Result<(), TokenFileError> {
        let mut state = self.lock();
        state.checked_at = Instant::now();
        state.seen_version = FileVersion::at(&self.path);
        self.read(&mut state)
    }

    /// Reads the file into `state`. A missing file revokes all tokens; any other error changes nothing.
    fn read(&self, state: &mut State) -> Result<(), TokenFileError> {
        match TokenList::read(&self.path) {
            Ok(tokens) => {
                let (file, count) = (self.path.display(), tokens.entries.len());
                tracing::info!(%file, tokens = count, "tokens reloaded");
                state.seen_version = tokens.version;
                state.tokens = Arc::new(tokens);
                Ok(())
            }
            Err(error) => {
                if matches!(error, TokenFileError::Absent { .. }) {
                    state.tokens = Arc::new(TokenList::default());
                }
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests;
